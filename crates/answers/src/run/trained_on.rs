//! What a student was distilled on, where the prompts of that are known: the origin of distances.

use std::collections::BTreeMap;

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

/// Prompts of a distillation set that say how hard they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetKnobs {
    /// Names of the files.
    pub files: Vec<String>,
    /// Prompts in them, with or without a knob.
    pub rows: u64,
    /// `blake3:` hash of the prompts in their order.
    pub hash: String,
    /// What they carry, by `axis.knob`.
    pub knobs: BTreeMap<String, SetKnob>,
}

/// One knob that prompts of a distillation set carry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetKnob {
    /// Prompts that carry it.
    pub prompts: u64,
    /// The least value of theirs beyond which no more than 5 % of them lie, 0 or more.
    pub trained_to: f64,
}

/// Who says which value of a knob counts as radius 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrainedToBy {
    /// The user.
    Said,
    /// The prompts of the distillation set.
    DistillationSet,
    /// The built-in suite, by a convention that it documents.
    Documented,
}
