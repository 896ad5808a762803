//! `hydrometer demo`: two models that ship inside the binary, audited; then the teacher against itself and against
//! planted defects, so that one sees what an audit detects and what it leaves alone.

mod distill;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_answers::{SampleSettings, SamplingParameters, WindowOrder};
use hydrometer_ask::{AskOptions, Models, Sampling};
use hydrometer_audit::{Policy, Statement};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::{Definition, WORST_AXIS, answers, tokens};
use hydrometer_models::{Defect, EngineOptions, Model, Planted, Remembering, SampleLimits};
use hydrometer_probes::builtin::small_world;
use hydrometer_probes::kind::Prompt;
use hydrometer_probes::strangers::read_file;
use hydrometer_probes::{Ask, Normal, Probe, Profile, Suite};

use super::audit::{Job, Notices, audit};
use super::judged::shown;
use super::suite::SEED;
use super::word;
use crate::engine::{EngineArguments, open_quietly};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::{Interrupt, listen};
use crate::numbers;
use crate::progress::Speeds;
use crate::terminal::Terminal;

/// Trained by us; demo/README.md says how.
pub(super) const TEACHER: &[u8] = include_bytes!("../../../../demo/teacher.gguf");
const STUDENT: &[u8] = include_bytes!("../../../../demo/student.gguf");
/// Context that the demo models were trained with.
pub(super) const CONTEXT: u32 = 256;

/// Answers under way at once: of so small a model a step costs little more for many than for few.
const PARALLEL: usize = 512;

/// Ladders of each axis of the small world: enough for rings that hold.
const LADDERS: usize = 40;
/// What the student saw of the small world, as demo/README.md says.
const TRAINED_TO: [(&str, f64); 3] =
    [("reasoning.depth", 2.0), ("tool_use.tools", 2.0), ("novel_instructions.constraints", 2.0)];

/// A student of the tour, which is the folder of its run, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Student {
    /// Distilled on the centre only.
    #[value(name = "student")]
    Distilled,
    /// The teacher itself.
    Null,
    /// The teacher with a little noise, as quantisation makes.
    Noise,
    /// The teacher, sharpened.
    Temperature,
    /// The teacher, its tail cut off.
    TailTruncated,
    /// The teacher, its tail shuffled.
    TailPermuted,
}

/// A round of the tour.
struct Round {
    student: Student,
    /// The folder of its run.
    name: &'static str,
    /// What the student is, in the words of the table.
    what: &'static str,
    /// What was changed of the teacher; the first student was trained.
    defect: Option<Defect>,
}

const ROUNDS: [Round; 6] = [
    round(Student::Distilled, "student", "distilled on the centre only", None),
    round(Student::Null, "null", "the teacher itself", Some(Defect::Null)),
    round(Student::Noise, "noise", "a little noise, as quantisation makes", Some(Defect::Noise(0.01))),
    round(Student::Temperature, "temperature", "sharpened", Some(Defect::Temperature(0.7))),
    round(Student::TailTruncated, "tail_truncated", "tail cut off", Some(Defect::TailTruncated(0.9))),
    round(Student::TailPermuted, "tail_permuted", "tail shuffled", Some(Defect::TailPermuted(0.9))),
];

const fn round(student: Student, name: &'static str, what: &'static str, defect: Option<Defect>) -> Round {
    Round { student, name, what, defect }
}

/// Columns of the table: heading and metric.
static COLUMNS: [(&str, &Definition); 6] = [
    ("KL, nats", &tokens::KL_DIVERGENCE),
    ("tail kept", &tokens::TAIL_KEPT),
    ("sharpness", &tokens::ENTROPY_RATIO),
    ("same top", &tokens::TOP1_AGREEMENT),
    ("diversity", &answers::DIVERSITY_KEPT),
    ("worst axis", &WORST_AXIS),
];

/// Other tours.
#[derive(Debug, clap::Subcommand)]
enum Other {
    /// Train a student of the embedded teacher in four ways, and set them side by side.
    Distill(distill::Arguments),
}

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// Folder for the models and the runs.
    #[arg(long, default_value = "hydrometer-demo", value_name = "FOLDER")]
    out: PathBuf,
    /// Students to audit; may be repeated. Default: all, one after the other.
    #[arg(long, value_enum, value_name = "STUDENT")]
    only: Vec<Student>,
    /// Answers of each model to a prompt, and as many of the teacher again. With fewer the demo decides less.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    answers: u32,
    #[command(flatten)]
    engine: EngineArguments,
    /// Open the first student's report in a browser.
    #[arg(long)]
    open: bool,
}

/// One line of the table.
struct Row {
    round: &'static Round,
    statement: Statement,
}

/// Runs the tour.
pub fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    if let Some(Other::Distill(arguments)) = &arguments.other {
        return distill::run(arguments, terminal);
    }
    let interrupt = listen()?;
    let engine = arguments.engine.options();
    files::outside_runs(&arguments.out.join("models"))?;
    let teacher = unpack(&arguments.out, "teacher.gguf", TEACHER)?;
    let tour = Tour {
        // All students are asked the same as it, and most of them are it.
        teacher: Remembering::new(open_quietly("teacher", &teacher, &engine)?),
        student: unpack(&arguments.out, "student.gguf", STUDENT)?,
        engine,
        suite: suite(),
        answers: arguments.answers,
        interrupt,
        out: arguments.out,
    };
    let wanted = |round: &&Round| arguments.only.is_empty() || arguments.only.contains(&round.student);
    let rounds: Vec<&Round> = ROUNDS.iter().filter(wanted).collect();
    let mut rows = Vec::with_capacity(rounds.len());
    for (number, round) in (1..).zip(&rounds) {
        terminal.say(&format!("{number} of {}: {}", rounds.len(), round.what));
        rows.push(Row { round, statement: tour.audit(round, terminal)? });
    }
    terminal.data(&table(&rows))?;
    if let Some(first) = rows.first() {
        let folder = tour.out.join(first.round.name);
        terminal.data(&shown(&first.statement, &folder, terminal)?)?;
        if arguments.open {
            files::open(&folder.join("report.html"), terminal);
        }
    }
    Ok(Exit::Done)
}

/// What all audits of the tour share.
struct Tour {
    teacher: Remembering,
    /// The file of the student that was trained.
    student: String,
    engine: EngineOptions,
    suite: Suite,
    answers: u32,
    interrupt: Interrupt,
    out: PathBuf,
}

impl Tour {
    fn audit(&self, round: &Round, terminal: &Terminal) -> Result<Statement, Failure> {
        let student: Box<dyn Model> = match round.defect {
            None => open_quietly("student", &self.student, &self.engine)?,
            Some(defect) => Box::new(Planted::new(defect, Box::new(self.teacher.clone()))),
        };
        let options = AskOptions {
            n_ctx: CONTEXT,
            block_tokens: 8 * CONTEXT,
            rotations: 2,
            floor_windows: 16,
            max_windows: None,
            window_order: WindowOrder::Spread,
            seed: SEED,
            sampling: Some(self.sampling()),
            teacher_asked: None,
            until_decided: None,
            trained_to: TRAINED_TO.map(|(knob, value)| (knob.to_owned(), value)).into(),
            set_knobs: None,
            trained_on: None,
            deployment: Default::default(),
            deployed_on: None,
            letters: None,
            listed_answers: None,
            accepted: Vec::new(),
            arguments: vec!["demo".to_owned(), round.name.to_owned()],
        };
        let policy = Policy::default();
        let folder = self.out.join(round.name);
        let notices = Notices::None;
        let job = Job {
            suite: &self.suite,
            options: &options,
            policy: &policy,
            calibrated: None,
            labels: None,
            judge: None,
            folder: &folder,
            notices,
            spending: None,
            watched: None,
        };
        let speeds = Speeds { teacher: None, student: None };
        audit(Models::pair(&self.teacher, &*student), &job, speeds, &self.interrupt, terminal)
    }

    /// The teacher answers once; its answers are kept for every student.
    fn sampling(&self) -> Sampling {
        let parameters =
            SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 96, stop: Vec::new(), seed: SEED };
        Sampling {
            settings: SampleSettings { per_probe: self.answers, reruns: self.answers, parameters, paired: true },
            store: self.out.join("answers"),
            limits: SampleLimits { width: PARALLEL, memory: 1 << 30 },
        }
    }
}

/// Texts of the quick suite, one choice from each of the full one's first families, its prompts, without those that
/// want numbers or JSON: of these the small teacher can give too few; and ladders of the small world that it knows. So many families, because neither a gate
/// on 5 % nor one on a number without a worst value is passed by fewer than 59 (of unequal weight, by fewer than 118).
fn suite() -> Suite {
    const CHOICES: usize = 160;
    let can = |prompt: &Prompt| !prompt.answer.iter().any(|step| matches!(step, Normal::Json | Normal::Number));
    // Of judgment so small a teacher has none.
    let of = |profile| Suite::builtin(profile, SEED).probes.into_iter().filter(|probe| probe.boundary.is_none());
    let mut families = BTreeSet::new();
    let mut one_of_each = |probe: &Probe| families.len() < CHOICES && families.insert(probe.family.clone());
    let texts = of(Profile::Quick).filter(|probe| matches!(probe.ask, Ask::Text(_)));
    let choices =
        of(Profile::Full).filter(|probe| matches!(probe.ask, Ask::Choice(_))).filter(|probe| one_of_each(probe));
    let prompts = of(Profile::Full).filter(|probe| probe.knob.is_none());
    let prompts = prompts.filter(|probe| matches!(&probe.ask, Ask::Prompt(prompt) if can(prompt)));
    let ladders = small_world(LADDERS, SEED);
    Suite { name: "demo".to_owned(), probes: texts.chain(choices).chain(prompts).chain(ladders).collect() }
}

/// Puts an embedded model where `audit` can be given it by hand; one that is there already stays.
pub(super) fn unpack(out: &Path, name: &str, content: &[u8]) -> Result<String, Failure> {
    let folder = out.join("models");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
    let path = folder.join(name);
    if read_file(&path).ok().as_deref() != Some(content) {
        files::write(&path, content)?;
    }
    Ok(path.display().to_string())
}

fn table(rows: &[Row]) -> String {
    let students = if rows.len() == ROUNDS.len() { "six students" } else { "students" };
    let mut lines = format!("One teacher, {students} whose loss is known\n\n");
    let width = rows.iter().map(|row| row.round.what.len()).max().unwrap_or(0);
    lines.push_str(&format!("{:width$}", "student"));
    for (heading, _) in COLUMNS {
        lines.push_str(&format!("  {heading:>10}"));
    }
    lines.push_str("  verdict\n");
    for row in rows {
        lines.push_str(&format!("{:width$}", row.round.what));
        for (_, metric) in COLUMNS {
            let value = value(&row.statement, metric).map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
            lines.push_str(&format!("  {value:>10}"));
        }
        lines.push_str(&format!("  {}\n", word(row.statement.verdict)));
    }
    lines.push_str("\nThe first of them in full\n\n");
    lines
}

fn value(statement: &Statement, metric: &Definition) -> Option<f64> {
    let metric = statement.metrics.iter().find(|known| known.id == metric.id)?;
    metric.estimate.as_ref().map(|Estimate { value, .. }| *value)
}
