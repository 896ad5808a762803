//! `hydrometer collect`: one model's free answers, ahead of an audit, into the answer store.

pub(crate) mod documents;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use clap::ValueEnum;
use hydrometer_answers::Ledger;
use hydrometer_answers::store::Store;
use hydrometer_ask::{CollectReport, Sampling};
use hydrometer_models::{Model, ModelSpec, Spent};
use hydrometer_probes::Suite;
use hydrometer_probes::counted::{counted, grouped};
use serde_json::json;

use super::as_json;
use super::canaries::{CANARIES, ChangeArguments, beside_answers};
use super::judged::warn_of;
use super::sampling::Answered;
use super::spending::{BatchArguments, Spending, SpendingArguments, sentence};
use super::suite::{SEED, joined, loaded};
use crate::engine::{EngineArguments, network, open_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fetching::watched;
use crate::files;
use crate::interrupt::{Interrupt, listen};
use crate::numbers;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;
use documents::{Questions, Written};

/// Flags of `collect`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model: a .gguf file, a Hugging Face folder, scripted:FILE, planted:DEFECT(MODEL), or an endpoint (`hydrometer models`
    /// lists them).
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Probe file with prompts (.jsonl) or table of a known shape; may be repeated.
    #[arg(long, value_name = "FILE", required_unless_present = "data")]
    probes: Vec<PathBuf>,
    /// Training data in place of probes: their prompts are asked, and whole answers become the documents of --documents. The shapes
    /// of docs/distil.md; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "probes", requires = "documents")]
    data: Vec<PathBuf>,
    /// File for the answers to --data (.jsonl): what `distill` learns teacher text from.
    #[arg(long, value_name = "FILE", requires = "data")]
    documents: Option<PathBuf>,
    /// Who it will be in the audit: their draws are never shared.
    #[arg(long, value_enum, default_value_t, value_name = "ROLE")]
    role: Role,
    /// Seed of every draw. Answers serve an audit with the same seed and settings.
    #[arg(long, default_value_t = SEED, value_name = "N", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
    #[command(flatten)]
    answered: Answered,
    #[command(flatten)]
    spending: SpendingArguments,
    #[command(flatten)]
    batch: BatchArguments,
    #[command(flatten)]
    change: ChangeArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Who a model is in an audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Who was copied: answers, and the reruns that give the ceiling.
    #[default]
    Teacher,
    /// The copy: answers, no reruns.
    Student,
    /// The copy before distillation: answers, no reruns.
    Base,
    /// Another copy: answers to what is graded, no reruns.
    Control,
}

/// Fills the store.
pub fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut sampling = arguments.answered.sampling(arguments.seed)?;
    let questions = match &arguments.documents {
        Some(path) => {
            files::outside_runs(path)?;
            files::not_over(Some(path), &arguments.data)?;
            // There is nothing to compare them with.
            sampling.settings.reruns = 0;
            Some(Questions::of(&arguments.data)?)
        }
        None => None,
    };
    let suite = match &questions {
        Some(questions) => questions.suite.clone(),
        None => joined(loaded(&arguments.probes)?)?,
    };
    let interrupt = listen()?;
    let spending = arguments.spending.open()?;
    let ledger = Ledger::of_store(&sampling.store, &asked_for(&arguments, &suite, &sampling));
    let before = spending.going_on(&ledger, terminal)?;
    arguments.batch.check([("model", arguments.model.as_str())].into_iter())?;
    // Who answers is asked, and that is paid for: not where what comes then could not be stored.
    if ModelSpec::from_str(&arguments.model).is_ok_and(|spec| spec.endpoint().is_some()) {
        Store::refuse_locked(&sampling.store)?;
    }
    terminal.say(&format!("opening model {}", arguments.model));
    let network = watched(network(), terminal).paying(spending.purse.clone()).in_batches(arguments.batch.batch);
    let model = open_on("model", &arguments.model, &arguments.engine.options(), network);
    // Also what was paid to one that was refused then.
    spending.keep_in(&ledger, "endpoints")?;
    let model = model?;
    let role = match arguments.role {
        Role::Teacher => hydrometer_ask::Role::Teacher,
        Role::Student => hydrometer_ask::Role::Student,
        Role::Base => hydrometer_ask::Role::Base,
        Role::Control => hydrometer_ask::Role::Control,
    };
    let started = Instant::now();
    let accepted = arguments.change.accepts_a_change();
    let asked = watched_by_canaries(&*model, role, (&suite, &sampling), accepted, terminal);
    spending.keep_in(&ledger, CANARIES)?;
    asked?;
    let filled = fill(&*model, role, (&suite, &sampling), (&spending, &ledger, before), &interrupt, terminal)?;
    let (seconds, paid) = (started.elapsed().as_secs_f64(), spending.since(before));
    let mut written = None;
    if let (Some(questions), Some(path)) = (&questions, &arguments.documents) {
        let name = &model.identity().name;
        let found = questions.write(path, name, &hydrometer_ask::held(&*model, role, &suite, &sampling)?)?;
        terminal.say(&told(questions, found, path));
        written = Some(json!({
            "path": path,
            "documents": found.documents,
            "answers_left_out": found.left_out,
            "data_left_out": questions.left_out,
        }));
    }
    if arguments.json {
        terminal.data(&as_json(&json!({
            "model": model.identity().name,
            "store": sampling.store,
            "prompts": filled.prompts,
            "held": filled.held,
            "asked": filled.asked,
            "tokens": filled.tokens,
            "excluded": filled.excluded,
            "paid": paid,
            "seconds": seconds,
            "written": written,
        }))?)?;
    }
    Ok(Exit::Done)
}

/// Asks an endpoint its canaries, where the store lacks an answer of it.
///
/// # Errors
/// Another model is served under its name, or it gives no answer.
pub(crate) fn watched_by_canaries(
    model: &dyn Model,
    role: hydrometer_ask::Role,
    (suite, sampling): (&Suite, &Sampling),
    accepted: bool,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let is_endpoint = model.answers().is_some_and(|answers| answers.is_paid_for());
    if !is_endpoint || hydrometer_ask::held(model, role, suite, sampling).is_ok() {
        return Ok(());
    }
    beside_answers(model, "model", &sampling.store, accepted, terminal)
}

/// Asks for what the store lacks, and says what that was and cost since so much was spent `before`.
///
/// # Errors
/// The model or the store fails, or the user interrupts; the same call goes on.
pub(crate) fn fill(
    model: &dyn Model,
    role: hydrometer_ask::Role,
    (suite, sampling): (&Suite, &Sampling),
    (spending, ledger, before): (&Spending, &Ledger, Spent),
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<CollectReport, Failure> {
    let mut progress = Progress::new(terminal, interrupt, Speeds { teacher: None, student: None });
    progress = progress.paying(spending.clone()).answering_at_once(sampling.limits.width);
    let started = Instant::now();
    let filled = hydrometer_ask::ask(model, role, suite, sampling, ledger, &mut progress);
    let seconds = started.elapsed().as_secs_f64();
    progress.end();
    spending.keep_in(ledger, "answers")?;
    if let Some(paid) = spending.since(before) {
        terminal.say(&sentence(&paid));
    }
    let filled = filled?;
    warn_of(&filled.excluded, terminal);
    terminal.say(&format!(
        "{}: {} held, {} asked, {} in {seconds:.1} s",
        counted(filled.prompts, "prompt"),
        counted(filled.held, "answer"),
        grouped(filled.asked),
        counted(filled.tokens, "token")
    ));
    Ok(filled)
}

/// The name of what is asked of whom, for what earlier commands paid for it: all that decides an answer, but not how many are wanted.
fn asked_for(arguments: &Arguments, suite: &Suite, sampling: &Sampling) -> String {
    let role = format!("{:?}", arguments.role);
    let asked = json!([arguments.model, role, suite.hash(), sampling.settings.parameters]);
    blake3::hash(asked.to_string().as_bytes()).to_hex()[..32].to_owned()
}

/// What was written, and what was not.
pub(crate) fn told(questions: &Questions, written: Written, path: &Path) -> String {
    let mut text = format!("{} in {}", counted(written.documents, "document"), path.display());
    let left_out = [
        (written.left_out, "answer", "cut off, refused or no text"),
        (questions.left_out, "record", "no prompt that can be asked"),
    ];
    for (count, what, why) in left_out.into_iter().filter(|(count, ..)| *count > 0) {
        text += &format!("; left out: {} ({why})", counted(count, what));
    }
    text
}
