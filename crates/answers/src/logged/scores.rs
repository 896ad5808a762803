//! Verdicts of files as numbers: every tool has words of its own for right and wrong.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::quote;
use serde_json::{Map, Value};

use super::record::Score;

/// Right and wrong in words that mean that only where a column has no others: `T` may be an answer, and `F` a grade.
const PAIRS: [[&str; 2]; 6] = [["t", "f"], ["y", "n"], ["ok", "ko"], ["✓", "✗"], ["✔", "✘"], ["✅", "❌"]];

/// The words of columns of verdicts, as far as they are none that mean the same anywhere.
#[derive(Default)]
pub(super) struct Words {
    pairs: BTreeMap<String, [&'static str; 2]>,
    unread: BTreeMap<String, BTreeSet<String>>,
}

impl Words {
    /// Of the columns that are verdicts.
    pub(super) fn of<'r>(
        rows: impl Iterator<Item = &'r Map<String, Value>>,
        is_verdict: impl Fn(&str) -> bool,
    ) -> Self {
        let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in rows.flatten().filter(|(name, _)| is_verdict(name)) {
            if let Some(word) = value.as_str().map(str::trim).filter(|word| !word.is_empty()) {
                found.entry(name).or_default().insert(word);
            }
        }
        let mut words = Self::default();
        for (name, said) in found {
            let all_of = |pair: &&[&str; 2]| said.iter().all(|word| pair.contains(&word.to_lowercase().as_str()));
            if let Some(pair) = PAIRS.iter().find(all_of) {
                words.pairs.insert(name.to_owned(), *pair);
                continue;
            }
            let unread = said.into_iter().filter(|word| word_score(word).is_none_or(f64::is_nan)).map(str::to_owned);
            words.unread.insert(name.to_owned(), unread.collect());
        }
        words
    }

    /// What a value of a column says.
    pub(super) fn score(&self, column: &str, value: &Value) -> Score {
        match (self.pairs.get(column), value.as_str().map(|word| word.trim().to_lowercase())) {
            (Some([right, _]), Some(word)) if !word.is_empty() => Score::Number(f64::from(u8::from(word == *right))),
            _ => score(value),
        }
    }

    /// The words that judge nothing, as sentences.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        const NAMED: usize = 8;
        self.unread.iter().filter(|(_, words)| !words.is_empty()).map(|(column, words)| {
            let named: Vec<String> = words.iter().take(NAMED).map(|word| quote(word)).collect();
            let more = if words.len() > NAMED { ", …" } else { "" };
            format!("{} of {} are no verdict that is known, and judge nothing", named.join(", ") + more, quote(column))
        })
    }
}

/// A value of a metric. Inspect writes letters (C, I, P, N), others truth values, words or numbers; what judges a whole
/// corpus (a list, as for BLEU) judges no answer.
pub(super) fn score(value: &Value) -> Score {
    let number = match value {
        Value::Bool(right) => Some(f64::from(u8::from(*right))),
        Value::Number(number) => number.as_f64(),
        Value::String(word) => word_score(word.trim()),
        _ => None,
    };
    number.filter(|number| number.is_finite()).map_or(Score::Missing, Score::Number)
}

fn word_score(word: &str) -> Option<f64> {
    match word {
        "C" => return Some(1.0),
        "P" => return Some(0.5),
        "I" | "N" => return Some(0.0),
        _ => {}
    }
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "pass" | "passed" | "correct" | "right" => Some(1.0),
        "false" | "no" | "fail" | "failed" | "incorrect" | "wrong" => Some(0.0),
        _ => word.parse().ok(),
    }
}

/// Metrics of an object, in its order; those of an object within it by `name.key`.
pub(super) fn scores(fields: &Map<String, Value>) -> Vec<(String, Score)> {
    let mut all = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Object(inner) => {
                all.extend(inner.iter().map(|(key, value)| (format!("{name}.{key}"), score(value))));
            }
            value => all.push((name.clone(), score(value))),
        }
    }
    all
}
