//! JSON files: read with the place of a fault, written with a stable layout.

use std::io::Read;
use std::path::Path;

use hydrometer_probes::strangers::{check_keys, open_file};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RunError;

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let text = read_text(path).map_err(RunError::io("read", path))?;
    parse(&text).map_err(|error| json_error(path, error.line(), &error))
}

/// Lines of JSON; an absent file has none, and a last line without its line feed was never finished.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunError> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("read", path)(error)),
    };
    text.split_inclusive('\n')
        .enumerate()
        .filter(|(_, line)| line.ends_with('\n'))
        .map(|(index, line)| parse(line).map_err(|error| json_error(path, index + 1, &error)))
        .collect()
}

fn parse<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    check_keys(text.as_bytes())?;
    serde_json::from_str(text)
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    open_file(path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn json_error(path: &Path, line: usize, error: &serde_json::Error) -> RunError {
    RunError::Json { path: path.to_path_buf(), line, what: error.to_string() }
}

pub(crate) fn pretty<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, RunError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| encode_error(path, &error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// One line of JSON for each value.
pub(crate) fn lines<T: Serialize>(path: &Path, values: &[T]) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::new();
    for value in values {
        serde_json::to_writer(&mut bytes, value).map_err(|error| encode_error(path, &error))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn encode_error(path: &Path, error: &serde_json::Error) -> RunError {
    RunError::Encode { file: path.display().to_string(), what: error.to_string() }
}
