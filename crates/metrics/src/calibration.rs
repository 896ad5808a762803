//! Calibration: do stated probabilities come true, and does the student's confidence follow the teacher's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReliabilityBin {
    /// Lower edge of the bin, a probability.
    pub low: f64,
    /// Upper edge of the bin.
    pub high: f64,
    /// Number of items in it.
    pub items: u64,
    /// Mean stated probability; `None` when the bin is empty.
    pub confidence: Option<f64>,
    /// Share that came true; `None` when the bin is empty.
    pub accuracy: Option<f64>,
}
