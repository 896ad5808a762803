//! A conversation with tools as a line of a training set: `messages` with `tool_calls`, and `tools`, as chat templates take them.

use hydrometer_probes::kind::Episode;
use hydrometer_probes::world::{Call, CallResult, Event, Said, Tool, Transcript};
use serde_json::{Value, json};

/// The messages, from the instructions on.
pub(super) fn messages(episode: &Episode, transcript: &Transcript) -> Vec<Value> {
    let mut messages: Vec<Value> =
        episode.system.iter().map(|text| json!({"role": "system", "content": text})).collect();
    // A result follows the calls of its answer, in their order.
    let (mut calls, mut answered) = (0, 0);
    for event in &transcript.events {
        messages.push(match event {
            Event::User(text) => json!({"role": "user", "content": text}),
            Event::Model(said) => {
                let made = said.calls.iter().map(|call| {
                    calls += 1;
                    tool_call(call, calls)
                });
                spoken(said, made.collect())
            }
            Event::World(result) => {
                answered += 1;
                json!({"role": "tool", "tool_call_id": name(answered), "name": result.tool, "content": words(result)})
            }
        });
    }
    messages
}

/// The tools that are offered.
pub(super) fn tools(episode: &Episode) -> Vec<Value> {
    let function = |tool: &Tool| {
        let Tool { name, description, parameters, .. } = tool;
        json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
    };
    episode.world.tools.iter().map(function).collect()
}

fn spoken(said: &Said, calls: Vec<Value>) -> Value {
    if calls.is_empty() {
        json!({"role": "assistant", "content": said.text})
    } else {
        json!({"role": "assistant", "content": said.text, "tool_calls": calls})
    }
}

fn tool_call(call: &Call, number: usize) -> Value {
    let arguments = Value::Object(call.arguments.clone()).to_string();
    json!({"id": name(number), "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

fn name(number: usize) -> String {
    format!("call_{number}")
}

fn words(result: &CallResult) -> String {
    match (&result.error, &result.value) {
        (Some(error), _) => format!("Error: {error}"),
        (None, Some(Value::String(text))) => text.clone(),
        (None, Some(value)) => value.to_string(),
        (None, None) => String::new(),
    }
}
