//! What the student could do before distillation, skill by skill.

use hydrometer_metrics::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was forgotten since before distillation, and what of the teacher was gained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forgetting {
    /// Which probes count.
    pub skills_are: SkillsAre,
    /// Graded probes that are left out because the distillation data cover them.
    pub covered: u64,
    /// The skills, the one that lost most first.
    pub skills: Vec<ForgottenSkill>,
    /// Chance that an answer was right before distillation and one after it is wrong.
    pub negative_flips: Estimate,
    /// Chance that an answer was wrong before distillation and one after it is right: both show chance alone alike.
    pub positive_flips: Estimate,
    /// Share of the teacher's advantage over the student's starting point that the student has, over all graded probes.
    pub recovered: Option<Estimate>,
    /// Why it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_recovered: Option<String>,
}

/// Which probes stand for skills that the distillation data do not cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkillsAre {
    /// Those beyond radius 1: farther than what the student was trained to.
    BeyondTraining,
    /// All that can be graded: nobody said what the student was trained to.
    AllGraded,
}

/// One skill before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForgottenSkill {
    /// Its axis, with the kind of boundary where it stands at one.
    pub skill: String,
    /// Probes.
    pub probes: u64,
    /// Share of answers that were right before distillation.
    pub base: f64,
    /// Share of the student's answers that are right.
    pub student: f64,
    /// Success before less success after: below 0 where it learned.
    pub lost: Estimate,
}
