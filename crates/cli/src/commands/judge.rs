//! `hydrometer judge RUN --judge MODEL`: a model says what the free answers of a finished run decide, beside the rules that read them; and
//! the flags of it that `audit` has, too.

use std::path::PathBuf;

use clap::ValueEnum;
use hydrometer_answers::{Manifest, RunFolder};
use hydrometer_ask::{Judging, Sampling};
use hydrometer_models::{EngineOptions, Known, Model, SampleLimits};
use hydrometer_probes::counted::counted;
use hydrometer_probes::judge::version;
use hydrometer_probes::{Ask, Probe, Suite};

use super::judged::{BesideArguments, policy, publish, shown};
use super::spending::{BatchArguments, Counts, JUDGE, Spending, SpendingArguments, sentence};
use crate::engine::{EngineArguments, network, open_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fetching::watched;
use crate::files;
use crate::interrupt::{Interrupt, listen};
use crate::numbers;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;

/// Flags of `judge`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of a finished run.
    run: PathBuf,
    /// The judge: a .gguf file, a Hugging Face folder, scripted:FILE, or an endpoint (`hydrometer models` lists them).
    #[arg(long, value_name = "MODEL")]
    judge: String,
    #[command(flatten)]
    asked: JudgedBy,
    /// Answer store: what it holds is never asked again. Default: in the user's cache folder.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Replies under way at once.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = numbers::whole::<usize, 1>)]
    parallel: usize,
    /// Memory for replies under way and unpacked weights, in GiB.
    #[arg(long, default_value_t = 8.0, value_name = "GIB", value_parser = numbers::gibibytes)]
    memory: f64,
    #[command(flatten)]
    spending: SpendingArguments,
    #[command(flatten)]
    batch: BatchArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// Gates and margins; default: `hydrometer policy`.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    beside: BesideArguments,
    /// Print the statement as JSON instead of the summary.
    #[arg(long)]
    json: bool,
}

/// How a judge is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct JudgedBy {
    /// Longest reply of a judge in tokens. It is asked for one number; one that thinks aloud before it needs room for that, and is read
    /// only if it then begins with the number.
    #[arg(long, default_value_t = 16, value_name = "TOKENS", value_parser = numbers::whole::<u32, 1>)]
    judge_tokens: u32,
    /// Take a judge that is the teacher, the student or the base all the same; the statement says so. May be repeated.
    #[arg(long, value_enum, value_name = "ROLE")]
    accept_judge: Vec<Audited>,
}

/// Who is not asked about its own answers unless somebody says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Audited {
    /// Who was copied.
    Teacher,
    /// The copy.
    Student,
    /// The copy before distillation.
    Base,
}

/// A judge as the user named it, and how it is asked.
#[derive(Clone, Debug)]
pub struct JudgeSettings {
    /// Its name.
    pub name: String,
    /// Flags.
    pub by: JudgedBy,
    /// Where replies are kept.
    pub store: PathBuf,
    /// Replies at once.
    pub limits: SampleLimits,
    /// How it is computed.
    pub engine: EngineOptions,
    /// Whether it is asked in batches.
    pub batch: bool,
}

impl JudgeSettings {
    /// Those of an audit, whose answer store serves its judge, too.
    ///
    /// # Errors
    /// The suite has nothing for a judge to read.
    pub fn of_audit(
        (name, by): (&str, &JudgedBy),
        suite: &Suite,
        sampling: Option<&Sampling>,
        engine: &EngineArguments,
        batch: BatchArguments,
    ) -> Result<Self, Failure> {
        let reads = |probe: &Probe| probe.boundary.is_some() && matches!(probe.ask, Ask::Prompt(_));
        let sampling = sampling.filter(|_| suite.probes.iter().any(reads)).ok_or_else(|| {
            Failure::input("--judge has nothing to read: no free prompt of the suite declares a `boundary`")
                .hint("`hydrometer probes generate --judgment 36` writes such prompts")
        })?;
        Ok(Self {
            name: name.to_owned(),
            by: by.clone(),
            store: sampling.store.clone(),
            limits: sampling.limits,
            engine: engine.options(),
            batch: batch.batch,
        })
    }
}

/// Asks a judge about a finished run, and judges the run anew with what it says.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let policy = policy(arguments.policy.as_deref())?;
    let run = RunFolder::open(&arguments.run)?;
    let settings = JudgeSettings {
        name: arguments.judge.clone(),
        by: arguments.asked.clone(),
        store: files::answer_store(arguments.store.as_deref())?,
        limits: SampleLimits { width: arguments.parallel, memory: (arguments.memory * f64::from(1 << 30)) as u64 },
        engine: arguments.engine.options(),
        batch: arguments.batch.batch,
    };
    arguments.batch.check([("judge", arguments.judge.as_str())].into_iter())?;
    let interrupt = listen()?;
    let spending = arguments.spending.open()?;
    spending.go_on(run.path(), Counts::Judges)?;
    ask(&settings, &run, &spending, &interrupt, terminal)?;
    let statement = arguments.beside.judge(&run, &policy)?;
    publish(&run, &statement)?;
    let result =
        if arguments.json { hydrometer_report::json(&statement) } else { shown(&statement, run.path(), terminal)? };
    terminal.data(&result)?;
    Ok(Exit::Done)
}

/// Leaves in the run folder what the judge says, unless it stands there already.
///
/// # Errors
/// The judge is refused or fails, or the user interrupts; the same command goes on.
pub fn ask(
    settings: &JudgeSettings,
    run: &RunFolder,
    spending: &Spending,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let before = spending.purse.spent();
    let asked = say(settings, run, spending, interrupt, terminal);
    // Also what it took to find out who judges.
    spending.keep_beside(run.path(), JUDGE)?;
    if let Some(paid) = spending.since(before) {
        terminal.say(&sentence(&paid));
    }
    asked
}

fn say(
    settings: &JudgeSettings,
    run: &RunFolder,
    spending: &Spending,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<(), Failure> {
    terminal.say(&format!("opening judge {}", settings.name));
    let kept = run.judge()?;
    let known = kept.iter().map(|kept| Known { identity: kept.judge.clone(), tools: None }).collect();
    let network = watched(network(), terminal).knowing(known).paying(spending.purse.clone());
    let network = network.in_batches(settings.batch);
    let model = open_on("judge", &settings.name, &settings.engine, network)?;
    neutral(&*model, run.manifest(), &settings.by)?;
    let is_kept = |kept: &hydrometer_answers::Judge| {
        kept.judge.key() == model.identity().key()
            && kept.prompt == version()
            && kept.max_tokens == settings.by.judge_tokens
            && kept.knows_all(run.manifest())
    };
    if kept.as_ref().is_some_and(is_kept) {
        return Ok(());
    }
    let judging =
        Judging { max_tokens: settings.by.judge_tokens, store: settings.store.clone(), limits: settings.limits };
    let mut progress = Progress::new(terminal, interrupt, Speeds { teacher: None, student: None });
    progress = progress.paying(spending.clone()).answering_at_once(settings.limits.width);
    let judged = hydrometer_ask::judge(&*model, run, &judging, &mut progress);
    progress.end();
    let judged = judged?;
    run.write_judge(&judged)?;
    let decided = judged.answers.iter().filter(|answer| answer.decision().is_some()).count();
    let asked = counted(judged.answers.len() as u64, "answer");
    terminal.say(&format!("the judge read {asked}, {decided} alike in both orders of the options"));
    Ok(())
}

/// Refuses a judge that judges itself.
fn neutral(judge: &dyn Model, manifest: &Manifest, by: &JudgedBy) -> Result<(), Failure> {
    let audited = [
        (Audited::Teacher, "teacher", Some(&manifest.teacher)),
        (Audited::Student, "student", Some(&manifest.student)),
        (Audited::Base, "base", manifest.base.as_ref()),
    ];
    let own = audited.iter().find(|(role, _, model)| {
        model.is_some_and(|model| model.weights == judge.identity().weights) && !by.accept_judge.contains(role)
    });
    own.map_or(Ok(()), |(_, role, _)| {
        let reason = format!("the judge is the {role}, expected a model that is neither teacher nor student nor base");
        Err(Failure::input(reason)
            .hint(format!("a model tends to find its own answers right; name another, or say --accept-judge {role}")))
    })
}
