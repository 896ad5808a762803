//! Prompt and completion: `{"prompt": "…", "completion": "…"}` as plain texts, without a chat template; or both as messages.

use serde_json::Value;

use super::{Record, beside, conversation, string};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    // TRL's preferences that are no pairs.
    beside::refuse_unwanted(record, "label")?;
    if let (Some(Value::Array(prompt)), Some(Value::Array(completion))) =
        (record.get("prompt"), record.get("completion"))
    {
        return conversation(record, &Value::Array([prompt.as_slice(), completion].concat()), "role", "content");
    }
    beside::refuse(record)?;
    beside::refuse_system(record)?;
    let (prompt, completion) = (string(record, "prompt")?.to_owned(), string(record, "completion")?.to_owned());
    Ok(Content::Completion { prompt, completion })
}
