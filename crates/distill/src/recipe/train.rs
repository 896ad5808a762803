//! How a student learns: steps, learning rate, what is measured and kept on the way.

use serde::{Deserialize, Serialize};

use crate::network::{Part, Precision};
use crate::train::Decay;

/// The training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainRecipe {
    /// Steps of each arm.
    pub steps: u64,
    /// Tokens of a step at least.
    pub batch_tokens: usize,
    /// Tokens that go through the network at once: memory against speed.
    #[serde(default = "micro_tokens")]
    pub micro_tokens: usize,
    /// Whether layers are computed again on the way back instead of kept: less memory, more time, the same student.
    #[serde(default, skip_serializing_if = "super::is_off")]
    pub checkpointing: bool,
    /// In what products are made while a student learns.
    #[serde(default = "full", skip_serializing_if = "is_full")]
    pub precision: Precision,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Steps in which it rises.
    #[serde(default)]
    pub warm_up: u64,
    /// How it falls.
    #[serde(default = "cosine")]
    pub decay: Decay,
    /// Share of the highest learning rate that it falls to.
    #[serde(default)]
    pub floor: f64,
    /// AdamW's decay of the mean gradient.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// AdamW's decay of the mean square.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// AdamW's ε.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// Decay of matrices.
    #[serde(default)]
    pub weight_decay: f64,
    /// Longest gradient; 0 for any.
    #[serde(default = "super::one")]
    pub clip: f64,
    /// Seed of everything that is left to chance.
    pub seed: u64,
    /// Steps between measurements on held-out documents.
    #[serde(default = "often")]
    pub evaluate_every: u64,
    /// Held-out tokens that are measured at most.
    #[serde(default = "evaluate_tokens")]
    pub evaluate_tokens: usize,
    /// Steps between checkpoints.
    #[serde(default = "often")]
    pub checkpoint_every: u64,
    /// Steps between completions of held-out prompts.
    pub completions_every: Option<u64>,
    /// Parts of the student that do not learn.
    #[serde(default)]
    pub freeze: Vec<Part>,
    /// Measurements in a row without a smaller held-out KL divergence after which an arm ends with its best weights.
    pub patience: Option<u64>,
}

fn full() -> Precision {
    Precision::F32
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_full(precision: &Precision) -> bool {
    *precision == full()
}

fn micro_tokens() -> usize {
    2048
}

fn cosine() -> Decay {
    Decay::Cosine
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.95
}

fn epsilon() -> f64 {
    1e-8
}

fn often() -> u64 {
    50
}

fn evaluate_tokens() -> usize {
    20_000
}
