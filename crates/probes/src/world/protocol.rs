//! The plain JSON protocol: how tools, calls and results are put into words for a model whose template knows no tools.
//!
//! The system message lists the tools. The model answers with one JSON object `{"name": …, "arguments": {…}}` per call, and
//! nothing else, or with plain words for the user. Results come back as a message of the user, one line per call.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Call, CallResult, Event, Said, World};
use crate::kind::Episode;
use crate::normalise::without_thoughts;
use crate::suite::canonical;

/// Its name in manifests; another wording is another name.
pub const NAME: &str = "json/1";

/// Who says a message of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Speaker {
    /// Instructions.
    System,
    /// The user, or the world.
    User,
    /// The model.
    Model,
}

/// A conversation in the words of this protocol.
#[must_use]
pub fn conversation(episode: &Episode, events: &[Event]) -> Vec<(Speaker, String)> {
    let mut messages = vec![(Speaker::System, instructions(episode.system.as_deref(), &episode.world))];
    let mut results: Vec<String> = Vec::new();
    for event in events {
        if let Event::World(result) = event {
            results.push(result_line(result));
            continue;
        }
        if !results.is_empty() {
            messages.push((Speaker::User, std::mem::take(&mut results).join("\n")));
        }
        match event {
            Event::User(text) => messages.push((Speaker::User, text.clone())),
            Event::Model(said) => messages.push((Speaker::Model, said.text.clone())),
            Event::World(_) => {}
        }
    }
    if !results.is_empty() {
        messages.push((Speaker::User, results.join("\n")));
    }
    messages
}

/// The system message: the suite's own words, the tools, how to call them.
#[must_use]
pub fn instructions(system: Option<&str>, world: &World) -> String {
    let mut text = String::new();
    if let Some(system) = system {
        text.push_str(system);
        text.push_str("\n\n");
    }
    text.push_str("Tools:\n");
    for tool in &world.tools {
        text.push_str(&format!("{}({}): {}\n", tool.name, signature(&tool.parameters), tool.description));
    }
    text.push_str(
        "\nTo use a tool, write only one line of JSON: {\"name\": \"tool\", \"arguments\": {\"argument\": \"value\"}}\n\
         You then get its result. When everything is done, answer the user in plain words.",
    );
    text
}

/// What the world says of one call.
#[must_use]
pub fn result_line(result: &CallResult) -> String {
    match (&result.error, &result.value) {
        (Some(words), _) => format!("Error: {words}"),
        (None, Some(value)) => format!("Result: {}", canonical(value)),
        (None, None) => "Result:".to_owned(),
    }
}

/// `order: string, amount?: integer`.
fn signature(parameters: &Value) -> String {
    let required = parameters.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|of| of.as_str() == Some(name)));
    let parameter = |(name, schema): (&String, &Value)| {
        let optional = if is_required(name) { "" } else { "?" };
        let words = match (schema.get("enum"), schema.get("type").and_then(Value::as_str)) {
            (Some(Value::Array(values)), _) => values.iter().map(canonical).collect::<Vec<_>>().join(" or "),
            (_, Some(kind)) => kind.to_owned(),
            _ => "any".to_owned(),
        };
        format!("{name}{optional}: {words}")
    };
    let properties = parameters.get("properties").and_then(Value::as_object);
    properties.map(|of| of.iter().map(parameter).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

/// Whether an answer means to be calls: it begins with `{`, `[` or a code fence.
#[must_use]
pub fn means_calls(text: &str) -> bool {
    let trimmed = text.trim_start();
    trimmed.starts_with(['{', '[']) || trimmed.starts_with("```")
}

/// An answer without white space around it and without the one code fence around all of it, where there is one.
#[must_use]
pub fn unfenced(text: &str) -> &str {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let body = inner.and_then(|inner| {
        let (language, body) = inner.split_once('\n')?;
        let plain = language.trim().chars().all(|c| c.is_ascii_alphanumeric()) && !body.contains("```");
        plain.then_some(body)
    });
    body.map_or(trimmed, str::trim)
}

/// Reads an answer, but for the thoughts in front of it. What means to be calls is read as JSON objects and nothing else; anything else is for the user.
#[must_use]
pub fn read(text: &str) -> Said {
    let spoken = without_thoughts(text).unwrap_or_default();
    if !means_calls(spoken) {
        return Said { text: text.to_owned(), calls: Vec::new(), malformed: None };
    }
    let read = serde_json::Deserializer::from_str(unfenced(spoken)).into_iter::<Value>();
    let calls = read.map(|value| call(value.map_err(|_| "it is no JSON object alone".to_owned())?)).collect();
    said(text, calls)
}

/// What an answer was read as.
#[must_use]
pub fn said(text: &str, calls: Result<Vec<Call>, String>) -> Said {
    let (calls, malformed) = match calls {
        Ok(calls) => (calls, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    Said { text: text.to_owned(), calls, malformed }
}

/// A call from `{"name": …, "arguments": {…}}` and nothing more.
///
/// # Errors
/// It is none, in words.
pub fn call(value: Value) -> Result<Call, String> {
    call_with(value, "arguments")
}

/// As [`call`], with another word for the arguments.
///
/// # Errors
/// It is none, in words.
pub fn call_with(value: Value, arguments: &str) -> Result<Call, String> {
    let expected = || format!("expected an object of `name` and `{arguments}`");
    let Value::Object(mut fields) = value else { return Err(expected()) };
    let name = fields.remove("name");
    let given = fields.remove(arguments);
    match (name, given, fields.is_empty()) {
        (Some(Value::String(name)), Some(Value::Object(arguments)), true) => Ok(Call { name, arguments }),
        _ => Err(expected()),
    }
}

/// A call as it is written in this protocol.
#[must_use]
pub fn written(call: &Call) -> String {
    let fields = Map::from_iter([
        ("name".to_owned(), Value::from(call.name.as_str())),
        ("arguments".to_owned(), Value::Object(call.arguments.clone())),
    ]);
    Value::Object(fields).to_string()
}
