//! Runs of log-probabilities of exactly 0: some servers give them to tokens that a draft model guessed (speculative decoding).

use super::looking::Looking;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::http::asking::Failed;

/// So many in a row are no chance: a story drawn at temperature 1 is never certain for long.
const RUN: usize = 4;

pub(super) struct Zeros;

impl Check for Zeros {
    fn name(&self) -> &'static str {
        "zeros"
    }

    fn what(&self) -> &'static str {
        "no run of log-probabilities of exactly 0 (speculative decoding)"
    }

    fn spoils(&self) -> Spoils {
        Spoils::LogProbabilities
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let tokens = match &at.first.tokens {
            Ok(tokens) => tokens,
            Err(why) => return Ok(not_offered(why.clone())),
        };
        let zeros: Vec<bool> = tokens.iter().map(|token| token.logprob == Some(0.0)).collect();
        let longest = zeros.split(|zero| !zero).map(<[bool]>::len).max().unwrap_or(0);
        let all = zeros.iter().filter(|zero| **zero).count();
        let evidence = format!("{all} of {} are exactly 0, {longest} in a row at most", zeros.len());
        Ok(if longest < RUN {
            Found::Passed(evidence)
        } else {
            failed(
                evidence,
                "start the server without a draft model (llama-server: no -md, --spec-type none; vLLM: no --speculative-config)",
            )
        })
    }
}
