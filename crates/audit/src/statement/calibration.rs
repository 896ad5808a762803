//! What a calibration of the suite says beside the gates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The calibration that stands beside the gates of a run: of the same suite with the same budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalibrationUsed {
    /// `blake3:` hash of its setup.
    pub setup: String,
    /// Whether every figure of acceptance held.
    pub accepted: bool,
    /// The teacher that it was made with, where that is another one than this run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_teacher: Option<String>,
    /// Audits of the teacher against itself.
    pub nulls: u64,
}

/// A planted loss that fails a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Caught {
    /// The defect with its mildest dose from which on the gate fails in 90 % of audits, in the words of `planted:`.
    pub defect: String,
    /// The mean of the number there.
    pub value: f64,
    /// Audits in which the gate failed.
    pub failed: u64,
    /// Of so many.
    pub audits: u64,
}

/// How fine a loss the suite resolves, beside the margin of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resolution {
    /// How far the nearest bound lies from what is usual of the teacher beside itself.
    pub margin: f64,
    /// The smallest loss beyond that which was told from the teacher itself; `None` where no planted one was.
    pub smallest: Option<FoundLoss>,
    /// The largest planted loss as large as the margin or larger that was not told from the teacher itself; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<FoundLoss>,
    /// In such a share of audits.
    pub power: f64,
}

/// A planted loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundLoss {
    /// The defect with its dose.
    pub defect: String,
    /// How much further from the best value the number is than usual.
    pub loss: f64,
}

impl Resolution {
    /// Whether nothing speaks against it that a loss as large as the margin is found: some loss is, and none so large was missed.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.smallest.is_some() && self.missed.is_none()
    }
}
