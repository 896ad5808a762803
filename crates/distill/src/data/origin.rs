//! What a record says of itself beside its text: under which licence it stands, who wrote it, and why its answer ended.

use serde_json::Value;

use super::format::{Record, unpacked};

/// Where a record comes from, as far as it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordOrigin {
    /// Its licence.
    pub licence: Option<String>,
    /// The model that wrote its answer.
    pub model: Option<String>,
    /// Why its last answer ended.
    pub finish: Option<String>,
}

const LICENCE: [&str; 3] = ["license", "licence", "licenses"];
const MODEL: [&str; 4] = ["teacher", "generator", "model", "model_name"];
const FINISH: [&str; 2] = ["finish_reason", "stop_reason"];
/// Where records keep messages, of which the last may say why it ended.
const MESSAGES: [&str; 4] = ["messages", "conversations", "completion", "chosen"];
/// Where records keep what they say of themselves.
const METADATA: [&str; 2] = ["metadata", "meta"];

impl RecordOrigin {
    /// Of a record: its own keys, then those of its metadata; why an answer ended may stand in its last message.
    #[must_use]
    pub fn of(record: &Record) -> RecordOrigin {
        // Metadata are an object, or one as JSON text.
        let metadata: Vec<Record> = METADATA.iter().filter_map(|key| object(record.get(*key)?)).collect();
        let find = |keys: &[&str]| {
            let places = std::iter::once(record).chain(&metadata);
            places.flat_map(|place| keys.iter().filter_map(|key| words(place.get(*key)?))).next()
        };
        let last = |key: &&str| unpacked(record.get(*key)?)?.as_array()?.last()?.as_object().cloned();
        let of_last = || {
            let last = MESSAGES.iter().find_map(last)?;
            FINISH.iter().find_map(|key| words(last.get(*key)?))
        };
        let finish = find(&FINISH).or_else(of_last);
        RecordOrigin { licence: find(&LICENCE), model: find(&MODEL), finish }
    }

    /// Whether the answer was cut off at a limit of tokens: as OpenAI (`length`), Anthropic (`max_tokens`) and Gemini
    /// (`MAX_TOKENS`) say it.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let cut = |finish: &String| ["length", "max_tokens", "max_output_tokens"].contains(&&*finish.to_lowercase());
        self.finish.as_ref().is_some_and(cut)
    }
}

fn object(value: &Value) -> Option<Record> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// A text, or several as one.
fn words(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::trim).collect::<Vec<_>>().join(", "),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}
