//! What was found, with evidence and a next step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A gate fails because of it.
    Serious,
    /// Worth acting on.
    Notable,
    /// Worth knowing.
    Informative,
}

/// Something the audit found, with evidence and a next step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable identifier: `temperature`, `tail_lost`, …
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence with the number in it.
    pub title: String,
    /// What it means, a sentence or two.
    pub detail: String,
    /// What to do next, imperative.
    pub next_step: String,
    /// Both models' numbers side by side.
    pub evidence: Vec<EvidenceItem>,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceItem {
    /// Where: a probe, a document and position, a metric.
    pub place: String,
    /// What the teacher said or scored.
    pub teacher: String,
    /// What the student said or scored.
    pub student: String,
}
