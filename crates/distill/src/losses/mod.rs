//! What a student is trained to make small: one file per loss, each with its formula, its source and its gradient.
//!
//! p is the teacher's next-token distribution and q the student's, both at temperature T: softmax(logits / T). Divergences
//! are in nats. A loss file knows only u = z / T, the student's logits over the temperature; [`Objective`] brings in T, the
//! share of hard labels and the row's token.

mod cross_entropy;
mod forward_kl;
pub mod hidden;
mod jensen_shannon;
mod objective;
mod reverse_kl;
mod row;
mod skewed_kl;
mod skewed_reverse_kl;
mod stratified;
mod top_k_tail;
mod total_variation;
mod weights;

use serde::{Deserialize, Serialize};

pub(crate) use objective::SENSIBLE as SENSIBLE_TEMPERATURES;
pub(crate) use objective::allowed as allowed_vectors;
pub use objective::{Objective, RowLoss, Scratch, Soft, TeacherRow};
pub use row::Row;
pub(crate) use row::log_sum;
pub use weights::TokenWeights;

/// A divergence between teacher and student.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Divergence {
    /// KL(p ‖ q).
    ForwardKl,
    /// KL(q ‖ p).
    ReverseKl,
    /// The generalised Jensen–Shannon divergence over β(1 − β); β = 0 is KL(p ‖ q), β = 1 is KL(q ‖ p).
    JensenShannon {
        /// Weight of the teacher in the mixture, in [0, 1].
        beta: f64,
    },
    /// KL(p ‖ λp + (1 − λ)q).
    SkewedKl {
        /// Share of the teacher in the mixture, in [0, 1).
        lambda: f64,
    },
    /// KL(q ‖ (1 − λ)p + λq).
    SkewedReverseKl {
        /// Share of the student in the mixture, in [0, 1).
        lambda: f64,
    },
    /// ½ Σ |p − q|.
    TotalVariation,
    /// KL(p ‖ q) of the teacher's k most probable tokens and one cell for all others.
    TopKTail {
        /// Tokens of the head, at least one.
        k: u32,
    },
    /// KL(p ‖ q) without bias: the teacher's k most probable tokens, and draws from the others.
    Stratified {
        /// Tokens of the head, at least one.
        k: u32,
        /// Draws from the tail, at least one.
        draws: u32,
    },
}

impl Divergence {
    /// What is wrong with its settings: the setting, what was expected, what was found.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, &'static str, String)> {
        match *self {
            Self::JensenShannon { beta } if !(0.0..=1.0).contains(&beta) => {
                Some(("beta", "a number from 0 to 1", beta.to_string()))
            }
            Self::SkewedKl { lambda } | Self::SkewedReverseKl { lambda } if !(0.0..1.0).contains(&lambda) => {
                Some(("lambda", "a number from 0 to below 1", lambda.to_string()))
            }
            Self::TopKTail { k } | Self::Stratified { k, .. } if !(1..=1 << 24).contains(&k) => {
                Some(("k", "from 1 to 16,777,216, more than any vocabulary has", k.to_string()))
            }
            Self::Stratified { draws, .. } if !(1..=1 << 16).contains(&draws) => {
                Some(("draws", "from 1 to 65,536", draws.to_string()))
            }
            _ => None,
        }
    }

    /// Whether the teacher's whole row is needed at the temperature; the others need a head and a tail only.
    fn over_all(&self) -> Option<OverAll> {
        Some(match *self {
            Self::ForwardKl => OverAll::Forward,
            Self::ReverseKl => OverAll::Reverse,
            Self::JensenShannon { beta } => OverAll::Between(beta),
            Self::SkewedKl { lambda } => OverAll::Skewed(lambda),
            Self::SkewedReverseKl { lambda } => OverAll::SkewedReverse(lambda),
            Self::TotalVariation => OverAll::Variation,
            Self::TopKTail { .. } | Self::Stratified { .. } => return None,
        })
    }
}

/// Divergences that sum over the whole vocabulary.
#[derive(Clone, Copy)]
enum OverAll {
    Forward,
    Reverse,
    Between(f64),
    Skewed(f64),
    SkewedReverse(f64),
    Variation,
}

impl OverAll {
    /// The divergence, and its derivative by u into `gradient`.
    fn of(self, teacher: &Row, student: &Row, gradient: &mut [f64]) -> f64 {
        match self {
            Self::Forward => forward_kl::row(teacher, student, gradient),
            Self::Reverse => reverse_kl::row(teacher, student, gradient),
            Self::Between(beta) => jensen_shannon::row(teacher, student, beta, gradient),
            Self::Skewed(lambda) => skewed_kl::row(teacher, student, lambda, gradient),
            Self::SkewedReverse(lambda) => skewed_reverse_kl::row(teacher, student, lambda, gradient),
            Self::Variation => total_variation::row(teacher, student, gradient),
        }
    }
}

/// Through the softmax: from g = ∂L/∂q in `gradient` to ∂L/∂u = q (g − Σ q g).
fn through_softmax(student: &Row, gradient: &mut [f64]) {
    let mean: f64 = student.prob.iter().zip(&*gradient).map(|(q, g)| q * g).sum();
    for (g, q) in gradient.iter_mut().zip(&student.prob) {
        *g = q * (*g - mean);
    }
}

/// ln(e^a + e^b).
fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}
