//! A conversation with tools, whoever takes it: who said what, which calls were made, and what came of them.

use hydrometer_probes::world::protocol;
use hydrometer_probes::world::{Call, CallResult, Event, Said};
use serde_json::{Map, Value, json};

use super::{Conversation, before};
use crate::Message;

/// A tool as it is declared to a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: Value,
}

/// A call that a model made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Made {
    /// What its result names it by: nine letters and digits, as Mistral's template asks for.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments.
    pub arguments: Map<String, Value>,
}

/// One message of a conversation with tools.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// Instructions.
    System(String),
    /// The user speaks.
    User(String),
    /// The model answered: words, and calls where it made any.
    Model {
        /// Its words; those in front of the calls where there are calls.
        text: String,
        /// Its calls.
        calls: Vec<Made>,
    },
    /// What came of a call.
    Result {
        /// The call's.
        id: String,
        /// The tool.
        tool: String,
        /// What it said.
        words: String,
        /// Whether it failed.
        failed: bool,
    },
}

/// A conversation with the tools that stand ready in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WithTools {
    /// Who said what.
    pub turns: Vec<Turn>,
    /// The tools.
    pub tools: Vec<Declared>,
}

impl Turn {
    /// Bytes of what it says.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = match self {
            Turn::System(text) | Turn::User(text) => text.len(),
            Turn::Model { text, calls } => {
                let call = |of: &Made| of.id.len() + of.name.len() + of.arguments_json().len();
                text.len() + calls.iter().map(call).sum::<usize>()
            }
            Turn::Result { id, tool, words, .. } => id.len() + tool.len() + words.len(),
        };
        bytes as u64
    }

    /// A message without calls.
    pub(crate) fn of(message: &Message) -> Turn {
        match message.role.as_str() {
            "system" => Turn::System(message.content.clone()),
            "assistant" => Turn::Model { text: message.content.clone(), calls: Vec::new() },
            _ => Turn::User(message.content.clone()),
        }
    }
}

impl Made {
    /// The arguments as a text.
    pub(crate) fn arguments_json(&self) -> String {
        Value::Object(self.arguments.clone()).to_string()
    }
}

impl Declared {
    /// Bytes of its declaration.
    pub(crate) fn bytes(&self) -> u64 {
        (self.name.len() + self.description.len() + self.parameters.to_string().len()) as u64
    }

    /// As a function, as most servers have it declared.
    pub(crate) fn function(&self) -> Value {
        let Declared { name, description, parameters } = self;
        json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
    }
}

impl WithTools {
    /// All of it as JSON: what names it in keys of answers.
    pub(crate) fn to_json(&self) -> Value {
        json!({"tools": self.declared(), "messages": self.messages()})
    }

    /// The tools as function declarations.
    pub(crate) fn declared(&self) -> Value {
        self.tools.iter().map(Declared::function).collect()
    }

    /// The messages that chat templates with tools expect.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let message = |turn: &Turn| match turn {
            Turn::System(text) => json!({"role": "system", "content": text}),
            Turn::User(text) => json!({"role": "user", "content": text}),
            Turn::Model { text, calls } if calls.is_empty() => json!({"role": "assistant", "content": text}),
            Turn::Model { text, calls } => {
                let calls = calls.iter().map(|Made { id, name, arguments }| {
                    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
                });
                json!({"role": "assistant", "content": text, "tool_calls": calls.collect::<Vec<_>>()})
            }
            Turn::Result { id, tool, words, .. } => {
                json!({"role": "tool", "name": tool, "tool_call_id": id, "content": words})
            }
        };
        self.turns.iter().map(message).collect()
    }
}

impl Conversation<'_> {
    /// With calls as calls. Those that were read stand as calls; words that were none stand as they came, and what the world
    /// says of them is said by the user.
    #[must_use]
    pub fn with_tools(&self) -> WithTools {
        let mut turns: Vec<Turn> = self.episode.system.iter().cloned().map(Turn::System).collect();
        // Numbers calls within the conversation, so that a result names its call.
        let (mut made, mut answered) = (0, 0);
        for event in self.events {
            turns.push(match event {
                Event::User(text) => Turn::User(text.clone()),
                Event::Model(Said { text, calls, .. }) => {
                    let text = if calls.is_empty() { text } else { before(text) };
                    let calls = calls.iter().map(|Call { name, arguments }| {
                        made += 1;
                        Made { id: id(made - 1), name: name.clone(), arguments: arguments.clone() }
                    });
                    Turn::Model { calls: calls.collect(), text: text.to_owned() }
                }
                Event::World(result) if result.tool.is_empty() => Turn::User(protocol::result_line(result)),
                Event::World(result) => {
                    answered += 1;
                    let (tool, words, failed) = (result.tool.clone(), words(result), result.error.is_some());
                    Turn::Result { id: id(answered - 1), tool, words, failed }
                }
            });
        }
        let tools = self.episode.world.tools.iter().map(|tool| Declared {
            name: tool.name.clone(),
            description: tool.description.clone(),
            parameters: tool.parameters.clone(),
        });
        WithTools { turns, tools: tools.collect() }
    }
}

fn id(number: usize) -> String {
    format!("call{number:05}")
}

fn words(result: &CallResult) -> String {
    match (&result.error, &result.value) {
        (Some(words), _) => format!("Error: {words}"),
        (None, Some(value)) => value.to_string(),
        (None, None) => String::new(),
    }
}
