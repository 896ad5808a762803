//! Place-holders in the place of log-probabilities: of such a token nothing is known but that it is not listed.

use super::looking::Looking;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::http::asking::Failed;

pub(super) struct PlaceHolders;

impl Check for PlaceHolders {
    fn name(&self) -> &'static str {
        "place-holders"
    }

    fn what(&self) -> &'static str {
        "every drawn token has a log-probability of its own, not a place-holder"
    }

    /// Audits take a place-holder for what it is: the token has no more than the last one listed.
    fn spoils(&self) -> Spoils {
        Spoils::Nothing
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let tokens = match &at.first.tokens {
            Ok(tokens) => tokens,
            Err(why) => return Ok(not_offered(why.clone())),
        };
        let (found, unknown) = (tokens.len(), tokens.iter().filter(|token| token.logprob.is_none()).count());
        Ok(if unknown == 0 {
            Found::Passed(format!("none of {found} is a place-holder"))
        } else {
            failed(
                format!(
                    "{unknown} of {found} drawn tokens have a place-holder (−9999 or −3.4e38) for a log-probability"
                ),
                "the list is cut, and such a token is not in it: audits bound it by the last one listed; a server that shows the drawn \
                 token gives narrower bounds",
            )
        })
    }
}
