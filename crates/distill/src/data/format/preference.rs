//! Preference pairs: `{"prompt": "…", "chosen": "…", "rejected": "…"}`, or both sides as messages. The chosen side is trained
//! on; the other is not read.

use serde_json::Value;

use super::{Record, conversation, string};
use crate::data::{Content, Said};

pub(super) fn read(record: &Record) -> Result<Content, String> {
    match &record["chosen"] {
        Value::Array(chosen) => {
            let mut messages = match record.get("prompt") {
                Some(Value::Array(prompt)) => prompt.clone(),
                _ => Vec::new(),
            };
            messages.extend(chosen.iter().cloned());
            conversation(record, &Value::Array(messages), "role", "content")
        }
        Value::String(chosen) => {
            let said = |role: &str, content: &str| Said { role: role.to_owned(), content: content.to_owned() };
            Ok(Content::Conversation(vec![said("user", string(record, "prompt")?), said("assistant", chosen)]))
        }
        _ => Err("`chosen` is neither a text nor messages".to_owned()),
    }
}
