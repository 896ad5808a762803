//! ShareGPT: `{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}`. Files that keep `role` and
//! `content` under `conversations` are read, too. Beside them may stand `chosen`, the wanted answer of a preference pair.

use serde_json::Value;

use super::{Record, conversation, messages};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    let messages = messages(record, "conversations")?;
    let [role, content] = if messages[0].get("role").is_some() { ["role", "content"] } else { ["from", "value"] };
    match (messages.as_array(), record.get("chosen")) {
        (Some(asked), Some(chosen @ Value::Object(_))) => {
            let whole = [asked.as_slice(), std::slice::from_ref(chosen)].concat();
            conversation(record, &Value::Array(whole), role, content)
        }
        _ => conversation(record, &messages, role, content),
    }
}
