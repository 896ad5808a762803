//! The canonical form of a training document and its identity.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::origin::RecordOrigin;

/// What is trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A text, of which every token is learnt.
    Text(String),
    /// A text that is given, and how it goes on.
    Completion {
        /// Given.
        prompt: String,
        /// Learnt.
        completion: String,
    },
    /// A conversation; what the assistant says is learnt.
    Conversation(Vec<Said>),
    /// A conversation with tools; what the assistant says and calls is learnt.
    ToolConversation(ToolConversation),
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// Its text.
    pub content: String,
    /// What the assistant thought before it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// Whether an answer may be learnt: one that its record excludes is given, as what others say is.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub train: bool,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_yes(train: &bool) -> bool {
    *train
}

impl Said {
    /// A message without reasoning, which is learnt if it is the assistant's.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Said {
        Said { role: role.into(), content: content.into(), reasoning_content: None, train: true }
    }

    /// Whether it is learnt.
    #[must_use]
    pub fn is_learnt(&self) -> bool {
        self.role == "assistant" && self.train
    }
}

/// A conversation with tools, as chat templates take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolConversation {
    /// Objects of `role` and `content`, perhaps `reasoning_content`, `tool_calls`, `tool_call_id` and `name`.
    pub messages: Vec<Value>,
    /// Which of them are answers that the record excludes from what is learnt.
    pub excluded: Vec<usize>,
    /// The declarations of the tools; null where the record has none.
    pub tools: Value,
}

impl ToolConversation {
    /// The answers that are learnt, and where they stand.
    pub fn learnt(&self) -> impl Iterator<Item = (usize, &Value)> {
        let learnt =
            |(index, message): &(usize, &Value)| message["role"] == "assistant" && !self.excluded.contains(index);
        self.messages.iter().enumerate().filter(learnt)
    }
}

/// A document and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub content: Content,
    /// File and line, for people.
    pub place: String,
    /// BLAKE3 of the canonical form.
    pub hash: [u8; 32],
    /// What its record says of itself; no part of the hash.
    pub origin: RecordOrigin,
}

impl Document {
    /// With its hash.
    #[must_use]
    pub fn new(content: Content, place: String) -> Document {
        let mut hasher = blake3::Hasher::new_derive_key("hydrometer training document 1");
        let mut put = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        match &content {
            Content::Text(text) => ["text", text].map(&mut put),
            Content::Completion { prompt, completion } => {
                put("completion");
                [prompt, completion].map(|text| put(text))
            }
            Content::Conversation(messages) => {
                put("conversation");
                for message in messages {
                    // Roles are few, so that these words are none.
                    if !message.train {
                        put("given");
                    }
                    if let Some(reasoning) = &message.reasoning_content {
                        put("reasoning");
                        put(reasoning);
                    }
                    put(&message.role);
                    put(&message.content);
                }
                [(), ()]
            }
            Content::ToolConversation(ToolConversation { messages, tools, excluded }) => {
                put("conversation with tools");
                put(&tools.to_string());
                for message in messages {
                    put(&message.to_string());
                }
                for index in excluded {
                    put(&format!("given {index}"));
                }
                [(), ()]
            }
        };
        let hash = *hasher.finalize().as_bytes();
        Document { content, place, hash, origin: RecordOrigin::default() }
    }

    /// The hash as text.
    #[must_use]
    pub fn key(&self) -> String {
        blake3::Hash::from_bytes(self.hash).to_hex().to_string()
    }
}

impl Content {
    /// All its texts in their order, reasoning before what was said, without roles and declarations; calls of tools as JSON.
    #[must_use]
    pub fn texts<'a>(&'a self) -> Vec<Cow<'a, str>> {
        match self {
            Self::Text(text) => vec![text.as_str().into()],
            Self::Completion { prompt, completion } => vec![prompt.as_str().into(), completion.as_str().into()],
            Self::Conversation(said) => {
                let texts = |said: &'a Said| said.reasoning_content.iter().chain([&said.content]);
                said.iter().flat_map(texts).map(|text| text.as_str().into()).collect()
            }
            Self::ToolConversation(conversation) => conversation.messages.iter().flat_map(texts_of).collect(),
        }
    }

    /// What is learnt as an answer: all but plain texts, which answer nothing.
    #[must_use]
    pub fn answers(&self) -> Vec<&str> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Completion { completion, .. } => vec![completion],
            Self::Conversation(said) => {
                said.iter().filter(|said| said.is_learnt()).map(|said| said.content.as_str()).collect()
            }
            Self::ToolConversation(conversation) => {
                conversation.learnt().filter_map(|(_, message)| message["content"].as_str()).collect()
            }
        }
    }
}

/// Of a message with tools.
fn texts_of(message: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    let [reasoning, content] = ["reasoning_content", "content"].map(|key| message[key].as_str().map(Cow::from));
    let calls = message.get("tool_calls").map(|calls| Cow::from(calls.to_string()));
    reasoning.into_iter().chain(content).chain(calls)
}

/// A record that is no document, and why: `place`, then a lower-case fragment.
pub type LeftOut = (String, String);
