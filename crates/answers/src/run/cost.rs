//! What the run cost: measured, different every time, therefore never part of the statement's numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One line of `cost.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostEntry {
    /// What was done: `positions`, `floor`, `choices`, `likelihoods`, `load`, ….
    pub what: String,
    /// Unit number, where the cost belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<u32>,
    /// Tokens computed, both models together.
    pub tokens: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Peak resident memory of the process so far, in bytes; `None` where the system does not say.
    pub peak_memory: Option<u64>,
    /// What was paid to endpoints since the entry before; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
}

/// What was paid to endpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paid {
    /// Questions that were answered, those asked to find out who answers included.
    pub questions: u64,
    /// Tokens of their prompts, as the servers count them.
    pub read: u64,
    /// Tokens of their answers.
    pub drawn: u64,
    /// Money; absent where no prices were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// How much.
    pub amount: f64,
    /// Three letters, as `usd`.
    pub currency: String,
}
