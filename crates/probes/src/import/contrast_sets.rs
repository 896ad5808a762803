//! Contrast sets in the shape of BoolQ (Gardner et al., arXiv 2004.02709): a question about a paragraph, and the same
//! question changed a little, with the answers of both.
//!
//! The shape, exactly: `{"data": [{"title": "…", "paragraph": "…", "question": "…", "answer": "TRUE" or "FALSE",
//! "perturbed_questions": [{"perturbed_q": "…", "answer": "TRUE" or "FALSE"}]}]}`; `title` may be missing.
//!
//! Left out: the example of its own shape with which the published file begins (answer `Gold Answer`), and places for a
//! changed question that were never filled (an empty `perturbed_q`).

use std::path::Path;

use serde_json::{Map, Value};

use super::json::json;
use super::{english, name, stem, string, wrong};
use crate::error::{Fault, FaultKind, ProbeError};
use crate::fields::shown;
use crate::kind::Choice;
use crate::validate::validate_at;
use crate::{AskedAs, Boundary, MemberRole, Probe, Risk, Stratum, Suite};

/// The answer in the example of its own shape.
const EXAMPLE: &str = "Gold Answer";

/// Reads contrast sets: choices yes/no, axis `reading`, a family per paragraph's question. A changed question with the
/// other answer is `flipped`, one with the same answer is a `paraphrase`: nothing should flip.
///
/// # Errors
/// Not JSON, or an entry of another shape: the message names its place.
pub fn contrast_sets(path: &Path) -> Result<Suite, ProbeError> {
    of(path, &json(path)?)
}

/// The same of a file that has been read.
pub(super) fn of(path: &Path, value: &Value) -> Result<Suite, ProbeError> {
    let name = name(path);
    let entries = value.get("data").and_then(Value::as_array).ok_or_else(|| {
        let next = "compare the file with docs/probes.md";
        let found = value.get("data").map_or("no such field".to_owned(), shown);
        ProbeError::file(&name, Fault::new(FaultKind::MissingField, "an array in `data`", found, next))
    })?;
    let stem = stem(&name);
    let (mut probes, mut places) = (Vec::new(), Vec::new());
    for (entry, number) in entries.iter().zip(1u64..) {
        if entry.get("answer").and_then(Value::as_str) == Some(EXAMPLE) {
            continue;
        }
        let made = family(entry, &format!("{stem}/{number:05}")).map_err(|fault| {
            let expected = format!("{} (entry {number} of `data`)", fault.expected);
            ProbeError::file(&name, Fault { expected, ..fault })
        })?;
        probes.extend(made);
        places.resize(probes.len(), number);
    }
    validate_at(&name, &probes, &places)?;
    Ok(Suite { name, probes })
}

fn family(entry: &Value, family: &str) -> Result<Vec<Probe>, Fault> {
    let next = "complete or remove the entry";
    let object = |value: &'_ Value| -> Result<Map<String, Value>, Fault> {
        value.as_object().cloned().ok_or_else(|| Fault::new(FaultKind::BadRow, "an object", shown(value), next))
    };
    let fields = object(entry)?;
    let (paragraph, question) = (string(&fields, "paragraph")?, string(&fields, "question")?);
    let title = fields.get("title").and_then(Value::as_str).filter(|title| !title.trim().is_empty());
    let read = title.map_or(paragraph.to_owned(), |title| format!("{title}: {paragraph}"));
    let own = answer(&fields)?;
    let mut probes = vec![probe(family, "original", MemberRole::Original, &read, question, own, Vec::new())];
    let changed = fields.get("perturbed_questions").and_then(Value::as_array);
    let changed = changed.ok_or_else(|| wrong(&fields, "perturbed_questions", "an array"))?;
    for (entry, number) in changed.iter().zip(1..) {
        let fields = object(entry)?;
        if fields.get("perturbed_q").and_then(Value::as_str).is_some_and(|text| text.trim().is_empty()) {
            continue;
        }
        let (text, truth) = (string(&fields, "perturbed_q")?, answer(&fields)?);
        let role = if truth == own { MemberRole::Paraphrase } else { MemberRole::Flipped };
        probes.push(probe(family, &number.to_string(), role, &read, text, truth, middle(question, text)));
    }
    Ok(probes)
}

/// `TRUE` or `FALSE`, in any case.
fn answer(fields: &Map<String, Value>) -> Result<bool, Fault> {
    match string(fields, "answer")?.trim().to_ascii_uppercase().as_str() {
        "TRUE" => Ok(true),
        "FALSE" => Ok(false),
        _ => Err(wrong(fields, "answer", "`TRUE` or `FALSE`")),
    }
}

fn probe(
    family: &str,
    end: &str,
    role: MemberRole,
    read: &str,
    question: &str,
    truth: bool,
    changed: Vec<String>,
) -> Probe {
    let mark = if question.trim_end().ends_with('?') { "" } else { "?" };
    let choice = Choice {
        prompt: format!("{read}\n\nQuestion: {}{mark}", question.trim()),
        options: vec!["yes".to_owned(), "no".to_owned()],
        truth: Some(u32::from(!truth)),
        asked_as: AskedAs::Question,
    };
    let boundary = Boundary {
        stratum: Stratum::MinimalPair,
        role,
        risk: Risk::None,
        expected: None,
        changed,
        language: english(),
    };
    Probe {
        id: format!("{family}/{end}"),
        family: family.to_owned(),
        axis: "reading".to_owned(),
        tags: Vec::new(),
        knob: None,
        boundary: Some(boundary),
        ask: choice.into(),
    }
}

/// The words of the second text between those that it begins and ends with like the first; none where nothing is left or
/// the words do not stand in it as they are.
fn middle(first: &str, second: &str) -> Vec<String> {
    let [a, b]: [Vec<&str>; 2] = [first, second].map(|text| text.split_whitespace().collect());
    let front = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let end = a[front..].iter().rev().zip(b[front..].iter().rev()).take_while(|(a, b)| a == b).count();
    let words = b[front..b.len() - end].join(" ");
    if words.is_empty() || !second.contains(&words) { Vec::new() } else { vec![words] }
}
