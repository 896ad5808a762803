//! The same questions twice, the second time in another order: how far apart a server's own answers are. That is the floor under
//! every difference that an audit finds.

use super::looking::{Looking, Seen};
use super::{CHECK_MARK, Check, Found, Spoils, failed};
use crate::Message;
use crate::http::asking::Failed;

/// What is asked, first in this order and then backwards.
const QUESTIONS: [&str; 3] = ["Name a colour.", "What is 17 plus 25? Answer with the number.", "Name a river."];
/// Largest distance in nats that reduced precision and batches explain.
const FLOOR: f64 = 0.25;

pub(super) struct Repetition;

impl Check for Repetition {
    fn name(&self) -> &'static str {
        "repetition"
    }

    fn what(&self) -> &'static str {
        "the same questions in another order get the same answer"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Nothing
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let ask = |question: &&str| at.see(&[Message::user(format!("{CHECK_MARK} {question}"))], 4, 0.0);
        let first: Vec<Seen> = QUESTIONS.iter().map(ask).collect::<Result<_, _>>()?;
        let mut again: Vec<Seen> = QUESTIONS.iter().rev().map(ask).collect::<Result<_, _>>()?;
        again.reverse();
        let pairs = || first.iter().zip(&again);
        let furthest = pairs().filter_map(|(one, other)| apart(one, other)).reduce(f64::max);
        let same = pairs().filter(|(one, other)| one.reply.text == other.reply.text).count();
        let count = QUESTIONS.len();
        let evidence = match furthest {
            Some(apart) => format!(
                "log-probabilities of first tokens are {apart:.1e} nats apart at most; {same} of {count} greedy answers are the same"
            ),
            None => format!("{same} of {count} greedy answers are the same"),
        };
        let stable = furthest.map_or(same == count, |apart| apart <= FLOOR);
        Ok(if stable {
            Found::Passed(evidence)
        } else {
            failed(
                evidence,
                "differences below that are the server's own: ask for --reruns, and let the server compute one request at a time \
                 or with batch invariance",
            )
        })
    }
}

/// How far apart two answers are at their first token, where both show it.
fn apart(one: &Seen, other: &Seen) -> Option<f64> {
    let [one, other] = [one, other].map(|seen| seen.tokens.as_ref().ok().and_then(|tokens| tokens.first()));
    let (one, other) = (one?, other?);
    let distance = |(text, logprob): &(String, f64)| {
        let same = other.top.iter().find(|(other, _)| other == text)?;
        Some((logprob - same.1).abs())
    };
    one.top.iter().filter_map(distance).reduce(f64::max)
}
