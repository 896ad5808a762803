//! Tables: JSON objects or CSV rows with columns that the user names, or that have usual names. One model's answers, with
//! a column that names the model where there are several; or a column of answers for each model.

use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::{asked, text};
use super::record::{Answer, Content, Place, Record, Score, TextAnswer};
use super::scores::Words;

/// Which column holds what; where none is named, the first of the usual names that a row has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// What was asked.
    pub prompt: Option<String>,
    /// System message.
    pub system: Option<String>,
    /// What the model answered.
    pub answer: Option<String>,
    /// What the question is called; answers are joined by it.
    pub id: Option<String>,
    /// Questions that share it are not independent.
    pub family: Option<String>,
    /// Whether the answer is right.
    pub correct: Option<String>,
    /// What kind of answer it is: answers with equal labels are the same.
    pub label: Option<String>,
    /// Whose answer it is.
    pub model: Option<String>,
    /// Which of several answers to the question it is, from 1.
    pub epoch: Option<String>,
    /// The two models: columns of these names hold the answers of each.
    pub models: [String; 2],
}

const PROMPTS: [&str; 9] =
    ["prompt", "question", "instruction", "input", "query", "problem", "origin_prompt", "user", "messages"];
const ANSWERS: [&str; 11] = [
    "response",
    "completion",
    "output",
    "generation",
    "prediction",
    "model_output",
    "model_response",
    "generated_text",
    "model_answer",
    "reply",
    "answer",
];
const IDS: [&str; 9] = ["id", "question_id", "prompt_id", "task_id", "custom_id", "sample_id", "uid", "idx", "index"];
const FAMILIES: [&str; 4] = ["family", "family_id", "cluster", "cluster_id"];
/// Columns that name a model.
pub(super) const MODELS: [&str; 4] = ["model", "model_id", "model_name", "generator"];
const VERDICTS: [&str; 9] =
    ["correct", "is_correct", "passed", "pass", "success", "right", "exact_match", "acc", "score"];

/// Whether a row has a usual column of answers.
pub(super) fn is_row(fields: &Map<String, Value>) -> bool {
    first(fields, &ANSWERS).is_some()
}

/// The first of these fields that is there.
pub(super) fn first<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| fields.get(*name))
}

/// A name or number as a word; nothing where it is null, empty or neither.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Columns {
    /// Whether a row has the column of answers that the user names.
    pub(super) fn name_answers(&self, fields: &Map<String, Value>) -> bool {
        self.answer.as_ref().is_some_and(|answer| fields.contains_key(answer))
    }

    /// Whether a row has a column of answers for each model.
    pub(super) fn have_both(&self, fields: &Map<String, Value>) -> bool {
        self.answer.is_none() && self.models.iter().all(|model| fields.contains_key(model))
    }

    /// Whether a row has a column that is called like one of the models.
    pub(super) fn have_one(&self, fields: &Map<String, Value>) -> bool {
        self.answer.is_none() && self.models.iter().any(|model| fields.contains_key(model))
    }

    fn named(&self) -> impl Iterator<Item = &String> {
        let Self { prompt, system, answer, id, family, correct, label, model, epoch, models: _ } = self;
        [prompt, system, answer, id, family, correct, label, model, epoch].into_iter().flatten()
    }

    /// Refuses a table without a column that was named, or without one that holds answers.
    ///
    /// # Errors
    /// A column is missing; the message lists those there.
    pub(super) fn check<'a>(
        &self,
        file: &str,
        rows: impl Iterator<Item = &'a Map<String, Value>>,
    ) -> Result<(), LoggedError> {
        let mut there: Vec<&String> = Vec::new();
        for key in rows.flat_map(Map::keys) {
            if !there.contains(&key) {
                there.push(key);
            }
        }
        let has = |column: &str| there.iter().any(|key| *key == column);
        let answers = || ANSWERS.iter().any(|column| has(column)) || self.models.iter().all(|model| has(model));
        let missing = match self.named().find(|column| !has(column)) {
            Some(column) => format!("a column {}", hydrometer_probes::quote(column)),
            None if self.answer.is_none() && !answers() => match self.models.iter().find(|model| !has(model)) {
                Some(other) if self.models.iter().any(|model| has(model)) => {
                    format!("a column of answers for each model, {} among them", hydrometer_probes::quote(other))
                }
                _ => "a column of answers".to_owned(),
            },
            None => return Ok(()),
        };
        let found: Vec<String> = there.iter().take(20).map(|key| hydrometer_probes::quote(key)).collect();
        let next = "name the columns with --prompt and --answer, or the models by their columns";
        Err(LoggedError::wrong(file, missing, found.join(", "), next))
    }

    /// Whether a column says what is right.
    pub(super) fn is_verdict(&self, column: &str) -> bool {
        let of_model = |model: &String| column.strip_prefix(model.as_str())?.strip_prefix('_');
        let of_both = self.models.iter().filter_map(of_model).any(|verdict| VERDICTS.contains(&verdict));
        of_both || self.correct.as_deref().map_or(VERDICTS.contains(&column), |named| named == column)
    }

    /// The records of a row: one, or one for each model that has a column of answers. `words` are those of the table's verdicts.
    pub(super) fn records(
        &self,
        fields: &Map<String, Value>,
        key: Option<&str>,
        place: &Place,
        words: &Words,
    ) -> Result<Vec<Record>, LoggedError> {
        let column = |named: &Option<String>, usual: &[&str]| match named {
            Some(named) => fields.get(named),
            None => first(fields, usual),
        };
        let question = column(&self.prompt, &PROMPTS).and_then(asked);
        let system = self.system.as_ref().map_or_else(|| fields.get("system"), |named| fields.get(named));
        let system = system.and_then(Value::as_str).filter(|system| !system.trim().is_empty());
        let question = question.map(|ask| with_system(ask, system));
        let id = column(&self.id, &IDS).and_then(word).or_else(|| key.map(str::to_owned));
        let epoch =
            self.epoch.as_ref().and_then(|named| fields.get(named)).map(|value| epoch(value, place)).transpose()?;
        let base = Record {
            models: column(&self.model, &MODELS).and_then(word).into_iter().collect(),
            task: "imported".to_owned(),
            id,
            content: question.as_ref().map_or(Content::Unknown, |ask| Content::Asked(super::pair::key(ask))),
            question,
            family: column(&self.family, &FAMILIES).and_then(word),
            epoch,
            ..Record::new(place.clone(), Answer::Question)
        };
        if self.have_both(fields) {
            let record = |model: &String| {
                let verdicts = VERDICTS.iter().map(|verdict| format!("{model}_{verdict}"));
                let (name, value) = verdicts.into_iter().find_map(|name| Some((name.clone(), fields.get(&name)?)))?;
                Some((name[model.len() + 1..].to_owned(), words.score(&name, value)))
            };
            let of = |model: &String| Record {
                models: vec![model.clone()],
                scores: record(model).into_iter().collect(),
                answer: answer(&fields[model.as_str()], None),
                ..base.clone()
            };
            return Ok(self.models.iter().map(of).collect());
        }
        let label = self.label.as_ref().and_then(|named| fields.get(named)).and_then(word);
        let verdicts: Vec<&str> = match &self.correct {
            Some(named) => vec![named],
            None => VERDICTS.into_iter().filter(|name| fields.contains_key(*name)).collect(),
        };
        let scores = verdicts
            .into_iter()
            .map(|name| (name.to_owned(), fields.get(name).map_or(Score::Missing, |value| words.score(name, value))));
        let answer = answer(column(&self.answer, &ANSWERS).unwrap_or(&Value::Null), label);
        Ok(vec![Record { scores: scores.collect(), answer, ..base }])
    }
}

fn epoch(value: &Value, place: &Place) -> Result<u32, LoggedError> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
        LoggedError::wrong(place.to_string(), "the number of an answer", shown(Some(value)), "name another column")
    })
}

fn with_system(ask: hydrometer_probes::Ask, system: Option<&str>) -> hydrometer_probes::Ask {
    match (ask, system) {
        (hydrometer_probes::Ask::Prompt(prompt), Some(system)) if prompt.system.is_none() => {
            hydrometer_probes::kind::Prompt { system: Some(system.to_owned()), ..prompt }.into()
        }
        (ask, _) => ask,
    }
}

/// A cell as an answer: a text, blocks of text, a message; other values are taken as they are written.
fn answer(cell: &Value, label: Option<String>) -> Answer {
    let said = match cell {
        Value::Null => None,
        Value::Object(message) if message.contains_key("content") => super::message::said(message),
        Value::String(_) | Value::Array(_) => text(cell).or_else(|| Some(cell.to_string())),
        other => Some(other.to_string()),
    };
    Answer::Text(TextAnswer { label, ..TextAnswer::new(said.filter(|said| !said.is_empty())) })
}
