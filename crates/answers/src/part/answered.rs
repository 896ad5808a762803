//! Positions of the teacher's own answers, of which its server lists the most probable tokens: between which numbers what the student,
//! whose logits are known, is to it there lies.

use hydrometer_metrics::sparse::BoundedStats;

use super::estimated::{EstimatedRow, EstimatedStats};
use super::positions::log_probability;
use super::{AskedProbe, Columns, MOST_SAMPLES, Part, PartKind, bounded, column};

/// Positions of answers, the teacher's distributions in part.
#[derive(Clone, Copy, Debug)]
pub enum Answered {}

impl Part for Answered {
    const KIND: PartKind = PartKind::new("answered");
    const VERSION: u32 = 1;
    type Row = AnsweredRow;
}

/// One position of an answer of the teacher: `window` is the number of the answer, `position` that of the token in it, from 0, before
/// which the distributions stand.
pub type AnsweredRow = EstimatedRow<AnsweredStats>;

/// What is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct AnsweredStats {
    /// Bounds, and what the list says exactly.
    pub bounds: BoundedStats,
    /// Tokens that the whole answer has, as its server shows it.
    pub tokens: u32,
}

impl EstimatedStats for AnsweredStats {
    fn blank() -> Self {
        Self { bounds: BoundedStats::blank(), tokens: 0 }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.u32(column("target"), &mut self.bounds.target);
        columns.optional_f32(log_probability("teacher_logprob"), &mut self.bounds.teacher_logprob);
        columns.optional_f32(log_probability("student_logprob"), &mut self.bounds.student_logprob);
        bounded::columns(&mut self.bounds, columns);
        columns.u32(column("tokens"), &mut self.tokens);
    }

    fn fault(&self) -> Option<String> {
        self.bounds.fault()
    }

    fn misplaced(&self, asked: &AskedProbe<'_>, family: &str, answer: u32, position: u32) -> Option<String> {
        let beyond = || match (answer < MOST_SAMPLES, position < self.tokens) {
            (true, true) => None,
            (false, _) => Some(format!("window is {answer}, expected the number of an answer, below {MOST_SAMPLES}")),
            (_, false) => {
                let tokens = self.tokens;
                Some(format!("position is {position}, expected one of the {tokens} tokens of the answer"))
            }
        };
        asked.not_a_prompt().or_else(|| asked.not_its_family(family)).or_else(beyond)
    }
}
