//! The Distillation Loss Statement: a value, the same for the terminal, the report, the gate and any server.

use hydrometer_answers::{MeaningSettings, ModelIdentity, SampleSettings};
use hydrometer_metrics::calibration::ReliabilityBin;
use hydrometer_metrics::compat::{Compat, Percentile};
use hydrometer_metrics::{Estimate, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// How the gates were decided; `None` where the whole suite was asked and looked at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deciding: Option<Deciding>,
    /// Tokens computed (measured seconds and memory are in the run folder's cost.json: they differ from run to run).
    pub cost: Cost,
    /// Metrics of the policy's gates that are not in `gates`; a note says why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
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
    /// Identical up to padding at the end; metrics use the first `shared` entries.
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
    /// Verdict of its gate, where it has one.
    pub verdict: Option<Verdict>,
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
}

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
    /// Further families that would decide it at the present spread; `None` when decided or not computable.
    pub more_families: Option<u64>,
    /// Smallest loss beyond the bound that this audit would have found, at the spread it met: a true value so far
    /// outside fails the gate with a chance of 90 %. Where the run stopped by its evidence: what it would have found in the
    /// whole suite, beside a PASS. `None` without an interval or any spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectable: Option<f64>,
    /// One sentence: what was expected, what was found.
    pub explanation: String,
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
    pub evidence: Vec<Evidence>,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Where: a probe, a document and position, a metric.
    pub place: String,
    /// What the teacher said or scored.
    pub teacher: String,
    /// What the student said or scored.
    pub student: String,
}

/// A document the student diverges on, token by token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorstDocument {
    /// Probe and window: `wikitext2#3`.
    pub id: String,
    /// Its family.
    pub family: String,
    /// Mean KL divergence over its scored positions, nats.
    pub mean_kl: f64,
    /// Its tokens in order, from the first scored one.
    pub tokens: Vec<TokenEvidence>,
}

/// One scored token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenEvidence {
    /// The text's own token; bytes that are not UTF-8 are shown as U+FFFD.
    pub text: String,
    /// KL divergence in front of it, nats.
    pub kl: f64,
    /// The teacher's most probable token there.
    pub teacher: String,
    /// Its probability under the teacher.
    pub teacher_prob: f64,
    /// The student's most probable token there.
    pub student: String,
    /// Its probability under the student.
    pub student_prob: f64,
}

/// Which cell a choice falls in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceOutcome {
    /// Teacher right, student wrong.
    Lost,
    /// Student right, teacher wrong.
    Gained,
    /// No truth, or both right or both wrong: shown for its distance.
    Moved,
}

/// One choice, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChoiceCase {
    /// Probe id.
    pub probe: String,
    /// Its family.
    pub family: String,
    /// Its axis.
    pub axis: String,
    /// The question.
    pub prompt: String,
    /// Lost, gained or moved.
    pub outcome: ChoiceOutcome,
    /// The options with both models' probabilities, averaged over option orders.
    pub options: Vec<OptionCase>,
}

/// One option of a choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptionCase {
    /// The option.
    pub text: String,
    /// Is it the true answer; `None` without a truth.
    pub truth: Option<bool>,
    /// The teacher's probability.
    pub teacher: f64,
    /// The student's probability.
    pub student: f64,
}

/// What was sampled, and what a table of numbers does not say about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswersSummary {
    /// Prompts.
    pub prompts: u64,
    /// Prompts whose answers can be checked.
    pub checked: u64,
    /// Prompts of whose answers the whole text counts.
    #[serde(default)]
    pub free: u64,
    /// Who says whether two such texts mean the same; `None` where their spelling does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<MeaningSettings>,
    /// How many answers per prompt, drawn how; `None` when they were given and nobody said it.
    pub settings: Option<SampleSettings>,
    /// p-value of "both models have the same distribution of answers to every prompt" (permutation test); `None` with
    /// fewer than two answers of each, or when answers are not draws from the models' distributions.
    pub match_p_value: Option<f64>,
    /// Ways in which the student gives up, as sentences; empty for an honest student.
    pub degenerate: Vec<String>,
    /// Share of the teacher's answers that reached the longest length, where more than the first word counts.
    pub teacher_cut: f64,
    /// Share of the student's answers that reached the longest length, where more than the first word counts.
    pub student_cut: f64,
    /// What the closed gap is measured from; `None` where there is nothing to measure it from.
    #[serde(default)]
    pub gap_base: Option<GapBase>,
    /// Secondary measures: described, never gated.
    #[serde(default)]
    pub secondary: Vec<Secondary>,
}

/// Whose answers stand at the start of the way to the teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapBase {
    /// The student before distillation.
    Model,
    /// The teacher's own, to another prompt of the same axis: a stranger to the question.
    AnotherPrompt,
}

/// A secondary measure of sampled answers, from equal numbers of answers of each model: the first ones to each prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Secondary {
    /// Its identifier.
    pub id: String,
    /// Of the student's answers, or of the student's against the teacher's.
    pub student: Option<f64>,
    /// Of the teacher's answers; `None` for a measure that is against the teacher.
    pub teacher: Option<f64>,
    /// Of the teacher's second run, or of it against the teacher's answers; `None` without one.
    pub rerun: Option<f64>,
    /// Prompts behind it.
    pub prompts: u64,
    /// Answers of each model behind it.
    pub answers: u64,
    /// Why there is no number.
    pub missing: Option<String>,
}

/// One prompt, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerCase {
    /// Probe id.
    pub probe: String,
    /// Its family.
    pub family: String,
    /// Its axis.
    pub axis: String,
    /// The prompt.
    pub prompt: String,
    /// Lost or gained where that is at least an even chance, else moved.
    pub outcome: ChoiceOutcome,
    /// The meaning classes of all answers, the teacher's most frequent first.
    pub classes: Vec<AnswerClass>,
    /// Answers in classes that are not listed: share of the teacher's, share of the student's.
    pub others: [f64; 2],
}

/// Answers to one prompt that mean the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerClass {
    /// The normal form that they share; `None` for "no answer".
    pub label: Option<String>,
    /// Whether they are right; `None` without a checker.
    pub right: Option<bool>,
    /// Share of the teacher's answers.
    pub teacher: f64,
    /// Share of the student's answers.
    pub student: f64,
    /// One of the teacher's answers in full, cut where it is long; `None` when it has none of this class.
    pub teacher_text: Option<String>,
    /// One of the student's.
    pub student_text: Option<String>,
}

/// Gates decided family by family, and what stopping early saved.
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
    /// The gates under watch, in the order of the policy.
    pub gates: Vec<Watched>,
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

/// Tokens computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// By the teacher, its rerun for the noise floor included.
    pub teacher_tokens: u64,
    /// By the student.
    pub student_tokens: u64,
    /// Of the teacher's tokens, those of the rerun.
    pub floor_tokens: u64,
    /// Logit rows compared.
    pub rows: u64,
    /// Tokens of free answers by the teacher, its rerun included.
    #[serde(default)]
    pub teacher_answer_tokens: u64,
    /// Tokens of free answers by the student.
    #[serde(default)]
    pub student_answer_tokens: u64,
    /// Tokens of free answers by the student before distillation; absent where it was not asked.
    #[serde(default, skip_serializing_if = "none")]
    pub base_answer_tokens: u64,
}

fn none(tokens: &u64) -> bool {
    *tokens == 0
}
