//! Tools in conversations: declarations under `tools` of the record, calls under `tool_calls` of a message, and results as
//! messages of the role `tool`. Declarations and messages go to the chat template as they are, with two differences: arguments
//! that are JSON text become the object that they say, because that is what templates expect, and of the fields of a message
//! only those are kept that templates know.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Record, answered, blocks, message, role_of, unpacked};
use crate::data::{Content, ToolConversation};

/// Fields of a message that templates know beside role, content and calls.
const KEPT: [&str; 2] = ["tool_call_id", "name"];
const CALLS: &str = "tool_calls";

/// The declarations of a record that has to do with tools, null where it makes none; `None` of any other record.
pub(super) fn of(record: &Record, entries: &[Value]) -> Result<Option<Value>, String> {
    let tools = match record.get("tools") {
        None | Some(Value::Null) => Value::Null,
        Some(Value::String(text)) if text.trim().is_empty() => Value::Null,
        Some(tools) => match unpacked(tools).ok_or("`tools` is a text that is no JSON")?.into_owned() {
            Value::Array(tools) if tools.iter().all(Value::is_object) => Value::Array(tools),
            Value::Null => Value::Null,
            _ => return Err("`tools` is no array of objects".to_owned()),
        },
    };
    let tools = if tools.as_array().is_some_and(Vec::is_empty) { Value::Null } else { tools };
    let is_of_tools = |entry: &Value| calls(entry).is_some() || entry["role"] == "tool" || entry["role"] == "ipython";
    let any = !tools.is_null() || entries.iter().any(is_of_tools);
    Ok(any.then_some(tools))
}

/// The calls of a message, where it makes any; tables keep them as JSON text.
fn calls(entry: &Value) -> Option<Cow<'_, Value>> {
    let calls = entry.get(CALLS)?;
    if calls.as_str().is_some_and(|text| text.trim().is_empty()) {
        return None;
    }
    let calls = unpacked(calls).unwrap_or(Cow::Borrowed(calls));
    let none = calls.is_null() || calls.as_array().is_some_and(Vec::is_empty);
    (!none).then_some(calls)
}

/// The conversation as templates take it, behind the system message that stood beside it.
pub(super) fn conversation(
    entries: &[Value],
    system: Option<String>,
    tools: Value,
    role: &str,
    content: &str,
) -> Result<Content, String> {
    let mut messages: Vec<Value> = Vec::new();
    messages.extend(system.map(|text| serde_json::json!({ "role": "system", "content": text })));
    let (mut train, before) = (vec![true; messages.len()], messages.len());
    for (index, entry) in entries.iter().enumerate() {
        let (message, learnt) =
            templated(entry, role, content).map_err(|why| format!("message {}: {why}", index + 1))?;
        messages.push(message);
        train.push(learnt);
    }
    let roles = messages.iter().map(|message| message["role"].as_str().unwrap_or_default());
    messages.truncate(answered(roles.zip(train.iter().copied()))?);
    let excluded = (before..messages.len()).filter(|index| !train[*index]).collect();
    Ok(Content::ToolConversation(ToolConversation { messages, excluded, tools }))
}

/// A message, and whether its record lets it be learnt.
fn templated(entry: &Value, role: &str, content: &str) -> Result<(Value, bool), String> {
    let fields = entry.as_object().ok_or("it is no object")?;
    let role = role_of(fields, role)?;
    let made = calls(entry);
    let made = made.as_deref().map(|calls| calls.as_array().ok_or("its tool calls are no array")).transpose()?;
    if made.is_some() && role != "assistant" {
        return Err(format!("the {role} calls tools"));
    }
    let words = match fields.get(content) {
        // A message that calls tools need say nothing.
        None | Some(Value::Null) if made.is_some() => Value::Null,
        words => words.and_then(blocks).map(Value::String).ok_or("its content is no text")?,
    };
    let mut message = Map::new();
    message.insert("role".to_owned(), role.into());
    message.insert("content".to_owned(), words);
    if let Some(reasoning) = message::reasoning(fields, role)? {
        message.insert("reasoning_content".to_owned(), reasoning.into());
    }
    for key in KEPT {
        if let Some(value) = fields.get(key).filter(|value| !value.is_null()) {
            message.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(made) = made {
        let made = made.iter().map(call).collect::<Result<Vec<Value>, String>>()?;
        message.insert(CALLS.to_owned(), made.into());
    }
    Ok((Value::Object(message), message::may_be_learnt(fields, role)?))
}

/// A call whose arguments are an object. Some tools write name and arguments without `function` around them.
fn call(call: &Value) -> Result<Value, String> {
    let mut call = unpacked(call).ok_or("a tool call is a text that is no JSON")?.into_owned();
    let function = match call.get("function") {
        Some(_) => &mut call["function"],
        None => &mut call,
    };
    let Value::Object(function) = function else { return Err("a tool call is no object".to_owned()) };
    if function.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err("a tool call names no function".to_owned());
    }
    if let Some(arguments) = function.get_mut("arguments") {
        let unpacked = unpacked(arguments).map(|value| value.into_owned()).filter(Value::is_object);
        *arguments = unpacked.ok_or("the arguments of a tool call are no JSON object")?;
    }
    Ok(call)
}
