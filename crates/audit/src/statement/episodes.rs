//! What the models did in worlds, and what a table of numbers does not say about it.

use hydrometer_metrics::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Outcome;

/// What the models did in worlds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpisodesSummary {
    /// Episodes that both models ran.
    pub episodes: u64,
    /// Of those, the ones that were carried out elsewhere: their log says what succeeded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub logged: u64,
    /// Axis by axis.
    pub axes: Vec<EpisodeAxis>,
    /// All runs of the teacher.
    pub teacher: EpisodeRuns,
    /// All runs of the student.
    pub student: EpisodeRuns,
    /// How long what was agreed holds; `None` where no episode agrees on anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survival: Option<SurvivalCurves>,
}

/// The share of runs in which nothing that was agreed is violated yet, after turn 1, 2, … (Kaplan and Meier).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SurvivalCurves {
    /// Of the teacher.
    pub teacher: Vec<Estimate>,
    /// Of the student, after as many turns.
    pub student: Vec<Estimate>,
}

// serde hands `skip_serializing_if` a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The episodes of one axis: shares of runs that succeed, averaged over episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpisodeAxis {
    /// The axis.
    pub axis: String,
    /// Its episodes.
    pub episodes: u64,
    /// Success of the teacher.
    pub teacher: f64,
    /// Success of the student.
    pub student: f64,
    /// Success of the teacher's second runs, or of the second half of its logged ones; `None` without any.
    pub rerun: Option<f64>,
    /// Success of the student before distillation; `None` where it was not asked.
    pub base: Option<f64>,
    /// Of the teacher's runs that met a fault, the share that succeeded; `None` where none did.
    pub teacher_recovers: Option<f64>,
    /// The same of the student.
    pub student_recovers: Option<f64>,
    /// pass^k for k from 1 to the runs of each.
    pub pass: Vec<PassK>,
}

/// The chance that k runs of an episode all succeed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassK {
    /// Runs.
    pub k: u32,
    /// Of the teacher.
    pub teacher: f64,
    /// Of the student.
    pub student: f64,
}

/// All runs of a model, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EpisodeRuns {
    /// Runs.
    pub runs: u64,
    /// Those that succeeded.
    #[serde(default)]
    pub succeeded: u64,
    /// Of those the first runs of an episode, the second ones, and so on.
    #[serde(default)]
    pub succeeded_by_number: Vec<u64>,
    /// Those that used up their steps.
    pub out_of_steps: u64,
    /// Those whose conversation outgrew what the model can read.
    pub out_of_context: u64,
    /// Those that said the same again and again with the same results.
    #[serde(default)]
    pub in_circles: u64,
    /// Those that left damage behind.
    pub damaged: u64,
    /// Calls that the worlds looked at.
    pub calls: u64,
    /// Answers that looked like a call and were none.
    pub malformed: u64,
    /// Calls of tools that are not there, or with arguments that are refused.
    pub invalid: u64,
}

/// One episode: a run of each model, together up to the step where they part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpisodeCase {
    /// Probe id.
    pub probe: String,
    /// Its family.
    pub family: String,
    /// Its axis.
    pub axis: String,
    /// Lost or gained where that is at least every second run, else moved.
    pub outcome: Outcome,
    /// Share of the teacher's runs that succeed.
    pub teacher_success: f64,
    /// Share of the student's runs that succeed.
    pub student_success: f64,
    /// What happened to both.
    pub together: Vec<EpisodeEvent>,
    /// How the teacher's run goes on.
    pub teacher: Vec<EpisodeEvent>,
    /// How the student's run goes on.
    pub student: Vec<EpisodeEvent>,
    /// How the teacher's run came out, in words.
    pub teacher_ended: String,
    /// How the student's run came out, in words.
    pub student_ended: String,
}

/// One event of an episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EpisodeEvent {
    /// Whose it is.
    pub kind: EpisodeEventKind,
    /// What was said, cut where it is long.
    pub text: String,
    /// What was wrong with it: why an answer is no call, or which fault befell a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whose event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeEventKind {
    /// The user says something.
    User,
    /// The model answers.
    Model,
    /// The world answers a call.
    World,
}
