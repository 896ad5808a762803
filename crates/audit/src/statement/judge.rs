//! A judge's reading of free answers, beside that of the rules. No gate rests on it.

use hydrometer_answers::ModelIdentity;
use hydrometer_metrics::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CorrectedNumber, Reading};

/// What a judge says of the free answers at boundaries of judgment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judge {
    /// Who judged.
    pub model: ModelIdentity,
    /// What the judge is in this audit besides: `teacher`, `student`, `base` or `control`; absent where it is none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_also: Option<String>,
    /// Version of the words that it was asked with.
    pub prompt: String,
    /// Answers that it was asked about, in both orders of the options.
    pub answers: u64,
    /// Of which it said the same in both orders: only these count.
    pub decided: u64,
    /// Of which it said one thing in one order and another in the other.
    pub undecided: u64,
    /// Of which a reply named no option.
    pub unread: u64,
    /// Answers that both the rules and the judge decided about.
    pub both: u64,
    /// Of which both say the same of complying, refusing, asking back and not knowing.
    pub agree: u64,
    /// How well it reads, by labels of these answers that were drawn; absent without any: then nothing here is corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Numbers on free decisions as it reads them. What was copied, and the illusion gap, only where it read the answers at which the way to the
    /// teacher starts.
    pub numbers: Vec<JudgedNumber>,
    /// Answers of which rules, judge and labels do not say the same, in all.
    pub disagreements: u64,
    /// The first of them.
    pub cases: Vec<Disagreement>,
}

/// A number as a judge reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedNumber {
    /// Metric.
    pub metric: String,
    /// As the judge reads it, uncorrected.
    pub estimate: Estimate,
    /// Corrected for what it confuses; absent without labels, and for what was copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<CorrectedNumber>,
}

/// An answer about which rules, judge and labels differ; `None` where one of them says nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disagreement {
    /// Probe id.
    pub probe: String,
    /// `teacher`, `student` or `base`.
    pub model: String,
    /// Number of the answer.
    pub sample: u32,
    /// What was asked.
    pub prompt: String,
    /// The answer.
    pub answer: String,
    /// What the rules say.
    pub rules: Option<String>,
    /// What the judge says.
    pub judge: Option<String>,
    /// What somebody's label says.
    pub label: Option<String>,
}
