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
        let (Some(one), Some(other)) = (listed(&one), listed(&other)) else {
            return Ok(not_offered("the answer shows no list of log-probabilities"));
        };
        let both: Vec<(f64, f64)> =
            one.iter().filter_map(|(text, at_one)| Some((*at_one, other.iter().find(|(t, _)| t == text)?.1))).collect();
        let (Some(first), Some(last)) = (both.first(), both.last().filter(|_| both.len() > 1)) else {
            return Ok(not_offered("the two lists do not have two tokens in common"));
        };
        // Apart, so that whatever is taken off both does not count.
        let (at_one, at_other) = (last.0 - first.0, last.1 - first.1);
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

/// The list of the first token, falling, each text once: vLLM puts the token that was drawn in front, whatever its log-probability.
fn listed(seen: &Seen) -> Option<Vec<(String, f64)>> {
    let mut list = seen.tokens.as_ref().ok()?.first()?.top.clone();
    list.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut once: Vec<(String, f64)> = Vec::with_capacity(list.len());
    for (text, logprob) in list {
        if once.iter().all(|(other, _)| *other != text) {
            once.push((text, logprob));
        }
    }
    (!once.is_empty()).then_some(once)
}
