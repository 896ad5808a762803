//! What a student was distilled on, where the prompts of that are known: the origin of distances.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A distillation set, and how distances from it are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainedOn {
    /// Names of the files.
    pub files: Vec<String>,
    /// Prompts in them.
    pub rows: u64,
    /// Prompts on which the unit was measured, each without itself: all, or those of the least hashes.
    pub held_out: u64,
    /// `blake3:` hash of the prompts in their order.
    pub hash: String,
    /// Who makes the vectors.
    pub embedder: EmbedderIdentity,
    /// Nearest prompts whose mean distance counts.
    pub k: u32,
    /// The distance that is radius 1.
    pub unit: f64,
}

/// What turns texts into vectors: neither the teacher nor the student.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbedderIdentity {
    /// For people.
    pub name: String,
    /// Changes whenever a vector may: a number, or the `blake3:` hash of everything that decides it.
    pub version: String,
}
