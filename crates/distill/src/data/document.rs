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
}

/// A conversation with tools, as chat templates take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolConversation {
    /// Objects of `role` and `content`, perhaps `tool_calls`, `tool_call_id` and `name`.
    pub messages: Vec<Value>,
    /// The declarations of the tools; null where the record has none.
    pub tools: Value,
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
                    put(&message.role);
                    put(&message.content);
                }
                [(), ()]
            }
            Content::ToolConversation(ToolConversation { messages, tools }) => {
                put("conversation with tools");
                put(&tools.to_string());
                for message in messages {
                    put(&message.to_string());
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
    /// All its texts in their order, without roles and declarations; calls of tools as JSON.
    #[must_use]
    pub fn texts(&self) -> Vec<Cow<'_, str>> {
        match self {
            Self::Text(text) => vec![text.as_str().into()],
            Self::Completion { prompt, completion } => vec![prompt.as_str().into(), completion.as_str().into()],
            Self::Conversation(said) => said.iter().map(|said| said.content.as_str().into()).collect(),
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
                said.iter().filter(|said| said.role == "assistant").map(|said| said.content.as_str()).collect()
            }
            Self::ToolConversation(conversation) => {
                let of_assistant = conversation.messages.iter().filter(|message| message["role"] == "assistant");
                of_assistant.filter_map(|message| message["content"].as_str()).collect()
            }
        }
    }
}

/// Of a message with tools.
fn texts_of(message: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    let content = message["content"].as_str().map(Cow::from);
    let calls = message.get("tool_calls").map(|calls| Cow::from(calls.to_string()));
    content.into_iter().chain(calls)
}

/// A record that is no document, and why: `place`, then a lower-case fragment.
pub type LeftOut = (String, String);
