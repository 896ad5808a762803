//! What a server shows of a next-token distribution: a list of the most probable tokens, and tokens drawn from all of it.

use thiserror::Error;

/// Mass of the nucleus beyond which the tail of "tail kept" begins.
const NUCLEUS: f64 = 0.9;
/// How far rounding may carry a sum of probabilities above 1, or a log-probability out of its order.
const ROUNDING: f64 = 1e-3;

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
    #[error(
        "token {token} was drawn with the log-probability {found} and is not listed, although the list goes down to {least}"
    )]
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
}

/// A list by falling probability.
pub(super) struct Ordered {
    pub(super) head: Vec<(u32, f32)>,
    /// The tokens by rising id.
    ids: Vec<u32>,
    /// Σ p.
    pub(super) sum: f64,
    /// Tokens in the 0.9 nucleus; `None` where the list ends before it does.
    pub(super) nucleus: Option<u32>,
}

impl Ordered {
    /// Orders tokens with their ln p.
    pub(super) fn of(listed: &[(u32, f32)]) -> Result<Ordered, ShownError> {
        check(listed)?;
        let mut head = listed.to_vec();
        head.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut ids: Vec<u32> = head.iter().map(|(token, _)| *token).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ShownError::Twice { token: twice[0] });
        }
        let (mut sum, mut nucleus) = (0.0, None);
        for (place, (_, logprob)) in head.iter().enumerate() {
            sum += f64::from(*logprob).exp();
            if nucleus.is_none() && sum >= NUCLEUS {
                nucleus = Some(place as u32 + 1);
            }
        }
        if sum > 1.0 + ROUNDING {
            return Err(ShownError::Sum { sum });
        }
        Ok(Ordered { head, ids, sum, nucleus })
    }
}

/// Whether these may be log-probabilities.
fn check(tokens: &[(u32, f32)]) -> Result<(), ShownError> {
    match tokens.iter().find(|(_, logprob)| !logprob.is_finite() || *logprob > 0.0) {
        Some(&(token, found)) => Err(ShownError::LogProb { token, found }),
        None => Ok(()),
    }
}

impl ShownDistribution {
    /// The distribution of which `listed` are the most probable tokens with their ln p, in any order, and `drawn` tokens that were
    /// drawn from all of p, at least one.
    ///
    /// # Errors
    /// The numbers are none of a distribution, or the list does not reach the 0.9 nucleus.
    pub fn new(listed: &[(u32, f32)], drawn: &[(u32, f32)]) -> Result<Self, ShownError> {
        check(drawn)?;
        if drawn.is_empty() {
            return Err(ShownError::NothingDrawn);
        }
        let Ordered { head, ids, sum, nucleus } = Ordered::of(listed)?;
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
            nucleus,
            drawn: drawn.len() as u32,
            head: head.iter().map(|(token, _)| *token).collect(),
            head_logprobs: head.iter().map(|(_, logprob)| *logprob).collect(),
            draws: beyond.iter().map(|(token, _)| *token).collect(),
            draw_logprobs: beyond.iter().map(|(_, logprob)| *logprob).collect(),
        })
    }
}
