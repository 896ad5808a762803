//! Open questions without a true answer: MT-bench and Vicuna questions, self-instruct tasks, chats.

use std::path::Path;

use serde_json::{Map, Value};

use super::{name, probes_of, stem, string, wrong};
use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::fields::shown;
use crate::kind;
use crate::{Ask, Probe, Role, Suite, Turn};

fn probe(id: String, axis: &str, tags: Vec<String>, ask: Ask) -> Probe {
    Probe { family: id.clone(), id, axis: axis.to_owned(), tags, knob: None, boundary: None, ask }
}

/// Reads lines with `question_id`, `category` and `turns` (MT-bench, arXiv 2306.05685) or `text` (Vicuna): one prompt
/// each, the category as axis. Of several turns the first is asked: the later ones answer what a model has said.
///
/// # Errors
/// A line of another shape, or an empty file.
pub fn mt_bench(path: &Path) -> Result<Suite, ProbeError> {
    probes_of(path, |_, fields| {
        let number = question_id(fields)?;
        let (set, question) = match fields.get("turns") {
            Some(turns) => {
                ("mt-bench", turns.get(0).and_then(Value::as_str).ok_or_else(|| wrong(fields, "turns", "texts"))?)
            }
            None => ("vicuna", string(fields, "text")?),
        };
        let axis = string(fields, "category")?;
        Ok(vec![probe(format!("{set}/{number:05}"), axis, Vec::new(), kind::Prompt::new(question).into())])
    })
}

/// The number by which answers of the same collection name a question.
pub(crate) fn question_id(fields: &Map<String, Value>) -> Result<u64, Fault> {
    fields.get("question_id").and_then(Value::as_u64).ok_or_else(|| wrong(fields, "question_id", "a whole number"))
}

/// Reads lines with `id`, `instruction` and `instances` (self-instruct, arXiv 2212.10560): one prompt per instance,
/// its input behind the instruction; axis `novel_instructions`; instances of one task share a family.
///
/// The published outputs are one answer of many and are not read.
///
/// # Errors
/// A line of another shape, or an empty file.
pub fn self_instruct(path: &Path) -> Result<Suite, ProbeError> {
    probes_of(path, |_, fields| {
        let family = format!("self-instruct/{}", super::slug(string(fields, "id")?));
        let instruction = string(fields, "instruction")?;
        let instances = fields.get("instances").and_then(Value::as_array);
        let instances = instances.ok_or_else(|| wrong(fields, "instances", "an array"))?;
        let tags = fields.get("motivation_app").and_then(Value::as_str).map(|app| format!("app:{}", app.trim()));
        let each = instances.iter().enumerate().map(|(index, instance)| {
            let input = instance.get("input").and_then(Value::as_str);
            let input = input.ok_or_else(|| wrong(fields, "instances", "objects with an `input`"))?;
            let asked =
                if input.trim().is_empty() { instruction.to_owned() } else { format!("{instruction}\n\n{input}") };
            let tags = tags.iter().cloned().collect();
            let id = format!("{family}/{}", index + 1);
            Ok(Probe {
                family: family.clone(),
                ..probe(id, "novel_instructions", tags, kind::Prompt::new(asked).into())
            })
        });
        each.collect()
    })
}

/// Reads lines with `messages` of `role` and `content`: one prompt each, axis `chat`, each its own family.
///
/// The last message of the user is asked, what stands in front of it are a system message and earlier turns. An
/// assistant's message at the end is somebody's answer and is not read.
///
/// # Errors
/// A role other than `system` (in front only), `user` and `assistant`, content that is neither text nor blocks of text,
/// or nothing to ask.
pub fn chat(path: &Path) -> Result<Suite, ProbeError> {
    let stem = stem(&name(path));
    probes_of(path, |number, fields| {
        let messages =
            fields.get("messages").and_then(Value::as_array).ok_or_else(|| wrong(fields, "messages", "an array"))?;
        Ok(vec![probe(format!("{stem}/{number:05}"), "chat", Vec::new(), conversation(messages)?)])
    })
}

/// The text of a message: a string, or the texts of its blocks.
fn content(message: &Value) -> Option<String> {
    match message.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => {
            let text = |block: &Value| Some(block.get("text")?.as_str()?.to_owned());
            let texts: Option<Vec<String>> = blocks.iter().map(text).collect();
            texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join("\n"))
        }
        _ => None,
    }
}

fn calls_tools(message: &Value) -> bool {
    message.get("content").is_none_or(Value::is_null)
        && message.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty())
}

fn conversation(messages: &[Value]) -> Result<Ask, Fault> {
    let next = "keep to `system` in front, `user` and `assistant`, each with text";
    let mut first = None;
    let mut said = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let field = |field: &str| {
            message.get(field).and_then(Value::as_str).ok_or_else(|| {
                let found = message.get(field).map_or("no such field".to_owned(), shown);
                Fault::new(FaultKind::BadRow, format!("a text in `{field}` of message {}", index + 1), found, next)
            })
        };
        let Some(text) = content(message).or_else(|| calls_tools(message).then(String::new)) else {
            field("content")?;
            continue;
        };
        match field("role")? {
            // A message of nothing but tool calls has no words.
            "assistant" if text.is_empty() => {}
            "system" if index == 0 => first = Some(text),
            "user" => said.push(Turn { role: Role::User, text }),
            "assistant" => said.push(Turn { role: Role::Assistant, text }),
            other => {
                let expected = format!("`user` or `assistant` as the role of message {}", index + 1);
                return Err(Fault::new(FaultKind::BadRow, expected, quote(other), next));
            }
        }
    }
    if said.last().is_some_and(|turn| turn.role == Role::Assistant) {
        said.pop();
    }
    let Some(Turn { role: Role::User, text }) = said.pop() else {
        return Err(Fault::new(FaultKind::BadRow, "a message of the user to answer", "none", next));
    };
    Ok(kind::Prompt { system: first, turns: said, ..kind::Prompt::new(text) }.into())
}
