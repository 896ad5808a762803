//! The messages of a task that was carried out elsewhere as a transcript: what the user said, what the model said and called,
//! what its tools answered. The instructions in front are no event.

use hydrometer_probes::world::{Call, CallResult, Ending, Event, Said, Transcript};
use serde_json::{Map, Value};

use super::message::{Who, role, said};

/// What a failing tool of tau-bench begins its words with.
const FAILED: &str = "Error:";

/// All that happened, in order.
pub(super) fn transcript(messages: &[Value], ending: Ending) -> Transcript {
    let events = messages.iter().filter_map(Value::as_object).filter_map(event).collect();
    Transcript { events, ending }
}

/// The instructions that the model had.
pub(super) fn system(messages: &[Value]) -> Option<String> {
    let all = messages.iter().filter_map(Value::as_object).filter(|message| role(message) == Some(Who::System));
    let all: Vec<String> = all.filter_map(said).filter(|text| !text.trim().is_empty()).collect();
    (!all.is_empty()).then(|| all.join("\n\n"))
}

fn event(message: &Map<String, Value>) -> Option<Event> {
    let words = || said(message).unwrap_or_default();
    // Simulated users have tools of their own: what those answer is not for the model.
    let of_user = message.get("requestor").and_then(Value::as_str) == Some("user");
    Some(match role(message)? {
        Who::System => return None,
        Who::Person => Event::User(words()),
        Who::Tool if of_user => Event::User(format!("[tool] {}", words())),
        Who::Tool => Event::World(result(message)),
        Who::Model => {
            let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten().map(call);
            let (calls, malformed) = match calls.collect::<Result<Vec<_>, _>>() {
                Ok(calls) => (calls, None),
                Err(why) => (Vec::new(), Some(why)),
            };
            Event::Model(Said { text: words(), calls, malformed })
        }
    })
}

/// A call with its arguments: an object, or a text that is one.
fn call(made: &Value) -> Result<Call, String> {
    let function = made.get("function").filter(|function| function.is_object()).unwrap_or(made);
    let name = function.get("name").and_then(Value::as_str).ok_or("it names no tool")?.to_owned();
    let arguments = match function.get("arguments") {
        Some(Value::Object(arguments)) => Some(arguments.clone()),
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        None | Some(Value::Null) => Some(Map::new()),
        Some(_) => None,
    };
    let arguments = arguments.ok_or_else(|| "its arguments are no JSON object".to_owned())?;
    Ok(Call { name, arguments })
}

/// What a tool answered: JSON where it is that, else its words.
fn result(message: &Map<String, Value>) -> CallResult {
    let tool = message.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let text = said(message).unwrap_or_default();
    let failed = message.get("error").and_then(Value::as_bool).unwrap_or_else(|| text.starts_with(FAILED));
    if failed {
        let words = text.strip_prefix(FAILED).unwrap_or(&text).trim_start().to_owned();
        return CallResult { tool, value: None, error: Some(words), fault: None };
    }
    let structured = serde_json::from_str(&text).ok().filter(|value: &Value| value.is_object() || value.is_array());
    let value = (!text.is_empty()).then(|| structured.unwrap_or(Value::String(text)));
    CallResult { tool, value, error: None, fault: None }
}
