//! promptfoo results: the object of `--output results.json` (`results.results`), or its lines (`results.jsonl`).

use std::collections::HashMap;

use hydrometer_probes::counted::counted;
use serde_json::{Map, Value};

use super::LoggedError;
use super::envelope::answers;
use super::error::shown;
use super::message::{asked, finish, text};
use super::record::{Answer, Content, Place, Record, Score, TextAnswer};
use super::scores::{score, scores};
use super::source::Source;

/// Reason of a result that passed because nothing was asserted.
const NO_ASSERTIONS: &str = "No assertions";

/// How many answers have no verdict because nothing was asserted of them, as a sentence.
pub(super) fn unasserted(records: &[Record]) -> Option<String> {
    let unasserted = |record: &&Record| {
        let answered = matches!(&record.answer, Answer::Text(answer) if answer.text.is_some());
        answered && record.scores.iter().all(|(_, score)| *score == Score::Missing)
    };
    let count = records.iter().filter(unasserted).count() as u64;
    (count > 0).then(|| format!("nothing was asserted of {}, so nothing judges them", counted(count, "answer")))
}

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
    /// Whether a result failed that does not say what was asserted: then something was.
    asserted: bool,
}

impl Prompts {
    /// Of the results of a file.
    pub(super) fn of<'r>(results: impl Iterator<Item = &'r Map<String, Value>>) -> Self {
        let mut asserted = false;
        let mut first: HashMap<String, Option<u64>> = HashMap::new();
        let mut differs = |fields: &Map<String, Value>| {
            asserted |= is_asserted(fields).is_none() && !is_failed_call(fields) && is_doubted(fields);
            let index = fields.get("promptIdx").and_then(Value::as_u64);
            let provider = fields.get("provider").map(Value::to_string).unwrap_or_default();
            *first.entry(provider).or_insert(index) != index
        };
        let several = results.fold(false, |several, fields| several | differs(fields));
        Self { several, asserted }
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
        scores: verdicts(fields, prompts),
        ..Record::new(place.clone(), Answer::Text(answer))
    })
}

/// Whether the test passed, its score, and the named scores. A call that failed is no answer, and no verdict; nor is it one that nothing was
/// asserted of, which passes with a score of 1.
fn verdicts(fields: &Map<String, Value>, prompts: &Prompts) -> Vec<(String, Score)> {
    let judged = !is_failed_call(fields) && is_asserted(fields).unwrap_or(prompts.asserted);
    let of = |field: &str| match fields.get(field) {
        Some(value) if judged => score(value),
        _ => Score::Missing,
    };
    let named = fields.get("namedScores").and_then(Value::as_object).map(scores).unwrap_or_default();
    [("success".to_owned(), of("success")), ("score".to_owned(), of("score"))].into_iter().chain(named).collect()
}

fn is_failed_call(fields: &Map<String, Value>) -> bool {
    fields.get("failureReason").and_then(Value::as_u64) == Some(2)
}

/// Whether anything was asserted of an answer; nothing where the result does not say.
fn is_asserted(fields: &Map<String, Value>) -> Option<bool> {
    let of = |field: &str, inner: &str| fields.get(field).and_then(|field| field.get(inner));
    let asserted = |found: &Value| found.as_array().is_some_and(|all| !all.is_empty());
    let named = fields.get("namedScores").and_then(Value::as_object).is_some_and(|named| !named.is_empty());
    let found = [of("testCase", "assert"), of("gradingResult", "componentResults")];
    let reason = of("gradingResult", "reason").and_then(Value::as_str);
    let says = found.iter().any(Option::is_some) || reason.is_some() || fields.contains_key("testCase");
    let any =
        named || reason.is_some_and(|reason| reason != NO_ASSERTIONS) || found.into_iter().flatten().any(asserted);
    (any || says).then_some(any)
}

/// Whether a result passed not with a score of 1.
fn is_doubted(fields: &Map<String, Value>) -> bool {
    let less = |field: &str| fields.get(field).is_some_and(|value| score(value) != Score::Number(1.0));
    less("success") || less("score")
}
