//! How long samples are, and how much of them is learnt.

use serde::Serialize;

use crate::train::Sample;

/// Tokens of samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lengths {
    /// Half of the samples have no more.
    pub p50: usize,
    /// 95 of 100 have no more.
    pub p95: usize,
    /// The longest.
    pub max: usize,
    /// Share of all tokens that is learnt.
    pub learnt: f64,
}

impl Lengths {
    /// Of these samples; `None` without any.
    pub(super) fn of<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<Lengths> {
        let (mut lengths, mut learnt) = (Vec::new(), 0);
        for sample in samples {
            lengths.push(sample.tokens.len());
            learnt += sample.targets();
        }
        lengths.sort_unstable();
        let max = *lengths.last()?;
        // The smallest length that so many of a hundred do not exceed.
        let rank = |hundredths: usize| lengths[(lengths.len() * hundredths).div_ceil(100).max(1) - 1];
        let all: usize = lengths.iter().sum();
        Some(Lengths { p50: rank(50), p95: rank(95), max, learnt: learnt as f64 / all.max(1) as f64 })
    }
}
