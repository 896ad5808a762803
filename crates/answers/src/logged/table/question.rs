//! What a row of a table asks: its question, with what belongs to it in columns of its own: the input of an instruction, the
//! passage that a question is about, the options that there are.

use hydrometer_probes::{Ask, kind};
use serde_json::{Map, Value};

use super::super::LoggedError;
use super::super::message::{asked, known_roles};
use super::super::record::Place;
use super::filled;

/// Columns with a question, or a chat.
const PROMPTS: [&str; 18] = [
    "prompt",
    "question",
    "instruction",
    "input",
    "query",
    "problem",
    "origin_prompt",
    "user",
    "messages",
    "user_input",
    "user_prompt",
    "inputs",
    "request",
    "full_prompt",
    "input_text",
    "problem_statement",
    "conversations",
    "conversation",
];

/// Columns that belong to a question beside them.
const BELONGING: [&str; 20] = [
    "instruction",
    "question",
    "query",
    "problem",
    "user_input",
    "input",
    "context",
    "contexts",
    "passage",
    "passages",
    "paragraph",
    "document",
    "documents",
    "article",
    "story",
    "background",
    "retrieved_contexts",
    "retrieval_context",
    "choices",
    "options",
];

/// Whether a table has a column with questions. `any` says whether it has one of these.
pub(super) fn is_in(any: impl Fn(&[&str]) -> bool) -> bool {
    any(&PROMPTS)
}

/// The question of a row: what the named column holds, or the usual ones; `None` where it has none.
///
/// # Errors
/// It is a chat with a message of which nobody knows whose it is.
pub(super) fn of(named: Option<&str>, fields: &Map<String, Value>, place: &Place) -> Result<Option<Ask>, LoggedError> {
    if let Some(named) = named {
        return worded(filled(fields, named), place);
    }
    for name in PROMPTS {
        if let Some(ask) = worded(filled(fields, name), place)? {
            return Ok(Some(whole(ask, name, fields)));
        }
    }
    Ok(None)
}

fn worded(cell: Option<&Value>, place: &Place) -> Result<Option<Ask>, LoggedError> {
    let Some(cell) = cell else { return Ok(None) };
    known_roles(cell, || place.to_string())?;
    if let Some(ask) = asked(cell) {
        return Ok(Some(ask));
    }
    match cell {
        // Inputs of a program: their fields, by usual names, or as they are written.
        Value::Object(inputs) if !inputs.is_empty() => {
            Ok(of(None, inputs, place)?.or_else(|| Some(kind::Prompt::new(cell.to_string()).into())))
        }
        Value::Number(_) | Value::Bool(_) => Ok(Some(kind::Prompt::new(cell.to_string()).into())),
        _ => Ok(None),
    }
}

/// A question with what belongs to it, as far as it does not say it itself.
fn whole(ask: Ask, column: &str, fields: &Map<String, Value>) -> Ask {
    let Ask::Prompt(mut prompt) = ask else { return ask };
    let said = [prompt.system.as_deref(), Some(prompt.prompt.as_str())];
    let said: Vec<&str> =
        said.into_iter().flatten().chain(prompt.turns.iter().map(|turn| turn.text.as_str())).collect();
    let new = |text: &str| !text.trim().is_empty() && !said.iter().any(|said| said.contains(text.trim()));
    let belonging = BELONGING.into_iter().filter(|name| *name != column).filter_map(|name| filled(fields, name));
    let texts = belonging.flat_map(texts).chain(letters(fields)).filter(|text| new(text));
    let more: Vec<String> = texts.collect();
    for text in more {
        prompt.prompt = format!("{}\n\n{text}", prompt.prompt);
    }
    prompt.into()
}

/// The texts of a cell: one, a list, or the list `text` beside its labels.
fn texts(cell: &Value) -> Vec<String> {
    match cell {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) if items.iter().all(Value::is_string) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.get("text").map(texts).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Options in columns of their letters: `A`, `B` and so on.
fn letters(fields: &Map<String, Value>) -> Vec<String> {
    let option = |letter: char| Some(format!("{letter}. {}", texts(filled(fields, &letter.to_string())?).first()?));
    let options: Vec<String> = ('A'..='J').map_while(option).collect();
    if options.len() > 1 { options } else { Vec::new() }
}
