//! Conversations as chat templates take them: messages as objects, reasoning under every name that templates know it by.

use hydrometer_models::{ChatTemplate, GenerationPrompt, ModelError};
use serde_json::{Value, json};

use super::{Content, Said, ToolConversation};

/// In documents.
const REASONING: &str = "reasoning_content";
/// In templates beside that: vLLM's and gpt-oss's.
const OTHER_NAMES: [&str; 2] = ["reasoning", "thinking"];

/// Messages and declarations of tools, null where there are none.
pub(super) struct Spoken {
    pub(super) messages: Vec<Value>,
    pub(super) tools: Value,
}

impl Spoken {
    /// `None` of what is no conversation.
    pub(super) fn of(content: &Content) -> Option<Spoken> {
        match content {
            Content::Text(_) | Content::Completion { .. } => None,
            Content::Conversation(said) => Some(Spoken::said(said)),
            Content::ToolConversation(conversation) => Some(Spoken::tools(conversation)),
        }
    }

    pub(super) fn tools(conversation: &ToolConversation) -> Spoken {
        let messages = conversation.messages.iter().cloned().map(named).collect();
        Spoken { messages, tools: conversation.tools.clone() }
    }

    pub(super) fn said(said: &[Said]) -> Spoken {
        let message = |said: &Said| {
            let mut message = json!({ "role": said.role, "content": said.content });
            if let Some(reasoning) = &said.reasoning_content {
                message[REASONING] = reasoning.as_str().into();
            }
            named(message)
        };
        Spoken { messages: said.iter().map(message).collect(), tools: Value::Null }
    }

    /// The first `count` messages in words.
    pub(super) fn render(
        &self,
        template: &ChatTemplate,
        count: usize,
        prompt: GenerationPrompt,
    ) -> Result<String, ModelError> {
        template.render_with_tools(&self.messages[..count], &self.tools, prompt)
    }

    /// The same without what was thought; `None` where nothing was.
    pub(super) fn without_reasoning(&self) -> Option<Spoken> {
        let mut messages = self.messages.clone();
        for fields in messages.iter_mut().filter_map(Value::as_object_mut) {
            fields.retain(|key, _| key != REASONING && !OTHER_NAMES.contains(&key.as_str()));
        }
        (messages != self.messages).then(|| Spoken { messages, tools: self.tools.clone() })
    }

    /// The same without system messages; `None` where there are none.
    pub(super) fn without_system(&self) -> Option<Spoken> {
        let messages: Vec<Value> =
            self.messages.iter().filter(|message| message["role"] != "system").cloned().collect();
        (messages.len() < self.messages.len()).then(|| Spoken { messages, tools: self.tools.clone() })
    }
}

fn named(mut message: Value) -> Value {
    if let Some(reasoning) = message.get(REASONING).cloned() {
        for name in OTHER_NAMES {
            message[name] = reasoning.clone();
        }
    }
    message
}
