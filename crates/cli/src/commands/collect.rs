//! `hydrometer collect`: one model's free answers, ahead of an audit, into the answer store.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use clap::ValueEnum;
use hydrometer_answers::store::Store;
use hydrometer_models::ModelSpec;
use hydrometer_probes::counted::{counted, grouped};
use serde_json::json;

use super::as_json;
use super::judged::warn_of;
use super::sampling::Answered;
use super::spending::{BatchArguments, SpendingArguments, sentence};
use super::suite::{SEED, joined, loaded};
use crate::engine::{EngineArguments, network, open_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fetching::watched;
use crate::interrupt::listen;
use crate::numbers;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;

/// Flags of `collect`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model: a .gguf file, a Hugging Face folder, scripted:FILE, planted:DEFECT(MODEL), or an endpoint (`hydrometer models`
    /// lists them).
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Probe file with prompts (.jsonl) or table of a known shape; may be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    probes: Vec<PathBuf>,
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
    let suite = joined(loaded(&arguments.probes)?)?;
    let sampling = arguments.answered.sampling(arguments.seed)?;
    let interrupt = listen()?;
    let spending = arguments.spending.open()?;
    arguments.batch.check([("model", arguments.model.as_str())].into_iter())?;
    // Who answers is asked, and that is paid for: not where what comes then could not be stored.
    if ModelSpec::from_str(&arguments.model).is_ok_and(|spec| spec.endpoint().is_some()) {
        Store::refuse_locked(&sampling.store)?;
    }
    terminal.say(&format!("opening model {}", arguments.model));
    let network = watched(network(), terminal).paying(spending.purse.clone()).in_batches(arguments.batch.batch);
    let model = open_on("model", &arguments.model, &arguments.engine.options(), network)?;
    let role = match arguments.role {
        Role::Teacher => hydrometer_ask::Role::Teacher,
        Role::Student => hydrometer_ask::Role::Student,
        Role::Base => hydrometer_ask::Role::Base,
        Role::Control => hydrometer_ask::Role::Control,
    };
    let mut progress = Progress::new(terminal, &interrupt, Speeds { teacher: None, student: None });
    progress = progress.paying(spending.clone());
    let started = Instant::now();
    let filled = hydrometer_ask::ask(&*model, role, &suite, &sampling, &mut progress);
    let seconds = started.elapsed().as_secs_f64();
    progress.end();
    let paid = spending.take();
    if let Some(paid) = &paid {
        terminal.say(&sentence(paid));
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
        }))?)?;
    }
    Ok(Exit::Done)
}
