//! `hydrometer audit`: the main job. Two models and a suite in, a run folder with a statement and a report out.

mod opening;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hydrometer_answers::cache::TeacherCache;
use hydrometer_answers::{RunFolder, StopRule};
use hydrometer_ask::{AskError, AskOptions, Models, Plan, collect, collect_cached};
use hydrometer_audit::calibrate::Calibrated;
use hydrometer_audit::{Beside, Policy, Statement, Watch};
use hydrometer_metrics::stats::limits::families_to_exclude;
use hydrometer_models::{Model, ModelError, Tokenizer, open_tokenizer};
use hydrometer_probes::Suite;
use hydrometer_probes::counted::counted;
use hydrometer_probes::families::SameContent;

use self::opening::{begin, kept_beside, open_all};
use self::settings::{Settings, Teacher};
use super::canaries::Watched;
use super::check::PreflightArguments;
use super::deployed_on::UsedArguments;
use super::evidence;
use super::judge::{self, JudgeSettings, JudgedBy};
use super::judged::{publish, shown, warn_of};
use super::label::labels_of;
use super::run_name::RunNames;
use super::sampling::Answered;
use super::spending::{BatchArguments, Counts, Spending, SpendingArguments};
use super::suite::{BLOCK, ROTATIONS, SEED, Texts};
use super::trained_on::RadiusArguments;
use crate::engine::{EngineArguments, Meaning, MeaningArguments, network, not_opened, open_model, tokens_per_second};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fetching::watched;
use crate::files;
use crate::interrupt::{Interrupt, listen};
use crate::numbers;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;

/// Flags of `audit`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    who: Who,
    /// The copy.
    #[arg(long, value_name = "MODEL")]
    student: String,
    /// The copy before distillation. It answers prompts, and "gap closed" is measured from it.
    #[arg(long, value_name = "MODEL", conflicts_with = "teacher_cache")]
    base: Option<String>,
    /// Another copy, such as one of the same size trained in another way. It is asked what says how hard it is (a knob), and
    /// the student's fall-off is compared with its own. Its tokenizer may differ.
    #[arg(long, value_name = "MODEL", conflicts_with = "teacher_cache")]
    control: Option<String>,
    /// How both models read texts, where both stand behind servers: the .gguf file, Hugging Face folder or hf:ORG/NAME of a model with
    /// their tokenizer (its weights are not read). Texts are then compared by what both servers list (docs/endpoints.md).
    #[arg(long, alias = "teacher-tokenizer", value_name = "MODEL", conflicts_with = "teacher_cache")]
    tokenizer: Option<String>,
    /// Folder of the run. Default: a name made from models and settings, so that the same command resumes.
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    answered: Answered,
    #[command(flatten)]
    spending: SpendingArguments,
    #[command(flatten)]
    batch: BatchArguments,
    #[command(flatten)]
    meaning: MeaningArguments,
    #[command(flatten)]
    stopping: Stopping,
    #[command(flatten)]
    preflight: PreflightArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// Gates and margins; default: `hydrometer policy`.
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    policy: Option<PathBuf>,
    /// The calibration.json of this suite and budget (`hydrometer calibrate`): beside every PASS stands what would have been
    /// caught, and a margin finer than what the suite resolves is no PASS.
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    calibration: Option<PathBuf>,
    /// Labels of this run's answers, as `hydrometer label` writes them: they correct what is read of free answers. For a run that is
    /// continued or judged again; a run that is finished is judged in no time.
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    labels: Option<PathBuf>,
    /// A model that says what free answers at boundaries of judgment decide, beside the rules that read them (docs/judgment.md).
    #[arg(long, value_name = "MODEL", help_heading = "A judge", conflicts_with = "teacher_cache")]
    judge: Option<String>,
    #[command(flatten, next_help_heading = "A judge")]
    judged_by: JudgedBy,
    /// Exit by verdict: 0 pass, 1 fail, 3 not enough evidence.
    #[arg(long, help_heading = "Verdict")]
    gate: bool,
    /// Print the statement as JSON instead of the summary.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Open the report in a browser.
    #[arg(long, help_heading = "Output")]
    open: bool,
}

/// Where the teacher's distributions come from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// The model that was copied: a .gguf file, a Hugging Face folder, scripted:FILE, planted:DEFECT(MODEL), or an endpoint
    /// (`hydrometer models` lists them).
    #[arg(long, value_name = "MODEL")]
    teacher: Option<String>,
    /// Instead of the teacher, its distributions over these texts, as `distributions collect` kept them. It does not run, and
    /// only texts are asked.
    #[arg(long, value_name = "DIR", conflicts_with = "until_decided")]
    teacher_cache: Option<PathBuf>,
}

/// What is asked of the models.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is asked")]
struct Asked {
    #[command(flatten)]
    texts: Texts,
    /// Option orders asked of each choice, at most as many as there are options.
    #[arg(long, default_value_t = ROTATIONS, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    rotations: u32,
    /// Ask endpoints choices, too: for the log-probabilities of the letters where the server shows those of first tokens, else for N
    /// drawn letters in each order of a choice. Default: choices that an endpoint would have to answer are left out.
    #[arg(long, value_name = "N", conflicts_with_all = ["until_decided", "teacher_cache"], value_parser = numbers::whole::<u32, 2>)]
    letters: Option<u32>,
    /// Ask the teacher, behind an endpoint, N more answers to each prompt with the most probable tokens at every place of them (`top_logprobs`):
    /// along these answers its distributions are compared with those of the student, which must run here and have the same
    /// tokenizer. Default: none.
    #[arg(long, value_name = "N", conflicts_with_all = ["until_decided", "teacher_families", "teacher_cache"], value_parser = numbers::whole::<u32, 1>)]
    listed_answers: Option<u32>,
    /// Ask teacher and student, where they stand behind llama-server, vLLM (--max-logprobs -1) or SGLang, for the log-probability of every
    /// token at every position of a text: all numbers on tokens are exact (R0), at about a megabyte and a fraction of a second a position.
    /// Default: the most probable ones.
    #[arg(long, conflicts_with_all = ["listed_answers", "teacher_cache"])]
    full_logprobs: bool,
    /// Windows that the teacher scores twice, for the noise floor.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    floor_windows: u32,
    /// Tokens computed together: memory against speed. An interruption loses at most one block.
    #[arg(long, default_value_t = BLOCK, value_name = "TOKENS", value_parser = numbers::whole::<u32, 1>)]
    block_tokens: u32,
    /// What the student was trained to, as AXIS.KNOB=VALUE: the value of the knob that counts as distance 1, such as
    /// reasoning.depth=3. May be repeated. Default: what the prompts of --trained-on carry, else what docs/edges.md says.
    #[arg(long, value_name = "AXIS.KNOB=VALUE", value_parser = numbers::named)]
    trained_to: Vec<(String, f64)>,
    /// The prompts that the student was distilled on (.jsonl, .csv, .parquet with `messages`, or a `prompt`, `instruction`,
    /// `question` or `text`): graded by their distance from them are all prompts with a check and choices with a truth that
    /// have no knob; knobs that they carry (`axis`, `knob`) say what counts as distance 1. May be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "teacher_cache")]
    trained_on: Vec<PathBuf>,
    #[command(flatten)]
    radius: RadiusArguments,
    #[command(flatten)]
    used: UsedArguments,
    /// Seed of the built-in suite and of every random draw.
    #[arg(long, default_value_t = SEED, value_name = "N", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
}

/// When to stop asking.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Deciding early")]
struct Stopping {
    /// Ask families in random order and stop once the gates of the policy are decided. Gates on rings and axes are judged when
    /// a quarter, half and all of their families are in. Gates on other metrics without known bounds are left out.
    #[arg(long)]
    until_decided: bool,
    /// Most families taken in per gate; then it stays undecided. Default: as many as are asked.
    #[arg(long, value_name = "FAMILIES", requires = "until_decided", value_parser = numbers::whole::<u32, 1>)]
    cap: Option<u32>,
    /// Once the gates are decided, let the student go on alone: what it does on the other prompts narrows the intervals
    /// (PPI++).
    #[arg(long, requires = "until_decided")]
    ppi: bool,
    /// Ask the teacher the prompts of N families only, chosen at random. The student answers all, and what it does on
    /// the others narrows the intervals (PPI++). Default: the teacher is asked everything.
    #[arg(long, value_name = "N", conflicts_with_all = ["until_decided", "teacher_cache"], value_parser = numbers::whole::<u32, 2>)]
    teacher_families: Option<u32>,
}

/// Runs the command.
pub fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let settings = Settings::resolve(&arguments, terminal)?;
    let interrupt = listen()?;
    let (statement, folder) = match &settings.teacher {
        Teacher::Model(teacher) => audit_models(&settings, teacher, &interrupt, terminal)?,
        Teacher::Cache(cache) => audit_cached(&settings, cache, &interrupt, terminal)?,
    };
    let result =
        if arguments.json { hydrometer_report::json(&statement) } else { shown(&statement, &folder, terminal)? };
    terminal.data(&result)?;
    if arguments.open {
        files::open(&folder.join("report.html"), terminal);
    }
    Ok(if arguments.gate { statement.verdict.into() } else { Exit::Done })
}

/// Both models answer.
fn audit_models(
    settings: &Settings,
    teacher: &str,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<(Statement, PathBuf), Failure> {
    let named = [("teacher", Some(teacher)), ("student", Some(settings.student.as_str()))];
    let named = named.into_iter().chain([("base", settings.base.as_deref()), ("control", settings.control.as_deref())]);
    let named: Vec<_> = named.filter_map(|(role, name)| Some((role, name?))).collect();
    let opened = open_all(settings, &named, terminal);
    let opened = kept_beside(opened, &settings.spending, settings.out.as_deref())?;
    let model = |role: &str| opened.iter().find(|(of, _)| *of == role).map(|(_, model)| &**model);
    let (Some(teacher), Some(student)) = (model("teacher"), model("student")) else {
        return Err(Failure::input("expected a teacher and a student"));
    };
    let meaning = settings.meaning.as_ref().map(Meaning::closeness);
    let listed_by = settings.tokenizer.as_deref().filter(|_| !settings.full_logprobs);
    let tokenizer = listed_by.map(|name| tokenizer(name, [teacher, student], terminal));
    let tokenizer = tokenizer.transpose()?;
    let (base, control) = (model("base"), model("control"));
    let models = Models { teacher, student, base, control, meaning, tokenizer: tokenizer.as_ref() };
    let folder = settings.folder(&RunNames::of(models), None)?;
    if settings.out.is_none() {
        settings.spending.go_on(&folder, Counts::Everything)?;
    }
    let key = |role: &str| model(role).map(|model| model.identity().key()).unwrap_or_default();
    let looked: Vec<_> = named.iter().map(|(role, name)| (*role, *name, key(role))).collect();
    let statement = begin(settings, models, &looked, &folder, interrupt, terminal);
    let statement = kept_beside(statement, &settings.spending, Some(&folder))?;
    Ok((statement, folder))
}

/// The tokenizer of two models behind servers.
fn tokenizer(name: &str, models: [&dyn Model; 2], terminal: &Terminal) -> Result<Tokenizer, Failure> {
    if models.iter().any(|model| model.scores().is_some()) {
        let reason = "--tokenizer is for two models behind servers, and a model that runs here has one of its own";
        return Err(Failure::input(reason).hint("leave it out"));
    }
    terminal.say(&format!("opening tokenizer {name}"));
    open_tokenizer(name, &watched(network(), terminal)).map_err(|error| not_opened("tokenizer", error))
}

/// The student answers, the teacher's distributions are there.
fn audit_cached(
    settings: &Settings,
    cache: &Path,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<(Statement, PathBuf), Failure> {
    let mut cache = TeacherCache::open(cache)?;
    for kind in ["choice", "prompt"] {
        let left_out = settings.suite.probes.iter().filter(|probe| probe.ask.kind().name() == kind).count() as u64;
        if left_out > 0 {
            terminal.warn(&format!("left out, because a teacher cache holds texts only: {}", counted(left_out, kind)));
        }
    }
    let student = open_model("student", &settings.student, &settings.engine, terminal)?;
    let models = RunNames { models: vec![cache.teacher(), student.identity()], control: None, tokenizer: None };
    let folder = settings.folder(&models, Some(cache.codec()))?;
    let mut progress = Progress::new(terminal, interrupt, Speeds { teacher: None, student: None });
    let collected = collect_cached(&mut cache, &*student, &settings.suite, &settings.options, &folder, &mut progress);
    progress.end();
    let run = collected?;
    let statement = {
        let labels = settings.labels.as_deref().map(|file| labels_of(&run, file)).transpose()?;
        let beside = Beside { labels: labels.as_deref(), calibration: settings.calibrated.as_ref() };
        hydrometer_audit::statement_beside(&run, &settings.policy, beside)?
    };
    publish(&run, &statement)?;
    Ok((statement, folder))
}

/// What is asked of them, how it is judged and where it is kept.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// Settings of the collection.
    pub options: &'a AskOptions,
    /// The gates.
    pub policy: &'a Policy,
    /// What this suite was measured to find, where that is known.
    pub calibrated: Option<&'a Calibrated>,
    /// Labels of the run's own answers.
    pub labels: Option<&'a Path>,
    /// Who says what the free answers decide; paid as the models are.
    pub judge: Option<&'a JudgeSettings>,
    /// The run folder.
    pub folder: &'a Path,
    /// What is said before anything is asked.
    pub notices: Notices,
    /// From what endpoints are paid.
    pub spending: Option<&'a Spending>,
    /// The endpoints that are asked their canaries again at the end.
    pub watched: Option<&'a Watched<'a>>,
}

/// What is said before anything is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notices {
    /// Nothing: the suite is ours.
    None,
    /// That there are few families, and what would help.
    FewFamilies,
}

/// Collects, judges, and leaves statement.json and report.html in the run folder.
///
/// # Errors
/// A model or the folder fails, or the user interrupts; the same call continues.
pub fn audit(
    models: Models<'_>,
    job: &Job<'_>,
    speeds: Speeds,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<Statement, Failure> {
    let mut progress = Progress::new(terminal, interrupt, speeds);
    if job.options.until_decided.is_some() {
        progress = progress.that_may_stop_early();
    }
    if let Some(spending) = job.spending {
        progress = progress.paying(spending.clone());
    }
    if let Some(sampling) = &job.options.sampling {
        progress = progress.answering_at_once(sampling.limits.width);
    }
    let plan = Plan::new(models, job.suite, job.options)?;
    if let Some(calibrated) = job.calibrated {
        // Refused before anything is asked.
        let used = calibrated.fits(plan.manifest())?;
        if let Some(other) = used.other_teacher {
            terminal.warn(&format!(
                "the calibration was made with another teacher, {other}: with this one other doses may be found"
            ));
        }
    }
    warn_of(plan.manifest().excluded.as_deref().unwrap_or_default(), terminal);
    if let Some(partial) = evidence::partial(&plan, models) {
        terminal.warn(&partial);
    }
    if let (Notices::FewFamilies, Some(few)) = (job.notices, few_families(&plan)) {
        terminal.warn(&few);
    }
    let mut watch = Watch::of(plan.manifest(), &job.suite.probes)?;
    let stop = watch.as_mut().map(|watch| watch as &mut dyn StopRule);
    let collected = collect(plan, stop, job.folder, &mut progress);
    progress.end();
    let run = collected.map_err(|error| undecided(error, job.policy))?;
    job.watched.map_or(Ok(()), Watched::end)?;
    if let (Some(judge), Some(spending)) = (job.judge, job.spending) {
        judge::ask(judge, &run, spending, interrupt, terminal)?;
    }
    let labels = job.labels.map(|file| labels_of(&run, file)).transpose()?;
    let beside = Beside { labels: labels.as_deref(), calibration: job.calibrated };
    let statement = hydrometer_audit::statement_beside(&run, job.policy, beside)?;
    publish(&run, &statement)?;
    Ok(statement)
}

/// Why a collection ended; where that was the budget, also what is undecided.
fn undecided(error: AskError, policy: &Policy) -> Failure {
    let is_budget = matches!(&error, AskError::Model { source: ModelError::Budget { .. }, .. });
    let failure = Failure::from(error);
    if !is_budget {
        return failure;
    }
    let gates: Vec<&str> = policy.gates.iter().map(|gate| gate.metric.as_str()).collect();
    failure.hint(format!("without the rest there is no statement; undecided: {}", gates.join(", ")))
}

/// That a plan has few families of some kind of question, and what would help; `None` where every kind has enough to pass a
/// gate that accepts a loss of 5 %.
fn few_families(plan: &Plan<'_>) -> Option<String> {
    let enough = families_to_exclude(0.05, 0.05);
    let probes = &plan.suite().probes;
    let same = SameContent::of(probes);
    let of = |kind: &str| {
        let families = probes.iter().filter(|probe| probe.ask.kind().name() == kind).map(|probe| probe.family.as_str());
        families
            .map(|family| same.family_of(family, family).unwrap_or_else(|| family.to_owned()))
            .collect::<BTreeSet<_>>()
    };
    let prompts = if plan.manifest().settings.samples.is_some() { of("prompt").len() } else { 0 };
    let kinds = [
        (plan.text_families().count, "of texts"),
        (of("choice").len() as u64, "of choices"),
        (prompts as u64, "of prompts"),
    ];
    let few: Vec<String> = kinds
        .iter()
        .filter(|(families, _)| (1..enough).contains(families))
        .map(|(families, what)| format!("{} {what}", counted(*families, "family")))
        .collect();
    (!few.is_empty()).then(|| {
        format!(
            "few families: {}. Intervals are over families, and it takes {enough} to exclude a loss of 5 % however well the \
             student does. More documents or unrelated probes help, more windows of the same text do not",
            few.join(", ")
        )
    })
}

/// A finished run asks nothing, so nothing is measured for it.
fn expected_speeds(models: Models<'_>, settings: &Settings, folder: &Path) -> Result<Speeds, Failure> {
    let finished = RunFolder::open_unchecked(folder).is_ok_and(|run| run.is_finished());
    if finished {
        return Ok(Speeds { teacher: None, student: None });
    }
    let Settings { suite, options, .. } = settings;
    Ok(Speeds {
        teacher: tokens_per_second("teacher", models.teacher, suite, options.block_tokens)?,
        student: tokens_per_second("student", models.student, suite, options.block_tokens)?,
    })
}
