//! JSON in answers: compared by what it holds, not by the order of its keys or its spacing.

use serde_json::Value;

use super::Equivalence;
use crate::normalise::{NUMBER, values};

/// Whether two texts that both hold JSON say the same: the same data in the same order, and the same around it. `None` where one holds none.
pub(super) fn compared(a: &str, b: &str, texts: &dyn Equivalence) -> Option<bool> {
    let [data, other] = [values(a), values(b)];
    if data.is_empty() || other.is_empty() {
        return None;
    }
    let alike = data.len() == other.len() && data.iter().zip(&other).all(|((_, x), (_, y))| same(x, y, texts));
    let [around, other] = [(a, &data), (b, &other)].map(|(text, data)| {
        let mut around = text.to_owned();
        data.iter().rev().for_each(|(span, _)| around.replace_range(span.clone(), " "));
        // Fences with their language.
        if around.chars().any(|c| !c.is_whitespace()) { unfenced(&around) } else { String::new() }
    });
    Some(alike && (around == other || texts.same(&around, &other)))
}

/// What stands around JSON in a fence.
fn unfenced(text: &str) -> String {
    let words = text.split_whitespace().map(|word| word.trim_start_matches("```json").trim_start_matches("```"));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The same keys and places; texts in them may say the same in other words.
fn same(a: &Value, b: &Value, texts: &dyn Equivalence) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, x)| b.get(key).is_some_and(|y| same(x, y, texts)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y, texts)),
        (Value::String(a), Value::String(b)) => a == b || (!is_number(a) && !is_number(b) && texts.same(a, b)),
        _ => a == b,
    }
}

/// Numbers are texts between private marks.
fn is_number(text: &str) -> bool {
    text.starts_with(NUMBER)
}
