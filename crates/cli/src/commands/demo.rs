//! `hydrometer demo`: two models that ship inside the binary, audited; then the teacher against itself and against
//! planted defects, so that one sees what an audit detects and what it leaves alone.

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_answers::{SampleSettings, SamplingParameters};
use hydrometer_ask::{AskOptions, Models, Sampling};
use hydrometer_audit::{Policy, Statement};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::{Definition, answers, choices, tokens};
use hydrometer_models::{EngineOptions, SampleLimits};
use hydrometer_probes::{Profile, Suite};

use super::audit::{Job, audit};
use super::judged::shown;
use super::suite::SEED;
use super::word;
use crate::engine::{EngineArguments, open_quietly};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::{Interrupt, listen};
use crate::progress::Speeds;
use crate::terminal::Terminal;

/// Trained by us; demo/README.md says how.
const TEACHER: &[u8] = include_bytes!("../../../../demo/teacher.gguf");
const STUDENT: &[u8] = include_bytes!("../../../../demo/student.gguf");
/// Context that the demo models were trained with.
const CONTEXT: u32 = 256;

/// Answers of each model to a prompt, and as many of the teacher again: so small a suite decides nothing with fewer.
const ANSWERS: u32 = 64;

/// The student that was trained, in the words of the table.
const DISTILLED: &str = "distilled on the centre only";

/// Students made from the teacher by a known change, with what the change is.
const PLANTED: [(&str, &str); 5] = [
    ("null", "the teacher itself"),
    ("noise=0.1", "a little noise, as quantisation makes"),
    ("temperature=0.7", "sharpened"),
    ("tail_truncated=0.9", "tail cut off"),
    ("tail_permuted=0.9", "tail shuffled"),
];

/// Columns of the table: heading and metric.
static COLUMNS: [(&str, &Definition); 6] = [
    ("KL, nats", &tokens::KL_DIVERGENCE),
    ("tail kept", &tokens::TAIL_KEPT),
    ("sharpness", &tokens::ENTROPY_RATIO),
    ("same top", &tokens::TOP1_AGREEMENT),
    ("choice D2", &choices::CHOICE_DIVERGENCE),
    ("diversity", &answers::DIVERSITY_KEPT),
];

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder for the models and the runs.
    #[arg(long, default_value = "hydrometer-demo", value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    engine: EngineArguments,
    /// Open the student's report in a browser.
    #[arg(long)]
    open: bool,
}

/// One line of the table.
struct Row {
    student: &'static str,
    statement: Statement,
}

/// Runs the tour.
pub fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let interrupt = listen()?;
    let tour = Tour {
        teacher: unpack(&arguments.out, "teacher.gguf", TEACHER)?,
        engine: arguments.engine.options(),
        suite: Suite::builtin(Profile::Quick, SEED),
        interrupt,
        out: arguments.out,
    };
    let student = unpack(&tour.out, "student.gguf", STUDENT)?;
    let rounds = PLANTED.len() + 1;
    terminal.say(&format!("1 of {rounds}: {DISTILLED}"));
    let main = tour.audit("student", &student, terminal)?;
    let mut rows = vec![Row { student: DISTILLED, statement: main.clone() }];
    for (round, (defect, student)) in (2..).zip(PLANTED) {
        terminal.say(&format!("{round} of {rounds}: {student}"));
        let name = defect.split('=').next().unwrap_or(defect);
        let statement = tour.audit(name, &format!("planted:{defect}({})", tour.teacher), terminal)?;
        rows.push(Row { student, statement });
    }
    let folder = tour.out.join("student");
    terminal.data(&table(&rows))?;
    terminal.data(&shown(&main, &folder, terminal)?)?;
    if arguments.open {
        files::open(&folder.join("report.html"), terminal);
    }
    Ok(Exit::Done)
}

/// What all audits of the tour share.
struct Tour {
    teacher: String,
    engine: EngineOptions,
    suite: Suite,
    interrupt: Interrupt,
    out: PathBuf,
}

impl Tour {
    fn audit(&self, name: &str, student: &str, terminal: &Terminal) -> Result<Statement, Failure> {
        let teacher = open_quietly("teacher", &self.teacher, &self.engine)?;
        let student = open_quietly("student", student, &self.engine)?;
        let options = AskOptions {
            n_ctx: CONTEXT,
            block_tokens: 8 * CONTEXT,
            rotations: 4,
            floor_windows: 16,
            max_windows: None,
            seed: SEED,
            sampling: Some(self.sampling()),
            teacher_asked: None,
            until_decided: None,
            arguments: vec!["demo".to_owned(), name.to_owned()],
        };
        let policy = Policy::default();
        let folder = self.out.join(name);
        let job = Job { suite: &self.suite, options: &options, policy: &policy, folder: &folder };
        let speeds = Speeds { teacher: None, student: None };
        audit(Models::pair(&*teacher, &*student), &job, speeds, &self.interrupt, terminal)
    }

    /// The teacher answers once; its answers are kept for every student.
    fn sampling(&self) -> Sampling {
        let parameters =
            SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 96, stop: Vec::new(), seed: SEED };
        Sampling {
            settings: SampleSettings { per_probe: ANSWERS, reruns: ANSWERS, parameters },
            store: self.out.join("answers"),
            limits: SampleLimits { width: ANSWERS as usize, memory: 1 << 30 },
        }
    }
}

/// Puts an embedded model where `audit` can be given it by hand; one that is there already stays.
fn unpack(out: &Path, name: &str, content: &[u8]) -> Result<String, Failure> {
    let folder = out.join("models");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
    let path = folder.join(name);
    if fs::read(&path).ok().as_deref() != Some(content) {
        files::write(&path, content)?;
    }
    Ok(path.display().to_string())
}

fn table(rows: &[Row]) -> String {
    let mut lines = String::from("One teacher, six students whose loss is known\n\n");
    let width = rows.iter().map(|row| row.student.len()).max().unwrap_or(0);
    lines.push_str(&format!("{:width$}", "student"));
    for (heading, _) in COLUMNS {
        lines.push_str(&format!("  {heading:>9}"));
    }
    lines.push_str("  verdict\n");
    for row in rows {
        lines.push_str(&format!("{:width$}", row.student));
        for (_, metric) in COLUMNS {
            let value = value(&row.statement, metric).map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
            lines.push_str(&format!("  {value:>9}"));
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
