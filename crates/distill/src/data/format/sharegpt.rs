//! ShareGPT: `{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}`. Files that keep `role` and
//! `content` under `conversations` are read, too.

use super::{Record, conversation};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    let messages = record.get("conversations").ok_or("`conversations` is missing")?;
    let plain = messages[0].get("role").is_some();
    if plain { conversation(messages, "role", "content") } else { conversation(messages, "from", "value") }
}
