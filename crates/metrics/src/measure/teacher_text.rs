//! The teacher's own answers as models score them that show their logits: what a teacher shows that answers, and nothing else.
//!
//! Answers are draws from the teacher's distribution p, so that −ln q(answer) is without bias the cross-entropy of p and q: the
//! teacher's own entropy, which nobody knows here, and the divergence KL(p‖q). Of two models the entropy is the same, and their
//! difference is that of their divergences.

use super::Table;
use super::definition::{Definition, Direction, Floor, Group, IntervalRule, LeftOut, Measure, Need, Range, Text};
use super::formula::{Column, Formula, Row, Undefined, columns};
use super::sums::Sums;

/// Sums of answers.
pub mod answer {
    use super::columns;

    columns! {
        /// Bytes of answers that the student scored.
        BYTES,
        /// ln q(answer) of the student.
        STUDENT,
        /// Bytes of those that the student before distillation scored, too.
        BASE_BYTES,
        /// ln q(answer) of the student before distillation.
        BASE,
        /// The student's less that.
        GAIN,
    }
}

/// One answer of the teacher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TeacherText {
    /// Its length in bytes.
    pub bytes: u64,
    /// ln q(answer) of the student, in nats.
    pub student: f64,
    /// The same of the student before distillation, where it scored it.
    pub base: Option<f64>,
}

impl Sums {
    /// Adds an answer of the teacher that the student scored.
    pub fn teacher_text(&mut self, family: &str, scored: &TeacherText) {
        let mut row: Row<{ answer::WIDTH }> = Row::new();
        row[answer::BYTES] = scored.bytes as f64;
        row[answer::STUDENT] = scored.student;
        if let Some(base) = scored.base {
            row[answer::BASE_BYTES] = scored.bytes as f64;
            row[answer::BASE] = base;
            row[answer::GAIN] = scored.student - base;
        }
        self.add(Table::TeacherAnswers, family, &row, 1);
    }
}

const fn per_byte(formula: Formula) -> Measure {
    Measure {
        table: Table::TeacherAnswers,
        formula,
        interval: IntervalRule::Families,
        floor: Floor::Nothing,
        needs: &[Need::Draws],
        left_out: LeftOut::Nothing,
        bounds: None,
        stake: None,
    }
}

/// Bits per byte of what two sums say.
fn bits(sums: &[f64], sign: f64, nothing: Undefined, impossible: Undefined) -> Result<f64, Undefined> {
    let [nats, bytes] = *sums else { return Err(Undefined::Unknown) };
    if bytes <= 0.0 {
        return Err(nothing);
    }
    if !nats.is_finite() {
        return Err(impossible);
    }
    Ok(sign * nats / (std::f64::consts::LN_2 * bytes))
}

const fn of(reads: &'static [Column], of: fn(&[f64]) -> Result<f64, Undefined>) -> Measure {
    per_byte(Formula::Function { reads, of })
}

/// Bits per byte of the teacher's answers, student.
pub static TEACHER_TEXT_BITS_STUDENT: Definition = Definition {
    id: "teacher_text_bits_student",
    text: Text {
        page: "teacher_text_bits",
        name: "Bits per byte of the teacher's answers, student",
        unit: "bits per byte",
        what: "How many bits the student needs per byte of what its teacher answers: the cross-entropy of the teacher's answers under the student.",
        misleads: "It is the teacher's own entropy and the divergence from it together, and only their sum is known: it bounds the divergence from above by nothing that could be checked, and says little by itself. Compare students of one teacher on the same answers.",
        formula: "−Σ log2 q(answer | prompt) / Σ bytes, over answers drawn from the teacher",
        source: "Cover and Thomas, Elements of Information Theory (2006); bits per byte of Gao et al., arXiv:2101.00027",
    },
    direction: Direction::Lower,
    range: Range::FROM_ZERO,
    group: Group::Texts,
    measure: Some(of(&[answer::STUDENT, answer::BYTES], |sums| {
        bits(sums, -1.0, Undefined::NoText, Undefined::ImpossibleForStudent)
    })),
};

/// Bits per byte of the teacher's answers, before distillation.
pub static TEACHER_TEXT_BITS_BASE: Definition = Definition {
    id: "teacher_text_bits_base",
    text: Text {
        page: "teacher_text_bits",
        name: "Bits per byte of the teacher's answers, before distillation",
        unit: "bits per byte",
        what: "How many bits the student before distillation needs per byte of what the teacher answers.",
        misleads: "As with the student's: the teacher's own entropy is in it.",
        formula: "−Σ log2 q_B(answer | prompt) / Σ bytes, over answers drawn from the teacher",
        source: "Cover and Thomas, Elements of Information Theory (2006); bits per byte of Gao et al., arXiv:2101.00027",
    },
    direction: Direction::Lower,
    range: Range::FROM_ZERO,
    group: Group::Texts,
    measure: Some(of(&[answer::BASE, answer::BASE_BYTES], |sums| {
        bits(sums, -1.0, Undefined::NoScoredBase, Undefined::Infinite)
    })),
};

/// Divergence removed.
pub static DIVERGENCE_REMOVED: Definition = Definition {
    id: "divergence_removed",
    text: Text {
        page: "teacher_text_bits",
        name: "Divergence removed",
        unit: "bits per byte",
        what: "How much nearer to its teacher distillation brought the student: the KL divergence of the student before it less that of the student, per byte of the teacher's answers. The teacher's own entropy cancels out.",
        misleads: "How far the student still is from its teacher it does not say: a large part of a larger divergence may be left.",
        formula: "Σ [log2 q_S(answer | prompt) − log2 q_B(answer | prompt)] / Σ bytes = KL(p‖q_B) − KL(p‖q_S), without bias over answers drawn from the teacher",
        source: "hydrometer; Cover and Thomas, Elements of Information Theory (2006)",
    },
    direction: Direction::Higher,
    range: Range::ANY,
    group: Group::Texts,
    measure: Some(of(&[answer::GAIN, answer::BASE_BYTES], |sums| {
        bits(sums, 1.0, Undefined::NoScoredBase, Undefined::Infinite)
    })),
};

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[&TEACHER_TEXT_BITS_STUDENT, &TEACHER_TEXT_BITS_BASE, &DIVERGENCE_REMOVED];
