//! promptfoo results: the object of `--output results.json` (`results.results`), or its lines (`results.jsonl`).

use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::{asked, finish, text};
use super::record::{Answer, Content, Place, Record, Score, TextAnswer};
use super::scores::{score, scores};
use super::source::Source;

/// The records of a results file.
pub(super) fn json(source: &Source, fields: &Map<String, Value>) -> Result<Vec<Record>, LoggedError> {
    let results = fields.get("results");
    let results = results.and_then(|results| results.get("results").unwrap_or(results).as_array());
    let results = results.ok_or_else(|| {
        let next = "write it with `promptfoo eval --output results.json`";
        LoggedError::wrong(&*source.name, "`results.results`", shown(fields.get("results")), next)
    })?;
    let record = |(number, result): (u64, &Value)| {
        let place = source.place(number);
        let fields = result.as_object().ok_or_else(|| {
            LoggedError::wrong(place.to_string(), "a result", shown(Some(result)), "write the results again")
        })?;
        record(fields, &place)
    };
    (1..).zip(results).map(record).collect()
}

/// The record of one result.
///
/// # Errors
/// It names no provider.
pub(super) fn record(fields: &Map<String, Value>, place: &Place) -> Result<Record, LoggedError> {
    let provider = fields.get("provider");
    let of = |field: &str| provider.and_then(|provider| provider.get(field)).and_then(Value::as_str);
    let names = [of("label"), of("id"), provider.and_then(Value::as_str)];
    let mut models: Vec<String> = Vec::new();
    for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
        if !models.iter().any(|known| known == name) {
            models.push(name.to_owned());
        }
    }
    if models.is_empty() {
        let next = "write the results again";
        return Err(LoggedError::wrong(place.to_string(), "a `provider` with an `id`", shown(provider), next));
    }
    let raw = fields.get("prompt").map(|prompt| prompt.get("raw").unwrap_or(prompt));
    let number = |field: &str| fields.get(field).and_then(Value::as_u64);
    let response = fields.get("response");
    let output = response.and_then(|response| response.get("output"));
    let said = output.filter(|output| !output.is_null()).map(|output| match output {
        Value::String(said) => said.clone(),
        blocks @ Value::Array(_) => text(blocks).unwrap_or_else(|| blocks.to_string()),
        other => other.to_string(),
    });
    let answer = TextAnswer {
        text: said.filter(|said| !said.is_empty()),
        label: None,
        finish: finish(response.and_then(|response| response.get("finishReason"))),
    };
    Ok(Record {
        models,
        task: "promptfoo".to_owned(),
        id: number("testIdx").map(|test| match number("promptIdx") {
            // Providers may have prompts of their own: the test is what they share.
            None | Some(0) => test.to_string(),
            Some(_) => format!("promptfoo/{test}/{}", hash(raw)),
        }),
        question: raw.and_then(asked),
        content: raw.map_or(Content::Unknown, |raw| Content::Asked(raw.to_string())),
        epoch: number("repeatIndex").and_then(|epoch| u32::try_from(epoch + 1).ok()),
        scores: verdicts(fields),
        ..Record::new(place.clone(), Answer::Text(answer))
    })
}

/// Eight digits that tell one prompt from another.
fn hash(raw: Option<&Value>) -> String {
    let text = raw.map(Value::to_string).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex()[..8].to_owned()
}

/// Whether the test passed, its score, and the named scores. A call that failed is no answer, and no verdict.
fn verdicts(fields: &Map<String, Value>) -> Vec<(String, Score)> {
    let failed = fields.get("failureReason").and_then(Value::as_u64) == Some(2);
    let of = |field: &str| match fields.get(field) {
        Some(value) if !failed => score(value),
        _ => Score::Missing,
    };
    let named = fields.get("namedScores").and_then(Value::as_object).map(scores).unwrap_or_default();
    [("success".to_owned(), of("success")), ("score".to_owned(), of("score"))].into_iter().chain(named).collect()
}
