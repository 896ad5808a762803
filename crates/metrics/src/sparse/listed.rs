//! What is known of a next-token distribution from a list alone: its most probable tokens, and the text's own token. Nothing was
//! drawn, so nothing can be estimated of what is beyond the list; how large it is, and how probable each token there is at most, is
//! known. A list of everything is a distribution that is known.

use super::shown::{Checked, NUCLEUS, ROUNDING, ShownError};

/// How far log-probabilities of 32 bits may leave a sum of probabilities from 1.
const OF_SUM: f64 = 1e-5;

/// How far the probabilities of a chat's list may be off, as a share of theirs: llama.cpp adds up exponentials in 32 bits, and loses the
/// least probable tokens of a large vocabulary.
const OF_CHAT: f64 = 1e-3;

/// The most probable tokens of p, and the token that the text goes on with. Natural logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDistribution {
    /// By falling probability, ties by rising id.
    pub(super) head: Vec<(u32, f32)>,
    /// The text's own token with its ln p, where it is beyond the list and that is known.
    pub(super) beyond: Option<(u32, f32)>,
    /// The text's own token.
    pub(super) next: u32,
    /// Its ln p, where it is known.
    pub(super) next_logprob: Option<f32>,
    /// Tokens of the list in the 0.9 nucleus; `None` where the list ends before it does.
    pub(super) nucleus: Option<usize>,
    /// Σ p over the list.
    pub(super) mass: f64,
    /// Nothing is beyond the list.
    pub(super) whole: bool,
    /// The p that any token has at most of which nobody knows it.
    each: f64,
    /// p of the most probable token whose id is not known; 0 where there is none.
    pub(super) nameless: f64,
    /// What the listed probabilities may be off, as a share of theirs.
    pub(super) off: f64,
}

/// What a chat lists at one place of its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChatList<'l> {
    /// Its most probable tokens that are known by their ids, with their ln p, in any order.
    pub listed: &'l [(u32, f32)],
    /// ln p of the last of its most probable tokens, known by their ids or not: any other has at most that.
    pub last: f32,
    /// ln p of those whose ids are not known.
    pub nameless: &'l [f32],
    /// The token that the answer goes on with, and its ln p where the server says it.
    pub next: (u32, Option<f32>),
}

impl ListedDistribution {
    /// The distribution over `entries` tokens of which `listed` are the most probable ones with their ln p, in any order, at least
    /// one; `next` is the token that the text goes on with, listed or not.
    ///
    /// # Errors
    /// The numbers are none of a distribution, or a token is outside of the vocabulary.
    pub fn new(listed: &[(u32, f32)], next: (u32, f32), entries: usize) -> Result<Self, ShownError> {
        let Checked { head, ids, mass, nucleus } = Checked::of(listed, &[next])?;
        let Some(&(_, least)) = head.last() else { return Err(ShownError::NothingListed) };
        inside(ids.iter().chain([&next.0]), entries)?;
        let beyond = Some(next).filter(|(token, _)| ids.binary_search(token).is_err());
        if let Some((token, found)) = beyond.filter(|(_, found)| f64::from(found - least) > ROUNDING) {
            return Err(ShownError::NotTheMostProbable { token, found, least });
        }
        let whole = head.len() + usize::from(beyond.is_some()) >= entries;
        let (each, next, next_logprob) = (f64::from(least).exp(), next.0, Some(next.1));
        Ok(Self { next, next_logprob, beyond, nucleus, mass, whole, head, each, nameless: 0.0, off: 0.0 })
    }

    /// All of the distribution that a row of logits gives.
    ///
    /// # Errors
    /// A logit is no finite number, or `next` is outside of the row.
    pub fn of_logits(logits: &[f32], next: u32) -> Result<Self, ShownError> {
        let inside = logits.get(next as usize).ok_or(ShownError::Outside { token: next, entries: logits.len() })?;
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
        let log_p = |logit: &f32| (f64::from(logit - largest) - sum.ln()).min(0.0) as f32;
        let listed: Vec<(u32, f32)> = (0..).zip(logits).map(|(token, logit)| (token, log_p(logit))).collect();
        Self::new(&listed, (next, log_p(inside)), logits.len())
    }

    /// What a chat says of the distribution over `entries` tokens. `None` where nobody knows which tokens are the most probable one and
    /// the 0.9 nucleus, because one without an id is among them, or the nucleus ends so narrowly that rounding decides where.
    ///
    /// # Errors
    /// As [`ListedDistribution::new`].
    pub fn of_chat(list: ChatList<'_>, entries: usize) -> Result<Option<Self>, ShownError> {
        let ChatList { listed, last, nameless, next: (next, next_logprob) } = list;
        let own = next_logprob.map(|logprob| (next, logprob));
        let others: Vec<(u32, f32)> = own.into_iter().chain([(next, last)]).collect();
        let Checked { head, ids, mass, nucleus } = Checked::of(listed, &others)?;
        inside(ids.iter().chain([&next]), entries)?;
        let p = |logprob: f32| f64::from(logprob).exp();
        let hidden: f64 = nameless.iter().copied().map(p).sum();
        let nameless = nameless.iter().copied().map(p).fold(0.0, f64::max);
        let is_told = |place: usize| head.get(place).is_some_and(|of| p(of.1) > nameless);
        let ends = nucleus.map_or(mass + hidden < NUCLEUS - OF_CHAT, |tokens| is_told(tokens - 1));
        let mut masses = head.iter().scan(0.0, |sum, of| {
            *sum += p(of.1);
            Some(*sum)
        });
        // What the listed probabilities may be off decides which token is the last of the nucleus.
        let is_close = masses.any(|mass: f64| (mass - NUCLEUS).abs() <= OF_CHAT);
        if !is_told(0) || is_close || !(ends || hidden == 0.0) {
            return Ok(None);
        }
        let beyond = own.filter(|(token, _)| ids.binary_search(token).is_err());
        if let Some((token, found)) = beyond.filter(|(_, found)| f64::from(found - last) > ROUNDING) {
            return Err(ShownError::NotTheMostProbable { token, found, least: last });
        }
        let whole = head.len() + usize::from(beyond.is_some()) >= entries;
        let each = p(last).max(nameless);
        Ok(Some(Self { next, next_logprob, beyond, nucleus, mass, whole, head, each, nameless, off: OF_CHAT }))
    }

    /// The tokens whose probability is known, with their ln p: the list first.
    pub(super) fn known(&self) -> impl Iterator<Item = (u32, f64)> {
        self.head.iter().chain(&self.beyond).map(|&(token, log_p)| (token, f64::from(log_p)))
    }

    /// Σ p over the tokens of which nobody knows p, as it is computed.
    pub(super) fn rest(&self) -> f64 {
        let beyond = self.beyond.map_or(0.0, |(_, log_p)| f64::from(log_p).exp());
        if self.whole { 0.0 } else { (1.0 - self.mass - beyond).max(0.0) }
    }

    /// What that sum is at most.
    pub(super) fn rest_at_most(&self) -> f64 {
        if self.whole { 0.0 } else { self.rest() + OF_SUM.max(self.off) }
    }

    /// What that sum is at least.
    pub(super) fn rest_at_least(&self) -> f64 {
        (self.rest() - OF_SUM.max(self.off)).max(0.0)
    }

    /// The p that a token of which nobody knows it has at most.
    pub(super) fn each_at_most(&self) -> f64 {
        self.each.min(self.rest_at_most())
    }
}

/// No token is outside of the vocabulary.
fn inside<'t>(tokens: impl Iterator<Item = &'t u32>, entries: usize) -> Result<(), ShownError> {
    let mut outside = tokens.filter(|token| **token as usize >= entries);
    outside.next().map_or(Ok(()), |&token| Err(ShownError::Outside { token, entries }))
}
