//! alpaca_eval: `model_outputs.json` of one model, and `annotations.json` with the outputs of two. What an annotator
//! prefers is no verdict on either of them.

use serde_json::{Map, Value};

use super::LoggedError;
use super::envelope::answers;
use super::error::shown;
use super::record::{Answer, Content, Place, Record};

/// The records of an item.
///
/// # Errors
/// A field is missing, or holds no answer.
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
        let output = fields.get(&format!("output{end}")).unwrap_or(&Value::Null);
        let mut said = answers(output).unwrap_or_default();
        let (Some(answer), true) = (said.pop(), said.is_empty()) else {
            let expected = format!("one answer in `output{end}`");
            return Err(LoggedError::wrong(place.to_string(), expected, shown(Some(output)), "write its words"));
        };
        Ok(Record {
            models: of("generator").into_iter().map(str::to_owned).collect(),
            task: axis.to_owned(),
            question: super::message::asked(&Value::from(asked.as_str())),
            content: Content::Asked(asked.clone()),
            ..Record::new(place.clone(), Answer::Text(answer))
        })
    };
    if fields.contains_key("output_1") { Ok(vec![record("_1")?, record("_2")?]) } else { Ok(vec![record("")?]) }
}
