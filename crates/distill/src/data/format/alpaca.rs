//! Alpaca: `{"instruction": "…", "input": "…", "output": "…"}`. Instruction and input, a blank line between, are what the user
//! says.

use super::{Record, string};
use crate::data::{Content, Said};

pub(super) fn read(record: &Record) -> Result<Content, String> {
    let (instruction, output) = (string(record, "instruction")?, string(record, "output")?);
    let input = record.get("input").and_then(|input| input.as_str()).unwrap_or_default();
    let asked = if input.is_empty() { instruction.to_owned() } else { format!("{instruction}\n\n{input}") };
    let said = |role: &str, content: &str| Said { role: role.to_owned(), content: content.to_owned() };
    Ok(Content::Conversation(vec![said("user", &asked), said("assistant", output)]))
}
