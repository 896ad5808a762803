//! The Distillation Loss Statement: a value, the same for the terminal, the report, the gate and any server.

mod answers;
mod calibration;
mod case;
mod cost;
mod episodes;
mod finding;
mod forgetting;
mod gate;
mod geometry;
mod illusion;
mod judge;
mod judgment;
mod metric;

use hydrometer_answers::{ExcludedItem, ModelIdentity};
use hydrometer_metrics::Verdict;
use hydrometer_metrics::compat::Compat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use answers::{AnswersSummary, GapBase, OtherEnding, Secondary};
pub use calibration::{CalibrationUsed, Caught, FoundLoss, Resolution};
pub use case::{AnswerCase, AnswerClass, ChoiceCase, OptionCase, Outcome, TokenEvidence, WorstDocument};
pub use cost::Cost;
pub use episodes::{
    EpisodeAxis, EpisodeCase, EpisodeEvent, EpisodeEventKind, EpisodeRuns, EpisodesSummary, PassK, SurvivalCurves,
};
pub use finding::{EvidenceItem, Finding, Severity};
pub use forgetting::{Forgetting, ForgottenSkill, SkillsAre};
pub use gate::{Corrected, Deciding, EvidencePoint, Gate, Look, Looked, Spent, Watched};
pub use geometry::{AxisCurve, Deployed, Geometry, RingRow};
pub use illusion::{Illusion, IllusionStratum, stratum_name};
pub use judge::{Disagreement, Judge, JudgedNumber};
pub use judgment::{
    DecisionCase, DecisionForm, Judgment, LabelSource, LadderRow, LadderRung, PairCase, PairOutcome, PairSide, Reading,
    RefusalCells, UnreadAnswers,
};
pub use metric::{
    Band, Calibration, CorrectedNumber, ExcessNumber, Headline, HowKnown, KnownWithin, Metric, NumberRegime, Quantiles,
    Reservation, ReservationKind, Slice, TruthCells,
};

/// Version of the format, the first field of every statement.
pub const FORMAT: &str = "hydrometer.statement/1";

/// What was preserved, what was lost, what could not be decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// Always [`FORMAT`].
    pub format: String,
    /// Version of hydrometer that issued it.
    pub hydrometer: String,
    /// `blake3:` hash of the run's plan: models, suite and settings.
    pub run: String,
    /// FAIL if any gate fails, else NOT ENOUGH EVIDENCE if any is undecided, else PASS.
    pub verdict: Verdict,
    /// The verdict as one sentence that names the gates behind it.
    pub verdict_line: String,
    /// What the models exposed, and what that allows.
    pub regime: Regime,
    /// Who was copied.
    pub teacher: ModelIdentity,
    /// The copy.
    pub student: ModelIdentity,
    /// The student before distillation; absent where it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ModelIdentity>,
    /// A control student, with whose fall-off the student's is compared; absent where none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ModelIdentity>,
    /// How the two vocabularies relate.
    pub pairing: Pairing,
    /// What was asked.
    pub suite: SuiteSummary,
    /// The seven headline numbers, always seven, in their order.
    pub headline: Vec<Headline>,
    /// Every gate of the policy, in its order.
    pub gates: Vec<Gate>,
    /// Every metric over the whole suite.
    pub metrics: Vec<Metric>,
    /// Retention by band of the teacher's distribution, head to tail; empty without token distributions.
    pub bands: Vec<Band>,
    /// Percentiles over positions of kl_divergence, reverse_kl and jensen_shannon; empty without token distributions.
    pub quantiles: Vec<Quantiles>,
    /// One metric on one slice of the suite (axis, tag, `forks`), for the forest plot.
    pub slices: Vec<Slice>,
    /// Calibration on choices that have a truth.
    pub calibration: Option<Calibration>,
    /// The four cells of right and wrong, on choices that have a truth.
    pub truth: Option<TruthCells>,
    /// llama.cpp-compatible numbers; `None` with a note when no full window was scored.
    pub compat: Option<Compat>,
    /// What to look at first and what to do next, most important first.
    pub findings: Vec<Finding>,
    /// Documents with the largest divergence, token by token.
    pub worst_documents: Vec<WorstDocument>,
    /// Choices the student lost, gained or moved most on.
    pub choices: Vec<ChoiceCase>,
    /// What was sampled; `None` when the suite asks nothing freely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<AnswersSummary>,
    /// Prompts the student lost, gained or moved most on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answer_cases: Vec<AnswerCase>,
    /// How fidelity falls with distance; `None` where no probe says how hard it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geometry: Option<Geometry>,
    /// Style against judgment; `None` where nothing is answered freely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub illusion: Option<Illusion>,
    /// What the student could do before distillation, skill by skill; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgetting: Option<Forgetting>,
    /// What the models did in worlds; `None` when the suite has no episodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episodes: Option<EpisodesSummary>,
    /// Episodes that the student lost, gained or moved most on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub episode_cases: Vec<EpisodeCase>,
    /// What both models decided at boundaries of judgment; `None` when the suite has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgment: Option<Judgment>,
    /// How the gates were decided; `None` where the whole suite was asked and looked at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deciding: Option<Deciding>,
    /// The calibration that stands beside the gates; absent where none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated_by: Option<CalibrationUsed>,
    /// Tokens computed (measured seconds and memory are in the run folder's cost.json: they differ from run to run).
    pub cost: Cost,
    /// Metrics of the policy's gates that are not in `gates`; a note says why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Probes of the suite that could not be asked, in its order, with the reason of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<ExcludedItem>,
    /// Method notes particular to this run, as sentences.
    pub notes: Vec<String>,
}

/// Evidence regime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Regime {
    /// `R0` … `R4`.
    pub id: String,
    /// What it allows, as a sentence.
    pub meaning: String,
}

/// How the vocabularies of teacher and student relate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "vocabularies", rename_all = "snake_case")]
pub enum Pairing {
    /// Identical.
    Same,
    /// Identical up to padding, or to special tokens that a note names; metrics use the `shared` entries that both have.
    Padded {
        /// Entries used.
        shared: u32,
    },
    /// Different: token metrics are refused.
    Different {
        /// The first difference, as a fragment.
        reason: String,
    },
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteSummary {
    /// Name for people.
    pub name: String,
    /// `blake3:` hash of the probes.
    pub hash: String,
    /// Day on which the content of the built-in suite last changed; `None` for any other suite, and for a built-in one that the
    /// version which issued the statement makes differently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<String>,
    /// Number of probes.
    pub probes: u64,
    /// Number of families.
    pub families: u64,
    /// Scored token positions.
    pub positions: u64,
    /// Choices asked, option orders not counted.
    pub choices: u64,
    /// Prompts answered freely.
    #[serde(default)]
    pub prompts: u64,
    /// Context window in tokens.
    pub n_ctx: u32,
    /// Largest number of option orders asked per choice.
    pub rotations: u32,
}
