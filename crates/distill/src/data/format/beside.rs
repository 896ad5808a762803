//! What stands in a record beside its messages, and belongs to the conversation: the system message, and what no student can be
//! taught from.

use serde_json::Value;

use super::{Record, blocks, role_of};

/// Names of the system message: LLaMA-Factory's and axolotl's, then those of tables.
const SYSTEM: [&str; 3] = ["system", "system_prompt", "system_message"];
/// What belongs to messages and is no text.
const NO_TEXT: [&str; 6] = ["images", "image", "videos", "video", "audios", "audio"];
/// Where LLaMA-Factory says whether an answer is wanted.
const WANTED: &str = "kto_tag";

fn said<'a>(record: &'a Record, key: &str) -> Option<&'a Value> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    record.get(key).filter(|value| !is_empty(value))
}

/// Refuses a record that is more than its texts, or whose answer is an example of what is not wanted.
pub(super) fn refuse(record: &Record) -> Result<(), String> {
    if let Some(key) = NO_TEXT.into_iter().find(|key| said(record, key).is_some()) {
        return Err(format!("it has `{key}`, and nothing but texts is read"));
    }
    refuse_unwanted(record, WANTED)
}

/// Refuses a record that says under `key` that its answer is not wanted.
pub(super) fn refuse_unwanted(record: &Record, key: &str) -> Result<(), String> {
    match record.get(key) {
        Some(Value::Bool(false)) => Err(format!("its answer is not wanted, says its record (`{key}` is false)")),
        _ => Ok(()),
    }
}

/// The system message that stands beside the messages `entries`, whose role and content are under `keys`; `None` where there is
/// none, or where they begin with it.
pub(super) fn system(record: &Record, entries: &[Value], keys: (&str, &str)) -> Result<Option<String>, String> {
    let Some((key, value)) = SYSTEM.into_iter().find_map(|key| Some((key, said(record, key)?))) else {
        return Ok(None);
    };
    let system = blocks(value).ok_or_else(|| format!("`{key}` is no text"))?;
    let own = entries.first().and_then(Value::as_object).filter(|entry| role_of(entry, keys.0) == Ok("system"));
    match own.map(|entry| entry.get(keys.1).and_then(blocks)) {
        None => Ok(Some(system)),
        Some(own) if own.as_deref() == Some(&system) => Ok(None),
        Some(_) => Err(format!("`{key}` beside the messages is another system message than theirs")),
    }
}

/// Refuses a system message beside texts that no template puts into words.
pub(super) fn refuse_system(record: &Record) -> Result<(), String> {
    match SYSTEM.into_iter().find(|key| said(record, key).is_some()) {
        None => Ok(()),
        Some(key) => {
            Err(format!("`{key}` stands beside texts that are read without a template: write them as `messages`"))
        }
    }
}
