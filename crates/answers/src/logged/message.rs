//! Chat messages, in the spellings that logs have: `role` and `content`, `from` and `value`, content in blocks, tool calls.

use hydrometer_probes::{Ask, Role, Turn, kind};
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;

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
    // Gemini marks its thoughts, and names no kind of block.
    if block.get("thought").is_some_and(|thought| thought == true) {
        return None;
    }
    let made = |field: &str| block.get(field).and_then(Value::as_object).map(called);
    let Some(kind) = block.get("type").and_then(Value::as_str) else {
        let text = block.get("text").and_then(Value::as_str).map(str::to_owned);
        return text.or_else(|| made("functionCall")).or_else(|| made("toolUse"));
    };
    match kind {
        "text" | "output_text" | "input_text" => block.get("text").and_then(Value::as_str).map(str::to_owned),
        "reasoning" | "thinking" | "redacted_thinking" => None,
        "refusal" => block.get("refusal").and_then(Value::as_str).map(str::to_owned),
        "tool_use" | "function" | "function_call" | "tool_call" | "custom_tool_call" | "custom" => Some(called(block)),
        other => Some(format!("[{other}]")),
    }
}

/// What a message says: its content, what it says in place of one (a refusal, a transcript of speech), and the tools that
/// it calls, as `name(arguments)`.
pub(super) fn said(message: &Map<String, Value>) -> Option<String> {
    let message = inner(message);
    let filled = |field: &str| message.get(field).filter(|content| !content.is_null());
    let content =
        ["content", "value", "parts", "text", "message", "prompt"].into_iter().find_map(filled).and_then(text);
    let refusal = filled("refusal").and_then(text);
    let spoken = filled("audio").and_then(|audio| audio.get("transcript")).and_then(text);
    let call = |made: &Value| made.as_object().map(called);
    let calls = filled("tool_calls").and_then(Value::as_array).into_iter().flatten().filter_map(call);
    let calls = calls.chain(filled("function_call").and_then(call));
    let texts = [content, refusal, spoken].into_iter().flatten().filter(|text| !text.is_empty());
    let parts: Vec<String> = texts.chain(calls).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// A message without what LangChain wraps it in.
fn inner(message: &Map<String, Value>) -> &Map<String, Value> {
    let within =
        |field: &str| message.get(field).and_then(Value::as_object).filter(|inner| inner.contains_key("content"));
    let wrapped = !message.contains_key("content");
    within("kwargs").or_else(|| within("data")).filter(|_| wrapped).unwrap_or(message)
}

/// A call of a tool, as `name(arguments)`, in the fields of OpenAI, Anthropic, Gemini, Bedrock and LangChain.
pub(super) fn called(made: &Map<String, Value>) -> String {
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let within = |field: &str| made.get(field).and_then(Value::as_object);
    let function = within("function").or_else(|| within("custom")).unwrap_or(made);
    let name = function.get("name").or_else(|| made.get("function"));
    let arguments = ["arguments", "input", "args", "parameters"].into_iter().find_map(|field| function.get(field));
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
        Some((last, asked)) if role(last) == Some(Who::Model) => {
            Conversation { question: question(asked.iter().copied()), reply: said(last) }
        }
        _ => Conversation { question: question(objects.into_iter()), reply: None },
    }
}

/// Messages as a prompt; `None` without a message to answer, and where nobody knows whose one is.
pub(super) fn question<'a>(messages: impl Iterator<Item = &'a Map<String, Value>>) -> Option<Ask> {
    let (mut system, mut turns) = (Vec::new(), Vec::<Turn>::new());
    for message in messages {
        let Some(text) = said(message).filter(|text| !text.trim().is_empty()) else { continue };
        match role(message)? {
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

/// Whose message it is; `None` where it does not say, or in a word that is not known.
pub(super) fn role(message: &Map<String, Value>) -> Option<Who> {
    let message = inner(message);
    let Some(named) = ["role", "from", "type"].into_iter().find_map(|field| message.get(field)) else {
        // Gemini may leave out that the user speaks.
        return message.contains_key("parts").then_some(Who::Person);
    };
    Some(match named.as_str()?.trim().to_ascii_lowercase().as_str() {
        "system" | "developer" | "systemmessage" => Who::System,
        "user" | "human" | "person" | "customer" | "prompter" | "humanmessage" | "humanmessagechunk" => Who::Person,
        "assistant" | "gpt" | "model" | "bot" | "chatgpt" | "ai" | "agent" | "chatbot" | "llm" | "claude" | "bard"
        | "bing" | "aimessage" | "aimessagechunk" | "function_call" | "tool_call" | "tool_calls" | "reasoning"
        | "thinking" => Who::Model,
        "tool"
        | "function"
        | "observation"
        | "function_response"
        | "tool_response"
        | "tool_result"
        | "function_call_output"
        | "ipython"
        | "environment"
        | "toolmessage" => Who::Tool,
        _ => return None,
    })
}

/// Refuses a chat with a message of which nobody knows whose it is: as the user's it would be asked, and not answer.
///
/// # Errors
/// It has one.
pub(super) fn known_roles(chat: &Value, place: impl FnOnce() -> String) -> Result<(), LoggedError> {
    let messages = chat.as_array().or_else(|| chat.get("messages")?.as_array());
    let unknown = |message: &&Map<String, Value>| role(message).is_none() && !is_block(message);
    match messages.into_iter().flatten().filter_map(Value::as_object).find(unknown) {
        None => Ok(()),
        Some(message) => {
            let found = ["role", "from", "type"].into_iter().find_map(|field| message.get(field));
            let expected = "messages by `system`, `user`, `assistant` or `tool`";
            Err(LoggedError::wrong(place(), expected, shown(found), "say in `role` whose each message is"))
        }
    }
}

/// Whether an object is a piece of a message, and no message.
fn is_block(object: &Map<String, Value>) -> bool {
    let kind = object.get("type").and_then(Value::as_str);
    let kinds =
        ["text", "input_text", "image", "image_url", "input_image", "input_audio", "input_file", "file", "document"];
    !object.contains_key("role") && kind.is_some_and(|kind| kinds.contains(&kind))
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
        Value::Array(blocks) if blocks.iter().all(|block| block.as_object().is_some_and(is_block)) => {
            text(prompt).and_then(|text| asked(&Value::from(text)))
        }
        Value::Array(messages) => question(messages.iter().filter_map(Value::as_object)),
        Value::Object(fields) => {
            let messages = ["messages", "contents"].into_iter().find_map(|field| fields.get(field)?.as_array());
            let ask = question(messages?.iter().filter_map(Value::as_object))?;
            let system =
                ["systemInstruction", "system_instruction", "system"].into_iter().find_map(|field| fields.get(field));
            let system = system.and_then(|system| system.as_object().map_or_else(|| text(system), said));
            Some(with_system(ask, system.as_deref()))
        }
        _ => None,
    }
}

/// A prompt with a system message, where it has none of its own.
pub(super) fn with_system(ask: Ask, system: Option<&str>) -> Ask {
    match (ask, system.filter(|system| !system.trim().is_empty())) {
        (Ask::Prompt(prompt), Some(system)) if prompt.system.is_none() => {
            kind::Prompt { system: Some(system.to_owned()), ..prompt }.into()
        }
        (ask, _) => ask,
    }
}

/// The messages of a chat that is written as JSON within a text.
fn chat_within(text: &str) -> Option<Vec<Value>> {
    let text = text.trim();
    if !text.starts_with('[') || !text.contains("\"role\"") {
        return None;
    }
    let messages: Vec<Value> = serde_json::from_str(text).ok()?;
    let known = |message: &Value| message.as_object().is_some_and(|message| role(message).is_some());
    (!messages.is_empty() && messages.iter().all(known)).then_some(messages)
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
