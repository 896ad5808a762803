//! What is kept of one scored position after both models' logits are gone.

/// Inverse temperatures 1/τ at which the student is re-tempered (see `PositionStats::kl_at`).
pub const INVERSE_TEMPERATURES: [f32; 9] = [0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.45, 1.8, 2.5];
/// Index of 1/τ = 1 in [`INVERSE_TEMPERATURES`].
pub const UNIT_TEMPERATURE: usize = 4;
/// Names of the retention bands, from the head of the teacher's distribution to its tail.
pub const BANDS: [&str; 4] = ["top-1", "rest of 0.9 nucleus", "0.9–0.99", "beyond 0.99"];

/// Statistics of one position: teacher p against student q, both next-token distributions.
///
/// All logarithms are natural; divergences are in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositionStats {
    /// Token that the text really continues with.
    pub target: u32,
    /// ln p(target).
    pub teacher_logprob: f32,
    /// ln q(target).
    pub student_logprob: f32,
    /// KL(p‖q) = Σ p ln(p/q), q floored at 1e−12; ≥ 0.
    pub kl: f32,
    /// KL(q‖p), p floored at 1e−12; ≥ 0.
    pub reverse_kl: f32,
    /// Jensen–Shannon divergence, in [0, ln 2].
    pub jsd: f32,
    /// Σ min(p, q) = 1 − total variation, in [0, 1].
    pub overlap: f32,
    /// H(p) in nats.
    pub teacher_entropy: f32,
    /// H(q) in nats.
    pub student_entropy: f32,
    /// Σ p over tokens whose q was floored, in [0, 1].
    pub floored_mass: f32,
    /// Teacher's most probable token; ties go to the lowest id.
    pub teacher_top1: u32,
    /// Student's most probable token; ties go to the lowest id.
    pub student_top1: u32,
    /// p of the teacher's most probable token.
    pub teacher_top1_prob: f32,
    /// q of the student's most probable token.
    pub student_top1_prob: f32,
    /// Kendall's tau-b over the teacher's ten most probable tokens, in [−1, 1]; `NaN` where undefined (all tied).
    pub kendall_tau: f32,
    /// Σ p per retention band of the teacher ([`BANDS`]).
    pub band_mass: [f32; 4],
    /// Σ min(p, q) per retention band.
    pub band_overlap: [f32; 4],
    /// Σ max(q − p, 0) per retention band.
    pub band_invented: [f32; 4],
    /// KL(p ‖ softmax(z_S·β)) at each β of [`INVERSE_TEMPERATURES`].
    pub kl_at: [f32; 9],
    /// d KL / dβ at each β (KL is convex in β, so value and slope give τ* by Hermite interpolation).
    pub kl_slope_at: [f32; 9],
    /// llama.cpp-compatible: −ln p(target), from the teacher's 16-bit encoded row.
    pub compat_nll_base: f32,
    /// llama.cpp-compatible: −ln q(target).
    pub compat_nll: f32,
    /// llama.cpp-compatible KL of the encoded row against the student (may be slightly negative).
    pub compat_kl: f32,
    /// llama.cpp-compatible: the most probable token of the encoded row is the student's (codes of 16 bits can tie
    /// where logits do not; ties go to the lowest id).
    pub compat_same_top: bool,
}

mod comparer;
pub(crate) mod lanes;
pub(crate) mod nucleus;
pub(crate) mod ranks;
pub(crate) mod sums;
pub(crate) mod vectors;

pub use comparer::Comparer;
pub use vectors::Vectors;

/// Entry k of [`INVERSE_TEMPERATURES`] without the rounding of its f32 literal: every one is a multiple of 1/20.
pub(crate) fn inverse_temperature(k: usize) -> f64 {
    (f64::from(INVERSE_TEMPERATURES[k]) * 20.0).round() / 20.0
}

/// Why two rows cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PositionError {
    /// The rows are not as long as the vocabulary.
    #[error(
        "rows of logits differ from the vocabulary: expected {expected} entries, found {teacher} from the teacher and {student} from the student"
    )]
    Length {
        /// Entries of the vocabulary.
        expected: usize,
        /// Entries in the teacher's row.
        teacher: usize,
        /// Entries in the student's row.
        student: usize,
    },
    /// The text's own token is outside the vocabulary.
    #[error("target token {target} is outside the vocabulary of {vocab}")]
    Target {
        /// The token.
        target: u32,
        /// Entries of the vocabulary.
        vocab: usize,
    },
    /// A logit is `NaN` or +∞.
    #[error("{model}'s logit of token {index} is {value}: expected a number or -inf")]
    NotALogit {
        /// `teacher` or `student`.
        model: &'static str,
        /// The first such token.
        index: usize,
        /// What stands there.
        value: f32,
    },
    /// Every logit is −∞: no distribution.
    #[error("{model}'s logits are all -inf: expected at least one number among {entries}")]
    Empty {
        /// `teacher` or `student`.
        model: &'static str,
        /// Entries in the row.
        entries: usize,
    },
}

/// Checks that a row of logits is a distribution and returns its most probable token, ties to the lowest id.
///
/// −∞ is a legal logit (probability 0). `model` names the row in the error.
///
/// # Errors
/// `NotALogit` at the first `NaN` or +∞, `Empty` when no logit is finite.
pub fn check_row(row: &[f32], model: &'static str) -> Result<u32, PositionError> {
    let (mut top, mut largest) = (0, f32::NEG_INFINITY);
    for (index, &value) in row.iter().enumerate() {
        if value.is_nan() || value == f32::INFINITY {
            return Err(PositionError::NotALogit { model, index, value });
        }
        if value > largest {
            (top, largest) = (index, value);
        }
    }
    if largest == f32::NEG_INFINITY {
        return Err(PositionError::Empty { model, entries: row.len() });
    }
    Ok(top as u32)
}
