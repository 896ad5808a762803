//! Probes in a TOML file: for worlds that are written by hand. `[world]` is shared by the episodes below it, and each
//! `[[probe]]` has the fields of a line of a probe file.

use std::path::Path;

use ::toml::Spanned;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{name, read_text};
use crate::Suite;
use crate::error::{Fault, FaultKind, ProbeError, plain};
use crate::jsonl::probe_of;
use crate::validate::validate_at;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    world: Option<::toml::Table>,
    #[serde(default)]
    probe: Vec<Spanned<::toml::Table>>,
}

/// Reads probes from a TOML file. One without a `kind` is an episode; an episode without a `world` has the file's.
///
/// # Errors
/// The file is no TOML or holds a wrong probe: with the line on which it begins.
pub fn toml(path: &Path) -> Result<Suite, ProbeError> {
    let (name, text) = (name(path), read_text(path)?);
    let line = |byte: usize| 1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count() as u64;
    let file: File = ::toml::from_str(&text).map_err(|error| {
        let expected = "a TOML file of `[world]` and `[[probe]]`";
        let found = plain(error.message().trim());
        let fault = Fault::new(FaultKind::BadToml, expected, found, "compare it with the example in docs/episodes.md");
        ProbeError::line(&name, line(error.span().map_or(0, |span| span.start)), fault)
    })?;
    let world = file.world.map(|world| Value::Object(fields(world)));
    let (mut probes, mut lines) = (Vec::new(), Vec::new());
    for probe in file.probe {
        let at = line(probe.span().start);
        let mut fields = fields(probe.into_inner());
        fields.entry("kind").or_insert_with(|| "episode".into());
        if let Some(world) = world.as_ref().filter(|_| fields["kind"] == "episode") {
            fields.entry("world").or_insert_with(|| world.clone());
        }
        probes.push(probe_of(fields).map_err(|fault| ProbeError::line(&name, at, fault))?);
        lines.push(at);
    }
    validate_at(&name, &probes, &lines)?;
    Ok(Suite { name, probes })
}

fn fields(table: ::toml::Table) -> Map<String, Value> {
    table.into_iter().map(|(key, value)| (key, json(value))).collect()
}

/// A TOML value as JSON; a date is its text.
fn json(value: ::toml::Value) -> Value {
    match value {
        ::toml::Value::String(text) => text.into(),
        ::toml::Value::Integer(number) => number.into(),
        ::toml::Value::Float(number) => number.into(),
        ::toml::Value::Boolean(truth) => truth.into(),
        ::toml::Value::Datetime(date) => date.to_string().into(),
        ::toml::Value::Array(items) => items.into_iter().map(json).collect(),
        ::toml::Value::Table(table) => Value::Object(fields(table)),
    }
}
