//! As many log-probabilities as tokens.

use super::looking::Looking;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::http::asking::Failed;

pub(super) struct Counts;

impl Check for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn what(&self) -> &'static str {
        "every token of an answer has its log-probability"
    }

    fn spoils(&self) -> Spoils {
        Spoils::LogProbabilities
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let tokens = match &at.first.tokens {
            Ok(tokens) => tokens,
            Err(why) => return Ok(not_offered(why.clone())),
        };
        let (found, drawn) = (tokens.len() as u64, at.first.reply.drawn);
        // A token that ends the answer may be counted and not shown.
        let fits = drawn == 0 || found == drawn || found + 1 == drawn;
        Ok(if fits {
            Found::Passed(format!("{found} log-probabilities, {drawn} tokens"))
        } else if found < drawn && tokens.iter().any(|token| !token.text.is_ascii()) {
            // llama-server shows the tokens of one character as one.
            Found::Passed(format!(
                "{found} log-probabilities for {drawn} tokens, some of which make one character together"
            ))
        } else {
            failed(
                format!("expected {drawn} log-probabilities, one for each token, found {found}"),
                "tokens that think, or that were put together, have none: what is listed is not what followed the prompt alone. Turn \
                 thinking off, or name a model that does not think",
            )
        })
    }
}
