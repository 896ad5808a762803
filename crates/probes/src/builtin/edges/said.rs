//! Prompts with short answers: what is asked in front, a cue behind it that a base model goes on from.

use crate::kind::Prompt;
use crate::{Checker, Normal};

/// What the answer stands behind.
pub(super) const CUE: &str = "Answer:";
/// Tokens that a word or a number may take, `The answer is` included.
const SHORT: u32 = 8;

/// An answer that is one number.
pub(super) fn number(text: &str, truth: i64) -> Prompt {
    let check = Checker::Number { value: truth as f64, tolerance: 0.0 };
    short(text, vec![Normal::Number], check)
}

/// An answer that is one word, whatever its case.
pub(super) fn word(text: &str, truth: &str) -> Prompt {
    let after = [CUE, "answer is"].map(|marker| Normal::After(marker.to_owned()));
    let answer = after.into_iter().chain([Normal::Word, Normal::Case]).collect();
    short(text, answer, Checker::Exact(vec![truth.to_owned()]))
}

fn short(text: &str, answer: Vec<Normal>, check: Checker) -> Prompt {
    Prompt {
        answer,
        check: Some(check),
        max_tokens: Some(SHORT),
        stop: vec!["\n".to_owned()],
        ..Prompt::new(format!("{text}\n{CUE}"))
    }
}
