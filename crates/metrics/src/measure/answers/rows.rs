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
        /// C_TT of these; C_T'T' where the student draws with the numbers of T'.
        TEACHER,
        /// C_SS of these.
        STUDENT,
        /// C_TS of these; there C_T'S over pairs of different numbers.
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
        /// The teacher's right answers: of its second run where the student draws with its numbers.
        RIGHT_BESIDE,
        /// The student's.
        STUDENT_RIGHT,
        /// Share of the teacher's answers that are not missing.
        TEACHER_ANSWERED,
        /// The same of the student's.
        STUDENT_ANSWERED,
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
        /// D2 of teacher and student, or of the teacher's second run and the student that draws with its numbers.
        LEFT,
        /// D2 of the teacher and where the student started from.
        WHOLE,
    }
}

/// Sums of how answers come out: shares of a model's answers to a prompt; the teacher's are those of its second run where the
/// student draws with its numbers.
pub mod outcome {
    use super::columns;

    columns! {
        /// Prompts.
        PROMPTS,
        /// The teacher's missing answers.
        TEACHER_MISSING,
        /// The student's.
        STUDENT_MISSING,
        /// The teacher's answers that did not end by themselves.
        TEACHER_ENDLESS,
        /// The student's.
        STUDENT_ENDLESS,
        /// Prompts of which more than the first word counts.
        WHOLE,
        /// The teacher's answers that did not end by themselves, on these.
        TEACHER_CUT,
        /// The student's.
        STUDENT_CUT,
        /// The teacher's answers that are the one which it gives most often to all prompts.
        TEACHER_CONSTANT,
        /// The student's that are the one which it gives most often.
        STUDENT_CONSTANT,
    }
}

/// One answer to a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The number of its draw.
    pub number: u32,
    /// Its meaning class among all answers to the prompt.
    pub class: u32,
    /// It says nothing that counts as an answer: empty, or without what the prompt asks for. Two missing answers never
    /// agree.
    pub missing: bool,
    /// It reached the longest length: the model did not end it.
    pub endless: bool,
    /// It is the answer that its model gives most often to all prompts.
    pub favourite: bool,
    /// Whether it is right; `None` where nothing can tell.
    pub right: Option<bool>,
    /// What was said.
    pub text: &'a str,
}

impl<'a> Answer<'a> {
    /// The first answer, of a meaning class, that ended by itself and that nothing can grade.
    pub const fn new(class: u32, text: &'a str) -> Self {
        Self { number: 0, class, missing: false, endless: false, favourite: false, right: None, text }
    }
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
    /// The student drew with the random numbers of the second run, answer by answer. It is independent of the first run: what is
    /// counted over pairs of both stays as it is, and what is a difference of both models is taken from the second run, of which
    /// the student has the luck.
    pub paired: bool,
    /// How far from the teacher the student started: [`crate::kernel::d2`] of the teacher's answers and those of the
    /// student before distillation, or without it those of the teacher to another prompt. `None` where that is not known.
    pub start: Option<f64>,
    /// More than the first word of an answer counts, so that one that was cut may lack what matters.
    pub whole: bool,
}

impl Prompt<'_> {
    /// The teacher against its own second run: the rerun in the student's place.
    pub fn floor(&self) -> Self {
        Self { student: self.rerun, rerun: &[], ..*self }
    }

    /// The teacher's answers that the student's are set against where no pair of them counts.
    fn beside(&self) -> &[Answer<'_>] {
        if self.paired && !self.rerun.is_empty() { self.rerun } else { self.teacher }
    }

    /// The pair means of the second run and of the student that drew with its numbers.
    fn pair(&self, rerun: &[u32], student: &[u32]) -> Option<PairMeans> {
        let numbered = |answers: &[Answer<'_>], classes: &[u32]| -> Vec<(u32, u32)> {
            answers.iter().map(|answer| answer.number).zip(classes.iter().copied()).collect()
        };
        let means = PairMeans::paired(&numbered(self.rerun, rerun), &numbered(self.student, student), same)?;
        (self.paired && means.d2().is_some()).then_some(means)
    }

    /// Who is right, over pairs of an answer of the teacher and one of the student; `None` unless all can be graded.
    pub fn cells(&self) -> Option<TruthCells> {
        let mut none = u32::MAX;
        TruthCells::of(&graded(self.teacher, &mut none)?, &graded(self.student, &mut none)?)
    }
}

/// The classes of answers; every missing one, counted down from `none`, has a class of its own.
fn classes(answers: &[Answer<'_>], none: &mut u32) -> Vec<u32> {
    let mut class = |answer: &Answer<'_>| {
        *none -= u32::from(answer.missing);
        if answer.missing { *none } else { answer.class }
    };
    answers.iter().map(&mut class).collect()
}

/// The classes of the answers that are not missing.
fn answered(answers: &[Answer<'_>]) -> Vec<u32> {
    answers.iter().filter(|answer| !answer.missing).map(|answer| answer.class).collect()
}

fn graded(answers: &[Answer<'_>], none: &mut u32) -> Option<Vec<Graded>> {
    let classes = classes(answers, none);
    answers.iter().zip(classes).map(|(answer, class)| Some(Graded { class, right: answer.right? })).collect()
}

/// The share of a model's answers of which this holds.
fn share(answers: &[Answer<'_>], of: impl Fn(&Answer<'_>) -> bool) -> f64 {
    answers.iter().filter(|answer| of(answer)).count() as f64 / answers.len().max(1) as f64
}

impl Sums {
    /// Adds a prompt that was answered once, without chance: who is right, and nothing about how answers vary.
    pub fn prompt_once(&mut self, family: &str, prompt: &Prompt<'_>) {
        match prompt.cells() {
            Some(cells) => self.add(Table::Truth, family, &truth_row(prompt, &cells), 1),
            None => self.leave_out(Table::Truth),
        }
    }

    /// Adds a prompt to every table that it has the answers for.
    pub fn prompt(&mut self, family: &str, prompt: &Prompt<'_>) {
        let mut none = u32::MAX;
        let [teacher, student, rerun] =
            [prompt.teacher, prompt.student, prompt.rerun].map(|answers| classes(answers, &mut none));
        if let Some(means) = PairMeans::of(&Answers { teacher: &teacher, student: &student, rerun: &rerun }, same) {
            let beside = prompt.pair(&rerun, &student).unwrap_or(means);
            self.add(Table::Pairs, family, &pairs_row(&means, &beside), 1);
            self.add(Table::Gap, family, &gap_row(&beside, prompt.start), 1);
        }
        self.prompt_once(family, prompt);
        if !prompt.teacher.is_empty() && !prompt.student.is_empty() {
            self.add(Table::Outcomes, family, &outcome_row(prompt), 1);
        }
        let [teacher, student, rerun] = [prompt.teacher, prompt.student, prompt.rerun].map(answered);
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

/// `beside` is what the two distributions are compared by.
fn pairs_row(means: &PairMeans, beside: &PairMeans) -> Row<{ pairs::WIDTH }> {
    let mut row = Row::new();
    row[pairs::PROMPTS] = 1.0;
    row[pairs::BETWEEN] = means.teacher_student;
    if let (Some(teacher), Some(student)) = (beside.teacher, beside.student) {
        row[pairs::WITH_TWO] = 1.0;
        row[pairs::TEACHER] = teacher;
        row[pairs::STUDENT] = student;
        row[pairs::BETWEEN_OF_TWO] = beside.teacher_student;
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

fn outcome_row(prompt: &Prompt<'_>) -> Row<{ outcome::WIDTH }> {
    use outcome::*;
    let mut row = Row::new();
    row[PROMPTS] = 1.0;
    row[WHOLE] = f64::from(u8::from(prompt.whole));
    for (answers, [missing, endless, cut, constant]) in [
        (prompt.beside(), [TEACHER_MISSING, TEACHER_ENDLESS, TEACHER_CUT, TEACHER_CONSTANT]),
        (prompt.student, [STUDENT_MISSING, STUDENT_ENDLESS, STUDENT_CUT, STUDENT_CONSTANT]),
    ] {
        row[missing] = share(answers, |answer| answer.missing);
        row[endless] = share(answers, |answer| answer.endless);
        row[cut] = share(answers, |answer| answer.endless && prompt.whole);
        row[constant] = share(answers, |answer| answer.favourite);
    }
    row
}

fn truth_row(prompt: &Prompt<'_>, cells: &TruthCells) -> Row<{ truth::WIDTH }> {
    let mut row = Row::new();
    row[truth::TEACHER_ANSWERED] = share(prompt.teacher, |answer| !answer.missing);
    row[truth::STUDENT_ANSWERED] = share(prompt.student, |answer| !answer.missing);
    row[truth::PROMPTS] = 1.0;
    let right = |answers: &[Answer<'_>]| share(answers, |answer| answer.right == Some(true));
    row[truth::RIGHT_BESIDE] = right(prompt.beside());
    row[truth::STUDENT_RIGHT] = right(prompt.student);
    row[truth::BOTH_RIGHT] = cells.both_right;
    row[truth::LOST] = cells.lost;
    row[truth::GAINED] = cells.gained;
    row[truth::BOTH_WRONG_SAME] = cells.both_wrong_same;
    row[truth::BOTH_WRONG_DIFFERENT] = cells.both_wrong_different;
    if let Some(rerun) = prompt.floor().cells() {
        row[truth::WITH_RERUN] = 1.0;
        row[truth::FLIPS] = cells.flips();
        row[truth::FLIPS_OF_RERUN] = rerun.flips();
    }
    row
}
