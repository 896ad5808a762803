//! FunctionGemma: each call `call:NAME{KEY:VALUE,…}` between `<start_function_call>` and `<end_function_call>`, texts between
//! `<escape>` (<https://ai.google.dev/gemma/docs/functiongemma/formatting-and-best-practices>). Other models of Gemma 3 have no
//! way of their own: what is called is in their prompt, so that they are asked in the plain protocol.

use hydrometer_probes::world::protocol::{self, said};
use hydrometer_probes::world::{Call, Said};
use serde_json::{Map, Value};

use super::Turn;

const OPEN: &str = "<start_function_call>";
const CLOSE: &str = "<end_function_call>";
const ESCAPE: &str = "<escape>";
/// Begins a result. A model is to stop here: what it writes behind its calls is a result that it made up.
const RESULT: &str = "<start_function_response>";
/// Without these words in front of the tools the model was trained to call none.
const INVITATION: &str = "You are a model that can do function calling with the following functions";
/// Lists and objects within one another, at most.
const DEEPEST: usize = 32;

/// Whether a template writes calls so.
pub(super) fn is_of(template: &str) -> bool {
    template.contains("<start_function_call>call:") && template.contains(CLOSE)
}

/// The words in front of the first call.
pub(super) fn before(text: &str) -> &str {
    text.split_once(OPEN).map_or("", |(words, _)| words.trim())
}

/// Puts the words in front that let the model call tools.
pub(super) fn invite(turns: &mut Vec<Turn>) {
    match turns.first_mut() {
        Some(Turn::System(text)) => *text = format!("{INVITATION}\n{text}"),
        _ => turns.insert(0, Turn::System(INVITATION.to_owned())),
    }
}

/// A call between its marks.
pub(super) fn written(call: &Call) -> String {
    let pairs = call.arguments.iter().map(|(key, value)| format!("{key}:{}", value_written(value)));
    format!("{OPEN}call:{}{{{}}}{CLOSE}", call.name, pairs.collect::<Vec<_>>().join(","))
}

fn value_written(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{ESCAPE}{text}{ESCAPE}"),
        Value::Array(items) => format!("[{}]", items.iter().map(value_written).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let pairs = fields.iter().map(|(key, value)| format!("{key}:{}", value_written(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

pub(super) fn read(text: &str) -> Said {
    if ![OPEN, CLOSE, RESULT].iter().any(|mark| text.contains(mark)) {
        return protocol::read(text);
    }
    let called = text.find(OPEN).unwrap_or(text.len());
    let end = text[called..].find(RESULT).map_or(text.len(), |made_up| called + made_up);
    said(text, calls(&text[..end]))
}

fn calls(text: &str) -> Result<Vec<Call>, String> {
    let mut parts = text.split(OPEN);
    let words = parts.next().unwrap_or_default();
    if let Some(mark) = [CLOSE, RESULT].iter().find(|mark| words.contains(**mark)) {
        return Err(format!("`{mark}` without `{OPEN}`"));
    }
    let one = |part: &str| {
        let (body, after) = part.split_once(CLOSE).ok_or_else(|| format!("`{OPEN}` without `{CLOSE}`"))?;
        if !after.trim().is_empty() {
            return Err(format!("words behind `{CLOSE}`"));
        }
        let (name, arguments) =
            body.trim().strip_prefix("call:").and_then(|call| call.split_once('{')).ok_or_else(none)?;
        if !is_name(name) {
            return Err(none());
        }
        let mut rest = arguments;
        let arguments = fields(&mut rest, DEEPEST).ok_or_else(none)?;
        if rest.is_empty() { Ok(Call { name: name.to_owned(), arguments }) } else { Err(none()) }
    };
    parts.map(one).collect()
}

fn none() -> String {
    "expected `call:NAME{KEY:VALUE,…}`, texts between `<escape>`".to_owned()
}

/// What can stand for a tool or an argument without `<escape>` around it.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || ['_', '-', '.'].contains(&c))
}

/// `KEY:VALUE,…}` behind its brace.
fn fields(rest: &mut &str, deep: usize) -> Option<Map<String, Value>> {
    let mut found = Map::new();
    if taken(rest, "}") {
        return Some(found);
    }
    loop {
        let key = match text(rest) {
            Some(key) => key.to_owned(),
            None => {
                let (key, _) = rest.split_once(':')?;
                *rest = &rest[key.len()..];
                Some(key.trim()).filter(|key| is_name(key))?.to_owned()
            }
        };
        let value = taken(rest, ":").then(|| value(rest, deep))??;
        // A key that is there twice says two things.
        if found.insert(key, value).is_some() {
            return None;
        }
        match () {
            () if taken(rest, ",") => {}
            () if taken(rest, "}") => return Some(found),
            () => return None,
        }
    }
}

fn value(rest: &mut &str, deep: usize) -> Option<Value> {
    let deeper = deep.checked_sub(1)?;
    if let Some(text) = text(rest) {
        return Some(text.into());
    }
    if taken(rest, "{") {
        return fields(rest, deeper).map(Value::Object);
    }
    if taken(rest, "[") {
        let mut items = Vec::new();
        if taken(rest, "]") {
            return Some(items.into());
        }
        loop {
            items.push(value(rest, deeper)?);
            match () {
                () if taken(rest, ",") => {}
                () if taken(rest, "]") => return Some(items.into()),
                () => return None,
            }
        }
    }
    // Numbers, truth and null are written as in JSON; words without `<escape>` are no text.
    let end = rest.find([',', '}', ']'])?;
    let (bare, after) = rest.split_at(end);
    let value = serde_json::from_str::<Value>(bare.trim()).ok().filter(|value| !value.is_string())?;
    *rest = after;
    Some(value)
}

/// What stands between two `<escape>`.
fn text<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (text, after) = rest.trim_start().strip_prefix(ESCAPE)?.split_once(ESCAPE)?;
    *rest = after;
    Some(text)
}

/// Takes a sign where it comes next.
fn taken(rest: &mut &str, sign: &str) -> bool {
    let after = rest.trim_start().strip_prefix(sign);
    if let Some(after) = after {
        *rest = after;
    }
    after.is_some()
}
