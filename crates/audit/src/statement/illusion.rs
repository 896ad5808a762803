//! Style against judgment: what was compared, and both gaps at each kind of boundary.

use hydrometer_metrics::Estimate;
use hydrometer_probes::Stratum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GapBase;

/// How much of the teacher's style and of its judgment was copied, and from what that is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Illusion {
    /// Whose answers stand at the start of the way to the teacher.
    pub base: GapBase,
    /// Prompts whose style is compared: where judgment is measured those of the judgment alone.
    pub written: u64,
    /// Prompts at a boundary of judgment that both models answered freely.
    pub at_boundary: u64,
    /// Those of them whose decisions are compared.
    pub decided: u64,
    /// Share of the teacher's answers to them whose decision could not be read: they are left out.
    pub teacher_unread: f64,
    /// The same of the student's.
    pub student_unread: f64,
    /// Share of the student's answers that decide what the teacher decides in fewer than ten: how the teacher would write such
    /// an answer is hardly known, and its style is compared as it is written.
    #[serde(default)]
    pub student_seldom: f64,
    /// By kind of boundary.
    pub strata: Vec<IllusionStratum>,
}

/// Both gaps at one kind of boundary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IllusionStratum {
    /// The kind of boundary.
    pub stratum: Stratum,
    /// Prompts.
    pub prompts: u64,
    /// Surface copied; `None` without a gap to close.
    pub surface: Option<Estimate>,
    /// Judgment copied; `None` without a gap to close.
    pub judgment: Option<Estimate>,
    /// Why one of them is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// A kind of boundary, for people.
#[must_use]
pub fn stratum_name(stratum: Stratum) -> &'static str {
    match stratum {
        Stratum::NearBoundary => "near the boundary",
        Stratum::MinimalPair => "minimal pairs",
        Stratum::Ladder => "ladders",
        Stratum::Ambiguous => "ambiguous requests",
        Stratum::HighRisk => "high risk",
        Stratum::Adversarial => "adversarial words",
    }
}
