//! Episodes as a model takes them: its own way of calling tools where its chat template has one, else the plain JSON
//! protocol of [`hydrometer_probes::world::protocol`]. One file for each way: how its calls are read, strictly, with what is
//! malformed kept.

mod functiongemma;
mod hermes;
mod llama3;
mod mistral;
mod native;
mod turn;

use hydrometer_probes::kind::Episode;
use hydrometer_probes::world::protocol::{self, Speaker};
use hydrometer_probes::world::{Call, Event, Said};
use hydrometer_probes::{Probe, without_thoughts};
use serde_json::{Map, Value, json};

pub(crate) use native::written as written_natively;
pub use turn::{Declared, Made, Turn, WithTools};

use crate::{ChatTemplate, GenerationPrompt, Message, ModelError, Prompt, Tokenizer};

/// An episode at the point where a model is to answer.
#[derive(Clone, Copy, Debug)]
pub struct Conversation<'a> {
    /// The probe that the episode is of: how far out it lies.
    pub probe: &'a Probe,
    /// The episode.
    pub episode: &'a Episode,
    /// What happened so far.
    pub events: &'a [Event],
}

/// How tools and calls are put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolProtocol {
    /// The plain JSON protocol.
    Json,
    /// `<tool_call>{"name": …, "arguments": {…}}</tool_call>`: Qwen, Hermes and their like.
    Hermes,
    /// `{"name": …, "parameters": {…}}`: Llama 3.
    Llama3,
    /// `[TOOL_CALLS] [{"name": …, "arguments": {…}}]`: Mistral.
    Mistral,
    /// `<start_function_call>call:NAME{KEY:VALUE}<end_function_call>`: FunctionGemma.
    FunctionGemma,
    /// Calls are data: a server reads them out of the model's words, and writes them into its conversation.
    Native,
}

impl ToolProtocol {
    /// The way of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Json, Self::Hermes, Self::Llama3, Self::Mistral, Self::FunctionGemma, Self::Native];
        all.into_iter().find(|way| way.name() == name)
    }

    /// The way that a template has; the plain protocol for one that knows no tools, or calls them in another way.
    #[must_use]
    pub fn of(template: &str) -> Self {
        let has = |text: &str| template.contains(text);
        match () {
            () if !has("tools") => Self::Json,
            () if has("[TOOL_CALLS]") && has("[AVAILABLE_TOOLS]") => Self::Mistral,
            // Qwen3-Coder writes calls in elements of its own between the same marks.
            () if has("<tool_call>") && has("<tool_response>") && !has("<function=") => Self::Hermes,
            () if functiongemma::is_of(template) => Self::FunctionGemma,
            () if has("ipython") && has("\"parameters\"") => Self::Llama3,
            () => Self::Json,
        }
    }

    /// Its name in manifests; another wording is another name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => protocol::NAME,
            Self::Hermes => "hermes/1",
            Self::Llama3 => "llama3/1",
            Self::Mistral => "mistral/1",
            Self::FunctionGemma => "functiongemma/1",
            Self::Native => "native/1",
        }
    }

    /// Reads an answer: calls, something malformed, or words for the user.
    #[must_use]
    pub fn read(self, text: &str) -> Said {
        let spoken = without_thoughts(text).unwrap_or_default();
        let said = match self {
            Self::Json => return protocol::read(text),
            // What a server read stands behind its marks, whatever the model thought.
            Self::Native => return native::read(text),
            Self::Hermes => hermes::read(spoken),
            Self::Llama3 => llama3::read(spoken),
            Self::Mistral => mistral::read(spoken),
            Self::FunctionGemma => functiongemma::read(spoken),
        };
        Said { text: text.to_owned(), ..said }
    }

    /// A call as a model of this way writes it.
    #[must_use]
    pub fn written(self, call: &Call) -> String {
        let plain = protocol::written(call);
        match self {
            Self::Json => plain,
            Self::Hermes | Self::Native => hermes::marked(&plain),
            Self::Llama3 => json!({"name": call.name, "parameters": call.arguments}).to_string(),
            Self::Mistral => format!("[TOOL_CALLS] [{plain}]"),
            Self::FunctionGemma => functiongemma::written(call),
        }
    }
}

impl Conversation<'_> {
    /// In the words of the plain protocol.
    #[must_use]
    pub fn plain(&self) -> Vec<Message> {
        let message = |(speaker, content): (Speaker, String)| {
            let role = match speaker {
                Speaker::System => "system",
                Speaker::User => "user",
                Speaker::Model => "assistant",
            };
            Message { role: role.to_owned(), content }
        };
        protocol::conversation(self.episode, self.events).into_iter().map(message).collect()
    }

    /// With calls as calls, and what a way wants to be said beside them.
    fn in_the_words_of(&self, way: ToolProtocol) -> WithTools {
        let mut with_tools = self.with_tools();
        if way == ToolProtocol::FunctionGemma {
            functiongemma::invite(&mut with_tools.turns);
        }
        with_tools
    }

    /// As a model with this tokenizer and template takes it.
    ///
    /// # Errors
    /// The template or the tokenizer refuses.
    pub(crate) fn encode(&self, tokenizer: &Tokenizer, template: &ChatTemplate) -> Result<Prompt, ModelError> {
        let text = match template.tool_protocol() {
            ToolProtocol::Json => plain_text(template, &self.plain())?,
            way => {
                let with_tools = self.in_the_words_of(way);
                template.render_with_tools(&with_tools.messages(), &with_tools.declared(), GenerationPrompt::Add)?
            }
        };
        Ok(Prompt::Tokens(tokenizer.begin(tokenizer.encode_rendered(&text)?)))
    }
}

/// The conversation as one text. A template that refuses a system message gets it in front of the first turn.
fn plain_text(template: &ChatTemplate, messages: &[Message]) -> Result<String, ModelError> {
    template.ask(messages).or_else(|refused| match messages {
        [system, first, rest @ ..] if system.role == "system" => {
            let content = format!("{}\n\n{}", system.content, first.content);
            let merged = Message { role: first.role.clone(), content };
            let messages: Vec<Message> = std::iter::once(merged).chain(rest.iter().cloned()).collect();
            template.ask(&messages).map_err(|_| refused)
        }
        _ => Err(refused),
    })
}

/// The words in front of the first call, whichever way it is written.
fn before(text: &str) -> &str {
    Some(hermes::before(text)).filter(|words| !words.is_empty()).unwrap_or_else(|| functiongemma::before(text))
}

/// One JSON value that is all of a text.
fn whole(text: &str) -> Result<Value, String> {
    serde_json::from_str(text.trim()).map_err(|_| "it is no JSON object alone".to_owned())
}

/// Reads `{"name": …, ARGUMENTS: {…}}`, with an `id` where there is one.
fn call(value: Value, arguments: &str) -> Result<Call, String> {
    let without_id = match value {
        Value::Object(fields) => {
            let id = |(key, value): &(String, Value)| key == "id" && value.is_string();
            Value::Object(fields.into_iter().filter(|field| !id(field)).collect::<Map<_, _>>())
        }
        other => other,
    };
    protocol::call_with(without_id, arguments)
}

#[cfg(test)]
mod tests;
