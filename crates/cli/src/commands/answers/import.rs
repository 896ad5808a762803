//! `hydrometer answers import`: answers of two models that other tools logged become a finished run.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use hydrometer_answers::SamplingParameters;
use hydrometer_answers::logged::{BadLines, Columns, Format, Reading, Report, Unanswered, Wanted, pair, read};
use hydrometer_ask::{ImportOptions, Judged, import};
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_report::visible;

use crate::arguments::as_typed;
use crate::commands::judged::{policy, publish, shown};
use crate::commands::suite::SEED;
use crate::engine::{Meaning, MeaningArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::numbers;
use crate::terminal::Terminal;

/// Flags of `answers import`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What evaluation tools logged: one file with both models, a file for each, or folders. docs/importing-answers.md
    /// lists the tools.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Model whose answers are the teacher's: a name that the files give, a file, its folder, or a column.
    #[arg(long, value_name = "NAME")]
    teacher: String,
    /// Model whose answers are the student's.
    #[arg(long, value_name = "NAME")]
    student: String,
    /// Folder of the run.
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// What the files are; found out by what they hold where it is not said.
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    format: Option<Format>,
    /// Which filter's answers count, where the files have several (lm-evaluation-harness).
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Which metric says what is right, where the files have several.
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// From this value of the metric on an answer is right; without it only 0 and 1 judge.
    #[arg(long, value_name = "VALUE", value_parser = numbers::number)]
    threshold: Option<f64>,
    /// Only this one of several answers to each question, from 1.
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    epoch: Option<u32>,
    /// Only the questions that both models answered: the others were never put to the student. Without it there is no PASS where
    /// more than a tenth of the teacher's questions have no answer of the student.
    #[arg(long)]
    common: bool,
    /// Leave out lines that cannot be read, and count them.
    #[arg(long)]
    skip_bad_lines: bool,
    #[command(flatten)]
    columns: ColumnArguments,
    /// Temperature of the answers, where it is known. Unknown, or other than 1, leaves agreement, diversity and match
    /// out: such answers are no draws from the models' own distributions.
    #[arg(long, value_name = "T", value_parser = numbers::temperature)]
    temperature: Option<f64>,
    /// Nucleus sampling mass of the answers.
    #[arg(long, default_value_t = 1.0, value_name = "P", requires = "temperature", value_parser = numbers::mass)]
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

/// Columns of a table, where they do not have the usual names.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Columns of tables (JSONL, JSON, CSV)")]
pub struct ColumnArguments {
    /// What was asked.
    #[arg(long, value_name = "COLUMN")]
    prompt: Option<String>,
    /// The system message.
    #[arg(long, value_name = "COLUMN")]
    system: Option<String>,
    /// What the model answered.
    #[arg(long, value_name = "COLUMN")]
    answer: Option<String>,
    /// What the question is called.
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// Questions that share it are not independent.
    #[arg(long, value_name = "COLUMN")]
    family: Option<String>,
    /// Whether the answer is right.
    #[arg(long, value_name = "COLUMN")]
    correct: Option<String>,
    /// What kind of answer it is: answers with equal labels are the same.
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Whose answer it is.
    #[arg(long, value_name = "COLUMN")]
    model: Option<String>,
    /// Which of several answers to the question it is, from 1.
    #[arg(long, value_name = "COLUMN")]
    epoch_column: Option<String>,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let known = |name: &str| Format::ALL.into_iter().find(|format| format.name() == name);
    PossibleValuesParser::new(Format::ALL.map(|format| PossibleValue::new(format.name())))
        // The parser before has refused every other name.
        .map(move |name| known(&name).unwrap_or(Format::Table))
}

impl Arguments {
    fn reading(&self) -> Reading {
        let ColumnArguments { prompt, system, answer, id, family, correct, label, model, epoch_column } = &self.columns;
        Reading {
            format: self.format,
            columns: Columns {
                prompt: prompt.clone(),
                system: system.clone(),
                answer: answer.clone(),
                id: id.clone(),
                family: family.clone(),
                correct: correct.clone(),
                label: label.clone(),
                model: model.clone(),
                epoch: epoch_column.clone(),
                models: [self.teacher.clone(), self.student.clone()],
            },
            bad_lines: if self.skip_bad_lines { BadLines::Skip } else { BadLines::Offer },
        }
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            teacher: self.teacher.clone(),
            student: self.student.clone(),
            filter: self.filter.clone(),
            metric: self.metric.clone(),
            epoch: self.epoch,
            threshold: self.threshold,
            unanswered: if self.common { Unanswered::NeverAsked } else { Unanswered::Lacking },
        }
    }
}

/// Makes the run, its statement and its report.
pub fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let policy = policy(arguments.policy.as_deref())?;
    files::outside_runs(&arguments.out)?;
    let files = read(&arguments.files, &arguments.reading())?;
    for file in &files {
        terminal.say(&format!("{}: {}, {}", file.name, file.format, counted(file.records.len() as u64, "answer")));
    }
    let paired = pair(&files, &arguments.wanted())?;
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
    let made = import(&paired, &options, meaning, &arguments.out)?;
    let statement = hydrometer_audit::statement(&made.run, &policy)?;
    publish(&made.run, &statement)?;
    terminal.say(&format!("{} answered by both models", counted(made.questions, "question")));
    say(&paired.report, terminal);
    say_judged(made.judged, terminal);
    let text =
        if arguments.json { hydrometer_report::json(&statement) } else { shown(&statement, &arguments.out, terminal)? };
    terminal.data(&text)?;
    Ok(if arguments.gate { statement.verdict.into() } else { Exit::Done })
}

/// What was chosen, and what a reader of the numbers must know.
fn say(report: &Report, terminal: &mut Terminal) {
    for choice in &report.choices {
        terminal.say(choice);
    }
    let Report { not_compared, other_documents, by_content, unmeasured, no_choices, unworded, .. } = report;
    let Report { repeated, missing, contradicted_choices, unjudged, bad_lines, mended, .. } = report;
    let warnings = [
        (&not_compared.teacher_alone, "question", "left out, because the student did not answer"),
        (&not_compared.student_alone, "question", "left out, because the teacher did not answer"),
        (
            &not_compared.short_of_student,
            "question",
            "lacking altogether, because the student answered less often than others",
        ),
        (
            &not_compared.unusable_of_student,
            "question",
            "lacking, because the student's answer cannot be compared with the teacher's",
        ),
        (
            &not_compared.unjudged_of_student,
            "question",
            "judged for the teacher, and in the end not for the student, which counts as lacking",
        ),
        (other_documents, "question", "other documents under the same identifier, left out"),
        (by_content, "question", "identifiers disagree with the content, which counts"),
        (unmeasured, "question", "no measurement, left out: log-likelihoods that are all 0 or infinite, or of no text"),
        (unjudged, "task", "left out, because the log does not judge every run of them"),
        (no_choices, "question", "no choice between the same two to eight options of which one is possible, left out"),
        (contradicted_choices, "question", "not judged, because the metric contradicts the log-likelihoods"),
        (unworded, "question", "not worded in these files, shown by name"),
        (repeated, "question", "asked before, in the family of the first"),
        (missing, "answer", "missing or empty"),
        (bad_lines, "line", "left out, because they cannot be read"),
        (mended, "line", "with NaN or half a character, read as null and U+FFFD"),
    ];
    for (&count, what, words) in warnings {
        if count > 0 {
            terminal.warn(&format!("{words}: {}", counted(count, what)));
        }
    }
    if let Some(different) = &report.different_prompts {
        let (prompts, first) = (counted(different.prompts, "question"), visible(&different.first));
        terminal.warn(&format!(
            "asked in different words, so there is no verdict: {prompts}; first {first}: teacher {:?}, student {:?}",
            different.teacher, different.student
        ));
    }
}

fn say_judged(judged: Judged, terminal: &mut Terminal) {
    let Judged { verdicts, in_part, twice, contradicted, .. } = judged;
    if verdicts > 0 {
        terminal.say(&format!("judged by the file, for want of a checker: {}", counted(verdicts, "question")));
    }
    if in_part > 0 {
        terminal
            .warn(&format!("not judged, because the files judge only some answers: {}", counted(in_part, "question")));
    }
    if contradicted > 0 {
        let (contradicted, all) = (grouped(contradicted), counted(twice, "answer"));
        terminal.warn(&format!("the checker counts, and contradicts the file on {contradicted} of {all}"));
    }
}
