//! `hydrometer audit`: the main job. Two models and a suite in, a run folder with a statement and a report out.

use std::path::{Path, PathBuf};

use hydrometer_answers::distributions::TeacherCache;
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{
    MeaningSettings, ModelIdentity, RunFolder, SampleSettings, SamplingParameters, StopRule, TeacherAsked,
};
use hydrometer_ask::{AskOptions, Models, Plan, Sampling, UntilDecided, collect, collect_cached};
use hydrometer_audit::{Policy, Statement, Watch, alpha, watched_gates};
use hydrometer_models::{EngineOptions, Model, SampleLimits};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Probe, Suite};
use hydrometer_report::Measured;

use super::suite::Texts;
use crate::engine::{EngineArguments, Meaning, MeaningArguments, open_model, tokens_per_second};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::Interrupt;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;

/// Seed of the built-in suite and of every draw, unless the user gives another.
pub const SEED: u64 = 1;
/// Folder that collects the runs without a name of their own.
const RUNS: &str = "hydrometer-runs";
/// Tokens computed together, unless the user says otherwise: enough for the products to be compute-bound.
pub const BLOCK: u32 = 2048;

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
    /// Folder of the run. Default: a name made from models and settings, so that the same command resumes.
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    answered: Answered,
    #[command(flatten)]
    meaning: MeaningArguments,
    #[command(flatten)]
    stopping: Stopping,
    #[command(flatten)]
    engine: EngineArguments,
    /// Gates and margins; default: `hydrometer policy`.
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    policy: Option<PathBuf>,
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
    /// The model that was copied: a .gguf file, a Hugging Face folder, scripted:FILE, planted:DEFECT(MODEL).
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
    #[arg(long, default_value_t = 4, value_name = "N")]
    rotations: u32,
    /// Windows that the teacher scores twice, for the noise floor.
    #[arg(long, default_value_t = 4, value_name = "N")]
    floor_windows: u32,
    /// Tokens computed together: memory against speed. An interruption loses at most one block.
    #[arg(long, default_value_t = BLOCK, value_name = "TOKENS")]
    block_tokens: u32,
    /// Seed of the built-in suite and of every random draw.
    #[arg(long, default_value_t = SEED, value_name = "N")]
    seed: u64,
}

/// How prompts are answered freely.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Free answers (to prompt probes)")]
pub struct Answered {
    /// Answers per prompt and model; 0 leaves prompts out.
    #[arg(long, default_value_t = 4, value_name = "N")]
    samples: u32,
    /// Further answers of the teacher per prompt: its agreement with itself is the ceiling.
    #[arg(long, default_value_t = 4, value_name = "N")]
    reruns: u32,
    /// Longest answer in tokens, unless the probe says otherwise.
    #[arg(long, default_value_t = 256, value_name = "TOKENS")]
    max_tokens: u32,
    /// Text that ends an answer; may be repeated.
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Sampling temperature. Only 1 draws from the models' own distributions.
    #[arg(long, default_value_t = 1.0, value_name = "T")]
    temperature: f64,
    /// Nucleus sampling mass. Only 1 draws from the models' own distributions.
    #[arg(long, default_value_t = 1.0, value_name = "P")]
    top_p: f64,
    /// Answer store: what it holds is never asked again. Default: in the user's cache folder.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Answers under way at once.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    parallel: usize,
    /// Memory for answers under way and unpacked weights, in GiB.
    #[arg(long, default_value_t = 8.0, value_name = "GIB", value_parser = gibibytes, allow_negative_numbers = true)]
    memory: f64,
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|&n| n > 0).ok_or("expected a whole number from 1 on")
}

fn gibibytes(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|&n: &f64| n >= 0.001 && n.is_finite()).ok_or("expected a number of at least 0.001")
}

/// When to stop asking.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Deciding early")]
struct Stopping {
    /// Ask families in random order and stop once the gates of the policy are decided. Gates on metrics without known
    /// bounds are left out.
    #[arg(long)]
    until_decided: bool,
    /// Most families taken in per gate; then it stays undecided. Default: as many as are asked.
    #[arg(long, value_name = "FAMILIES", requires = "until_decided")]
    cap: Option<u32>,
    /// Once the gates are decided, let the student go on alone: what it does on the other prompts narrows the intervals
    /// (PPI++).
    #[arg(long, requires = "until_decided")]
    ppi: bool,
    /// Ask the teacher the prompts of N families only, chosen at random. The student answers all, and what it does on
    /// the others narrows the intervals (PPI++). Default: the teacher is asked everything.
    #[arg(long, value_name = "N", conflicts_with_all = ["until_decided", "teacher_cache"])]
    teacher_families: Option<u32>,
}

impl Answered {
    /// As settings; `None` where nothing is answered freely.
    fn resolve(&self, suite: &Suite, seed: u64) -> Result<Option<Sampling>, Failure> {
        let asks = suite.probes.iter().any(|probe| matches!(probe.ask, Ask::Prompt(_)));
        if self.samples == 0 || !asks { Ok(None) } else { self.sampling(seed).map(Some) }
    }

    /// As settings.
    ///
    /// # Errors
    /// There is no place for the answer store.
    pub fn sampling(&self, seed: u64) -> Result<Sampling, Failure> {
        let parameters = SamplingParameters {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: 0,
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            seed,
        };
        let store = files::answer_store(self.store.as_deref())?;
        let memory = (self.memory * f64::from(1 << 30)) as u64;
        let limits = SampleLimits { width: self.parallel, memory, alternatives: 0 };
        let settings = SampleSettings { per_probe: self.samples, reruns: self.reruns, parameters };
        Ok(Sampling { settings, store, limits })
    }
}

/// Where the teacher's distributions come from.
enum Teacher {
    /// The model of this name.
    Model(String),
    /// The cache in this folder.
    Cache(PathBuf),
}

/// Everything decided before a model is opened.
struct Settings {
    teacher: Teacher,
    student: String,
    base: Option<String>,
    suite: Suite,
    options: AskOptions,
    engine: EngineOptions,
    meaning: Option<Meaning>,
    policy: Policy,
    out: Option<PathBuf>,
}

impl Settings {
    fn resolve(arguments: &Arguments, terminal: &Terminal) -> Result<Self, Failure> {
        let asked = &arguments.asked;
        let suite = asked.texts.suite(asked.seed)?;
        let sampling = arguments.answered.resolve(&suite, asked.seed)?;
        let policy = policy(arguments.policy.as_deref())?;
        if arguments.base.is_some() && sampling.is_none() {
            return Err(
                Failure::input("--base only answers prompts, and the suite asks none").hint("add some with --probes")
            );
        }
        if arguments.meaning.is_given() {
            let nothing = "--sentence-encoder has nothing to read";
            if arguments.who.teacher_cache.is_some() {
                return Err(Failure::input(format!("{nothing}: a teacher cache holds texts only"))
                    .hint("name the teacher with --teacher"));
            }
            if sampling.is_none() || !suite.probes.iter().any(Probe::is_free) {
                let reason = format!("{nothing}: no prompt of the suite is compared by its whole answer");
                return Err(Failure::input(reason).hint("add prompts without a checker with --probes"));
            }
        }
        let Stopping { until_decided, cap, ppi, teacher_families } = arguments.stopping;
        let teacher_asked = teacher_families.map(TeacherAsked::Families).or(ppi.then_some(TeacherAsked::UntilDecided));
        Ok(Self {
            teacher: match (&arguments.who.teacher_cache, &arguments.who.teacher) {
                (Some(cache), _) => Teacher::Cache(cache.clone()),
                (None, teacher) => Teacher::Model(teacher.clone().unwrap_or_default()),
            },
            student: arguments.student.clone(),
            base: arguments.base.clone(),
            suite,
            options: AskOptions {
                n_ctx: asked.texts.ctx,
                block_tokens: asked.block_tokens.max(asked.texts.ctx),
                rotations: asked.rotations,
                floor_windows: asked.floor_windows,
                max_windows: asked.texts.chunks,
                seed: asked.seed,
                sampling,
                teacher_asked,
                until_decided: until_decided.then(|| UntilDecided {
                    alpha: alpha(&policy),
                    cap,
                    gates: watched_gates(&policy),
                }),
                arguments: std::env::args().skip(1).collect(),
            },
            engine: arguments.engine.options(),
            meaning: arguments.meaning.open(arguments.engine.threads, terminal)?,
            policy,
            out: arguments.out.clone(),
        })
    }
}

impl Settings {
    /// The folder of the run.
    fn folder(&self, models: &[&ModelIdentity], cache: Option<&Codec>) -> PathBuf {
        let meaning = self.meaning.as_ref().map(|meaning| meaning.closeness().settings());
        let default = || default_folder(models, &self.suite, &self.options, cache, meaning);
        self.out.clone().unwrap_or_else(default)
    }
}

/// The default policy, or the one in a file.
///
/// # Errors
/// The file cannot be read or is no policy.
pub fn policy(file: Option<&Path>) -> Result<Policy, Failure> {
    file.map_or_else(|| Ok(Policy::default()), |file| Ok(Policy::parse(&files::read_text(file)?)?))
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
    let teacher = open_model("teacher", teacher, &settings.engine, terminal)?;
    let student = open_model("student", &settings.student, &settings.engine, terminal)?;
    let open_base = |base: &String| open_model("base", base, &settings.engine, terminal);
    let base = settings.base.as_ref().map(open_base).transpose()?;
    let meaning = settings.meaning.as_ref().map(Meaning::closeness);
    let models = Models { teacher: &*teacher, student: &*student, base: base.as_deref(), meaning };
    let identities = [teacher.identity(), student.identity()].into_iter().chain(models.base.map(Model::identity));
    let folder = settings.folder(&identities.collect::<Vec<_>>(), None);
    let speeds = expected_speeds(models, &settings.suite, &folder)?;
    let job = Job { suite: &settings.suite, options: &settings.options, policy: &settings.policy, folder: &folder };
    Ok((audit(models, &job, speeds, interrupt, terminal)?, folder))
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
    let folder = settings.folder(&[cache.teacher(), student.identity()], Some(cache.codec()));
    let mut progress = Progress::new(terminal, interrupt, Speeds { teacher: None, student: None });
    let collected = collect_cached(&mut cache, &*student, &settings.suite, &settings.options, &folder, &mut progress);
    progress.end();
    let run = collected?;
    let statement = hydrometer_audit::statement(&run, &settings.policy)?;
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
    /// The run folder.
    pub folder: &'a Path,
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
    let plan = Plan::new(models, job.suite, job.options)?;
    let mut watch = Watch::of(plan.manifest(), &job.suite.probes)?;
    let stop = watch.as_mut().map(|watch| watch as &mut dyn StopRule);
    let collected = collect(plan, stop, job.folder, &mut progress);
    progress.end();
    let run = collected?;
    let statement = hydrometer_audit::statement(&run, job.policy)?;
    publish(&run, &statement)?;
    Ok(statement)
}

/// Leaves statement.json and report.html in the run folder.
///
/// # Errors
/// The folder cannot be written.
pub fn publish(run: &RunFolder, statement: &Statement) -> Result<(), Failure> {
    run.write_statement(&hydrometer_report::json(statement))?;
    run.write_report(&hydrometer_report::html(statement, measured(run)?.as_ref()))?;
    Ok(())
}

/// What the run cost, as far as it was measured: interruptions are left out, the peak is that of the worst process.
///
/// # Errors
/// The cost file is damaged.
pub fn measured(run: &RunFolder) -> Result<Option<Measured>, Failure> {
    let costs = run.costs()?;
    let seconds = costs.iter().map(|cost| cost.seconds).sum();
    let peak_memory_bytes = costs.iter().filter_map(|cost| cost.peak_memory).max();
    Ok((!costs.is_empty()).then_some(Measured { seconds, peak_memory_bytes }))
}

/// The statement as a summary for the terminal.
///
/// # Errors
/// The run's cost cannot be read.
pub fn shown(statement: &Statement, folder: &Path, terminal: &Terminal) -> Result<String, Failure> {
    let measured = measured(&RunFolder::open_unchecked(folder)?)?;
    let file = |name: &str| folder.join(name).display().to_string();
    let files = [("report", file("report.html")), ("statement", file("statement.json"))];
    Ok(hydrometer_report::terminal(statement, &terminal.page(&files, measured)))
}

/// Starts to listen for Ctrl-C.
///
/// # Errors
/// The operating system refused the handler.
pub fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::input(format!("cannot listen for Ctrl-C: {error}")))
}

/// A finished run asks nothing, so nothing is measured for it.
fn expected_speeds(models: Models<'_>, suite: &Suite, folder: &Path) -> Result<Speeds, Failure> {
    let finished = RunFolder::open_unchecked(folder).is_ok_and(|run| run.is_finished());
    if finished {
        return Ok(Speeds { teacher: None, student: None });
    }
    Ok(Speeds {
        teacher: tokens_per_second("teacher", models.teacher, suite)?,
        student: tokens_per_second("student", models.student, suite)?,
    })
}

/// The same models, suite and settings give the same name: the same command finds its run again.
fn default_folder(
    models: &[&ModelIdentity],
    suite: &Suite,
    options: &AskOptions,
    cache: Option<&Codec>,
    meaning: Option<MeaningSettings>,
) -> PathBuf {
    let key = serde_json::json!([
        models,
        suite.hash(),
        options.n_ctx,
        options.block_tokens,
        options.rotations,
        options.floor_windows,
        options.max_windows,
        options.seed,
        options.sampling.as_ref().map(|sampling| &sampling.settings),
        options.teacher_asked,
        options.until_decided.as_ref().map(|until| (until.alpha, until.cap, &until.gates)),
        cache,
        meaning,
    ]);
    let hash = blake3::hash(key.to_string().as_bytes()).to_hex();
    let names = models.iter().map(|model| &model.name).chain([&suite.name]);
    let name = names.map(|name| file_name(name)).collect::<Vec<_>>().join("--");
    Path::new(RUNS).join(format!("{name}-{}", &hash[..8]))
}

/// A model's or suite's name is somebody's text: only harmless characters reach a path.
fn file_name(name: &str) -> String {
    const LONGEST: usize = 40;
    let harmless = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
    let name: String = name.chars().map(harmless).take(LONGEST).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "model".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_cannot_leave_the_folder() {
        let check = |name: &str, expected: &str| assert_eq!(file_name(name), expected, "{name}");
        check("qwen-1.5b", "qwen-1.5b");
        check("builtin:quick", "builtin-quick");
        check("../../etc/passwd", "etc-passwd");
        check("..", "model");
        check("", "model");
        check("a/b\\c\u{1b}[31m", "a-b-c--31m");
        check(&"x".repeat(99), &"x".repeat(40));
    }
}
