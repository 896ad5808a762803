//! Tokens of an answer, and those that are listed beside them, as the local tokenizer spells its own.

use super::looking::Looking;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::http::asking::Failed;
use crate::http::listed_answers::{NOT_ALONE, tokens_alone};
use crate::id_unspelled;

/// Share of tokens that may have no spelling of their own: parts of characters, whose bytes not every server says.
const STRANGE: f64 = 0.1;

pub(super) struct Spelling;

impl Check for Spelling {
    fn name(&self) -> &'static str {
        "spelling"
    }

    fn what(&self) -> &'static str {
        "tokens of an answer are spelled as tokens of the local model"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Nothing
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let Some(tokenizer) = at.against.and_then(|model| model.tokens()) else {
            return Ok(not_offered("there is no tokenizer to compare with: name a local model with --against"));
        };
        let shown = match &at.first.spelled {
            Ok(shown) => shown,
            Err(why) => return Ok(not_offered(why.clone())),
        };
        // Tokens that a server shows as one say nothing of how each is spelled.
        let mut shown = tokens_alone(shown.clone(), at.first.reply.finish, at.first.reply.drawn);
        shown.retain(|token| token.bytes != NOT_ALONE);
        if shown.is_empty() {
            return Ok(not_offered("no token of an answer is shown by itself"));
        }
        let ids = tokenizer.ids_by_piece();
        let listed = shown.iter().flat_map(|token| token.top.iter().map(|(bytes, _)| bytes));
        let all: Vec<&Vec<u8>> = shown
            .iter()
            .map(|token| &token.bytes)
            .chain(listed)
            .filter(|bytes| !bytes.is_empty() && id_unspelled(bytes).is_none())
            .collect();
        let is_strange = |bytes: &&&Vec<u8>| ids.get(**bytes).copied().flatten().is_none();
        let strange = all.iter().filter(is_strange).count();
        let first = all.iter().find(is_strange).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let (tokens, listed) = (shown.len(), all.len());
        Ok(match first.filter(|_| strange as f64 > STRANGE * listed as f64) {
            None => {
                Found::Passed(format!("{} of {listed} that {tokens} places show are tokens of it", listed - strange))
            }
            Some(first) => failed(
                format!("{strange} of {listed} that {tokens} places show are no token of it, {first:?} is one"),
                "the served model has another tokenizer: its lists say nothing of the local model's tokens (--listed-answers)",
            ),
        })
    }
}
