//! Gates and their answers, and what deciding early saved.

use hydrometer_metrics::{Estimate, Interval, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calibration::{Caught, Resolution};
use super::metric::NumberRegime;

/// A gate and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// Metric it watches.
    pub metric: String,
    /// Lowest accepted value, where there is one.
    pub at_least: Option<f64>,
    /// Highest accepted value, where there is one.
    pub at_most: Option<f64>,
    /// The answer.
    pub verdict: Verdict,
    /// The number it looked at.
    pub estimate: Option<Estimate>,
    /// How that number is known, where it is there; absent in statements of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<NumberRegime>,
    /// Further families that would decide it at the present spread; `None` when decided or not computable.
    pub more_families: Option<u64>,
    /// The interval that decided: each end is a one-sided bound at the gate's level (two-sided 90 % for 5 % on a side; of a
    /// gate that would fail, the level that Holm's correction leaves it), not narrowed to the metric's range. `None` where
    /// there is none, and where the run stopped by its evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Interval>,
    /// Why a gate that would fail by itself is undecided; `None` for every other gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Corrected>,
    /// Smallest loss beyond the bound that this audit would have found: a true value so far outside, of a student that varies
    /// as one with that loss does, fails the gate with a chance of 90 %. Where the run stopped by its evidence: what it would have found in the
    /// whole suite, beside a PASS. `None` without an interval or any spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectable: Option<f64>,
    /// Planted losses that this very suite was measured to catch, one for each defect that is aimed at the number; only beside a
    /// PASS, or one that the resolution took back, and with a calibration of the same bounds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caught: Vec<Caught>,
    /// How fine a loss the suite was measured to resolve; `None` without a calibration that planted one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// One sentence: what was expected, what was found.
    pub explanation: String,
}

impl Gate {
    /// The gate on a metric that is worst off: one that fails, else one that is undecided, else one that passes.
    #[must_use]
    pub fn on<'g>(gates: &'g [Gate], metric: &str) -> Option<&'g Gate> {
        let rank = |gate: &&Gate| match gate.verdict {
            Verdict::Fail => 0,
            Verdict::NotEnoughEvidence => 1,
            Verdict::Pass => 2,
        };
        gates.iter().filter(|gate| gate.metric == metric).min_by_key(rank)
    }
}

/// A failure that Holm's correction does not let stand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Corrected {
    /// The smallest level at which the gate fails.
    pub alone: f64,
    /// The same among all gates of the policy.
    pub adjusted: f64,
}

/// Gates decided while the run went on, and what stopping early saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deciding {
    /// Error rate of each gate, on either side, however often one looks.
    pub alpha: f64,
    /// Most families taken in per gate; `None` for as many as the suite has.
    pub cap: Option<u32>,
    /// Tokens of texts and choices that the teacher computed, its rerun for the noise floor included.
    pub teacher_tokens: Spent,
    /// Free answers of the teacher, its rerun included; some may come from the answer store.
    pub teacher_answers: Spent,
    /// The gates that were watched family by family, in the order of the policy.
    pub gates: Vec<Watched>,
    /// The gates whose numbers are read off curves, in the order of the policy; empty where the run did not look at any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looked: Vec<Looked>,
}

/// What was used of the teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spent {
    /// Asked.
    pub spent: u64,
    /// Not asked: what the whole suite would have asked beyond that.
    pub saved: u64,
}

/// One gate under watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Watched {
    /// Metric it watches.
    pub metric: String,
    /// Lowest accepted value, where there is one.
    pub at_least: Option<f64>,
    /// Highest accepted value, where there is one.
    pub at_most: Option<f64>,
    /// The answer.
    pub verdict: Verdict,
    /// Smallest loss beyond a bound that this gate would have found in the whole suite, with a chance of 90 %; `None` beside
    /// other verdicts than PASS, and where not even the largest possible one is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectable: Option<f64>,
    /// Families taken in, those after the verdict included.
    pub families: u64,
    /// Families after which the verdict fell; `None` where it did not.
    pub decided_after: Option<u64>,
    /// The evidence at which a side wins, nats.
    pub threshold: f64,
    /// Evidence over families, at most 400 points, the last one included.
    pub evidence: Vec<EvidencePoint>,
}

/// The evidence after some families, in nats. With two margins PASS shows the weaker evidence of the two, FAIL the
/// stronger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvidencePoint {
    /// Families taken in.
    pub families: u64,
    /// For PASS.
    pub pass: f64,
    /// For FAIL.
    pub fail: f64,
}

/// A gate that was judged at a few looks, as a whole audit of the families so far would judge it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Looked {
    /// Metric that is judged.
    pub metric: String,
    /// Lowest accepted value, where there is one.
    pub at_least: Option<f64>,
    /// Highest accepted value, where there is one.
    pub at_most: Option<f64>,
    /// The answer: the first that fell.
    pub verdict: Verdict,
    /// The look at which it fell, from 1; `None` where it did not.
    pub decided_at: Option<u64>,
    /// Looks that were planned.
    pub planned: u64,
    /// Families that the last of them takes in.
    pub families: u64,
    /// The looks that were taken, up to the verdict.
    pub looks: Vec<Look>,
}

/// One look at a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// Families that it takes in, of all curves.
    pub families: u64,
    /// Error rate that it spends, on either side.
    pub alpha: f64,
    /// The number of these families; `None` where there was none.
    pub value: Option<f64>,
    /// The interval that was judged: each end is a one-sided bound at `alpha`. `None` where there was none.
    pub judged: Option<Interval>,
    /// The answer.
    pub verdict: Verdict,
    /// Why nothing could be judged, or not yet; `None` where it could.
    pub missing: Option<String>,
}
