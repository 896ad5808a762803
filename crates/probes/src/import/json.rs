//! Files that are one JSON value, and which data set one is.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::{contrast_sets, name, open};
use crate::Suite;
use crate::error::{Fault, FaultKind, ProbeError, plain, quote};
use crate::fields::shown;
use crate::jsonl::LINE_LIMIT;
use crate::strangers::check_keys;

/// Reads a whole file as one JSON value.
pub(super) fn json(path: &Path) -> Result<Value, ProbeError> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(LINE_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|source| ProbeError::Io { path: path.to_owned(), source })?;
    let fault = |kind, expected: &str, found: &str, next: &str| {
        ProbeError::file(&name(path), Fault::new(kind, expected, found, next))
    };
    if bytes.len() as u64 > LINE_LIMIT {
        let expected = format!("a JSON file of at most {} MiB", LINE_LIMIT >> 20);
        return Err(fault(FaultKind::LineTooLong, &expected, "a larger one", "cut it, or write one probe per line"));
    }
    let bytes = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(&bytes);
    let value = check_keys(bytes).and_then(|()| serde_json::from_slice(bytes));
    value.map_err(|error| fault(FaultKind::BadJson, "one JSON value", &plain(&error.to_string()), "correct the file"))
}

/// A `.json` file of a known data set.
pub(super) fn sniffed(path: &Path) -> Result<Suite, ProbeError> {
    let value = json(path)?;
    if value.get("data").is_some_and(Value::is_array) {
        return contrast_sets::of(path, &value);
    }
    let found = match value.as_object() {
        Some(fields) => fields.keys().take(12).map(|key| quote(key)).collect::<Vec<_>>().join(", "),
        None => shown(&value),
    };
    let expected = "an object with `data`, an array of contrast sets";
    let next =
        "convert the file to one probe per line (.jsonl); of BIPIA name the file of contexts, not that of attacks";
    Err(ProbeError::file(&name(path), Fault::new(FaultKind::UnknownFormat, expected, found, next)))
}
