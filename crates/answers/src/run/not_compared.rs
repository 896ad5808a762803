//! What was logged of one model alone: the rest says nothing of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Questions of given answers that are in no number, or are not judged, because the files of one model do not have what those of
/// the other have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotCompared {
    /// Questions that the teacher alone answered.
    pub teacher_alone: u64,
    /// Questions that the student alone answered.
    pub student_alone: u64,
    /// Questions to which the teacher's answer can be used, or is judged, and the student's cannot be compared with it, and is not called as
    /// right by the same metric: log-likelihoods that measured nothing, other options.
    pub unusable_of_student: u64,
    /// Questions of the run that the files judge for the teacher, by any metric, and that are not judged in the end, where the student is
    /// not called as right by the same metric.
    pub unjudged_of_student: u64,
    /// What questions of the run lack of the student's answers, in whole questions: one that it answered once, where it answered others of
    /// the task four times and the teacher answered it four times, lacks three quarters of a question.
    #[serde(skip_serializing_if = "is_zero")]
    pub short_of_student: u64,
}

impl NotCompared {
    /// Questions of the teacher's that are in no number because the student's files have no answer to them that can be used.
    #[must_use]
    pub fn lacking(&self) -> u64 {
        self.teacher_alone + self.unusable_of_student + self.short_of_student
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
