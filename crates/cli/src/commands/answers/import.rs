//! `hydrometer answers import`: published answers of two models become a finished run.

use std::path::PathBuf;

use hydrometer_answers::SamplingParameters;
use hydrometer_ask::{ImportOptions, ImportReport, import};
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_probes::paired::PairedAnswers;

use crate::arguments::as_typed;
use crate::commands::judged::{policy, publish, shown};
use crate::commands::suite::SEED;
use crate::engine::{Meaning, MeaningArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::terminal::Terminal;

/// Flags of `answers import`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// GSM8K solutions of several models (.jsonl), a folder with question.jsonl and answer_MODEL.jsonl, or a file for
    /// each model: XSTest completions (.csv), lm-evaluation-harness samples (.jsonl).
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Model whose answers are the teacher's, as the files name it: by field, or by file.
    #[arg(long, value_name = "NAME")]
    teacher: String,
    /// Model whose answers are the student's.
    #[arg(long, value_name = "NAME")]
    student: String,
    /// Folder of the run.
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Temperature of the answers, where it is known. Unknown, or other than 1, leaves agreement, diversity and match
    /// out: such answers are no draws from the models' own distributions.
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// Nucleus sampling mass of the answers.
    #[arg(long, default_value_t = 1.0, value_name = "P", requires = "temperature")]
    top_p: f64,
    #[command(flatten)]
    meaning: MeaningArguments,
    /// Gates and margins; default: `hydrometer policy`.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Exit by verdict: 0 pass, 1 fail, 3 not enough evidence.
    #[arg(long)]
    gate: bool,
    /// Print the statement as JSON instead of the summary.
    #[arg(long)]
    json: bool,
}

/// Makes the run, its statement and its report.
pub fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let policy = policy(arguments.policy.as_deref())?;
    files::outside_runs(&arguments.out)?;
    // Nothing limits an answer that somebody else drew.
    let drawn = |temperature| SamplingParameters {
        temperature,
        top_p: arguments.top_p,
        top_k: 0,
        max_tokens: u32::MAX,
        stop: Vec::new(),
        seed: SEED,
    };
    let options = ImportOptions {
        teacher: arguments.teacher,
        student: arguments.student,
        drawn: arguments.temperature.map(drawn),
        seed: SEED,
        arguments: as_typed(),
    };
    let meaning = arguments.meaning.open(terminal)?;
    let meaning = meaning.as_ref().map(Meaning::closeness);
    let made = import(&PairedAnswers::load(&arguments.files)?, &options, meaning, &arguments.out)?;
    let statement = hydrometer_audit::statement(&made.run, &policy)?;
    publish(&made.run, &statement)?;
    terminal.say(&format!("{} answered by both models", counted(made.prompts, "prompt")));
    let ImportReport { left_out, verdicts, judged_twice, contradicted } = made.report;
    if left_out > 0 {
        terminal.warn(&format!("left out, because not both answered: {}", counted(left_out, "prompt")));
    }
    if verdicts > 0 {
        terminal.say(&format!("judged by the file, for want of a checker: {}", counted(verdicts, "prompt")));
    }
    if contradicted > 0 {
        let (contradicted, all) = (grouped(contradicted), counted(judged_twice, "answer"));
        terminal.warn(&format!("the checker counts, and contradicts the file on {contradicted} of {all}"));
    }
    let text =
        if arguments.json { hydrometer_report::json(&statement) } else { shown(&statement, &arguments.out, terminal)? };
    terminal.data(&text)?;
    Ok(if arguments.gate { statement.verdict.into() } else { Exit::Done })
}
