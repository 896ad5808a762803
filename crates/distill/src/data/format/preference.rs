//! Preference pairs: `{"prompt": "…", "chosen": "…", "rejected": "…"}`, or both sides as messages. The chosen side is trained
//! on; the other is not read.

use serde_json::{Value, json};

use super::{Record, conversation, role_of, string, turns};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    match &record["chosen"] {
        Value::Array(chosen) => {
            let begins = chosen.iter().filter_map(Value::as_object).find_map(|entry| role_of(entry, "role").ok());
            let mut messages = match record.get("prompt") {
                Some(Value::Array(prompt)) => prompt.clone(),
                // Where the chosen side is the whole conversation, the prompt stands in it, too.
                Some(Value::String(prompt)) if begins == Some("assistant") => {
                    vec![json!({ "role": "user", "content": prompt })]
                }
                _ => Vec::new(),
            };
            messages.extend(chosen.iter().cloned());
            conversation(record, &Value::Array(messages), "role", "content")
        }
        Value::String(chosen) => turns(record, &[string(record, "prompt")?, chosen]),
        _ => Err("`chosen` is neither a text nor messages".to_owned()),
    }
}
