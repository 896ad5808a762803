//! OpenAI batches: output lines (`custom_id`, `response`, `error`), and input lines (`custom_id`, `body`), which say what
//! was asked.

use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::{asked, finish, said, text};
use super::record::{Answer, Content, Place, Record, TextAnswer};

/// The records of a line: one for each choice of the response.
///
/// # Errors
/// It has no `custom_id`.
pub(super) fn records(fields: &Map<String, Value>, place: &Place) -> Result<Vec<Record>, LoggedError> {
    let id = fields.get("custom_id").and_then(Value::as_str).ok_or_else(|| {
        let next = "give the output file of a batch";
        LoggedError::wrong(place.to_string(), "a `custom_id` with text", shown(fields.get("custom_id")), next)
    })?;
    let base =
        Record { task: "batch".to_owned(), id: Some(id.to_owned()), ..Record::new(place.clone(), Answer::Question) };
    if let (Some(body), None) = (fields.get("body"), fields.get("response")) {
        let prompt = ["messages", "input", "prompt"].into_iter().find_map(|field| body.get(field));
        let content = prompt.map_or(Content::Unknown, |prompt| Content::Asked(prompt.to_string()));
        let question = match body.get("instructions").and_then(Value::as_str) {
            Some(instructions) => prompt.and_then(|prompt| with_system(instructions, prompt)),
            None => prompt.and_then(asked),
        };
        return Ok(vec![Record { question, content, ..base }]);
    }
    let response = fields.get("response").filter(|response| !response.is_null());
    let good = response.and_then(|response| response.get("status_code")).is_none_or(|status| status == 200);
    let body = response.and_then(|response| response.get("body")).filter(|_| good);
    let model = body.and_then(|body| body.get("model")).and_then(Value::as_str);
    let base = Record { models: model.into_iter().map(str::to_owned).collect(), ..base };
    let answers = body.map(answers).unwrap_or_default();
    if answers.is_empty() {
        // The request failed: a missing answer is an outcome, too.
        return Ok(vec![Record { answer: Answer::Text(TextAnswer::new(None)), ..base }]);
    }
    let several = answers.len() > 1;
    let record =
        |(number, answer)| Record { epoch: several.then_some(number), answer: Answer::Text(answer), ..base.clone() };
    Ok((1..).zip(answers).map(record).collect())
}

fn with_system(instructions: &str, prompt: &Value) -> Option<hydrometer_probes::Ask> {
    let mut messages = vec![serde_json::json!({ "role": "system", "content": instructions })];
    match prompt {
        Value::Array(more) => messages.extend(more.iter().cloned()),
        other => messages.push(serde_json::json!({ "role": "user", "content": other })),
    }
    asked(&Value::Array(messages))
}

/// The answers of a body: of chat completions, completions, or responses.
fn answers(body: &Value) -> Vec<TextAnswer> {
    if let Some(choices) = body.get("choices").and_then(Value::as_array) {
        let answer = |choice: &Value| {
            let message = choice.get("message").and_then(Value::as_object).and_then(said);
            let said = message.or_else(|| choice.get("text").and_then(text)).filter(|said| !said.is_empty());
            TextAnswer { text: said, label: None, finish: finish(choice.get("finish_reason")) }
        };
        return choices.iter().map(answer).collect();
    }
    let items = body.get("output").and_then(Value::as_array);
    let texts: Vec<String> = items
        .into_iter()
        .flatten()
        .filter(|item| item.get("type").is_none_or(|kind| kind == "message"))
        .filter_map(|item| text(item.get("content")?))
        .collect();
    if items.is_none() {
        return Vec::new();
    }
    let reason = body.get("incomplete_details").and_then(|details| details.get("reason"));
    vec![TextAnswer { text: (!texts.is_empty()).then(|| texts.join("\n")), label: None, finish: finish(reason) }]
}
