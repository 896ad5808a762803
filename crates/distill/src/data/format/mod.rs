//! The shapes of training records: one file per shape, each with what it looks like and how it is read.

mod alpaca;
mod messages;
mod preference;
mod prompt_completion;
mod sharegpt;
mod text;

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

/// Messages from an array whose entries have a role under `role` and a text under `content`.
fn conversation(value: &Value, role: &str, content: &str) -> Result<Content, String> {
    let entries = value.as_array().ok_or("the messages are no array")?;
    let mut said: Vec<Said> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = |why: &str| format!("message {}: {why}", index + 1);
        let entry = entry.as_object().ok_or_else(|| at("it is no object"))?;
        let calls = entry.get("tool_calls").is_some_and(|calls| calls.as_array().is_none_or(|calls| !calls.is_empty()));
        if calls {
            return Err(at("it calls tools, which is not trained yet"));
        }
        let name = entry.get(role).and_then(Value::as_str).ok_or_else(|| at(&format!("`{role}` is no text")))?;
        let role = match name {
            "system" | "developer" => "system",
            "user" | "human" => "user",
            "assistant" | "gpt" | "model" | "bot" | "chatgpt" => "assistant",
            "tool" | "function" | "observation" | "function_call" => {
                return Err(at("it belongs to a tool call, which is not trained yet"));
            }
            other => return Err(at(&format!("the role `{}` is unknown", other.chars().take(40).collect::<String>()))),
        };
        let content = entry.get(content).and_then(blocks).ok_or_else(|| at("its content is no text"))?;
        said.push(Said { role: role.to_owned(), content });
    }
    match said.last() {
        None => Err("there is no message".to_owned()),
        Some(_) if !said.iter().any(|said| said.role == "assistant") => Err("the assistant says nothing".to_owned()),
        Some(last) if last.role != "assistant" => {
            // What nobody answered teaches nothing.
            said.truncate(said.iter().rposition(|said| said.role == "assistant").map_or(0, |at| at + 1));
            Ok(Content::Conversation(said))
        }
        Some(_) => Ok(Content::Conversation(said)),
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
