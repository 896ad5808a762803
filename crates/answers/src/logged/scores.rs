//! Verdicts of files as numbers: every tool has words of its own for right and wrong.

use serde_json::{Map, Value};

use super::record::Score;

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
