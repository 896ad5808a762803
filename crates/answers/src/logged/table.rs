//! Tables: JSON objects or CSV rows with columns that the user names, or that have usual names. One model's answers, with
//! a column that names the model where there are several; or a column of answers for each model.

mod answer;
mod beside;
mod question;

use serde_json::{Map, Number, Value};

pub(super) use answer::{AnswerColumns, words};
pub(super) use beside::columns as columns_beside;

use super::LoggedError;
use super::envelope::answers;
use super::error::shown;
use super::message::with_system;
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

/// Columns that hold what a model said, in the order in which they count: those of [`GENERIC`] and [`PREDICTED`].
pub(super) const SAID: [&str; 31] = [
    "response",
    "completion",
    "output",
    "reply",
    "generation",
    "prediction",
    "pred",
    "generated",
    "generated_text",
    "generated_answer",
    "generated_output",
    "generated_response",
    "model_output",
    "model_response",
    "model_answer",
    "model_prediction",
    "model_completion",
    "actual_output",
    "predicted",
    "predicted_answer",
    "predicted_text",
    "predicted_output",
    "prediction_text",
    "llm_output",
    "llm_response",
    "llm_answer",
    "outputs",
    "generations",
    "predictions",
    "responses",
    "answer",
];
/// A tool that names the example and the run calls the run `id`.
const IDS: [&str; 12] = [
    "example_id",
    "id",
    "question_id",
    "prompt_id",
    "task_id",
    "custom_id",
    "sample_id",
    "instance_id",
    "uid",
    "idx",
    "index",
    "key",
];
const FAMILIES: [&str; 4] = ["family", "family_id", "cluster", "cluster_id"];
/// Columns that name a model.
pub(super) const MODELS: [&str; 4] = ["model", "model_id", "model_name", "generator"];
const VERDICTS: [&str; 9] =
    ["correct", "is_correct", "passed", "pass", "success", "right", "exact_match", "acc", "score"];

/// Whether a row has a usual column of answers.
pub(super) fn is_row(fields: &Map<String, Value>) -> bool {
    SAID.iter().any(|name| fields.contains_key(*name))
}

/// Whether a row has something in a usual column of answers.
pub(super) fn is_filled(fields: &Map<String, Value>) -> bool {
    first(fields, &SAID).is_some()
}

/// What a field holds; a null is as if it were not there.
pub(super) fn filled<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// The first of these fields that holds something.
pub(super) fn first<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| filled(fields, name))
}

/// A name or number as a word; nothing where it is null, empty or neither.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        // Whoever keeps numbers as fractions writes 1 as 1.0.
        Value::Number(number) => Some(whole(number).map_or_else(|| number.to_string(), |whole| whole.to_string())),
        _ => None,
    }
}

/// A number that has no fraction, as far as fractions tell whole numbers apart.
fn whole(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT)?;
    // Whole and small enough: nothing is cut off.
    Some(value as i64)
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

    /// Refuses a table without a column that was named, without one that holds answers, or without one that says to which
    /// question they are. `rows` have names of their own, or none.
    ///
    /// # Errors
    /// A column is missing; the message lists those there.
    pub(super) fn check<'a>(
        &self,
        file: &str,
        rows: impl Iterator<Item = (Option<&'a str>, &'a Map<String, Value>)>,
    ) -> Result<(), LoggedError> {
        let (mut there, mut named): (Vec<&String>, bool) = (Vec::new(), false);
        for (name, fields) in rows {
            named |= name.is_some();
            for key in fields.keys() {
                if !there.contains(&key) {
                    there.push(key);
                }
            }
        }
        let has = |column: &str| there.iter().any(|key| *key == column);
        let any = |columns: &[&str]| columns.iter().any(|column| has(column));
        let answers = || any(&SAID) || self.models.iter().all(|model| has(model));
        let asked = || named || self.prompt.is_some() || self.id.is_some() || question::is_in(any) || any(&IDS);
        let mut next = "name the columns with --prompt and --answer, or the models by their columns";
        let missing = match self.named().find(|column| !has(column)) {
            Some(column) => format!("a column {}", hydrometer_probes::quote(column)),
            None if self.answer.is_none() && !answers() => match self.models.iter().find(|model| !has(model)) {
                Some(other) if self.models.iter().any(|model| has(model)) => {
                    format!("a column of answers for each model, {} among them", hydrometer_probes::quote(other))
                }
                _ => "a column of answers".to_owned(),
            },
            None if !asked() => {
                next = "name it with --prompt or --id";
                "a column that says what was asked, or how the question is called".to_owned()
            }
            None => return Ok(()),
        };
        let found: Vec<String> = there.iter().take(20).map(|key| hydrometer_probes::quote(key)).collect();
        Err(LoggedError::wrong(file, missing, found.join(", "), next))
    }

    /// Whether a column says what is right.
    pub(super) fn is_verdict(&self, column: &str) -> bool {
        let of_model = |model: &String| column.strip_prefix(model.as_str())?.strip_prefix('_');
        let of_both = self.models.iter().filter_map(of_model).any(|verdict| VERDICTS.contains(&verdict));
        of_both || self.correct.as_deref().map_or(VERDICTS.contains(&column), |named| named == column)
    }

    /// The records of a row: one for each answer, of each model that has a column of them.
    pub(super) fn records(
        &self,
        fields: &Map<String, Value>,
        key: Option<&str>,
        place: &Place,
        table: &Table,
    ) -> Result<Vec<Record>, LoggedError> {
        let column = |named: &Option<String>, usual: &[&str]| match named {
            Some(named) => filled(fields, named),
            None => first(fields, usual),
        };
        let system = filled(fields, self.system.as_deref().unwrap_or("system")).and_then(Value::as_str);
        let question = question::of(self.prompt.as_deref(), fields, place)?.map(|ask| with_system(ask, system));
        let id = column(&self.id, &IDS).and_then(word).or_else(|| key.map(str::to_owned));
        let epoch = self.epoch.as_ref().and_then(|named| fields.get(named));
        let base = Record {
            models: column(&self.model, &MODELS).and_then(word).into_iter().collect(),
            task: "imported".to_owned(),
            id,
            content: question.as_ref().map_or(Content::Unknown, |ask| Content::Asked(super::pair::key(ask))),
            question,
            family: column(&self.family, &FAMILIES).and_then(word),
            epoch: epoch.map(|value| number(value, place)).transpose()?,
            beside: table
                .beside
                .iter()
                .filter_map(|name| Some((name.clone(), fields.get(name)?.as_str()?.trim().to_owned())))
                .collect(),
            ..Record::new(place.clone(), Answer::Question)
        };
        if self.have_both(fields) {
            let of = |model: &String| {
                let verdicts = VERDICTS.iter().map(|verdict| (format!("{model}_{verdict}"), *verdict));
                let verdict = verdicts.into_iter().find(|(name, _)| fields.contains_key(name)).into_iter().collect();
                let given = Given { column: model, cell: &fields[model.as_str()], verdicts: verdict, label: None };
                let base = Record { models: vec![model.clone()], ..base.clone() };
                given.records(&base, fields, &table.words)
            };
            let both = self.models.iter().map(of).collect::<Result<Vec<_>, _>>()?;
            return Ok(both.concat());
        }
        let verdicts = match &self.correct {
            Some(named) => vec![(named.clone(), named.as_str())],
            None => VERDICTS
                .into_iter()
                .filter(|name| fields.contains_key(*name))
                .map(|name| (name.to_owned(), name))
                .collect(),
        };
        let (column, cell) = table.answers.cell(fields);
        let label = self.label.as_ref().and_then(|named| fields.get(named));
        Given { column, cell, verdicts, label }.records(&base, fields, &table.words)
    }
}

/// What is known of a table before its rows are read.
#[derive(Default)]
pub(super) struct Table {
    /// Where the answers stand.
    pub answers: AnswerColumns,
    /// Words of its verdicts.
    pub words: Words,
    /// Columns that may belong to the question: texts that differ where it does not.
    pub beside: Vec<String>,
}

/// A cell of answers, and what a row says of them.
struct Given<'r> {
    column: &'r str,
    cell: &'r Value,
    /// Columns of verdicts, and the metrics that they are.
    verdicts: Vec<(String, &'r str)>,
    label: Option<&'r Value>,
}

impl Given<'_> {
    /// A record for each answer.
    fn records(&self, base: &Record, fields: &Map<String, Value>, words: &Words) -> Result<Vec<Record>, LoggedError> {
        let wrong = |expected: String, found: String, next: &str| {
            LoggedError::wrong(base.place.to_string(), expected, found, next)
        };
        let column = hydrometer_probes::quote(self.column);
        let answers = answers(self.cell).map_err(|found| {
            let next = "name another column with --answer, or write the words of the answer into the file";
            wrong(format!("a text, texts, a message or a response of a model in {column}"), found, next)
        })?;
        let several = answers.len() > 1;
        if several && base.epoch.is_some() {
            let found = format!("{} in {column}", answers.len());
            return Err(wrong("one answer in a row that is numbered".to_owned(), found, "leave --epoch-column out"));
        }
        let count = answers.len();
        let record = |(at, answer): (usize, TextAnswer)| {
            let verdict = |(name, metric): &(String, &str)| {
                let value = fields.get(name).and_then(|value| of_one(value, at, count));
                ((*metric).to_owned(), value.map_or(Score::Missing, |value| words.score(name, value)))
            };
            Record {
                epoch: if several { u32::try_from(at + 1).ok() } else { base.epoch },
                scores: self.verdicts.iter().map(verdict).collect(),
                answer: Answer::Text(TextAnswer {
                    label: self.label.and_then(|label| of_one(label, at, count)).and_then(word),
                    ..answer
                }),
                ..base.clone()
            }
        };
        Ok(answers.into_iter().enumerate().map(record).collect())
    }
}

/// What a cell says of one of several answers: it has a list of as many. What is said of all together judges none of them.
fn of_one(value: &Value, at: usize, count: usize) -> Option<&Value> {
    match value.as_array() {
        Some(items) => items.get(at).filter(|_| items.len() == count),
        None => Some(value).filter(|_| count == 1),
    }
}

fn number(value: &Value, place: &Place) -> Result<u32, LoggedError> {
    let number = word(value).and_then(|word| word.trim().parse().ok());
    number.ok_or_else(|| {
        LoggedError::wrong(place.to_string(), "the number of an answer", shown(Some(value)), "name another column")
    })
}
