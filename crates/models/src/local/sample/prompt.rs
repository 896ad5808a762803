//! What is put to a model.

use hydrometer_answers::store::prompt_hash;

use crate::{Message, WithTools};

/// A conversation as a model takes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Prompt {
    /// Token ids, BOS included where the model wants one. Not empty.
    Tokens(Vec<u32>),
    /// As it stands: the model reads it where it is.
    Messages(Vec<Message>),
    /// The same with tools, of a model that calls them in its own way.
    WithTools(WithTools),
}

impl Prompt {
    /// What names a prompt in keys of answers: its tokens, or the conversation where a model shows no tokens.
    pub fn hash(&self) -> String {
        match self {
            Prompt::Tokens(tokens) => prompt_hash(tokens),
            Prompt::Messages(messages) => {
                let mut hasher = blake3::Hasher::new_derive_key("hydrometer conversation 1");
                for field in messages.iter().flat_map(|message| [&message.role, &message.content]) {
                    hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
                }
                format!("blake3:{}", hasher.finalize().to_hex())
            }
            Prompt::WithTools(conversation) => {
                let mut hasher = blake3::Hasher::new_derive_key("hydrometer conversation with tools 1");
                hasher.update(conversation.to_json().to_string().as_bytes());
                format!("blake3:{}", hasher.finalize().to_hex())
            }
        }
    }

    /// Bytes of its words; of tokens four each.
    pub fn bytes(&self) -> u64 {
        match self {
            Prompt::Tokens(tokens) => 4 * tokens.len() as u64,
            Prompt::Messages(messages) => messages.iter().map(|message| message.content.len() as u64).sum(),
            Prompt::WithTools(conversation) => conversation.to_json().to_string().len() as u64,
        }
    }
}
