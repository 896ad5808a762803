//! Answers that other tools logged: each tool's files have a reader in a file of its own, which makes [`Record`]s of them;
//! [`pair`] joins those of two models. A file is known by what it holds, whatever it is called.

mod alpaca_eval;
mod bfcl;
mod collections;
mod conversations;
mod envelope;
mod error;
mod fastchat;
mod files;
mod format;
mod inspect;
mod judge;
mod lighteval;
mod lm_eval;
mod message;
mod openai_batch;
mod pair;
mod parquet_rows;
mod promptfoo;
mod prompts;
mod record;
mod scores;
mod source;
mod table;
mod tau;
mod trajectory;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use files::Found;
use source::{Body, Source};

pub use error::LoggedError;
pub use files::may_be_logs;
pub use format::Format;
pub use judge::{Unanswered, Wanted};
pub use pair::{Given, GivenRun, GivenText, Paired, PairedQuestion, Report, pair};
pub use parquet_rows::each_row as each_parquet_row;
pub use prompts::{Prompts, prompts};
pub use record::{Answer, Content, LoggedFile, Place, Record, Score, TextAnswer};
pub use source::BadLines;
pub use table::Columns;

/// How files are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The format of every file; `None` finds it out.
    pub format: Option<Format>,
    /// Columns of tables.
    pub columns: Columns,
    /// What happens to lines that cannot be read.
    pub bad_lines: BadLines,
}

/// Reads files, and of folders those that a tool leaves there.
///
/// # Errors
/// A path that cannot be read, a file of no known format (the message lists them), a line that cannot be read.
pub fn read(paths: &[PathBuf], reading: &Reading) -> Result<Vec<LoggedFile>, LoggedError> {
    let mut files = Vec::new();
    for Found { path, called, questions } in files::find(paths)? {
        files.push(match questions {
            Some(questions) => {
                let (source, records) = collections::vicuna(&path, &questions, reading.bad_lines)?;
                logged(source, &path, called, Format::Fastchat, records)
            }
            None => file(&path, called, reading)?,
        });
    }
    bfcl::judge(&mut files);
    Ok(files)
}

fn logged(source: Source, path: &Path, called: Vec<String>, format: Format, records: Vec<Record>) -> LoggedFile {
    let Source { name, bad_lines, mended, .. } = source;
    let (path, notes) = (path.to_owned(), Vec::new());
    LoggedFile { name, path, called, format, records, bad_lines, mended, notes, verdicts: None }
}

fn file(path: &Path, called: Vec<String>, reading: &Reading) -> Result<LoggedFile, LoggedError> {
    let mut source = Source::open(path, reading.bad_lines)?;
    let format = reading.format.map_or_else(|| Format::of(&source, &reading.columns), Ok)?;
    let mut notes = Vec::new();
    let records = match (&source.body, format) {
        (Body::Zip(bytes), Format::Inspect) => inspect::archive(&source, bytes, &mut notes)?,
        (Body::Parquet, Format::Lighteval) => lighteval::records(&source, path)?,
        (Body::Object(fields), Format::Inspect) => inspect::json(&source, fields, &mut notes)?,
        (Body::Object(fields), Format::Promptfoo) if fields.contains_key("results") => {
            promptfoo::json(&source, fields)?
        }
        (Body::Object(fields), Format::Tau) if fields.contains_key("simulations") => tau::json(&source, fields)?,
        (Body::Cells(_), Format::Xstest) => collections::xstest(path, &source.name)?,
        (Body::Object(fields), _) => {
            let (records, bad_lines) = of_object(&source, fields, format, reading, &mut notes)?;
            source.bad_lines += bad_lines;
            records
        }
        (Body::Rows(rows) | Body::Cells(rows), _) => {
            let rows = rows.iter().map(|row| (row.number, None, &row.fields));
            let (records, bad_lines) = of_rows(&source, rows.collect(), format, reading, &mut notes)?;
            source.bad_lines += bad_lines;
            records
        }
        (Body::Zip(_) | Body::Parquet, _) => {
            let found = if matches!(source.body, Body::Zip(_)) { "a zip archive" } else { "a Parquet file" };
            let expected = format!("a file of {format} ({})", format.known_by());
            return Err(LoggedError::wrong(&*source.name, expected, found, "leave --format out, or unpack the file"));
        }
    };
    if format == Format::Promptfoo {
        notes.extend(promptfoo::unasserted(&records));
    }
    let verdicts = reading.columns.correct.clone().filter(|_| format == Format::Table);
    Ok(LoggedFile { notes, verdicts, ..logged(source, path, called, format, records) })
}

/// A row: its number, its name where it has one, its fields.
type NamedRow<'r> = (u64, Option<&'r str>, &'r Map<String, Value>);

/// An object: the only line of a file, or rows that are named.
fn of_object(
    source: &Source,
    fields: &Map<String, Value>,
    format: Format,
    reading: &Reading,
    notes: &mut Vec<String>,
) -> Result<(Vec<Record>, u64), LoggedError> {
    let named: Option<Vec<NamedRow<'_>>> = (1..)
        .zip(fields)
        .map(|(number, (key, value))| Some((number, Some(key.as_str()), value.as_object()?)))
        .collect();
    match named {
        Some(rows) if format == Format::Table && !rows.is_empty() => of_rows(source, rows, format, reading, notes),
        _ => of_rows(source, vec![(1, None, fields)], format, reading, notes),
    }
}

/// The records of rows, and how many rows were left out because they are of another shape. What is particular goes to `notes`.
fn of_rows(
    source: &Source,
    rows: Vec<NamedRow<'_>>,
    format: Format,
    reading: &Reading,
    notes: &mut Vec<String>,
) -> Result<(Vec<Record>, u64), LoggedError> {
    let mut table = table::Table::default();
    if format == Format::Table {
        let columns = &reading.columns;
        let fields = || rows.iter().map(|(.., fields)| *fields);
        columns.check(&source.name, rows.iter().map(|(_, name, fields)| (*name, *fields)))?;
        let numbered: Vec<_> = rows.iter().map(|(number, _, fields)| (source.place(*number), *fields)).collect();
        table.answers = table::AnswerColumns::of(columns, &numbered, notes)?;
        table.beside = table::columns_beside(columns, &table.answers, &numbered);
        let yes_or_no =
            |fields: &&Map<String, Value>| table.answers.cell(fields).1.as_str().is_some_and(scores::is_yes_or_no);
        let doubtful = columns.correct.is_none() && 2 * fields().filter(yes_or_no).count() > rows.len();
        table.words = scores::Words::of(fields(), |name| columns.is_verdict(name), doubtful);
        notes.extend(table.words.notes());
        notes.extend(columns.notes(fields()));
    }
    if format == Format::Conversations {
        notes.extend(conversations::without_answer(rows.iter().map(|(.., fields)| *fields)));
    }
    let task = lm_eval::task(&source.name);
    let tasks = match format {
        Format::Tau => tau::Tasks::of(rows.iter().map(|(.., fields)| *fields)),
        _ => tau::Tasks::default(),
    };
    let prompts = match format {
        Format::Promptfoo => promptfoo::Prompts::of(rows.iter().map(|(.., fields)| *fields)),
        _ => promptfoo::Prompts::default(),
    };
    let (mut records, mut bad_lines) = (Vec::new(), 0);
    for (index, (number, key, fields)) in rows.into_iter().enumerate() {
        let place = source.place(number);
        let of_row = match format {
            Format::LmEval => lm_eval::records(fields, &place, &task),
            Format::Promptfoo => promptfoo::record(fields, &prompts, &place).map(|record| vec![record]),
            Format::OpenaiBatch => openai_batch::records(fields, &place),
            Format::AlpacaEval => alpaca_eval::records(fields, &place),
            Format::Conversations => conversations::record(fields, &place).map(|record| vec![record]),
            Format::Fastchat => fastchat::records(fields, &place),
            Format::Tau => tau::record(fields, &tasks, &place).map(|record| vec![record]),
            Format::Bfcl => bfcl::record(fields, &place).map(|record| vec![record]),
            Format::Gsm8kSolutions => collections::gsm8k(index + 1, fields, &place),
            Format::Table => reading.columns.records(fields, key, &place, &table),
            Format::Inspect | Format::Lighteval | Format::Xstest => {
                let next = "leave --format out to find out what the file is";
                let expected = format!("a file of {format} ({})", format.known_by());
                return Err(LoggedError::wrong(&*source.name, expected, "rows of JSON or cells", next));
            }
        };
        match of_row {
            Ok(of_row) => records.extend(of_row),
            Err(_) if reading.bad_lines == BadLines::Skip => bad_lines += 1,
            Err(error) => return Err(reading.bad_lines.refused(error)),
        }
    }
    Ok((records, bad_lines))
}
