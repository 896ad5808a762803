//! A text in several scripts as the server's tokenizer reads it against the local one.

use super::looking::Looking;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::http::asking::Failed;

/// Latin with accents, Greek, Cyrillic, Arabic, Devanagari, Chinese, Japanese, Korean, emoji, numbers, spaces, code.
pub const MANY_SCRIPTS: &str = "Grüße, naïve façade! Ελλάδα Москва مرحبا नमस्ते 你好世界 こんにちは 안녕 👩‍🔬🙂 1234567 3.14e-10  two  spaces\n\tfn main() { \
                    println!(\"x\"); }\n";

pub(super) struct Tokens;

impl Check for Tokens {
    fn name(&self) -> &'static str {
        "tokenizer"
    }

    fn what(&self) -> &'static str {
        "a text in many scripts has the tokens that the local tokenizer gives it"
    }

    fn spoils(&self) -> Spoils {
        Spoils::LogProbabilities
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let Some(tokens) = at.against.and_then(|model| model.tokens()) else {
            return Ok(not_offered("there is no tokenizer to compare with: name a local model with --against"));
        };
        let Some(theirs) = at.tokenize(MANY_SCRIPTS)? else {
            return Ok(not_offered("the server does not show tokens of a text"));
        };
        let ours = match tokens.encode(MANY_SCRIPTS) {
            Ok(ours) => ours,
            Err(error) => return Ok(not_offered(format!("the local tokenizer: {error}"))),
        };
        Ok(match first_difference(&ours, &theirs) {
            None => Found::Passed(format!("{} tokens are the same", ours.len())),
            Some(place) => {
                let byte: usize = ours[..place.min(ours.len())].iter().map(|&id| tokens.piece(id).len()).sum();
                failed(
                    format!("from byte {byte} on, expected token {:?}, found {:?}", ours.get(place), theirs.get(place)),
                    "the server's tokenizer is another one: serve the tokenizer of the model, or compare with its own files",
                )
            }
        })
    }
}

/// The first place at which two lists differ; `None` where they are the same.
pub(super) fn first_difference<T: PartialEq>(one: &[T], other: &[T]) -> Option<usize> {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    (one != other).then_some(same)
}
