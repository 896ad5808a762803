//! Conversations: `messages` of `role` and `content` (LMSYS-Chat and WildChat: `conversation`), or ShareGPT's `conversations` of
//! `from` and `value`. The model's last
//! message is the answer, what stands before it was asked.

use hydrometer_probes::counted::grouped;
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::{Conversation, Who, conversation, known_roles, role};
use super::record::{Answer, Content, Place, Record, TextAnswer};
use super::table::{MODELS, first, word};

/// Fields with a conversation.
pub(super) const FIELDS: [&str; 3] = ["messages", "conversations", "conversation"];

/// The record of a conversation.
///
/// # Errors
/// It has no messages, or one of which nobody knows whose it is.
pub(super) fn record(fields: &Map<String, Value>, place: &Place) -> Result<Record, LoggedError> {
    let found = first(fields, &FIELDS);
    let messages = found.and_then(Value::as_array).filter(|messages| messages.iter().all(Value::is_object));
    let messages = messages.ok_or_else(|| {
        let next = "write a conversation as objects of `role` and `content`";
        LoggedError::wrong(
            place.to_string(),
            "`messages`, `conversations` or `conversation`, a list of objects",
            shown(found),
            next,
        )
    })?;
    known_roles(found.unwrap_or(&Value::Null), || place.to_string())?;
    let system = fields.get("system").and_then(Value::as_str).filter(|system| !system.trim().is_empty());
    let system = system.map(|system| serde_json::json!({ "role": "system", "content": system }));
    let messages: Vec<Value> = system.into_iter().chain(messages.iter().cloned()).collect();
    let Conversation { question, reply } = conversation(&messages);
    let content = question.as_ref().map_or(Content::Unknown, |ask| Content::Asked(super::pair::key(ask)));
    Ok(Record {
        models: first(fields, &MODELS).and_then(word).into_iter().collect(),
        task: "chat".to_owned(),
        id: first(fields, &["id", "conversation_id", "conversation_hash"]).and_then(word),
        question,
        content,
        ..Record::new(place.clone(), Answer::Text(TextAnswer::new(reply)))
    })
}

/// That some conversations end with somebody else's message than the model's, as a sentence: the answer to it is missing.
pub(super) fn without_answer<'r>(rows: impl Iterator<Item = &'r Map<String, Value>>) -> Option<String> {
    let (mut all, mut of_user, mut of_others) = (0, 0, 0);
    for last in rows.filter_map(|fields| first(fields, &FIELDS)?.as_array()?.last()?.as_object()) {
        all += 1;
        match role(last) {
            Some(Who::Model) | None => {}
            Some(Who::Person) => of_user += 1,
            Some(Who::System | Who::Tool) => of_others += 1,
        }
    }
    let ends = [(of_user, "the user"), (of_others, "a tool or the system")].into_iter().filter(|(count, _)| *count > 0);
    let ends: Vec<String> =
        ends.map(|(count, whose)| format!("with a message of {whose}: {}", grouped(count))).collect();
    (!ends.is_empty()).then(|| {
        format!(
            "conversations that end {}, of {}: the model's answer to it is not there, and is missing; where the message before is the answer \
             that is meant, leave the last one out",
            ends.join(", and "),
            grouped(all)
        )
    })
}
