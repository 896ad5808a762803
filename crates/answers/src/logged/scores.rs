//! Verdicts of files as numbers: every tool has words of its own for right and wrong.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::quote;
use serde_json::{Map, Value};

use super::record::Score;

/// What Inspect's letters are worth: correct, partly, incorrect, no answer.
const LETTERS: [(&str, f64); 4] = [("C", 1.0), ("P", 0.5), ("I", 0.0), ("N", 0.0)];

/// Right and wrong in words that mean that only where a column has no others: `T` may be an answer, and `F` a grade.
const PAIRS: [[&str; 2]; 6] = [["t", "f"], ["y", "n"], ["ok", "ko"], ["✓", "✗"], ["✔", "✘"], ["✅", "❌"]];

/// The words of columns of verdicts, as far as they are none that mean the same anywhere.
#[derive(Default)]
pub(super) struct Words {
    pairs: BTreeMap<String, [&'static str; 2]>,
    /// Columns of Inspect's letters and nothing else: beside an `A` or `B`, a `C` is an answer or a grade.
    letters: BTreeSet<String>,
    unread: BTreeMap<String, BTreeSet<String>>,
    /// Columns that say yes and no where the answers do, too: what was expected, as often as not.
    expected: BTreeSet<String>,
}

impl Words {
    /// Of the columns that are verdicts; `doubtful` says of which nobody but their name says so, in a table whose answers are yes and no.
    pub(super) fn of<'r>(
        rows: impl Iterator<Item = &'r Map<String, Value>>,
        is_verdict: impl Fn(&str) -> bool,
        doubtful: bool,
    ) -> Self {
        let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in rows.flatten().filter(|(name, _)| is_verdict(name)) {
            if let Some(word) = value.as_str().map(str::trim).filter(|word| !word.is_empty()) {
                found.entry(name).or_default().insert(word);
            }
        }
        let mut words = Self::default();
        for (name, said) in found {
            if doubtful && said.iter().all(|word| is_yes_or_no(word)) {
                words.expected.insert(name.to_owned());
                continue;
            }
            if said.iter().all(|word| letter(word).is_some()) {
                words.letters.insert(name.to_owned());
                continue;
            }
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
        if self.expected.contains(column) {
            return Score::Missing;
        }
        let word = value.as_str().map(str::trim);
        if self.letters.contains(column)
            && let Some(worth) = word.and_then(letter)
        {
            return Score::Number(worth);
        }
        match (self.pairs.get(column), word.map(str::to_lowercase)) {
            (Some([right, _]), Some(word)) if !word.is_empty() => Score::Number(f64::from(u8::from(word == *right))),
            _ => score(value),
        }
    }

    /// The words that judge nothing, as sentences.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        const NAMED: usize = 8;
        let expected = self.expected.iter().map(|column| {
            let column = quote(column);
            format!("{column} says yes and no, as the answers do, and judges nothing (--correct {column} where it is a verdict)")
        });
        expected.chain(self.unread.iter().filter(|(_, words)| !words.is_empty()).map(|(column, words)| {
            let named: Vec<String> = words.iter().take(NAMED).map(|word| quote(word)).collect();
            let more = if words.len() > NAMED { ", …" } else { "" };
            format!("{} of {} are no verdict that is known, and judge nothing", named.join(", ") + more, quote(column))
        }))
    }
}

/// A value of a metric: a truth value, a word that means the same anywhere, or a number; what judges a whole corpus (a list, as for
/// BLEU) judges no answer.
pub(super) fn score(value: &Value) -> Score {
    let number = match value {
        Value::Bool(right) => Some(f64::from(u8::from(*right))),
        Value::Number(number) => number.as_f64(),
        Value::String(word) => word_score(word.trim()),
        _ => None,
    };
    number.filter(|number| number.is_finite()).map_or(Score::Missing, Score::Number)
}

/// Whether a text begins with one of these words.
pub(super) fn is_yes_or_no(text: &str) -> bool {
    let first = text.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty());
    first.is_some_and(|word| word.eq_ignore_ascii_case("yes") || word.eq_ignore_ascii_case("no"))
}

/// Yes or no, where a word in lower case means that as an answer, by whatever name; else the word.
pub(super) fn as_yes_or_no(word: &str) -> String {
    const YES: [&str; 9] = ["yes", "true", "t", "y", "1", "correct", "right", "positive", "valid"];
    const NO: [&str; 9] = ["no", "false", "f", "n", "0", "incorrect", "wrong", "negative", "invalid"];
    let meant = [("yes", YES), ("no", NO)].into_iter().find(|(_, words)| words.contains(&word));
    meant.map_or(word, |(meant, _)| meant).to_owned()
}

fn letter(word: &str) -> Option<f64> {
    LETTERS.iter().find(|(letter, _)| *letter == word).map(|(_, worth)| *worth)
}

fn word_score(word: &str) -> Option<f64> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "pass" | "passed" | "correct" | "right" => Some(1.0),
        "false" | "no" | "fail" | "failed" | "incorrect" | "wrong" => Some(0.0),
        _ => word.parse().ok(),
    }
}

/// Metrics of an object, in its order; those of an object within it by `name.key`.
pub(super) fn flat(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in fields {
        match value {
            Value::Object(inner) => {
                all.extend(inner.iter().map(|(key, value)| (format!("{name}.{key}"), value.clone())));
            }
            value => drop(all.insert(name.clone(), value.clone())),
        }
    }
    all
}

/// What the metrics of an object say, by words that mean the same anywhere.
pub(super) fn scores(fields: &Map<String, Value>) -> Vec<(String, Score)> {
    flat(fields).iter().map(|(name, value)| (name.clone(), score(value))).collect()
}
