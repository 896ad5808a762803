//! The sums of prompts: what one prompt adds to each.

use super::super::Table;
use super::super::formula::{Row, columns};
use super::super::sums::Sums;
use crate::kernel::{Answers, Graded, PairMeans, RareAnswers, TruthCells, same};

/// Sums of pair means (C_XY of [`crate::kernel`]). A block sums over the prompts that have all it needs.
pub mod pairs {
    use super::columns;

    columns! {
        /// Prompts.
        PROMPTS,
        /// C_TS.
        BETWEEN,
        /// Prompts with two answers of each model.
        WITH_TWO,
        /// C_TT of these.
        TEACHER,
        /// C_SS of these.
        STUDENT,
        /// C_TS of these.
        BETWEEN_OF_TWO,
        /// Prompts with a second run of the teacher.
        WITH_RERUN,
        /// C_TT' of these.
        CEILING,
        /// C_TS of these.
        BETWEEN_OF_RERUN,
    }
}

/// Sums of right and wrong: shares of the pairs of one answer of each model.
pub mod truth {
    use super::columns;

    columns! {
        /// Prompts.
        PROMPTS,
        /// Both are right.
        BOTH_RIGHT,
        /// The teacher is right, the student wrong.
        LOST,
        /// The student is right, the teacher wrong.
        GAINED,
        /// Both are wrong, with the same answer.
        BOTH_WRONG_SAME,
        /// Both are wrong, with different answers.
        BOTH_WRONG_DIFFERENT,
        /// Prompts with a second run of the teacher.
        WITH_RERUN,
        /// One of teacher and student is right, the other wrong, on these.
        FLIPS,
        /// One of teacher and rerun is right, the other wrong, on these.
        FLIPS_OF_RERUN,
    }
}

/// Sums of rare answers ([`RareAnswers`]).
pub mod rare {
    use super::columns;

    columns! {
        /// Prompts.
        PROMPTS,
        /// Rare share of the teacher's answers.
        WEIGHT,
        /// What draws of the student show of it.
        OF_STUDENT,
        /// What draws of the teacher's second run show of it.
        OF_RERUN,
    }
}

/// Sums of squared distances (D2 of [`crate::kernel`]).
pub mod gap {
    use super::columns;

    columns! {
        /// Prompts with two answers of each model and something to start from.
        WITH_BASE,
        /// D2 of teacher and student.
        LEFT,
        /// D2 of the teacher and where the student started from.
        WHOLE,
    }
}

/// One answer to a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Its meaning class among all answers to the prompt. "No answer" is a class of its own.
    pub class: u32,
    /// Whether it is right; `None` where nothing can tell.
    pub right: Option<bool>,
    /// What was said.
    pub text: &'a str,
}

/// All answers to one prompt. Those of one model are drawn independently, in no order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prompt<'a> {
    /// The teacher's.
    pub teacher: &'a [Answer<'a>],
    /// The student's.
    pub student: &'a [Answer<'a>],
    /// A second, independent run of the teacher; empty when it was not asked again.
    pub rerun: &'a [Answer<'a>],
    /// How far from the teacher the student started: [`crate::kernel::d2`] of the teacher's answers and those of the
    /// student before distillation, or without it those of the teacher to another prompt. `None` where that is not known.
    pub start: Option<f64>,
}

impl Prompt<'_> {
    /// The teacher against its own second run: the rerun in the student's place.
    pub fn floor(&self) -> Self {
        Self { student: self.rerun, rerun: &[], ..*self }
    }

    /// Who is right, over pairs of an answer of the teacher and one of the student; `None` unless all can be graded.
    pub fn cells(&self) -> Option<TruthCells> {
        TruthCells::of(&graded(self.teacher)?, &graded(self.student)?)
    }
}

fn classes(answers: &[Answer<'_>]) -> Vec<u32> {
    answers.iter().map(|answer| answer.class).collect()
}

fn graded(answers: &[Answer<'_>]) -> Option<Vec<Graded>> {
    answers.iter().map(|answer| Some(Graded { class: answer.class, right: answer.right? })).collect()
}

impl Sums {
    /// Adds a prompt to every table that it has the answers for.
    pub fn prompt(&mut self, family: &str, prompt: &Prompt<'_>) {
        let [teacher, student, rerun] = [prompt.teacher, prompt.student, prompt.rerun].map(classes);
        if let Some(means) = PairMeans::of(&Answers { teacher: &teacher, student: &student, rerun: &rerun }, same) {
            self.add(Table::Pairs, family, &pairs_row(&means), 1);
            self.add(Table::Gap, family, &gap_row(&means, prompt.start), 1);
        }
        match prompt.cells() {
            Some(cells) => self.add(Table::Truth, family, &truth_row(&cells, prompt.floor().cells().as_ref()), 1),
            None => self.leave_out(Table::Truth),
        }
        if let Some(found) = RareAnswers::of(&teacher, &student, &rerun) {
            let mut row: Row<{ rare::WIDTH }> = Row::new();
            row[rare::PROMPTS] = 1.0;
            row[rare::WEIGHT] = found.weight;
            row[rare::OF_STUDENT] = found.student;
            row[rare::OF_RERUN] = found.rerun;
            self.add(Table::Rare, family, &row, 1);
        }
    }
}

fn pairs_row(means: &PairMeans) -> Row<{ pairs::WIDTH }> {
    let mut row = Row::new();
    row[pairs::PROMPTS] = 1.0;
    row[pairs::BETWEEN] = means.teacher_student;
    if let (Some(teacher), Some(student)) = (means.teacher, means.student) {
        row[pairs::WITH_TWO] = 1.0;
        row[pairs::TEACHER] = teacher;
        row[pairs::STUDENT] = student;
        row[pairs::BETWEEN_OF_TWO] = means.teacher_student;
    }
    if let Some(ceiling) = means.teacher_rerun {
        row[pairs::WITH_RERUN] = 1.0;
        row[pairs::CEILING] = ceiling;
        row[pairs::BETWEEN_OF_RERUN] = means.teacher_student;
    }
    row
}

fn gap_row(means: &PairMeans, start: Option<f64>) -> Row<{ gap::WIDTH }> {
    let mut row = Row::new();
    if let (Some(left), Some(whole)) = (means.d2(), start) {
        row[gap::WITH_BASE] = 1.0;
        row[gap::LEFT] = left;
        row[gap::WHOLE] = whole;
    }
    row
}

fn truth_row(cells: &TruthCells, rerun: Option<&TruthCells>) -> Row<{ truth::WIDTH }> {
    let mut row = Row::new();
    row[truth::PROMPTS] = 1.0;
    row[truth::BOTH_RIGHT] = cells.both_right;
    row[truth::LOST] = cells.lost;
    row[truth::GAINED] = cells.gained;
    row[truth::BOTH_WRONG_SAME] = cells.both_wrong_same;
    row[truth::BOTH_WRONG_DIFFERENT] = cells.both_wrong_different;
    if let Some(rerun) = rerun {
        row[truth::WITH_RERUN] = 1.0;
        row[truth::FLIPS] = cells.flips();
        row[truth::FLIPS_OF_RERUN] = rerun.flips();
    }
    row
}
