//! Log-probabilities are those at temperature 1, whatever temperature is set.

use super::looking::{Looking, Seen};
use super::{CHECK_MARK, Check, Found, Spoils, failed, not_offered};
use crate::Message;
use crate::http::asking::Failed;

/// A temperature that shows where it is not 1.
const OTHER: f64 = 2.0;
/// Largest distance in nats that is no matter of temperature.
const SAME: f64 = 0.1;

pub(super) struct Temperature;

impl Check for Temperature {
    fn name(&self) -> &'static str {
        "temperature"
    }

    fn what(&self) -> &'static str {
        "log-probabilities are those at temperature 1, whatever is set"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Nothing
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let ask = |temperature| at.see(&[Message::user(format!("{CHECK_MARK} Name an animal."))], 1, temperature);
        let (one, other) = (ask(1.0)?, ask(OTHER)?);
        let gaps = |seen: &Seen| -> Option<Vec<(String, f64)>> {
            let top = &seen.tokens.as_ref().ok()?.first()?.top;
            let (first, rest) = top.split_first()?;
            Some(rest.iter().map(|(text, logprob)| (format!("{}{text}", first.0), logprob - first.1)).collect())
        };
        let (Some(one), Some(other)) = (gaps(&one), gaps(&other)) else {
            return Ok(not_offered("the answer shows no list of log-probabilities"));
        };
        let both = one.iter().filter_map(|(pair, gap)| {
            let same = other.iter().find(|(other, _)| other == pair)?;
            Some((gap, same.1))
        });
        let Some((at_one, at_other)) = both.min_by(|a, b| a.0.total_cmp(b.0)) else {
            return Ok(not_offered("the two lists have nothing in common"));
        };
        let evidence = format!(
            "two log-probabilities are {at_one:.3} nats apart at temperature 1 and {at_other:.3} at temperature {OTHER}"
        );
        Ok(if (at_one - at_other).abs() <= SAME {
            Found::Passed(evidence)
        } else {
            failed(
                evidence,
                "audits send temperature 1, so their numbers hold; for other clients: vLLM --logprobs-mode raw_logprobs, SGLang \
                 SGLANG_RETURN_ORIGINAL_LOGPROB=1",
            )
        })
    }
}
