//! Alpaca: `{"instruction": "…", "input": "…", "output": "…"}`, perhaps with `system` and `history`, pairs of what was asked and
//! answered before. Instruction and input, a blank line between, are what the user says.

use serde_json::Value;

use super::{Record, string, turns, unpacked};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    let (instruction, output) = (string(record, "instruction")?, string(record, "output")?);
    let input = match record.get("input") {
        None | Some(Value::Null) => "",
        Some(input) => input.as_str().ok_or("`input` is no text")?,
    };
    let asked = if input.is_empty() { instruction.to_owned() } else { format!("{instruction}\n\n{input}") };
    let history = history(record).ok_or("`history` is no array of pairs of texts")?;
    let before = history.iter().flatten().map(String::as_str);
    turns(record, &before.chain([asked.as_str(), output]).collect::<Vec<_>>())
}

/// What was asked and answered before; tables keep it as JSON text.
fn history(record: &Record) -> Option<Vec<[String; 2]>> {
    match record.get("history") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => Some(Vec::new()),
        Some(history) => serde_json::from_value(unpacked(history)?.into_owned()).ok(),
    }
}
