//! Tables with columns that the user names: CSV with a header, or JSON objects line by line.

use std::path::Path;

use serde_json::{Map, Value};

use super::{name, open, unknown_columns};
use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::fields::shown;
use crate::jsonl::{Lines, object};
use crate::kind;
use crate::normalise::whole_number;
use crate::validate::validate_at;
use crate::{Ask, AskedAs, Checker, Families, Normal, Probe, Suite};

/// Which column holds what. `text` or `prompt` is needed; a prompt with `options` is a choice, one without is answered
/// freely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Text to score.
    pub text: Option<String>,
    /// Message that is answered freely, or question of a choice; beside `text`, the unscored context in front of it.
    pub prompt: Option<String>,
    /// System message in front of a prompt that is answered freely.
    pub system: Option<String>,
    /// Options of a choice: a JSON array, or separated by `|`.
    pub options: Option<String>,
    /// The true option: its index from 0, its letter, or its words. Without options the right answer: a number, or a text.
    pub truth: Option<String>,
    /// Family; each row is its own where no column is named.
    pub family: Option<String>,
    /// Identifier; the file's name and the row number where no column is named.
    pub id: Option<String>,
    /// Axis; `imported` where no column is named.
    pub axis: Option<String>,
    /// Tags: a JSON array, or separated by `|`; given as `column:value`-free words.
    pub tags: Option<String>,
}

/// Reads JSON objects line by line.
///
/// # Errors
/// A named column that is missing (the message lists those there), a cell that cannot be understood, a wrong probe.
pub fn jsonl(path: &Path, columns: &Columns) -> Result<Suite, ProbeError> {
    let name = name(path);
    columns.check(&name)?;
    let mut table = Table::new(&name, columns);
    let mut source = Lines::new(open(path)?, &name);
    while let Some((line, text)) = source.next()? {
        let fields = object(text).map_err(|fault| ProbeError::line(&name, line, fault))?;
        if let Some(missing) = columns.named().find(|column| !fields.contains_key(*column)) {
            let found: Vec<String> = fields.keys().take(20).map(|key| quote(key)).collect();
            let next = "name a column that every line has";
            let fault = Fault::new(FaultKind::UnknownColumns, format!("a column `{missing}`"), found.join(", "), next);
            return Err(ProbeError::line(&name, line, fault));
        }
        table.push(line, &fields)?;
    }
    table.finish()
}

/// Reads a CSV file with a header row.
///
/// # Errors
/// As [`jsonl`], and rows whose number of cells differs from the header's.
pub fn csv(path: &Path, columns: &Columns) -> Result<Suite, ProbeError> {
    let name = name(path);
    columns.check(&name)?;
    let mut table = Table::new(&name, columns);
    let mut reader = ::csv::ReaderBuilder::new().from_reader(open(path)?);
    let headers: Vec<String> = reader
        .headers()
        .map_err(|error| row_error(&name, &error))?
        .iter()
        .map(|header| header.trim_start_matches('\u{FEFF}').trim().to_owned())
        .collect();
    if let Some(missing) = columns.named().find(|column| !headers.iter().any(|header| header == column)) {
        return Err(unknown_columns(&name, &format!("a column `{missing}`"), headers.iter()));
    }
    let mut record = ::csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| row_error(&name, &error))? {
        let line = record.position().map_or(0, ::csv::Position::line);
        let fields = headers.iter().cloned().zip(record.iter().map(Value::from)).collect();
        table.push(line, &fields)?;
    }
    table.finish()
}

/// The cells of a data set's columns, row by row, with their lines.
pub(super) fn cells<const N: usize>(
    path: &Path,
    columns: [&str; N],
    set: &str,
) -> Result<Vec<(u64, [String; N])>, ProbeError> {
    let name = name(path);
    let mut reader = ::csv::ReaderBuilder::new().from_reader(open(path)?);
    let headers = reader.headers().map_err(|error| row_error(&name, &error))?.clone();
    let headers: Vec<String> =
        headers.iter().map(|header| header.trim_start_matches('\u{FEFF}').trim().to_owned()).collect();
    let mut at = [0; N];
    for (slot, column) in at.iter_mut().zip(columns) {
        let found = headers.iter().position(|header| header == column);
        let expected = format!("the columns {} ({set})", columns.join(", "));
        *slot = found.ok_or_else(|| unknown_columns(&name, &expected, headers.iter()))?;
    }
    let mut rows = Vec::new();
    let mut record = ::csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| row_error(&name, &error))? {
        let line = record.position().map_or(0, ::csv::Position::line);
        rows.push((line, at.map(|column| record.get(column).unwrap_or("").to_owned())));
    }
    Ok(rows)
}

/// What the CSV reader could not split, as our error.
pub(super) fn row_error(name: &str, error: &::csv::Error) -> ProbeError {
    let line = error.position().map_or(1, ::csv::Position::line);
    let fault = Fault::new(
        FaultKind::BadRow,
        "a UTF-8 CSV row with as many cells as the header",
        error.to_string(),
        "quote cells that hold commas, quotes or line breaks",
    );
    ProbeError::line(name, line, fault)
}

impl Columns {
    fn named(&self) -> impl Iterator<Item = &str> {
        let Self { text, prompt, system, options, truth, family, id, axis, tags } = self;
        [text, prompt, system, options, truth, family, id, axis, tags]
            .into_iter()
            .filter_map(|column| column.as_deref())
    }

    fn check(&self, name: &str) -> Result<(), ProbeError> {
        let found = match (&self.text, &self.prompt, &self.options) {
            (Some(_), ..) | (_, _, Some(_)) if self.system.is_some() => {
                "a system message of what is not answered freely"
            }
            (Some(_), ..) if self.truth.is_some() => "a truth of what is scored",
            (Some(_), _, None) | (None, Some(_), _) => return Ok(()),
            (Some(_), _, Some(_)) => "text and options together",
            (None, None, _) => "neither text nor prompt",
        };
        let fault = Fault::new(
            FaultKind::UnknownColumns,
            "the column of the text to score, or of the prompt, with or without options",
            found,
            "give `--text COLUMN`, `--prompt COLUMN`, or `--prompt COLUMN --options COLUMN`",
        );
        Err(ProbeError::file(name, fault))
    }
}

struct Table<'a> {
    name: &'a str,
    stem: String,
    columns: &'a Columns,
    probes: Vec<Probe>,
    lines: Vec<u64>,
}

impl<'a> Table<'a> {
    fn new(name: &'a str, columns: &'a Columns) -> Self {
        let stem = super::stem(name);
        Self { name, stem, columns, probes: Vec::new(), lines: Vec::new() }
    }

    fn push(&mut self, line: u64, fields: &Map<String, Value>) -> Result<(), ProbeError> {
        let probe = self.probe(fields).map_err(|fault| ProbeError::line(self.name, line, fault))?;
        self.probes.push(probe);
        self.lines.push(line);
        Ok(())
    }

    fn finish(self) -> Result<Suite, ProbeError> {
        validate_at(self.name, &self.probes, &self.lines)?;
        Ok(Suite { name: self.name.to_owned(), probes: self.probes })
    }

    fn probe(&self, fields: &Map<String, Value>) -> Result<Probe, Fault> {
        let columns = self.columns;
        let number = format!("{}/{:05}", self.stem, self.probes.len() + 1);
        let id = said(fields, &columns.id)?.unwrap_or(number);
        let tags = list(fields, &columns.tags)?.unwrap_or_default();
        let prompt = string(fields, &columns.prompt)?;
        let ask = match string(fields, &columns.text)? {
            Some(text) => Ask::Text(kind::Text { text, context: prompt, families: Families::Probe }),
            None if columns.options.is_none() => {
                let system = said(fields, &columns.system)?;
                let asked = kind::Prompt { system, ..kind::Prompt::new(prompt.unwrap_or_default()) };
                Ask::Prompt(match said(fields, &columns.truth)? {
                    Some(truth) => checked(asked, &truth),
                    None => asked,
                })
            }
            None => {
                let options = list(fields, &columns.options)?.unwrap_or_default();
                let truth = string(fields, &columns.truth)?;
                let truth = truth.filter(|truth| !truth.trim().is_empty());
                let truth = truth.map(|truth| which(&truth, &options)).transpose()?;
                let prompt = prompt.unwrap_or_default();
                Ask::Choice(kind::Choice { prompt, options, truth, asked_as: AskedAs::Question })
            }
        };
        Ok(Probe {
            family: said(fields, &columns.family)?.unwrap_or_else(|| id.clone()),
            id,
            axis: said(fields, &columns.axis)?.unwrap_or_else(|| "imported".to_owned()),
            tags,
            knob: None,
            boundary: None,
            ask,
        })
    }
}

/// A cell as text where it says anything: null and white space do not.
fn said(fields: &Map<String, Value>, column: &Option<String>) -> Result<Option<String>, Fault> {
    Ok(string(fields, column)?.filter(|text| !text.trim().is_empty()))
}

/// A cell as text; numbers and truth values are taken as they are written.
fn string(fields: &Map<String, Value>, column: &Option<String>) -> Result<Option<String>, Fault> {
    let Some(column) = column else { return Ok(None) };
    match fields.get(column) {
        None | Some(Value::Null) => Ok(Some(String::new())),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(scalar @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(scalar.to_string())),
        Some(other) => {
            let expected = format!("text in the column `{column}`");
            Err(Fault::new(FaultKind::BadRow, expected, shown(other), "name a column that holds text"))
        }
    }
}

/// A cell as a list: a JSON array of scalars, or text separated by `|`.
fn list(fields: &Map<String, Value>, column: &Option<String>) -> Result<Option<Vec<String>>, Fault> {
    let Some(name) = column else { return Ok(None) };
    let array = match fields.get(name) {
        Some(Value::Array(items)) => Some(items.clone()),
        Some(Value::String(text)) if text.trim_start().starts_with('[') => serde_json::from_str(text).ok(),
        _ => None,
    };
    if let Some(items) = array {
        let scalar = |item: &Value| match item {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(item.to_string()),
            _ => None,
        };
        let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
        return texts.map(Some).ok_or_else(|| {
            let expected = format!("an array of texts in the column `{name}`");
            Fault::new(FaultKind::BadRow, expected, "nested values", "flatten the column to plain texts")
        });
    }
    let text = string(fields, column)?.unwrap_or_default();
    Ok(Some(text.split('|').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()))
}

/// A prompt with its right answer: a number is the last one of an answer, a text all of it, but for spacing and case.
fn checked(prompt: kind::Prompt, truth: &str) -> kind::Prompt {
    let (step, check) = match whole_number(truth) {
        Some(value) => (Normal::Number, Checker::Number { value, tolerance: 0.0 }),
        None => (Normal::Case, Checker::Exact(vec![truth.trim().to_owned()])),
    };
    kind::Prompt { answer: vec![Normal::Whitespace, step], check: Some(check), ..prompt }
}

/// The option that a cell names: by its words first, then by index from 0, then by letter.
fn which(truth: &str, options: &[String]) -> Result<u32, Fault> {
    let truth = truth.trim();
    let by_words = options.iter().position(|option| option.trim() == truth);
    let by_index = || truth.parse::<usize>().ok();
    let by_letter = || match truth.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(usize::from(letter.to_ascii_uppercase() - b'A')),
        _ => None,
    };
    let index = by_words.or_else(by_index).or_else(by_letter).filter(|&index| index < options.len());
    index.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| {
        Fault::new(
            FaultKind::TruthOutOfRange,
            format!("one of the {} options, its index from 0 or its letter", options.len()),
            quote(truth),
            "correct the truth column, or leave the cell empty where no answer is the true one",
        )
    })
}
