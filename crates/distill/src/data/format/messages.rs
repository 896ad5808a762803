//! The chat format of OpenAI and Hugging Face: `{"messages": [{"role": "user", "content": "…"}, …]}`, content as a text or as
//! blocks of text, perhaps with `tools` beside and `tool_calls` within; the messages as an array, or as one in JSON text.

use super::{Record, conversation, messages};
use crate::data::Content;

pub(super) fn read(record: &Record) -> Result<Content, String> {
    conversation(record, &*messages(record, "messages")?, "role", "content")
}
