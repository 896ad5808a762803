//! Numbers: the headline, every metric, and the tables behind them.

use hydrometer_metrics::calibration::ReliabilityBin;
use hydrometer_metrics::compat::Percentile;
use hydrometer_metrics::{Estimate, Interval, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the seven headline numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Headline {
    /// Stable identifier: `answer_agreement`, `tail_kept`, `diversity_kept`, `capability_volume`, `safe_reach`,
    /// `illusion_gap`, `forgotten`.
    pub id: String,
    /// The number; `None` when it is not measured.
    pub estimate: Option<Estimate>,
    /// What is missing to measure it, as a sentence; `None` when it is measured.
    pub missing: Option<String>,
    /// Between which numbers it lies, where that is all that is known of it. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<KnownWithin>,
    /// How it is known, where it is there; absent in statements of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<NumberRegime>,
    /// Verdict of its gate, where it has one.
    pub verdict: Option<Verdict>,
    /// What must be read with it, as a sentence: the worst axis beside a mean over axes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
}

/// One metric over the whole suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Identifier in the metric catalogue.
    pub id: String,
    /// The number; `None` when it cannot be computed.
    pub estimate: Option<Estimate>,
    /// Why it cannot be computed.
    pub missing: Option<String>,
    /// Between which numbers it lies, where that is all that is known of it: then `estimate` is `None`. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<KnownWithin>,
    /// How it is known, where it is there; absent in statements of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<NumberRegime>,
    /// Why no gate rests on it although it is there; absent where gates may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// The same corrected for what the rules that read free decisions confuse, which is what gates judge; absent for numbers that
    /// read none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<CorrectedNumber>,
    /// What is left of a share of events when what chance alone makes is taken off, which is what gates judge; absent where nothing is
    /// left to chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<ExcessNumber>,
}

/// The evidence that one number was read off. A run has one regime for what its models show at best, and not every number rests on that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumberRegime {
    /// `R0` … `R4`.
    pub id: String,
    /// How well it is known.
    pub known: HowKnown,
    /// What it was read off, as a phrase.
    pub from: String,
}

/// How well a number is known, on what was asked. Intervals over families stand beside it in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HowKnown {
    /// Every probability that it reads is known.
    Exact,
    /// An estimate without bias, from a part of what it reads and draws from it: its interval contains the chance of these draws.
    Estimated,
    /// Of a part of what it reads only bounds are known: its interval is wider by all that they allow.
    Widened,
    /// A lower and an upper bound are known, and no estimate.
    Bounds,
    /// Read off letters that were drawn in place of the options' probabilities: its interval contains the chance of these draws.
    Drawn,
    /// Read off texts that the models answered, which is all that there is to it.
    Answered,
}

impl HowKnown {
    /// Its name in statements.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated => "estimated",
            Self::Widened => "widened",
            Self::Bounds => "bounds",
            Self::Drawn => "drawn",
            Self::Answered => "answered",
        }
    }
}

/// A number of which a lower and an upper bound are known, and no estimate: what both servers list leaves no more open than that. Neither
/// bound is a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KnownWithin {
    /// On what was asked it is at least that, in the metric's unit.
    pub low: f64,
    /// On what was asked it is at most that.
    pub high: f64,
    /// From the lower end of the interval of `low` to the upper end of that of `high`; `None` when fewer than two families allow none.
    pub interval: Option<Interval>,
    /// Probe families that carry it.
    pub n_families: u64,
    /// Items behind it.
    pub n_items: u64,
}

/// How much more often teacher and student make an event than two answers of the teacher do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExcessNumber {
    /// The excess, corrected where the number is.
    pub estimate: Estimate,
    /// The share that chance alone makes, as far as it is known.
    pub chance: f64,
    /// The largest share that chance alone can make; absent where it is known. Requests that the teacher answered once, by chance, do
    /// not say what it would do again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_chance: Option<f64>,
}

/// A number on free decisions, corrected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CorrectedNumber {
    /// The number; `None` when it cannot be corrected.
    pub estimate: Option<Estimate>,
    /// The correction dominates: only the upper end should be told.
    pub upper_bound: bool,
    /// Why it cannot be corrected: gates judge it as it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// Why a number is shown and not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// Of which kind.
    pub kind: ReservationKind,
    /// As a sentence.
    pub reason: String,
}

/// Kinds of [`Reservation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReservationKind {
    /// The answers are no draws from the models' own distributions: the number holds for them as they were served. Gates on
    /// it are left out.
    AsServed,
    /// Too many answers are missing: gates on it are NOT ENOUGH EVIDENCE.
    AnswersMissing,
    /// It does not exist because of what the student does: gates on it are NOT ENOUGH EVIDENCE.
    StudentsDoing,
    /// The teacher has nothing that could be lost: gates on it are left out.
    NothingAtStake,
    /// So few families were asked that not even a perfect student could pass: gates on it are left out unless they fail.
    TooFewFamilies,
}

/// One band of the teacher's distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Band {
    /// Name, head to tail (`hydrometer_metrics::BANDS`).
    pub name: String,
    /// Share of the teacher's mass in it.
    pub mass: f64,
    /// Σ min(p, q) / Σ p within it, in [0, 1].
    pub kept: Option<Estimate>,
    /// Σ max(q − p, 0) / Σ p within it, ≥ 0.
    pub invented: Option<Estimate>,
}

/// Percentiles of a per-position quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Metric identifier.
    pub metric: String,
    /// Median, 90, 95, 99, 99.9 % and maximum, rising.
    pub points: Vec<Percentile>,
    /// The same for the teacher against itself; empty when not measured.
    pub floor: Vec<Percentile>,
}

/// One metric on one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// `axis:reasoning`, `tag:dates`, `forks`.
    pub name: String,
    /// Metric identifier.
    pub metric: String,
    /// The number on this slice.
    pub estimate: Estimate,
    /// Two-sided p-value of "this slice equals the rest"; `None` when there are too few families.
    pub p_value: Option<f64>,
    /// Named as different by Benjamini–Hochberg at 5 %.
    pub differs: bool,
}

/// Calibration of both models on choices with a truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// Reliability of the teacher, ten bins.
    pub teacher: Vec<ReliabilityBin>,
    /// Reliability of the student, ten bins.
    pub student: Vec<ReliabilityBin>,
}

/// Right and wrong, crossed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TruthCells {
    /// Both right.
    pub both_right: u64,
    /// Teacher right, student wrong.
    pub lost: u64,
    /// Student right, teacher wrong.
    pub gained: u64,
    /// Both wrong with the same answer.
    pub both_wrong_same: u64,
    /// Both wrong with different answers.
    pub both_wrong_different: u64,
}
