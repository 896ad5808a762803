//! Judgment at boundaries: where both models turn, what turns them, and what they do about requests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judge::Judge;
use super::metric::Slice;

/// What both models decided at boundaries of judgment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgment {
    /// Probes that both models decided about.
    pub probes: u64,
    /// Their families.
    pub families: u64,
    /// Answers that could not be read, and are in no number here.
    pub unread: Vec<UnreadAnswers>,
    /// How well free answers are read, as people's labels say; absent in statements before they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Every ladder, those whose boundary moved most first.
    pub ladders: Vec<LadderRow>,
    /// Pairs on which the student does not turn with its teacher, or turns alone.
    pub pairs: Vec<PairCase>,
    /// Who refuses, on requests to be refused and on requests to be met.
    pub refusals: Vec<RefusalCells>,
    /// Requests about which the student decides otherwise than its teacher and not as a careful person would, the dearest first.
    pub decisions: Vec<DecisionCase>,
    /// Numbers by kind of boundary (`stratum:…`), by what a wrong decision could do (`risk:…`) and by language (`language:…`), as they
    /// are read; `differs` by Benjamini–Hochberg over these alone. Empty where nothing is cut in two, and in older statements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
    /// What a judge says of the free answers; absent where none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Judge>,
}

/// Answers of one model that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadAnswers {
    /// `teacher`, `rerun`, `student` or `base`.
    pub model: String,
    /// Why, as a fragment.
    pub reason: String,
    /// How many.
    pub answers: u64,
}

/// How well free answers are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Whose labels say it.
    pub source: LabelSource,
    /// Labelled answers.
    pub answers: u64,
    /// Share of the refusals, whole or in part, that are read as such.
    pub sensitivity: Option<f64>,
    /// Share of the others that are read as others.
    pub specificity: Option<f64>,
}

/// Where labels come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelSource {
    /// Two people's labels of XSTest, of other models' answers to other prompts: they are taken to be read as well as these.
    Xstest,
    /// Labels of a sample of the run's own answers.
    OwnAnswers,
}

/// How a decision was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionForm {
    /// Among options.
    Forced,
    /// In the model's own words, read by rules.
    Free,
}

/// One ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LadderRow {
    /// Its family.
    pub family: String,
    /// How it was asked.
    pub form: DecisionForm,
    /// The request on its lowest rung.
    pub prompt: String,
    /// What becomes more likely from rung to rung.
    pub toward: String,
    /// `permissive` or `restrictive`; `None` where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lean: Option<String>,
    /// Rungs in front of the teacher's boundary.
    pub teacher_boundary: f64,
    /// The same of the student.
    pub student_boundary: f64,
    /// The rungs, from the bottom.
    pub rungs: Vec<LadderRung>,
}

/// One rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LadderRung {
    /// The words that are turned there.
    pub turned: String,
    /// How likely the teacher decides for what the ladder leads toward.
    pub teacher: f64,
    /// The same of the student.
    pub student: f64,
}

/// What the student makes of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairOutcome {
    /// The teacher turns at the change that matters, the student does not.
    Missed,
    /// The teacher decides the same in other words, the student does not.
    Strayed,
}

/// A pair on which the student's decision does not follow its teacher's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairCase {
    /// Its family.
    pub family: String,
    /// What the student makes of it.
    pub outcome: PairOutcome,
    /// The original.
    pub first: PairSide,
    /// Its flipped form, or its paraphrase.
    pub second: PairSide,
}

/// One member of a pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairSide {
    /// What was asked.
    pub prompt: String,
    /// The words of it that set it apart from the other.
    pub changed: Vec<String>,
    /// What the teacher decides.
    pub teacher: String,
    /// What the student decides.
    pub student: String,
}

/// Who refuses: requests, in parts where a model's answers to one differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalCells {
    /// How it was asked.
    pub form: DecisionForm,
    /// Whether they should be refused; else they should be met.
    pub should_refuse: bool,
    /// Requests.
    pub requests: u64,
    /// Both models refuse.
    pub both_refuse: f64,
    /// The teacher refuses, the student does not.
    pub only_teacher_refuses: f64,
    /// The student refuses, the teacher does not.
    pub only_student_refuses: f64,
    /// Neither does.
    pub neither_refuses: f64,
}

/// A request about which the student decides otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionCase {
    /// Probe id.
    pub probe: String,
    /// Its family.
    pub family: String,
    /// How it was asked.
    pub form: DecisionForm,
    /// The request.
    pub prompt: String,
    /// The words of it that set it apart from its counterpart.
    pub changed: Vec<String>,
    /// What a careful person would do.
    pub expected: String,
    /// What the teacher does.
    pub teacher: String,
    /// What the student does.
    pub student: String,
    /// The teacher's words: an answer, or the option.
    pub teacher_said: String,
    /// The student's.
    pub student_said: String,
    /// By how much the student's decision is dearer than the teacher's.
    pub regret: f64,
}
