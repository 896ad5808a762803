//! Episodes as a model takes them: its own way of calling tools where its chat template has one, else the plain JSON
//! protocol of [`hydrometer_probes::world::protocol`]. One file for each way: how its calls are read, strictly, with what is
//! malformed kept.

mod hermes;
mod llama3;
mod mistral;

use hydrometer_probes::Probe;
use hydrometer_probes::kind::Episode;
use hydrometer_probes::world::protocol::{self, Speaker};
use hydrometer_probes::world::{Call, CallResult, Event, Said};
use serde_json::{Map, Value, json};

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
}

impl ToolProtocol {
    /// The way that a template has; the plain protocol for one that knows no tools, or calls them in another way.
    #[must_use]
    pub fn of(template: &str) -> Self {
        let has = |text: &str| template.contains(text);
        match () {
            () if !has("tools") => Self::Json,
            () if has("[TOOL_CALLS]") && has("[AVAILABLE_TOOLS]") => Self::Mistral,
            () if has("<tool_call>") && has("<tool_response>") => Self::Hermes,
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
        }
    }

    /// Reads an answer: calls, something malformed, or words for the user.
    #[must_use]
    pub fn read(self, text: &str) -> Said {
        match self {
            Self::Json => protocol::read(text),
            Self::Hermes => hermes::read(text),
            Self::Llama3 => llama3::read(text),
            Self::Mistral => mistral::read(text),
        }
    }

    /// A call as a model of this way writes it.
    #[must_use]
    pub fn written(self, call: &Call) -> String {
        let plain = protocol::written(call);
        match self {
            Self::Json => plain,
            Self::Hermes => format!("<tool_call>\n{plain}\n</tool_call>"),
            Self::Llama3 => json!({"name": call.name, "parameters": call.arguments}).to_string(),
            Self::Mistral => format!("[TOOL_CALLS] [{plain}]"),
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

    /// The tools as function declarations.
    fn tools(&self) -> Value {
        let declared = self.episode.world.tools.iter().map(|tool| {
            json!({
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            })
        });
        declared.collect()
    }

    /// As the messages that templates with tools expect. Calls that were read stand as calls; words that were none stand as
    /// they came, and what the world says of them is said by the user.
    fn with_calls(&self) -> Vec<Value> {
        let system = self.episode.system.iter().map(|text| json!({"role": "system", "content": text}));
        let mut messages: Vec<Value> = system.collect();
        // Numbers calls within the conversation, so that a result names its call.
        let (mut made, mut answered) = (0, 0);
        for event in self.events {
            messages.push(match event {
                Event::User(text) => json!({"role": "user", "content": text}),
                Event::Model(Said { text, calls, .. }) if calls.is_empty() => {
                    json!({"role": "assistant", "content": text})
                }
                Event::Model(Said { text, calls, .. }) => {
                    let calls: Vec<Value> = calls.iter().enumerate().map(|(at, of)| declared(of, made + at)).collect();
                    made += calls.len();
                    json!({"role": "assistant", "content": hermes::before(text), "tool_calls": calls})
                }
                Event::World(result) if result.tool.is_empty() => {
                    json!({"role": "user", "content": protocol::result_line(result)})
                }
                Event::World(result) => {
                    answered += 1;
                    let content = result_words(result);
                    json!({"role": "tool", "name": result.tool, "tool_call_id": id(answered - 1), "content": content})
                }
            });
        }
        messages
    }

    /// As a model with this tokenizer and template takes it.
    ///
    /// # Errors
    /// The template or the tokenizer refuses.
    pub(crate) fn encode(&self, tokenizer: &Tokenizer, template: &ChatTemplate) -> Result<Prompt, ModelError> {
        let text = match template.tool_protocol() {
            ToolProtocol::Json => plain_text(template, &self.plain())?,
            _ => template.render_with_tools(&self.with_calls(), &self.tools(), GenerationPrompt::Add)?,
        };
        Ok(Prompt::Tokens(tokenizer.begin(tokenizer.encode_rendered(&text)?)))
    }
}

/// The conversation as one text. A template that refuses a system message gets it in front of the first turn.
fn plain_text(template: &ChatTemplate, messages: &[Message]) -> Result<String, ModelError> {
    template.render(messages, GenerationPrompt::Add).or_else(|refused| match messages {
        [system, first, rest @ ..] if system.role == "system" => {
            let content = format!("{}\n\n{}", system.content, first.content);
            let merged = Message { role: first.role.clone(), content };
            let messages: Vec<Message> = std::iter::once(merged).chain(rest.iter().cloned()).collect();
            template.render(&messages, GenerationPrompt::Add).map_err(|_| refused)
        }
        _ => Err(refused),
    })
}

fn declared(call: &Call, number: usize) -> Value {
    json!({
        "id": id(number),
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    })
}

/// Nine letters and digits, as Mistral's template asks for.
fn id(number: usize) -> String {
    format!("call{number:05}")
}

fn result_words(result: &CallResult) -> String {
    match (&result.error, &result.value) {
        (Some(words), _) => format!("Error: {words}"),
        (None, Some(value)) => value.to_string(),
        (None, None) => String::new(),
    }
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
