//! Cases to read: the worst documents token by token, the choices and the answers that moved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// Which cell a choice, or a prompt, falls in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
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
    pub outcome: Outcome,
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
    pub outcome: Outcome,
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
