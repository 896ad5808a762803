//! The parsers of this module on bytes in memory, for fuzzing and for tests.

use std::path::Path;

use hydrometer_probes::strangers::check_keys;
use serde_json::Value;

use super::{config, header, parse_index};
use crate::source::Source;
use crate::{DecoderConfig, ModelError, TensorShape};

/// Reads the header of a safetensors file; `name` stands for the path in errors.
///
/// # Errors
/// As when a folder is opened.
pub fn check_header(name: &str, bytes: &[u8]) -> Result<Vec<TensorShape>, ModelError> {
    let source = Source::memory(name, bytes);
    let stored = header::read(&source)?;
    stored.iter().map(|s| s.shape(source.path())).collect()
}

/// Reads an index of shards.
///
/// # Errors
/// As when a folder is opened.
pub fn check_index(name: &str, bytes: &[u8]) -> Result<usize, ModelError> {
    parse_index(Path::new(name), &json(name, bytes)?).map(|weights| weights.len())
}

/// Reads a `config.json`.
///
/// # Errors
/// As when a folder is opened.
pub fn check_config(name: &str, bytes: &[u8]) -> Result<DecoderConfig, ModelError> {
    config::read(Path::new(name), &json(name, bytes)?, |_| false)
}

fn json(name: &str, bytes: &[u8]) -> Result<Value, ModelError> {
    let broken = |e: serde_json::Error| ModelError::malformed(Path::new(name), "file", "JSON", e.to_string());
    check_keys(bytes).and_then(|()| serde_json::from_slice(bytes)).map_err(broken)
}
