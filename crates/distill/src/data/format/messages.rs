//! The chat format of OpenAI and Hugging Face: `{"messages": [{"role": "user", "content": "…"}, …]}`, content as a text or as
//! blocks of text.

use super::{Record, conversation};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    conversation(record.get("messages").ok_or("`messages` is missing")?, "role", "content")
}
