//! GSM8K: a question and its worked answer (Cobbe et al., arXiv 2110.14168). The question is read, the answer scored.

use std::path::Path;

use serde_json::Value;

use super::{name, open};
use crate::error::{Fault, FaultKind, ProbeError};
use crate::jsonl::{Lines, object, shown};
use crate::{Ask, Families, Probe, Suite};

/// Reads lines with `question` and `answer`: text probes, axis `reasoning`, each its own family.
///
/// The answer is scored as published, calculator marks included. The tag `depth:N` is the number of its steps.
///
/// # Errors
/// A line without the two strings, or an empty file.
pub fn gsm8k(path: &Path) -> Result<Suite, ProbeError> {
    let name = name(path);
    let mut probes = Vec::new();
    let mut source = Lines::new(open(path)?, &name);
    while let Some((line, text)) = source.next()? {
        let fields = object(text).map_err(|fault| ProbeError::line(&name, line, fault))?;
        let string = |field: &str| {
            fields.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).ok_or_else(|| {
                let found = fields.get(field).map_or("no such field".to_owned(), shown);
                let expected = format!("a `{field}` with text");
                let fault = Fault::new(FaultKind::MissingField, expected, found, "complete or remove the line");
                ProbeError::line(&name, line, fault)
            })
        };
        probes.push(probe(probes.len() + 1, string("question")?, string("answer")?));
    }
    let suite = Suite { name, probes };
    suite.validate()?;
    Ok(suite)
}

fn probe(number: usize, question: &str, answer: &str) -> Probe {
    let steps = answer.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("####")).count();
    let id = format!("gsm8k/{number:05}");
    Probe {
        family: id.clone(),
        id,
        axis: "reasoning".to_owned(),
        tags: vec![format!("depth:{steps}")],
        ask: Ask::Text {
            text: answer.to_owned(),
            context: Some(format!("Question: {question}\nAnswer:\n")),
            families: Families::Probe,
        },
    }
}
