//! Batches of OpenAI, and of Anthropic: output lines (`custom_id` and `response`, `error` or `result`), and input lines
//! (`custom_id` and `body` or `params`), which say what was asked.

use serde_json::{Map, Value};

use super::LoggedError;
use super::envelope::{answers, response};
use super::error::shown;
use super::message::{asked, known_roles, text, with_system};
use super::record::{Answer, Content, Place, Record, TextAnswer};

/// The records of a line: one for each choice of the response.
///
/// # Errors
/// It has no `custom_id`, or a response that is no answer.
pub(super) fn records(fields: &Map<String, Value>, place: &Place) -> Result<Vec<Record>, LoggedError> {
    let id = fields.get("custom_id").and_then(Value::as_str).ok_or_else(|| {
        let next = "give the output file of a batch";
        LoggedError::wrong(place.to_string(), "a `custom_id` with text", shown(fields.get("custom_id")), next)
    })?;
    let base =
        Record { task: "batch".to_owned(), id: Some(id.to_owned()), ..Record::new(place.clone(), Answer::Question) };
    let outcome = ["response", "result"].into_iter().find_map(|field| fields.get(field));
    if let (Some(body), None) = (fields.get("body").or_else(|| fields.get("params")), outcome) {
        let prompt = ["messages", "input", "prompt"].into_iter().find_map(|field| body.get(field));
        known_roles(prompt.unwrap_or(&Value::Null), || place.to_string())?;
        // What OpenAI's Responses call instructions, Anthropic calls the system.
        let system = ["instructions", "system"].into_iter().find_map(|field| body.get(field)).and_then(text);
        let question = prompt.and_then(asked).map(|ask| with_system(ask, system.as_deref()));
        let content = prompt.map_or(Content::Unknown, |prompt| Content::Asked(prompt.to_string()));
        return Ok(vec![Record { question, content, ..base }]);
    }
    let outcome = outcome.filter(|outcome| !outcome.is_null());
    let part = |field: &str| outcome.and_then(|outcome| outcome.get(field)).filter(|part| !part.is_null());
    let good = part("status_code").is_none_or(|status| status == 200);
    let body = part("body").or_else(|| part("message")).filter(|_| good);
    let model = body.and_then(|body| body.get("model")).and_then(Value::as_str);
    let base = Record { models: model.into_iter().map(str::to_owned).collect(), ..base };
    let answers = match (body, outcome) {
        (Some(body), _) => body.as_object().and_then(response).ok_or_else(|| shown(Some(body))),
        // Words, without what a server wraps them in.
        (None, Some(outcome)) if part("status_code").or_else(|| part("type")).is_none() => answers(outcome),
        // The request failed: a missing answer is an outcome, too.
        (None, _) => Ok(vec![TextAnswer::new(None)]),
    };
    let answers = answers.map_err(|found| {
        let expected = "the response of a chat, a completion or a message";
        LoggedError::wrong(place.to_string(), expected, found, "give a batch of answers")
    })?;
    let several = answers.len() > 1;
    let record =
        |(number, answer)| Record { epoch: several.then_some(number), answer: Answer::Text(answer), ..base.clone() };
    Ok((1..).zip(answers).map(record).collect())
}
