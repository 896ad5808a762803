//! Files that hold training documents: JSON Lines, Parquet, and texts.

use std::path::Path;

use hydrometer_answers::logged::{LoggedError, each_parquet_row};
use hydrometer_probes::strangers::{check_keys, read_file};
use serde_json::Value;

use super::document::LeftOut;
use super::format::{self, Format, Record};
use super::origin::RecordOrigin;
use super::{Content, Document};
use crate::DistillError;

/// The documents of a file, and the records that hold none. A name that ends in `.txt` is one text, one that ends in `.parquet`
/// is Parquet; any other is JSON Lines. Records are of `format`, or of the shape that the first one has.
///
/// # Errors
/// A file that cannot be read, a line that is no JSON object, a damaged row, a first record of no known shape.
pub fn read(path: &Path, format: Option<Format>) -> Result<(Vec<Document>, Vec<LeftOut>), DistillError> {
    let is = |extension: &str| path.extension().is_some_and(|found| found == extension);
    let mut records = Records { path, known: format, documents: Vec::new(), left_out: Vec::new() };
    if is("parquet") {
        records.rows()?;
    } else if is("txt") && format.is_none() {
        let text = Content::Text(text(path)?);
        records.documents.push(Document::new(text, path.display().to_string()));
    } else {
        records.lines(&text(path)?)?;
    }
    Ok((records.documents, records.left_out))
}

fn text(path: &Path) -> Result<String, DistillError> {
    let bytes = read_file(path).map_err(hydrometer_answers::RunError::io("read", path))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        DistillError::data(path, "file", "UTF-8 text", format!("byte {at}, which begins no character"))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// What was read of a file so far.
struct Records<'a> {
    path: &'a Path,
    /// The shape of the records, once it is known.
    known: Option<Format>,
    documents: Vec<Document>,
    left_out: Vec<LeftOut>,
}

impl Records<'_> {
    fn lines(&mut self, text: &str) -> Result<(), DistillError> {
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let at = format!("line {number}");
            let parsed = check_keys(line.as_bytes()).and_then(|()| serde_json::from_str(line));
            match parsed {
                Ok(Value::Object(record)) => self.take("line", number, &record)?,
                _ if line.trim_start().starts_with('[') => {
                    let found = "an array: one record a line is read, as `jq -c '.[]' FILE` writes it";
                    return Err(DistillError::data(self.path, at, "a JSON object", found));
                }
                Ok(_) => return Err(DistillError::data(self.path, at, "a JSON object", "another JSON value")),
                Err(error) => return Err(DistillError::data(self.path, at, "a JSON object", error.to_string())),
            }
        }
        Ok(())
    }

    fn rows(&mut self) -> Result<(), DistillError> {
        let path = self.path;
        let (mut number, mut fault) = (0, None);
        let read = each_parquet_row(path, |mut row| {
            number += 1;
            row.values_mut().for_each(drop_nulls);
            self.take("row", number, &row).map_err(|error| {
                fault = Some(error);
                String::new()
            })
        });
        let read = read.map_err(|error| match error {
            LoggedError::Io { source, .. } => hydrometer_answers::RunError::io("read", path)(source).into(),
            other => DistillError::data(path, "file", "records in Parquet", other.to_string()),
        })?;
        match (fault, read) {
            (Some(fault), _) => Err(fault),
            (None, Err(found)) => Err(DistillError::data(path, "file", "records in Parquet", found)),
            (None, Ok(())) => Ok(()),
        }
    }

    fn take(&mut self, unit: &str, number: u64, record: &Record) -> Result<(), DistillError> {
        let format = match self.known.or_else(|| Format::of(record)) {
            Some(format) => *self.known.insert(format),
            None => {
                let keys: Vec<&str> = record.keys().map(String::as_str).take(6).collect();
                let (at, found) = (format!("{unit} {number}"), format!("the keys {}", keys.join(", ")));
                return Err(DistillError::data(self.path, at, format::expected(), found));
            }
        };
        let place = format!("{}:{number}", self.path.display());
        match format.read(record) {
            Ok(content) => {
                let origin = RecordOrigin::of(record);
                self.documents.push(Document { origin, ..Document::new(content, place) });
            }
            Err(why) => self.left_out.push((place, why)),
        }
        Ok(())
    }
}

/// Takes away fields that are null: a struct of Parquet has every field of every row.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}
