//! lighteval details: `details/ORG/MODEL/DATE/details_TASK_DATE.parquet`, a row per document with nested `doc`, `metric`
//! and `model_response`.

use std::path::Path;

use hydrometer_probes::{Ask, AskedAs, kind};
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::asked;
use super::parquet_rows::each_row;
use super::record::{Answer, Content, Place, Record, Score, TextAnswer};
use super::scores::scores;
use super::source::Source;
use super::table::word;

/// The records of a file.
///
/// # Errors
/// It is no Parquet file, or its rows are of another shape.
pub(super) fn records(source: &Source, path: &Path) -> Result<Vec<Record>, LoggedError> {
    let next = "give details as lighteval wrote them, or convert the file to JSONL";
    let wrong = |found: String| LoggedError::wrong(&*source.name, "lighteval details in Parquet", found, next);
    let mut rows = Vec::new();
    let each = |fields| {
        rows.push(fields);
        Ok(())
    };
    each_row(path, each)?.map_err(wrong)?;
    let mut all = Vec::new();
    for (number, fields) in (1..).zip(&rows) {
        all.extend(record(fields, &source.place(number))?);
    }
    Ok(all)
}

fn record(fields: &Map<String, Value>, place: &Place) -> Result<Vec<Record>, LoggedError> {
    let part = |name: &str| {
        fields.get(name).and_then(Value::as_object).ok_or_else(|| {
            let next = "give details of lighteval 0.10 or later, or convert the file to JSONL with columns of your own";
            let found = fields.keys().take(12).cloned().collect::<Vec<_>>().join(", ");
            LoggedError::wrong(place.to_string(), "groups `doc`, `metric` and `model_response`", found, next)
        })
    };
    let (document, metric, response) = (part("doc")?, part("metric")?, part("model_response")?);
    let query = document.get("query").and_then(Value::as_str).ok_or_else(|| {
        let next = "give details as lighteval wrote them";
        LoggedError::wrong(place.to_string(), "a `query` in `doc`", shown(document.get("query")), next)
    })?;
    let choices: Vec<String> = texts(document.get("choices"));
    let verdicts = scores(metric);
    let base = Record {
        task: document.get("task_name").and_then(word).unwrap_or_else(|| "lighteval".to_owned()),
        id: document.get("id").and_then(word),
        content: Content::Document(serde_json::json!([query, &choices]).to_string()),
        ..Record::new(place.clone(), Answer::Unmeasured)
    };
    // What the model was given, with its template and examples; the bare query where the file has nothing else.
    let question = response.get("input").and_then(asked).or_else(|| asked(&Value::from(query)));
    let said = texts(response.get("text"));
    let logprobs: Vec<f64> = numbers(response.get("logprobs"));
    if said.is_empty() && logprobs.len() == choices.len() && choices.len() > 1 {
        return Ok(vec![choice(base, query, &choices, logprobs, document.get("gold_index"), verdicts)]);
    }
    if said.is_empty() {
        let answer = Answer::Text(TextAnswer::new(None));
        return Ok(vec![Record { question, answer, scores: verdicts, ..base }]);
    }
    // A metric of several samples is about all of them.
    let several = said.len() > 1;
    let unjudged = || verdicts.iter().map(|(name, _)| (name.clone(), Score::Missing)).collect();
    let each = |(epoch, text): (u32, String)| Record {
        question: question.clone(),
        epoch: several.then_some(epoch),
        scores: if several { unjudged() } else { verdicts.clone() },
        on_all: if several { verdicts.clone() } else { Vec::new() },
        answer: Answer::Text(TextAnswer::new(Some(text).filter(|text| !text.is_empty()))),
        ..base.clone()
    };
    Ok((1..).zip(said).map(each).collect())
}

fn choice(
    base: Record,
    query: &str,
    choices: &[String],
    logprobs: Vec<f64>,
    gold: Option<&Value>,
    scores: Vec<(String, Score)>,
) -> Record {
    let options: Vec<String> = choices.iter().map(|choice| choice.trim().to_owned()).collect();
    let gold = match gold {
        Some(Value::Array(all)) if all.len() == 1 => all[0].as_u64(),
        other => other.and_then(Value::as_u64),
    };
    let truth = gold.and_then(|gold| u32::try_from(gold).ok()).filter(|gold| (*gold as usize) < options.len());
    let unmeasured = logprobs.iter().all(|value| *value == 0.0);
    let ask = kind::Choice { prompt: query.to_owned(), options, truth, asked_as: AskedAs::Question };
    let answer = if unmeasured { Answer::Unmeasured } else { Answer::Options(logprobs) };
    Record { question: Some(Ask::Choice(ask)), answer, scores, ..base }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array).into_iter().flatten().map(|text| text.as_str().unwrap_or("").to_owned()).collect()
}

fn numbers(list: Option<&Value>) -> Vec<f64> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64).collect()
}
