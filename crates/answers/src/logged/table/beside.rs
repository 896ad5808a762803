//! Texts in columns of no known use, in a table whose questions repeat: what a template is about, as often as not.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::super::record::Place;
use super::{AnswerColumns, Columns, FAMILIES, IDS, MODELS, SAID, VERDICTS, answer, question};

/// Words in names of columns with what is said of an answer, or was expected of it.
const OF_ANSWERS: [&str; 36] = [
    "comment",
    "comments",
    "correct",
    "critique",
    "date",
    "error",
    "expected",
    "explanation",
    "extracted",
    "feedback",
    "file",
    "finish",
    "gold",
    "golden",
    "grade",
    "ground",
    "ideal",
    "judge",
    "judgement",
    "judgment",
    "label",
    "labels",
    "log",
    "path",
    "rationale",
    "raw",
    "reason",
    "reasoning",
    "ref",
    "reference",
    "status",
    "target",
    "thinking",
    "thought",
    "time",
    "timestamp",
];

/// Columns of texts that differ between rows with one question; none where no question repeats.
pub(in super::super) fn columns(
    of: &Columns,
    answers: &AnswerColumns,
    rows: &[(Place, &Map<String, Value>)],
) -> Vec<String> {
    let known = |name: &str| {
        let usual = [&IDS[..], &SAID, &FAMILIES, &MODELS, &VERDICTS].concat();
        let of_answers = answer::words(name).iter().any(|word| OF_ANSWERS.contains(&word.as_str()));
        let of_model = of.models.iter().any(|model| name.starts_with(model.as_str()));
        of_answers || of_model || usual.contains(&name) || answers.has(name) || of.named().any(|named| named == name)
    };
    let mut first: HashMap<String, HashMap<&str, &str>> = HashMap::new();
    let mut found: BTreeMap<&str, Texts> = BTreeMap::new();
    for (place, fields) in rows {
        let Ok(Some(ask)) = question::of(of.prompt.as_deref(), fields, place) else { continue };
        let asked = super::super::pair::key(&ask);
        let texts = fields.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        let texts: Vec<_> = texts.filter(|(name, text)| !known(name) && !asked.contains(text.trim())).collect();
        let first = first.entry(asked).or_default();
        for (name, text) in texts {
            let column = found.entry(name).or_default();
            column.differ |= *first.entry(name).or_insert(text) != text;
            *(if is_prose(text) { &mut column.prose } else { &mut column.labels }) += 1;
        }
    }
    found
        .into_iter()
        .filter(|(_, texts)| texts.differ && texts.prose > texts.labels)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// What a column holds.
#[derive(Default)]
struct Texts {
    /// Whether rows with one question have several.
    differ: bool,
    prose: u64,
    /// Numbers, names of runs, single words.
    labels: u64,
}

/// Whether a text has two words of letters.
fn is_prose(text: &str) -> bool {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).nth(1).is_some()
}
