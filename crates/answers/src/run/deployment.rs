//! Where a student is used: how much at which distance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a student is used at a value of a knob.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Value of the knob, 0 or more.
    pub value: f64,
    /// How much, beside the other values: 0 or more.
    pub weight: f64,
}

/// Prompts of a deployment that were placed by their distance from the distillation set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployedOn {
    /// Names of the files.
    pub files: Vec<String>,
    /// Prompts in them.
    pub rows: u64,
    /// Prompts that were placed: all, or those of the least hashes.
    pub placed: u64,
    /// `blake3:` hash of the prompts in their order.
    pub hash: String,
}
