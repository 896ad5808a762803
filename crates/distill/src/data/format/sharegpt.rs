//! ShareGPT: `{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}`. Files that keep `role` and
//! `content` under `conversations` are read, too.

use super::{Record, conversation, messages};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    let messages = messages(record, "conversations")?;
    let [role, content] = if messages[0].get("role").is_some() { ["role", "content"] } else { ["from", "value"] };
    conversation(record, &messages, role, content)
}
