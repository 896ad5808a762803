//! What a provider or a framework wraps an answer in: responses of OpenAI's two interfaces, Anthropic, Gemini, Bedrock, Ollama
//! and LangChain, messages, lists of samples. What is none of these is no answer, whatever its JSON text looks like.

use hydrometer_probes::quote;
use serde_json::{Map, Value};

use super::message::{called, conversation, finish, role, said, text};
use super::record::TextAnswer;
use super::table::{SAID, filled};

/// Fields that say something about an answer, and are none.
const ABOUT: [&str; 36] = [
    "chat_history",
    "context",
    "created",
    "created_at",
    "cumulative_logprob",
    "details",
    "done",
    "done_reason",
    "eval_count",
    "eval_duration",
    "finishReason",
    "finish_reason",
    "generation_id",
    "id",
    "index",
    "is_finished",
    "load_duration",
    "logprobs",
    "meta",
    "metadata",
    "model",
    "object",
    "prompt_eval_count",
    "prompt_eval_duration",
    "response_id",
    "role",
    "score",
    "status",
    "stop_reason",
    "text_offset",
    "token_ids",
    "tokens",
    "total_duration",
    "type",
    "usage",
    "warnings",
];

/// Kinds of the blocks that make up a message, and of calls.
const BLOCKS: [&str; 12] = [
    "text",
    "output_text",
    "reasoning",
    "thinking",
    "redacted_thinking",
    "refusal",
    "tool_use",
    "function",
    "function_call",
    "tool_call",
    "custom_tool_call",
    "custom",
];

/// The answers in a cell: one, or as many as a list has.
///
/// # Errors
/// What the cell holds, where it is no answer.
pub(super) fn answers(cell: &Value) -> Result<Vec<TextAnswer>, String> {
    match cell {
        Value::Null => Ok(vec![TextAnswer::new(None)]),
        Value::String(said) => Ok(vec![one(Some(said.clone()))]),
        Value::Bool(_) | Value::Number(_) => Ok(vec![one(Some(cell.to_string()))]),
        Value::Object(fields) => response(fields).ok_or_else(|| shape(fields)),
        Value::Array(items) => of_list(items),
    }
}

fn one(said: Option<String>) -> TextAnswer {
    TextAnswer::new(said.filter(|said| !said.is_empty()))
}

fn shape(fields: &Map<String, Value>) -> String {
    const NAMED: usize = 8;
    let names: Vec<String> = fields.keys().take(NAMED).map(|name| quote(name)).collect();
    if names.is_empty() { "an empty object".to_owned() } else { format!("an object of {}", names.join(", ")) }
}

/// Samples, the blocks of one message, or a chat that ends with the answer.
fn of_list(items: &[Value]) -> Result<Vec<TextAnswer>, String> {
    if items.is_empty() {
        return Ok(vec![TextAnswer::new(None)]);
    }
    let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    if objects.len() == items.len() {
        let kind = |item: &Map<String, Value>| item.get("type").and_then(Value::as_str).map(str::to_owned);
        let kinds: Vec<String> = objects.iter().filter_map(|item| kind(item)).collect();
        let typed = kinds.len() == items.len();
        if typed && kinds.iter().all(|kind| BLOCKS.contains(&kind.as_str())) {
            return Ok(vec![one(text(&Value::Array(items.to_vec())))]);
        }
        if typed && kinds.iter().all(|kind| kind == "message" || BLOCKS.contains(&kind.as_str())) {
            return Ok(vec![one(of_items(items))]);
        }
        if objects.iter().all(|item| role(item).is_some()) {
            let reply = conversation(items).reply;
            return reply.map(|reply| vec![one(Some(reply))]).ok_or_else(|| "a chat without a reply".to_owned());
        }
        if typed {
            return Err(format!("a list of {}", kinds.iter().map(|kind| quote(kind)).collect::<Vec<_>>().join(", ")));
        }
        // Nothing says whether bare texts are the pieces of one answer.
        if items.len() > 1 && objects.iter().any(|item| item.len() == 1 && item.contains_key("text")) {
            return Err(format!("a list of {} pieces", items.len()));
        }
    } else if items.len() > 1 && items.iter().any(|item| item.is_array() || item.is_object()) {
        return Err(format!("a list of {}, some of them no texts", items.len()));
    }
    let samples = items.iter().map(answers).collect::<Result<Vec<_>, _>>()?;
    Ok(samples.into_iter().flatten().collect())
}

/// The answers of a response; `None` where it is of no kind that is known.
pub(super) fn response(fields: &Map<String, Value>) -> Option<Vec<TextAnswer>> {
    let list = |field: &str| fields.get(field).and_then(Value::as_array);
    let object = |field: &str| fields.get(field).and_then(Value::as_object);
    let missing = || Some(vec![TextAnswer::new(None)]);
    if let Some(status) = fields.get("status_code") {
        // A whole reply of a server.
        return if status == 200 { response(object("body")?) } else { missing() };
    }
    if let Some(choices) = list("choices") {
        return each(choices, choice);
    }
    if let Some(candidates) = list("candidates").or_else(|| object("promptFeedback").map(|_| EMPTY)) {
        return each(candidates, |candidate| {
            let content = candidate.get("content").and_then(Value::as_object);
            Some(TextAnswer { finish: finish(candidate.get("finishReason")), ..one(content.and_then(said)) })
        });
    }
    if let Some(items) = list("output").filter(|items| items.iter().all(|item| item.get("type").is_some())) {
        let reason = fields.get("incomplete_details").and_then(|details| details.get("reason"));
        return Some(vec![TextAnswer { finish: finish(reason), ..one(of_items(items)) }]);
    }
    if let Some(prompts) = list("generations") {
        let all = prompts.iter().flat_map(|of| of.as_array().map_or(std::slice::from_ref(of), Vec::as_slice));
        return each(&all.cloned().collect::<Vec<_>>(), choice);
    }
    if let Some(message) = object("output").and_then(|output| output.get("message")?.as_object()) {
        return Some(vec![TextAnswer { finish: finish(fields.get("stopReason")), ..one(said(message)) }]);
    }
    if let Some(message) = object("message") {
        return Some(vec![TextAnswer { finish: finish(fields.get("done_reason")), ..one(said(message)) }]);
    }
    let speaks = ["content", "tool_calls", "function_call", "refusal", "parts", "kwargs", "data"];
    if speaks.iter().any(|field| fields.contains_key(*field)) {
        let understood = fields.contains_key("content") || said(fields).is_some();
        let readable = fields
            .get("content")
            .is_none_or(|content| content.is_null() || text(content).is_some() || content == &Value::Array(Vec::new()));
        return (understood && readable)
            .then(|| vec![TextAnswer { finish: finish(fields.get("stop_reason")), ..one(said(fields)) }]);
    }
    if fields.contains_key("name") && fields.contains_key("arguments") {
        return Some(vec![one(Some(called(fields)))]);
    }
    if filled(fields, "error").is_some() {
        return missing();
    }
    let of_answer = |name: &str| name == "text" || SAID.contains(&name);
    let mut others = fields.iter().filter(|(name, value)| !value.is_null() && !ABOUT.contains(&name.as_str()));
    match (others.next(), others.next()) {
        (Some((name, value)), None) if of_answer(name) => answers(value).ok(),
        (None, None) if fields.keys().any(|name| of_answer(name)) => missing(),
        _ => None,
    }
}

const EMPTY: &Vec<Value> = &Vec::new();

/// An answer for each of several; a missing one where there is none.
fn each(items: &[Value], answer: impl Fn(&Map<String, Value>) -> Option<TextAnswer>) -> Option<Vec<TextAnswer>> {
    if items.is_empty() {
        return Some(vec![TextAnswer::new(None)]);
    }
    items.iter().map(|item| answer(item.as_object()?)).collect()
}

/// An answer of several: of chat completions a message, of completions a text.
fn choice(choice: &Map<String, Value>) -> Option<TextAnswer> {
    let has = |field: &str| choice.contains_key(field);
    let message = choice.get("message").and_then(Value::as_object).and_then(said);
    let said = message.or_else(|| choice.get("text").and_then(text));
    (has("message") || has("text")).then(|| TextAnswer { finish: finish(choice.get("finish_reason")), ..one(said) })
}

/// What the items of OpenAI's Responses say: messages and calls of tools; the names of what else there is where that is all.
fn of_items(items: &[Value]) -> Option<String> {
    let kind = |item: &Value| item.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = |item: &Value| match kind(item).as_str() {
        "message" => text(item.get("content")?),
        "function_call" | "custom_tool_call" => item.as_object().map(called),
        _ => None,
    };
    let texts: Vec<String> = items.iter().filter_map(words).filter(|text| !text.is_empty()).collect();
    if !texts.is_empty() {
        return Some(texts.join("\n"));
    }
    let spoken = |kind: &String| kind != "reasoning" && kind != "message";
    let others: Vec<String> = items.iter().map(kind).filter(spoken).map(|kind| format!("[{kind}]")).collect();
    (!others.is_empty()).then(|| others.join("\n"))
}
