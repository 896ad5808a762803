//! The shapes of training records: one file per shape, each with what it looks like and how it is read.

mod alpaca;
mod beside;
mod message;
mod messages;
mod preference;
mod prompt_completion;
mod sharegpt;
mod text;
mod tools;

use std::borrow::Cow;

use hydrometer_probes::strangers::check_keys;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Content, Said};

/// A record of a file.
pub type Record = Map<String, Value>;

/// A shape that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `{"messages": [{"role", "content"}, …]}`.
    Messages,
    /// `{"conversations": [{"from", "value"}, …]}`.
    Sharegpt,
    /// `{"instruction", "input", "output"}`.
    Alpaca,
    /// `{"prompt", "chosen", "rejected"}`; the chosen side.
    Preference,
    /// `{"prompt", "completion"}`.
    PromptCompletion,
    /// `{"text"}`.
    Text,
}

impl Format {
    /// Every shape, the more particular ones first.
    pub const ALL: [Format; 6] =
        [Self::Messages, Self::Sharegpt, Self::Alpaca, Self::Preference, Self::PromptCompletion, Self::Text];

    /// The keys by which a record of this shape is known.
    #[must_use]
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Messages => &["messages"],
            Self::Sharegpt => &["conversations"],
            Self::Alpaca => &["instruction", "output"],
            Self::Preference => &["chosen", "rejected"],
            Self::PromptCompletion => &["prompt", "completion"],
            Self::Text => &["text"],
        }
    }

    /// The shape of a record.
    #[must_use]
    pub fn of(record: &Record) -> Option<Format> {
        Self::ALL.into_iter().find(|format| format.keys().iter().all(|key| record.contains_key(*key)))
    }

    /// What the record says.
    ///
    /// # Errors
    /// Why it says nothing that can be trained on, as a fragment.
    pub fn read(self, record: &Record) -> Result<Content, String> {
        match self {
            Self::Messages => messages::read(record),
            Self::Sharegpt => sharegpt::read(record),
            Self::Alpaca => alpaca::read(record),
            Self::Preference => preference::read(record),
            Self::PromptCompletion => prompt_completion::read(record),
            Self::Text => text::read(record),
        }
    }
}

/// All shapes in words.
pub(super) fn expected() -> String {
    let shapes: Vec<String> = Format::ALL.iter().map(|format| format.keys().join(" and ")).collect();
    format!("a record with {}", shapes.join(", or "))
}

/// A text under a key.
fn string<'a>(record: &'a Record, key: &str) -> Result<&'a str, String> {
    let value = record.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
    value.as_str().ok_or_else(|| format!("`{key}` is no text"))
}

/// The messages under a key: an array, or one as JSON text, which is how columns of tables often hold it.
fn messages<'a>(record: &'a Record, key: &str) -> Result<Cow<'a, Value>, String> {
    let value = record.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
    unpacked(value).ok_or_else(|| format!("`{key}` is a text that is no JSON"))
}

/// A value, or what a text holds of JSON.
pub(super) fn unpacked(value: &Value) -> Option<Cow<'_, Value>> {
    let Value::String(text) = value else { return Some(Cow::Borrowed(value)) };
    check_keys(text.as_bytes()).and_then(|()| serde_json::from_str(text)).ok().map(Cow::Owned)
}

/// Messages from an array whose entries have a role under `role` and a text under `content`; `record` may declare tools, and say
/// the system message beside them.
fn conversation(record: &Record, value: &Value, role: &str, content: &str) -> Result<Content, String> {
    let entries = value.as_array().ok_or("the messages are no array")?;
    beside::refuse(record)?;
    let system = beside::system(record, entries, (role, content))?;
    if let Some(tools) = tools::of(record, entries)? {
        return tools::conversation(entries, system, tools, role, content);
    }
    let mut said: Vec<Said> = system.map(|text| Said::new("system", text)).into_iter().collect();
    for (index, entry) in entries.iter().enumerate() {
        said.push(message::said(entry, role, content).map_err(|why| format!("message {}: {why}", index + 1))?);
    }
    said.truncate(answered(said.iter().map(|said| (said.role.as_str(), said.train)))?);
    Ok(Content::Conversation(said))
}

/// A conversation of texts, which are by turns the user's and the assistant's.
fn turns(record: &Record, texts: &[&str]) -> Result<Content, String> {
    let entry = |(role, text): (&str, &&str)| serde_json::json!({ "role": role, "content": text });
    let entries: Vec<Value> = ["user", "assistant"].into_iter().cycle().zip(texts).map(entry).collect();
    conversation(record, &Value::Array(entries), "role", "content")
}

/// The role of a message as chat templates call it.
fn role_of(entry: &Record, key: &str) -> Result<&'static str, String> {
    let name = entry.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{key}` is no text"))?;
    match name {
        "system" | "developer" => Ok("system"),
        "user" | "human" => Ok("user"),
        "assistant" | "gpt" | "model" | "bot" | "chatgpt" => Ok("assistant"),
        "tool" | "ipython" if key == "role" => Ok("tool"),
        "tool" | "function" | "observation" | "function_call" => {
            Err("it calls tools in a way that is not read: expected `messages` with `tool_calls`".to_owned())
        }
        other => Err(format!("the role `{}` is unknown", other.chars().take(40).collect::<String>())),
    }
}

/// How many messages there are up to the last answer that is learnt, of roles and whether the record lets it be learnt: what
/// comes behind it teaches nothing.
fn answered<'a>(
    messages: impl DoubleEndedIterator<Item = (&'a str, bool)> + ExactSizeIterator,
) -> Result<usize, String> {
    let messages: Vec<(&str, bool)> = messages.collect();
    let last = messages.iter().rposition(|message| *message == ("assistant", true));
    match last {
        Some(last) => Ok(last + 1),
        None if messages.is_empty() => Err("there is no message".to_owned()),
        None if messages.iter().any(|(role, _)| *role == "assistant") => {
            Err("its record excludes every answer from what is learnt (`weight` of 0, `train` or `loss` of false)"
                .to_owned())
        }
        None => Err("the assistant says nothing".to_owned()),
    }
}

/// Content as a text, or as blocks of which every one is a text.
fn blocks(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let text = |part: &Value| match part {
                Value::String(text) => Some(text.clone()),
                part if part["type"].as_str().is_none_or(|kind| kind == "text") => {
                    part["text"].as_str().map(str::to_owned)
                }
                _ => None,
            };
            parts.iter().map(text).collect::<Option<Vec<_>>>().map(|texts| texts.concat())
        }
        _ => None,
    }
}
