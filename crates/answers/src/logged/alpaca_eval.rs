//! alpaca_eval: `model_outputs.json` of one model, and `annotations.json` with the outputs of two. What an annotator
//! prefers is no verdict on either of them.

use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::record::{Answer, Content, Place, Record, TextAnswer};

/// The records of an item.
///
/// # Errors
/// A field is missing.
pub(super) fn records(fields: &Map<String, Value>, place: &Place) -> Result<Vec<Record>, LoggedError> {
    let instruction = fields.get("instruction").and_then(Value::as_str).ok_or_else(|| {
        let next = "give the outputs as alpaca_eval wrote them";
        LoggedError::wrong(place.to_string(), "an `instruction` with text", shown(fields.get("instruction")), next)
    })?;
    // The data set's inputs are part of the instruction, or stand beside it.
    let asked = match fields.get("input").and_then(Value::as_str).filter(|input| !input.trim().is_empty()) {
        Some(input) => format!("{instruction}\n\n{input}"),
        None => instruction.to_owned(),
    };
    let axis = fields.get("dataset").and_then(Value::as_str).unwrap_or("alpaca_eval");
    let record = |end: &str| {
        let of = |field: &str| fields.get(&format!("{field}{end}")).and_then(Value::as_str);
        let text = of("output").filter(|text| !text.is_empty()).map(str::to_owned);
        Record {
            models: of("generator").into_iter().map(str::to_owned).collect(),
            task: axis.to_owned(),
            question: super::message::asked(&Value::from(asked.as_str())),
            content: Content::Asked(asked.clone()),
            ..Record::new(place.clone(), Answer::Text(TextAnswer::new(text)))
        }
    };
    Ok(if fields.contains_key("output_1") { vec![record("_1"), record("_2")] } else { vec![record("")] })
}
