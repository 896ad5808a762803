//! llama.cpp's `llama-perplexity --kl-divergence` numbers, computed the way that tool computes them.

/// A value with the standard error that llama.cpp prints (tokens taken as independent).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PlusMinus {
    /// The value.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

/// One percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Percentile {
    /// In [0, 100]; 0 is the minimum and 100 the maximum.
    pub percent: f64,
    /// The value there.
    pub value: f64,
}

/// The printed block, in its order. `base` is the teacher, `Q` the student.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Compat {
    /// Scored tokens.
    pub tokens: u64,
    /// Chunks.
    pub chunks: u64,
    /// Tokens per chunk.
    pub n_ctx: u32,
    /// Mean PPL(Q).
    pub ppl_student: PlusMinus,
    /// Mean PPL(base).
    pub ppl_teacher: PlusMinus,
    /// Cor(ln PPL(Q), ln PPL(base)), in [−1, 1].
    pub correlation: f64,
    /// Mean ln(PPL(Q)/PPL(base)).
    pub ln_ppl_ratio: PlusMinus,
    /// Mean PPL(Q)/PPL(base).
    pub ppl_ratio: PlusMinus,
    /// Mean PPL(Q) − PPL(base).
    pub ppl_difference: PlusMinus,
    /// Mean KLD.
    pub mean_kl: PlusMinus,
    /// KLD at 100, 99.9, 99, 95, 90, 50, 10, 5, 1, 0.1 and 0 %.
    pub kl_percentiles: Vec<Percentile>,
    /// Mean Δp, a fraction (llama.cpp prints per cent).
    pub mean_delta_p: PlusMinus,
    /// Δp at 100, 99.9, 99, 95, 90, 75, 50, 25, 10, 5, 1, 0.1 and 0 %, fractions.
    pub delta_p_percentiles: Vec<Percentile>,
    /// RMS Δp, a fraction.
    pub rms_delta_p: PlusMinus,
    /// Share of tokens with the same most probable token.
    pub same_top: PlusMinus,
}

mod accumulator;
mod row;

pub use accumulator::CompatAccumulator;
pub(crate) use row::Encoding;
pub use row::{CompatToken, DROPPED, LEAST_LOG_PROB, decode, encode_row, token_from_encoded, token_from_rows};
