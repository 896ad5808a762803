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
        // Where log-probabilities are shown they say more than answers, and they are those at temperature 1.
        let shows = at.first.tokens.is_ok();
        let temperature = if shows { 1.0 } else { 0.0 };
        let ask = |question: &&str| at.see(&[Message::user(format!("{CHECK_MARK} {question}"))], 4, temperature);
        let first: Vec<Seen> = QUESTIONS.iter().map(ask).collect::<Result<_, _>>()?;
        let mut again: Vec<Seen> = QUESTIONS.iter().rev().map(ask).collect::<Result<_, _>>()?;
        again.reverse();
        let pairs = || first.iter().zip(&again);
        let furthest = pairs().filter_map(|(one, other)| apart(one, other)).reduce(f64::max).filter(|_| shows);
        let same = pairs().filter(|(one, other)| one.reply.text == other.reply.text).count();
        let count = QUESTIONS.len();
        let (stable, evidence) = match furthest {
            Some(apart) => (
                apart <= FLOOR,
                format!("log-probabilities of the first tokens of {count} answers are {apart:.1e} nats apart at most"),
            ),
            None => (same == count, format!("{same} of {count} greedy answers are the same")),
        };
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
