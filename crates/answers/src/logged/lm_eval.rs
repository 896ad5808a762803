//! lm-evaluation-harness samples (`--log_samples`): `samples_TASK_DATE.jsonl`, a line per document and filter.
//!
//! Generated answers are texts; log-likelihoods of several continuations are a choice, of one continuation or of a rolling
//! window the likelihood of a text. Which is right is what the metric says: the boolean beside a log-likelihood says
//! whether the continuation would have been the greedy one.

use hydrometer_probes::{Ask, AskedAs, Families, kind};
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::asked;
use super::record::{Answer, Content, Place, Record, Score, TextAnswer};
use super::scores::score;
use crate::FinishReason;

/// Fields of a line that are no metric.
const NO_METRICS: [&str; 11] = [
    "doc_id",
    "doc",
    "target",
    "arguments",
    "resps",
    "filtered_resps",
    "filter",
    "metrics",
    "doc_hash",
    "prompt_hash",
    "target_hash",
];
/// What a filter writes that found no answer.
const NOTHING_FOUND: &str = "[invalid]";

/// The task in `samples_TASK_DATE.jsonl`, the date beginning with a year; empty for a file of another name.
pub(super) fn task(file: &str) -> String {
    let stem = file.split(".jsonl").next().unwrap_or(file);
    let Some(named) = stem.strip_prefix("samples_") else { return String::new() };
    let dated = named.rsplit_once('_').filter(|(_, date)| date.starts_with("20") && date.contains('-'));
    dated.map_or(named, |(task, _)| task).to_owned()
}

/// The records of a line.
///
/// # Errors
/// A field is missing or of another shape.
pub(super) fn records(fields: &Map<String, Value>, place: &Place, task: &str) -> Result<Vec<Record>, LoggedError> {
    let wrong = |field: &str, expected: &str| {
        let next = "give the samples as lm-evaluation-harness wrote them";
        LoggedError::wrong(place.to_string(), format!("a `{field}` with {expected}"), shown(fields.get(field)), next)
    };
    let number = fields.get("doc_id").and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
    let number = number.ok_or_else(|| wrong("doc_id", "a whole number"))?;
    let requests = requests(fields.get("arguments"));
    let first = requests.first().and_then(|request| request.first());
    let first = first.ok_or_else(|| wrong("arguments", "the requests of the document"))?;
    let scores = metrics(fields);
    let base = Record {
        task: task.to_owned(),
        id: Some(number.to_string()),
        question: asked(first),
        content: fields.get("doc").map_or(Content::Unknown, |document| Content::Document(document.to_string())),
        filter: fields.get("filter").and_then(Value::as_str).map(str::to_owned),
        ..Record::new(place.clone(), Answer::Unmeasured)
    };
    let responses = responses(fields).ok_or_else(|| wrong("resps", "a response to each request"))?;
    let likelihoods = requests.iter().all(|request| request.get(1).is_none_or(|second| second.is_string()));
    // A text, and no number that the backend could not give: of that is null what JSON does not have.
    let is_text =
        |said: &Value| logprob(said).is_none() && !said.is_null() && said.get(0).is_none_or(|value| !value.is_null());
    if !likelihoods || (requests[0].len() < 2 && responses[0].first().is_none_or(is_text)) {
        let [answers] = responses.as_slice() else { return Err(wrong("resps", "the responses to one request")) };
        let texts: Option<Vec<&str>> = answers.iter().map(Value::as_str).collect();
        let texts = texts.ok_or_else(|| wrong("resps", "the texts of a generated answer"))?;
        return Ok(generated(&base, &texts, fields, &scores));
    }
    let value = |(request, repeats): (usize, &Vec<Value>)| {
        let value = repeats.first();
        value.and_then(logprob).ok_or_else(|| {
            let value = value.map(|value| value.get(0).unwrap_or(value));
            let expected = format!("a log-likelihood in `resps` for request {}", request + 1);
            let next = "NaN and Infinity are read as null: the backend did not measure it; remove the line";
            LoggedError::wrong(place.to_string(), expected, shown(value), next)
        })
    };
    let values = responses.iter().enumerate().map(value).collect::<Result<Vec<f64>, _>>()?;
    if let Some(value) = values.iter().find(|value| **value > 0.0) {
        let next = "a log-likelihood is at most 0: the backend did not measure it";
        return Err(LoggedError::wrong(place.to_string(), "log-likelihoods", value.to_string(), next));
    }
    Ok(vec![measured(base, &requests, values, fields.get("target"), scores)])
}

/// Requests as lists of their arguments: lists of lists, or in newer files objects of objects.
fn requests<'v>(arguments: Option<&'v Value>) -> Vec<Vec<&'v Value>> {
    let list = |request: &'v Value| -> Vec<&'v Value> {
        match request {
            Value::Array(parts) => parts.iter().collect(),
            Value::Object(parts) => (0..parts.len()).map_while(|index| parts.get(&format!("arg_{index}"))).collect(),
            _ => Vec::new(),
        }
    };
    match arguments {
        Some(Value::Array(all)) => all.iter().map(list).collect(),
        Some(Value::Object(all)) => {
            (0..all.len()).map_while(|index| all.get(&format!("gen_args_{index}"))).map(list).collect()
        }
        _ => Vec::new(),
    }
}

/// Responses to each request, its repeats together; what the filter left where the file has nothing else.
fn responses(fields: &Map<String, Value>) -> Option<Vec<Vec<Value>>> {
    let all = fields.get("resps").filter(|all| !all.is_null());
    match all {
        Some(all) => all.as_array()?.iter().map(|repeats| repeats.as_array().cloned()).collect(),
        None => Some(fields.get("filtered_resps")?.as_array()?.iter().map(|one| vec![one.clone()]).collect()),
    }
    .filter(|all: &Vec<Vec<Value>>| !all.is_empty())
}

/// Every metric of a line, those that it names first and in that order.
fn metrics(fields: &Map<String, Value>) -> Vec<(String, Score)> {
    let named = fields.get("metrics").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut names: Vec<&str> = named.collect();
    // Files of older versions do not name their metrics.
    names.extend(fields.keys().map(String::as_str).filter(|name| !NO_METRICS.contains(name)));
    let mut all: Vec<(String, Score)> = Vec::new();
    for name in names {
        if let Some(value) = fields.get(name).filter(|_| all.iter().all(|(known, _)| known != name)) {
            all.push((name.to_owned(), score(value)));
        }
    }
    all
}

/// A metric judges what the filter left of all repeats; it is the verdict on an answer where that is the answer.
fn generated(base: &Record, texts: &[&str], fields: &Map<String, Value>, scores: &[(String, Score)]) -> Vec<Record> {
    let filtered = fields.get("filtered_resps").and_then(Value::as_array);
    let one_list = filtered.filter(|list| list.len() == 1).and_then(|list| list[0].as_array());
    let of_repeat = |index: usize| one_list.or(filtered).filter(|list| list.len() == texts.len())?.get(index)?.as_str();
    let filters = base.filter.as_deref().is_some_and(|filter| filter != "none");
    let record = |(index, text): (usize, &&str)| {
        let label = of_repeat(index).filter(|_| filters);
        let label = label.map(|label| if label == NOTHING_FOUND { String::new() } else { label.to_owned() });
        let text = TextAnswer { text: Some((*text).to_owned()), label, finish: FinishReason::Stop };
        let judged = texts.len() == 1;
        let unjudged = || scores.iter().map(|(name, _)| (name.clone(), Score::Missing)).collect();
        Record {
            answer: Answer::Text(text),
            epoch: (texts.len() > 1).then_some(index as u32 + 1),
            scores: if judged { scores.to_vec() } else { unjudged() },
            on_all: if judged { Vec::new() } else { scores.to_vec() },
            ..base.clone()
        }
    };
    texts.iter().enumerate().map(record).collect()
}

/// A log-likelihood, alone or before the boolean that says whether the continuation is the greedy one.
fn logprob(response: &Value) -> Option<f64> {
    let value = response.get(0).unwrap_or(response);
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (!number.is_nan()).then_some(number)
}

fn measured(
    base: Record,
    requests: &[Vec<&Value>],
    mut values: Vec<f64>,
    target: Option<&Value>,
    scores: Vec<(String, Score)>,
) -> Record {
    let argument =
        |request: &[&Value], index: usize| request.get(index).and_then(|part| part.as_str()).unwrap_or("").to_owned();
    let mut pairs: Vec<[String; 2]> =
        requests.iter().map(|request| [argument(request, 0), argument(request, 1)]).collect();
    if scores.iter().any(|(name, _)| name == "acc_mutual_info") {
        // The second half is asked without a context, for that metric alone.
        let half = pairs.len().div_ceil(2);
        pairs.truncate(half);
        values.truncate(half);
    }
    let unmeasured = values.iter().all(|value| *value == 0.0);
    let (question, answer) = match (pairs.as_slice(), requests[0].len()) {
        ([[text, _]], 0 | 1) => (text_of(text, None), Answer::Likelihood(values[0])),
        ([[context, text]], _) => (text_of(text, Some(context)), Answer::Likelihood(values[0])),
        (pairs, _) => {
            let (prompt, options) = choice(pairs);
            let truth = truth(target, &options, &values, &scores);
            let asked_as = AskedAs::Question;
            (Ask::Choice(kind::Choice { prompt, options, truth, asked_as }), Answer::Options(values.clone()))
        }
    };
    let answer = if unmeasured { Answer::Unmeasured } else { answer };
    Record { question: Some(question), answer, scores, ..base }
}

fn text_of(text: &str, context: Option<&str>) -> Ask {
    let context = context.filter(|context| !context.trim().is_empty()).map(str::to_owned);
    Ask::Text(kind::Text { text: text.to_owned(), context, families: Families::Probe })
}

/// Question and options: continuations of one context, contexts of one continuation, or whole texts.
fn choice(pairs: &[[String; 2]]) -> (String, Vec<String>) {
    let same = |part: usize| pairs.iter().all(|pair| pair[part] == pairs[0][part]);
    let options = |part: usize| pairs.iter().map(|pair| pair[part].trim().to_owned()).collect();
    let (prompt, options) = match (same(0), same(1)) {
        (true, _) => (pairs[0][0].clone(), options(1)),
        (false, true) => (pairs[0][1].trim().to_owned(), options(0)),
        (false, false) => (String::new(), pairs.iter().map(|pair| pair.concat()).collect()),
    };
    // A question needs words to be shown by.
    (if prompt.trim().is_empty() { "(no context)".to_owned() } else { prompt }, options)
}

/// The right option: what the model preferred where `acc` calls it right, else what the file names and `acc` allows.
fn truth(target: Option<&Value>, options: &[String], values: &[f64], scores: &[(String, Score)]) -> Option<u32> {
    let best = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a)))? as u32;
    let acc = scores.iter().find(|(name, _)| name == "acc").map(|(_, score)| *score);
    if acc == Some(Score::Number(1.0)) {
        return Some(best);
    }
    let target = target?;
    let word = target.as_str().map(|word| word.trim().to_owned()).or_else(|| Some(target.as_u64()?.to_string()))?;
    let index = word.parse().ok().filter(|index| (*index as usize) < options.len());
    let spelled = options.iter().position(|option| *option == word).map(|place| place as u32);
    // The text `1` is the option `1` where there is one, the number 1 is the second option.
    let named = if target.is_string() { [spelled, index] } else { [index, spelled] };
    let allowed = |truth: &u32| acc != Some(Score::Number(0.0)) || *truth != best;
    named.into_iter().flatten().find(allowed)
}
