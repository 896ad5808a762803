//! What is known of a next-token distribution from a list alone: its most probable tokens, and the text's own token. Nothing was
//! drawn, so nothing can be estimated of what is beyond the list; how large it is, and how probable each token there is at most, is
//! known.

use super::shown::{Checked, ROUNDING, ShownError};

/// How far log-probabilities of 32 bits may leave a sum of probabilities from 1.
const OF_SUM: f64 = 1e-5;

/// The most probable tokens of p, and the token that the text goes on with. Natural logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDistribution {
    /// By falling probability, ties by rising id.
    pub(super) head: Vec<(u32, f32)>,
    /// The text's own token, where it is beyond the list.
    pub(super) beyond: Option<(u32, f32)>,
    /// The text's own token.
    pub(super) next: (u32, f32),
    /// Tokens of the list in the 0.9 nucleus; `None` where the list ends before it does.
    pub(super) nucleus: Option<usize>,
    /// Σ p over the list.
    pub(super) mass: f64,
    /// Nothing is beyond the list.
    pub(super) whole: bool,
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
        if let Some(&token) = ids.iter().chain([&next.0]).find(|token| **token as usize >= entries) {
            return Err(ShownError::Outside { token, entries });
        }
        let beyond = Some(next).filter(|(token, _)| ids.binary_search(token).is_err());
        if let Some((token, found)) = beyond.filter(|(_, found)| f64::from(found - least) > ROUNDING) {
            return Err(ShownError::NotTheMostProbable { token, found, least });
        }
        let whole = head.len() + usize::from(beyond.is_some()) >= entries;
        Ok(Self { next, beyond, nucleus, mass, whole, head })
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
        if self.whole { 0.0 } else { self.rest() + OF_SUM }
    }

    /// What that sum is at least.
    pub(super) fn rest_at_least(&self) -> f64 {
        (self.rest() - OF_SUM).max(0.0)
    }

    /// The p that a token of which nobody knows it has at most.
    pub(super) fn each_at_most(&self) -> f64 {
        let least = self.head.last().map_or(0.0, |(_, log_p)| f64::from(*log_p));
        least.exp().min(self.rest_at_most())
    }
}
