//! Berkeley Function Calling Leaderboard: `BFCL_…_CATEGORY_result.json` with what a model called, and
//! `BFCL_…_CATEGORY_score.json`, which begins with the accuracy and then lists what was wrong. Given both, an answer that
//! is not listed as wrong is right, where as many were scored as there are answers, and as many of them are listed as are
//! wrong by the first line.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::shown;
use super::message::asked;
use super::record::{Answer, Content, LoggedFile, Place, Record, Score, TextAnswer};
use super::table::word;
use super::{Format, LoggedError};

/// Field of the verdict.
const VALID: &str = "valid";

/// Name of the verdict, of answers that are listed and of those that are not.
const METRIC: &str = "correct";

/// How many answers a file of scores is about, and how many of them are right.
const TOTAL: &str = "total_count";
const RIGHT: &str = "correct_count";

/// The share of them that is right.
const ACCURACY: &str = "accuracy";

/// The record of a line. The first line of scores is about all of them: a verdict without an `id`.
///
/// # Errors
/// It has no `id`.
pub(super) fn record(fields: &Map<String, Value>, place: &Place) -> Result<Record, LoggedError> {
    if fields.contains_key(TOTAL) && fields.contains_key(ACCURACY) {
        let counts = [TOTAL, RIGHT, ACCURACY].into_iter().filter_map(|name| Some((name.to_owned(), fields.get(name)?)));
        let scores = counts.map(|(name, count)| (name, super::scores::score(count))).collect();
        return Ok(Record { scores, ..Record::new(place.clone(), Answer::Verdict) });
    }
    let id = fields.get("id").and_then(word).ok_or_else(|| {
        LoggedError::wrong(place.to_string(), "an `id`", shown(fields.get("id")), "give the file as BFCL wrote it")
    })?;
    let record = Record {
        models: fields.get("model_name").and_then(Value::as_str).map(str::to_owned).into_iter().collect(),
        task: id.rsplit_once('_').map_or(id.as_str(), |(category, _)| category).to_owned(),
        id: Some(id.clone()),
        ..Record::new(place.clone(), Answer::Verdict)
    };
    if let Some(verdict) = fields.get(VALID) {
        let prompt = fields.get("prompt").map(|prompt| prompt.get("question").unwrap_or(prompt));
        let scores = vec![(VALID.to_owned(), super::scores::score(verdict))];
        return Ok(Record { question: prompt.and_then(first_turn), scores, ..record });
    }
    let result = fields.get("result");
    let text = result.filter(|result| !result.is_null()).map(|result| match result {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let question = fields.get("question").and_then(first_turn);
    let content = question.as_ref().map_or(Content::Unknown, |ask| Content::Document(super::pair::key(ask)));
    let text = text.filter(|text| !text.is_empty());
    Ok(Record { question, content, answer: Answer::Text(TextAnswer::new(text)), ..record })
}

/// A question of several turns is a list of lists of messages.
fn first_turn(question: &Value) -> Option<hydrometer_probes::Ask> {
    asked(question.get(0).filter(|first| first.is_array()).unwrap_or(question))
}

/// Gives the verdicts of score files to the answers of the same model and category.
pub(super) fn judge(files: &mut [LoggedFile]) {
    let of_score_files: HashMap<PathBuf, Verdicts> =
        files.iter().filter(|file| is_score(file)).map(|file| (key(file), Verdicts::of(file))).collect();
    for file in files.iter_mut().filter(|file| file.format == Format::Bfcl && !is_score(file)) {
        let Some(verdicts) = of_score_files.get(&key(file)) else { continue };
        if let Some(why) = verdicts.contradict(&file.records) {
            file.notes.push(format!("not judged: {why}"));
            continue;
        }
        for record in &mut file.records {
            let listed = record.id.as_deref().and_then(|id| verdicts.listed.get(id)).copied();
            record.scores = vec![(METRIC.to_owned(), listed.unwrap_or(Score::Number(1.0)))];
        }
    }
}

/// What a file of scores says.
struct Verdicts {
    total: Option<f64>,
    right: Option<f64>,
    accuracy: Option<f64>,
    listed: HashMap<String, Score>,
}

impl Verdicts {
    fn of(file: &LoggedFile) -> Self {
        let score = |record: &Record, wanted: &str| {
            record.scores.iter().find(|(name, _)| name == wanted).map(|(_, score)| *score)
        };
        let count = |wanted: &str| {
            file.records.iter().find_map(|record| match score(record, wanted) {
                Some(Score::Number(count)) => Some(count),
                _ => None,
            })
        };
        let listed = file.records.iter().filter_map(|record| Some((record.id.clone()?, score(record, VALID)?)));
        Self { total: count(TOTAL), right: count(RIGHT), accuracy: count(ACCURACY), listed: listed.collect() }
    }

    /// Why these scores cannot be of these answers: then what is not listed is not known to be right.
    fn contradict(&self, answers: &[Record]) -> Option<String> {
        let known = |count: Option<f64>| count.map_or("an unknown number".to_owned(), |count| count.to_string());
        let there = answers.len();
        let (Some(total), Some(right)) = (self.total.filter(|total| *total == there as f64), self.right) else {
            let (total, right) = (known(self.total), known(self.right));
            return Some(format!(
                "its scores are about {total} of its {there} answers, and call {right} of them right"
            ));
        };
        // Rounded, it may be a hundredth off.
        if let Some(accuracy) = self.accuracy.filter(|accuracy| (accuracy * total - right).abs() > 0.01 * total) {
            return Some(format!(
                "its scores call {right} of {total} answers right, and say an accuracy of {accuracy}"
            ));
        }
        let ids: HashSet<&str> = answers.iter().filter_map(|answer| answer.id.as_deref()).collect();
        if let Some(id) = self.listed.keys().filter(|id| !ids.contains(id.as_str())).min() {
            return Some(format!("its scores list {}, to which it has no answer", hydrometer_probes::quote(id)));
        }
        let wrong = ids.iter().filter(|id| self.listed.get(**id) == Some(&Score::Number(0.0))).count();
        (ids.len() != there || wrong as f64 != total - right).then(|| {
            format!(
                "its scores list {wrong} wrong answers, and {} of {total} are wrong by their first line",
                total - right
            )
        })
    }
}

fn is_score(file: &LoggedFile) -> bool {
    file.format == Format::Bfcl && file.name.contains("_score.json")
}

/// What files of results and of scores share: their path without these words.
fn key(file: &LoggedFile) -> PathBuf {
    let category = file.name.replace("_score.json", "").replace("_result.json", "");
    let folders = file.path.parent().unwrap_or(Path::new(""));
    folders.iter().filter(|folder| *folder != "score" && *folder != "result").chain([category.as_ref()]).collect()
}
