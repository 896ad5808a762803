//! What was sampled, and what a table of numbers does not say about it.

use hydrometer_answers::{FinishReason, MeaningSettings, SampleSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Prompts of whose answers more than the first word counts, so that a cut takes something away.
    #[serde(default)]
    pub beyond_first_word: u64,
    /// Prompts that say themselves how long an answer may be, in place of the settings.
    #[serde(default)]
    pub own_length: u64,
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
    /// Share of the teacher's answers that reached the longest length, where more than the first word counts; 0 without such prompts.
    pub teacher_cut: f64,
    /// Share of the student's answers that reached the longest length, where more than the first word counts; 0 without such prompts.
    pub student_cut: f64,
    /// Answers that ended in another way than by the model or at the longest length; empty where none did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_endings: Vec<OtherEnding>,
    /// What the closed gap is measured from; `None` where there is nothing to measure it from.
    #[serde(default)]
    pub gap_base: Option<GapBase>,
    /// Secondary measures: described, never gated.
    #[serde(default)]
    pub secondary: Vec<Secondary>,
}

/// How many answers ended in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherEnding {
    /// The way.
    pub finish: FinishReason,
    /// Answers of the teacher.
    pub teacher: u64,
    /// Answers of the student.
    pub student: u64,
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
