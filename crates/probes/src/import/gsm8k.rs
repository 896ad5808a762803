//! GSM8K: a question and its worked answer (Cobbe et al., arXiv 2110.14168), as a text to score or as a prompt.

use std::path::Path;

use serde_json::{Map, Value};

use super::{probes_of, string};
use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::kind;
use crate::normalise::numbers;
use crate::{Ask, Checker, Families, Knob, Normal, Probe, Suite};

/// What stands in front of the true number in the published answers.
const MARKER: &str = "####";

/// What a prompt adds to the question: without it chat models write on until they are cut off, and end anyhow.
const INSTRUCTION: &str = "Reason in a few short steps. End with the final number after \"####\".";

/// Reads lines with `question` and `answer`: text probes, axis `reasoning`, each its own family.
///
/// The question is read and the answer scored as published, calculator marks included. The tag `depth:N` is the
/// number of its steps.
///
/// # Errors
/// A line without the two strings, or an empty file.
pub fn gsm8k(path: &Path) -> Result<Suite, ProbeError> {
    read(path, |question, answer| {
        Ok(Ask::Text(kind::Text {
            text: answer.to_owned(),
            context: Some(format!("Question: {question}\nAnswer:\n")),
            families: Families::Probe,
        }))
    })
}

/// Reads the same lines as prompts: the question as published and a line that asks for few steps and the number after
/// `####`; right when that is the published one.
///
/// Of an answer without `####` the last number counts.
///
/// # Errors
/// As [`gsm8k`], and an answer without a number behind `####`.
pub fn gsm8k_prompt(path: &Path) -> Result<Suite, ProbeError> {
    read(path, |question, answer| {
        let number = answer.rsplit_once(MARKER).and_then(|(_, number)| numbers(number).pop());
        prompt(&format!("{question}\n\n{INSTRUCTION}"), number.as_deref().ok_or_else(|| without_number(answer))?)
    })
}

fn read(path: &Path, ask: impl Fn(&str, &str) -> Result<Ask, Fault>) -> Result<Suite, ProbeError> {
    probes_of(path, |number, fields: &Map<String, Value>| {
        let (question, answer) = (string(fields, "question")?, string(fields, "answer")?);
        Ok(vec![probe(number, answer, ask(question, answer)?)])
    })
}

/// A question of the data set with the checker of its number, by its place in the file, counted from 1.
///
/// # Errors
/// The true answer does not end with a number.
pub fn gsm8k_question(number: usize, question: &str, answer: &str) -> Result<Probe, Fault> {
    let value = numbers(answer).pop().ok_or_else(|| without_number(answer))?;
    Ok(probe(number, answer, prompt(question, &value)?))
}

/// A probe of the data set by its place in the file, counted from 1.
fn probe(number: usize, answer: &str, ask: Ask) -> Probe {
    let is_step = |line: &&str| !line.trim().is_empty() && !line.starts_with(MARKER) && !line.starts_with("A: ");
    let steps = answer.lines().filter(is_step).count();
    let knob = Some(Knob::new("depth", steps as f64));
    let id = format!("gsm8k/{number:05}");
    Probe {
        family: id.clone(),
        id,
        axis: "reasoning".to_owned(),
        tags: vec![format!("depth:{steps}")],
        knob,
        boundary: None,
        ask,
    }
}

/// The question as a prompt whose right answer is a number.
fn prompt(question: &str, number: &str) -> Result<Ask, Fault> {
    let value = number.parse().map_err(|_| without_number(number))?;
    let answer = vec![Normal::After(MARKER.to_owned()), Normal::Number];
    let check = Some(Checker::Number { value, tolerance: 0.0 });
    Ok(kind::Prompt { answer, check, ..kind::Prompt::new(question) }.into())
}

fn without_number(answer: &str) -> Fault {
    let end: Vec<char> = answer.chars().rev().take(40).collect();
    let end: String = end.into_iter().rev().collect();
    Fault::new(FaultKind::BadRow, "a true answer that ends with its number", quote(&end), "complete or remove the line")
}
