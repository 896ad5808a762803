//! A teacher's distribution of which a part was kept, and what can be said from it without bias (METRICS: regime R1).
//!
//! Kept are the most probable tokens (the head), the mass of all others (the tail), and tokens drawn from the tail in
//! proportion to their probability. A sum over the whole vocabulary is the sum over the head, plus the tail's mass times
//! the mean over the draws: its expectation is the full sum, whatever the head's size (Rao–Blackwellised head, arXiv
//! 2504.10637; sampled tail, arXiv 2503.16870). Renormalising the head instead is biased, and is not offered.

use crate::position::sums::LEAST_LOG_PROB;

mod between;
mod comparer;
mod falling;
mod list_alone;
mod listed;
mod shown;
mod shown_student;
mod truncate;

pub use between::{BoundedStats, Within, bounds};
pub use comparer::{Kept, SPARSE_BANDS, SparseComparer, SparseComparisonError, SparsePositionStats};
pub use listed::{ChatList, ListedDistribution};
pub use shown::{ShownDistribution, ShownError};
pub use shown_student::{ShownStudentComparer, ShownStudentStats};
pub use truncate::{Truncater, Truncation};

/// Temperatures whose sums over the whole vocabulary are kept: a truncated tail cannot be tempered afterwards.
pub const TEMPERATURES: [f64; 3] = [1.0, 2.0, 4.0];

/// What was kept of one next-token distribution p. Natural logarithms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseDistribution {
    /// The head: token ids by falling probability, ties by rising id.
    pub head: Vec<u32>,
    /// ln p of the head's tokens.
    pub head_logprobs: Vec<f32>,
    /// Tokens drawn from the tail with probability p(token)/tail mass, by falling probability; one may come twice.
    /// Empty where the tail has no mass. Their order carries no chance: to use fewer, choose among them at random.
    pub draws: Vec<u32>,
    /// ln p of the draws.
    pub draw_logprobs: Vec<f32>,
    /// Entropy in nats at each of [`TEMPERATURES`]; NaN where a server's list does not say it.
    pub entropy: [f32; 3],
    /// Mass beyond the head at each of [`TEMPERATURES`], in [0, 1]; NaN where a server's list does not say it.
    pub tail_mass: [f32; 3],
    /// ln Σ p^(1/τ) at each of [`TEMPERATURES`]; 0 at the first. ln p_τ(token) = ln p(token)/τ − this. NaN where a server's list does
    /// not say it.
    pub log_normaliser: [f32; 3],
    /// Tokens of the head in the 0.9 nucleus, the smallest set of most probable tokens with mass ≥ 0.9.
    pub nucleus_head: u32,
    /// Draws in the 0.9 nucleus: the first so many. Above 0 only where the whole head is in it.
    pub nucleus_draws: u32,
}

/// Sums over the vocabulary that a student q gives against a sparse teacher p: one sample of each full sum.
///
/// `None` where the tail has mass and nothing was drawn from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SparseStats {
    /// KL(p‖q), q floored at 1e−12, in nats. Unbiased; a single one may be negative.
    pub kl: Option<f64>,
    /// KL of the head's tokens and of the tail as one cell, in nats: never above KL(p‖q).
    pub kl_lower_bound: f64,
    /// Σ min(p, q). Unbiased.
    pub overlap: Option<f64>,
    /// Σ min(p, q) beyond the 0.9 nucleus: the numerator of "tail kept". Unbiased.
    pub kept_beyond_nucleus: Option<f64>,
    /// Σ p beyond the 0.9 nucleus: its denominator. Unbiased.
    pub mass_beyond_nucleus: Option<f64>,
}

impl SparseDistribution {
    /// ln p at `TEMPERATURES[temperature]` of a token whose ln p at temperature 1 is `logprob`.
    pub fn tempered(&self, logprob: f32, temperature: usize) -> f32 {
        logprob / TEMPERATURES[temperature] as f32 - self.log_normaliser[temperature]
    }

    /// Compares with a student whose log-probability of a token is `log_q(token)`, nats, ≤ 0, −∞ allowed.
    pub fn compare(&self, log_q: impl Fn(u32) -> f64) -> SparseStats {
        let pairs = |tokens: &[u32], logprobs: &[f32]| -> Vec<(f64, f64)> {
            tokens.iter().zip(logprobs).map(|(&token, &log_p)| (f64::from(log_p), log_q(token))).collect()
        };
        let head = pairs(&self.head, &self.head_logprobs);
        let draws = pairs(&self.draws, &self.draw_logprobs);
        let tail_mass = f64::from(self.tail_mass[0]);
        let full = |skip: [u32; 2], term: fn(f64, f64) -> f64| {
            let [skip_head, skip_draws] = skip.map(|n| n as usize);
            let exact: f64 = head.iter().skip(skip_head).map(|&(p, q)| p.exp() * term(p, q)).sum();
            let drawn: f64 = draws.iter().skip(skip_draws).map(|&(p, q)| term(p, q)).sum();
            match draws.len() {
                0 if tail_mass > 0.0 => None,
                0 => Some(exact),
                count => Some(exact + tail_mass * drawn / count as f64),
            }
        };
        let outside = [self.nucleus_head, self.nucleus_draws];
        SparseStats {
            kl: full([0; 2], log_ratio),
            kl_lower_bound: lumped(&head, tail_mass),
            overlap: full([0; 2], kept_share),
            kept_beyond_nucleus: full(outside, kept_share),
            mass_beyond_nucleus: full(outside, |_, _| 1.0),
        }
    }
}

/// ln(p/q) with q floored as in the exact metric.
fn log_ratio(log_p: f64, log_q: f64) -> f64 {
    (log_p - log_q).min((log_p - f64::from(LEAST_LOG_PROB)).max(0.0))
}

/// min(1, q/p).
fn kept_share(log_p: f64, log_q: f64) -> f64 {
    (log_q - log_p).min(0.0).exp()
}

/// KL with the tail as one cell: by the log-sum inequality at most the KL of all cells.
fn lumped(head: &[(f64, f64)], tail_mass: f64) -> f64 {
    let exact: f64 = head.iter().map(|&(p, q)| p.exp() * log_ratio(p, q)).sum();
    if tail_mass <= 0.0 {
        return exact;
    }
    let student: f64 = head.iter().map(|&(_, q)| q.exp()).sum();
    exact + tail_mass * log_ratio(tail_mass.ln(), (1.0 - student).max(0.0).ln())
}
