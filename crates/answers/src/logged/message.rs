//! Chat messages, in the spellings that logs have: `role` and `content`, `from` and `value`, content in blocks, tool calls.

use hydrometer_probes::{Ask, Role, Turn, kind};
use serde_json::{Map, Value};

/// Text of a message's content: a string, or the texts of its blocks; `None` where it has none. What is neither text nor
/// a thought is named in brackets, so that two messages with different images differ from one without.
pub(super) fn text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Object(block) => text_of_block(block),
        Value::Array(blocks) => {
            let texts: Vec<String> = blocks.iter().filter_map(text).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        _ => None,
    }
}

fn text_of_block(block: &Map<String, Value>) -> Option<String> {
    let kind = block.get("type").and_then(Value::as_str).unwrap_or("text");
    match kind {
        "text" | "output_text" | "input_text" => block.get("text").and_then(Value::as_str).map(str::to_owned),
        "reasoning" | "thinking" | "redacted_thinking" => None,
        "refusal" => block.get("refusal").and_then(Value::as_str).map(str::to_owned),
        "tool_use" => Some(call(block.get("name"), block.get("input"))),
        other => Some(format!("[{other}]")),
    }
}

/// What a message says: its content, and the tools that it calls, as `name(arguments)`.
pub(super) fn said(message: &Map<String, Value>) -> Option<String> {
    let content = message.get("content").or_else(|| message.get("value")).and_then(text);
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten().map(|made| {
        let function = made.get("function").filter(|function| function.is_object()).unwrap_or(made);
        let name = function.get("name").or_else(|| made.get("function"));
        call(name, function.get("arguments"))
    });
    let parts: Vec<String> = content.filter(|text| !text.is_empty()).into_iter().chain(calls).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn call(name: Option<&Value>, arguments: Option<&Value>) -> String {
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{}({})", name.map_or_else(String::new, written), arguments.map_or_else(String::new, written))
}

/// Messages that ask, and the answer that follows them.
pub(super) struct Conversation {
    pub question: Option<Ask>,
    /// `None` where the last message is not the model's, or says nothing.
    pub reply: Option<String>,
}

/// Splits a conversation before its last message where that is the model's.
pub(super) fn conversation(messages: &[Value]) -> Conversation {
    let objects: Vec<&Map<String, Value>> = messages.iter().filter_map(Value::as_object).collect();
    match objects.split_last() {
        Some((last, asked)) if role(last) == Who::Model => {
            Conversation { question: question(asked.iter().copied()), reply: said(last) }
        }
        _ => Conversation { question: question(objects.into_iter()), reply: None },
    }
}

/// Messages as a prompt; `None` without a message to answer.
pub(super) fn question<'a>(messages: impl Iterator<Item = &'a Map<String, Value>>) -> Option<Ask> {
    let (mut system, mut turns) = (Vec::new(), Vec::<Turn>::new());
    for message in messages {
        let Some(text) = said(message).filter(|text| !text.trim().is_empty()) else { continue };
        match role(message) {
            Who::System => system.push(text),
            Who::Model => turns.push(Turn { role: Role::Assistant, text }),
            Who::Person => turns.push(Turn { role: Role::User, text }),
            Who::Tool => turns.push(Turn { role: Role::User, text: format!("[tool] {text}") }),
        }
    }
    let last = turns.pop()?;
    // A prompt that ends with words of the model is continued by it.
    let prompt = last.text;
    let system = (!system.is_empty()).then(|| system.join("\n\n"));
    Some(kind::Prompt { system, turns, ..kind::Prompt::new(prompt) }.into())
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    System,
    Person,
    Model,
    Tool,
}

pub(super) fn role(message: &Map<String, Value>) -> Who {
    let word = message.get("role").or_else(|| message.get("from")).and_then(Value::as_str).unwrap_or("user");
    match word.to_ascii_lowercase().as_str() {
        "system" | "developer" => Who::System,
        "assistant" | "gpt" | "model" | "bot" | "chatgpt" => Who::Model,
        "tool" | "function" | "observation" | "function_response" => Who::Tool,
        _ => Who::Person,
    }
}

/// A prompt as a log has it: a text, a chat as JSON within a text, a list of either, or of messages.
pub(super) fn asked(prompt: &Value) -> Option<Ask> {
    match prompt {
        Value::String(text) => match chat_within(text) {
            Some(messages) => asked(&Value::Array(messages)),
            None if text.trim().is_empty() => None,
            None => Some(kind::Prompt::new(text.as_str()).into()),
        },
        Value::Array(items) if items.len() == 1 && items[0].is_string() => asked(&items[0]),
        Value::Array(messages) => question(messages.iter().filter_map(Value::as_object)),
        Value::Object(fields) => match fields.get("messages").and_then(Value::as_array) {
            Some(messages) => question(messages.iter().filter_map(Value::as_object)),
            None => None,
        },
        _ => None,
    }
}

/// The messages of a chat that is written as JSON within a text.
fn chat_within(text: &str) -> Option<Vec<Value>> {
    let text = text.trim();
    if !text.starts_with('[') || !text.contains("\"role\"") {
        return None;
    }
    let messages: Vec<Value> = serde_json::from_str(text).ok()?;
    let all = |field: &str| messages.iter().all(|message| message.get(field).is_some());
    (!messages.is_empty() && all("role")).then_some(messages)
}

/// Whether a reason for the end of an answer means that a limit cut it.
pub(super) fn finish(reason: Option<&Value>) -> crate::FinishReason {
    match reason.and_then(Value::as_str) {
        Some("length" | "max_tokens" | "model_length" | "max_output_tokens" | "MAX_TOKENS") => {
            crate::FinishReason::Length
        }
        _ => crate::FinishReason::Stop,
    }
}
