//! What the numbers cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// By a control student, over options of choices; absent where it was asked none.
    #[serde(default, skip_serializing_if = "none")]
    pub control_tokens: u64,
    /// Tokens of free answers by a control student; absent where there is none.
    #[serde(default, skip_serializing_if = "none")]
    pub control_answer_tokens: u64,
}

fn none(tokens: &u64) -> bool {
    *tokens == 0
}
