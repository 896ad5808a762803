//! What a server shows of a next-token distribution: a list of the most probable tokens, and tokens drawn from all of it.

use thiserror::Error;

/// Mass of the nucleus beyond which the tail of "tail kept" begins.
pub(super) const NUCLEUS: f64 = 0.9;
/// How far rounding may carry a sum of probabilities above 1, or a log-probability out of its order.
pub(super) const ROUNDING: f64 = 1e-3;

/// The most probable tokens of p, and tokens drawn from p. Natural logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownDistribution {
    pub(super) head: Vec<u32>,
    pub(super) head_logprobs: Vec<f32>,
    /// Those that the head does not hold.
    pub(super) draws: Vec<u32>,
    pub(super) draw_logprobs: Vec<f32>,
    pub(super) drawn: u32,
    pub(super) nucleus: u32,
    pub(super) tail_mass: f32,
    pub(super) entropy: f32,
}

/// Why what was shown says too little, or is no distribution.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum ShownError {
    /// A log-probability that none can be.
    #[error("token {token} has the log-probability {found}, expected a finite one of at most 0")]
    LogProb {
        /// The token.
        token: u32,
        /// What was shown.
        found: f32,
    },
    /// A token is listed twice.
    #[error("token {token} is listed twice")]
    Twice {
        /// The token.
        token: u32,
    },
    /// The probabilities are none.
    #[error("the listed probabilities sum to {sum:.4}, expected at most 1")]
    Sum {
        /// Their sum.
        sum: f64,
    },
    /// A token outside of the list is more probable than one in it.
    #[error("token {token} is not listed with its log-probability of {found}, although the list goes down to {least}")]
    NotTheMostProbable {
        /// The token.
        token: u32,
        /// Its log-probability.
        found: f32,
        /// The least in the list.
        least: f32,
    },
    /// The list ends before the nucleus does.
    #[error("the {listed} listed tokens have a mass of {mass:.4}, expected at least 0.9")]
    ShortOfTheNucleus {
        /// Tokens in the list.
        listed: usize,
        /// Their mass.
        mass: f64,
    },
    /// Nothing was drawn.
    #[error("no token was drawn, expected at least one: without draws nothing is known of the tail")]
    NothingDrawn,
    /// Nothing is listed.
    #[error("no token is listed, expected at least the most probable one")]
    NothingListed,
    /// A token that there is not.
    #[error("token {token} is outside of a distribution over {entries} tokens")]
    Outside {
        /// The token.
        token: u32,
        /// How many there are.
        entries: usize,
    },
}

/// A list that may be one of a distribution's most probable tokens.
pub(super) struct Checked {
    /// By falling probability, ties by rising id.
    pub head: Vec<(u32, f32)>,
    /// Its tokens, rising.
    pub ids: Vec<u32>,
    /// Σ p over it.
    pub mass: f64,
    /// How many of its tokens are the 0.9 nucleus; `None` where it ends before the nucleus does.
    pub nucleus: Option<usize>,
}

impl Checked {
    /// Looks at a list in any order, and at `others` that are not of it.
    pub fn of(listed: &[(u32, f32)], others: &[(u32, f32)]) -> Result<Self, ShownError> {
        if let Some(&(token, found)) =
            listed.iter().chain(others).find(|(_, logprob)| !logprob.is_finite() || *logprob > 0.0)
        {
            return Err(ShownError::LogProb { token, found });
        }
        let mut head = listed.to_vec();
        head.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut ids: Vec<u32> = head.iter().map(|(token, _)| *token).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ShownError::Twice { token: twice[0] });
        }
        let mut mass = 0.0;
        let mut nucleus = None;
        for (place, (_, logprob)) in head.iter().enumerate() {
            mass += f64::from(*logprob).exp();
            if nucleus.is_none() && mass >= NUCLEUS {
                nucleus = Some(place + 1);
            }
        }
        if mass > 1.0 + ROUNDING {
            return Err(ShownError::Sum { sum: mass });
        }
        Ok(Self { head, ids, mass, nucleus })
    }
}

impl ShownDistribution {
    /// The distribution of which `listed` are the most probable tokens with their ln p, in any order, and `drawn` tokens that were
    /// drawn from all of p, at least one.
    ///
    /// # Errors
    /// The numbers are none of a distribution, or the list does not reach the 0.9 nucleus.
    pub fn new(listed: &[(u32, f32)], drawn: &[(u32, f32)]) -> Result<Self, ShownError> {
        let Checked { head, ids, mass: sum, nucleus } = Checked::of(listed, drawn)?;
        if drawn.is_empty() {
            return Err(ShownError::NothingDrawn);
        }
        let nucleus = nucleus.ok_or(ShownError::ShortOfTheNucleus { listed: head.len(), mass: sum })?;
        let mut beyond: Vec<(u32, f32)> =
            drawn.iter().copied().filter(|(token, _)| ids.binary_search(token).is_err()).collect();
        beyond.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let least = head.last().map_or(0.0, |(_, logprob)| *logprob);
        if let Some(&(token, found)) = beyond.iter().find(|(_, found)| f64::from(found - least) > ROUNDING) {
            return Err(ShownError::NotTheMostProbable { token, found, least });
        }
        // Each draw stands for its share of all draws; what falls into the head is known there.
        let exact: f64 = head.iter().map(|(_, logprob)| -f64::from(*logprob) * f64::from(*logprob).exp()).sum();
        let estimated: f64 = beyond.iter().map(|(_, logprob)| -f64::from(*logprob)).sum();
        Ok(Self {
            entropy: (exact + estimated / drawn.len() as f64) as f32,
            tail_mass: (1.0 - sum).max(0.0) as f32,
            nucleus: nucleus as u32,
            drawn: drawn.len() as u32,
            head: head.iter().map(|(token, _)| *token).collect(),
            head_logprobs: head.iter().map(|(_, logprob)| *logprob).collect(),
            draws: beyond.iter().map(|(token, _)| *token).collect(),
            draw_logprobs: beyond.iter().map(|(_, logprob)| *logprob).collect(),
        })
    }
}
