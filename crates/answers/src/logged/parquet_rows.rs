//! Rows of somebody's Parquet file as JSON objects.

use std::path::Path;

use hydrometer_probes::strangers::{contained, open_file};
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

use super::LoggedError;
use crate::parquet_io::open_bounded;

/// Most bytes of text in all rows of a file.
const MOST_TEXT: usize = 1 << 30;

/// Calls `each` with every row, one after the other; no more than a batch of rows is in memory. The inner error says what the
/// file has instead of rows, and from which row on, or what `each` could not use, as a lower-case fragment.
///
/// # Errors
/// The file cannot be opened.
pub fn each_row(
    path: &Path,
    mut each: impl FnMut(Map<String, Value>) -> Result<(), String>,
) -> Result<Result<(), String>, LoggedError> {
    let file = open_file(path).map_err(|source| LoggedError::Io { path: path.to_owned(), source })?;
    let mut whole: u64 = 0;
    // The library panics on some damaged files.
    let done = contained(|| -> Result<(), String> {
        let reader = open_bounded(file).map_err(|why| format!("a file that {why}"))?;
        let mut left = MOST_TEXT;
        for row in reader.get_row_iter(None).map_err(|error| error.to_string())? {
            let row = row.map_err(|error| format!("a damaged row {}: {error}", whole + 1))?;
            let row = object(&row);
            // A text that stands once in the file may stand in every row.
            let after = row.values().map(bytes).try_fold(left, usize::checked_sub);
            left = after.ok_or_else(|| format!("more than 1 GiB of text by row {}", whole + 1))?;
            whole += 1;
            each(row)?;
        }
        Ok(())
    });
    Ok(done.unwrap_or_else(|| Err(format!("a file that is damaged from row {} on", whole + 1))))
}

/// Bytes of the texts in a value.
fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        Value::Object(fields) => fields.values().map(bytes).sum(),
        _ => 0,
    }
}

fn object(row: &Row) -> Map<String, Value> {
    row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
}

/// The key of a map as text.
fn key_of(field: &Field) -> String {
    match value(field) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// What JSON has of a field; bytes and moments, which no reader asks for, are null.
fn value(field: &Field) -> Value {
    match field {
        Field::Bool(truth) => Value::from(*truth),
        Field::Byte(number) => Value::from(*number),
        Field::Short(number) => Value::from(*number),
        Field::Int(number) => Value::from(*number),
        Field::Long(number) => Value::from(*number),
        Field::UByte(number) => Value::from(*number),
        Field::UShort(number) => Value::from(*number),
        Field::UInt(number) => Value::from(*number),
        Field::ULong(number) => Value::from(*number),
        Field::Float(number) => Value::from(*number),
        Field::Double(number) => Value::from(*number),
        Field::Str(text) => Value::from(text.as_str()),
        Field::Group(row) => Value::Object(object(row)),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        Field::MapInternal(map) => map.entries().iter().map(|(key, field)| (key_of(key), value(field))).collect(),
        _ => Value::Null,
    }
}
