//! promptfoo results: the object of `--output results.json` (`results.results`), or its lines (`results.jsonl`).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::LoggedError;
use super::envelope::answers;
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
    let prompts = Prompts::of(results.iter().filter_map(Value::as_object));
    let record = |(number, result): (u64, &Value)| {
        let place = source.place(number);
        let fields = result.as_object().ok_or_else(|| {
            LoggedError::wrong(place.to_string(), "a result", shown(Some(result)), "write the results again")
        })?;
        record(fields, &prompts, &place)
    };
    (1..).zip(results).map(record).collect()
}

/// Whether a provider was given several prompts for one test. `promptIdx` counts pairs of a provider and a prompt: that of a
/// second provider is never 0.
#[derive(Default)]
pub(super) struct Prompts {
    several: bool,
}

impl Prompts {
    /// Of the results of a file.
    pub(super) fn of<'r>(results: impl Iterator<Item = &'r Map<String, Value>>) -> Self {
        let mut first: HashMap<String, Option<u64>> = HashMap::new();
        let mut differs = |fields: &Map<String, Value>| {
            let index = fields.get("promptIdx").and_then(Value::as_u64);
            let provider = fields.get("provider").map(Value::to_string).unwrap_or_default();
            *first.entry(provider).or_insert(index) != index
        };
        Self { several: results.fold(false, |several, fields| several | differs(fields)) }
    }

    /// What a test is called: by its number, and by its prompt's words before they are filled in where it has several.
    fn id(&self, test: u64, prompt: Option<&Value>) -> String {
        if !self.several {
            return test.to_string();
        }
        let label = prompt.and_then(|prompt| prompt.get("label").or_else(|| prompt.get("raw"))).or(prompt);
        let text = label.map(Value::to_string).unwrap_or_default();
        // Eight digits tell one prompt from another.
        format!("promptfoo/{test}/{}", &blake3::hash(text.as_bytes()).to_hex()[..8])
    }
}

/// The record of one result.
///
/// # Errors
/// It names no provider.
pub(super) fn record(fields: &Map<String, Value>, prompts: &Prompts, place: &Place) -> Result<Record, LoggedError> {
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
    let answer = match output.map(|output| (output, answers(output))) {
        // What a provider has parsed by a schema is an object of any shape.
        Some((output, Err(_))) => TextAnswer::new(Some(output.to_string())),
        Some((output, Ok(mut answers))) => match (answers.pop(), answers.is_empty()) {
            (Some(answer), true) => answer,
            _ => TextAnswer::new(text(output)),
        },
        None => TextAnswer::new(None),
    };
    let finish = finish(response.and_then(|response| response.get("finishReason")));
    let answer = TextAnswer { finish, ..answer };
    Ok(Record {
        models,
        task: "promptfoo".to_owned(),
        id: number("testIdx").map(|test| prompts.id(test, fields.get("prompt"))),
        question: raw.and_then(asked),
        content: raw.map_or(Content::Unknown, |raw| Content::Asked(raw.to_string())),
        epoch: number("repeatIndex").and_then(|epoch| u32::try_from(epoch + 1).ok()),
        scores: verdicts(fields),
        ..Record::new(place.clone(), Answer::Text(answer))
    })
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
