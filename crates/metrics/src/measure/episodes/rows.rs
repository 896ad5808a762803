//! The sums of episodes: what the runs of one episode add to each, and how long its dialogues held.

use super::super::Table;
use super::super::formula::{Row, columns};
use super::super::sums::Sums;
use super::super::tokens::Scorer;
use crate::geometry::{Dialogue, Ended, Runs};

/// Sums of episodes.
pub mod episode {
    use super::columns;

    columns! {
        /// Episodes that both models ran.
        COUNT,
        /// The share of the teacher's runs that succeeded.
        TEACHER,
        /// The same of the student.
        STUDENT,
        /// The teacher succeeds, the student does not: over pairs of runs.
        LOST,
        /// Answers that were calls or meant to be, of the teacher, per run.
        TEACHER_CALLS,
        /// Those that failed in words that had failed before.
        TEACHER_REPEATED,
        /// The same of the student.
        STUDENT_CALLS,
        /// The same of the student.
        STUDENT_REPEATED,
        /// Episodes with two runs of each model.
        TWICE,
        /// C(c, 2)/C(n, 2) of the teacher, on those.
        TEACHER_BOTH,
        /// The same of the student.
        STUDENT_BOTH,
        /// The teacher's success where a fault is planned.
        TEACHER_FAULTY,
        /// The student's.
        STUDENT_FAULTY,
        /// The teacher's success on twins without a fault.
        TEACHER_TWINS,
        /// The student's.
        STUDENT_TWINS,
        /// Episodes in which a fault is planned.
        FAULTY,
        /// The share of the teacher's runs that left damage behind, on those.
        TEACHER_DAMAGED,
        /// The same of the student.
        STUDENT_DAMAGED,
    }
}
use episode::*;

/// Turns up to which dialogues are followed.
pub const HORIZON: usize = 64;

/// Sums of dialogues: at each turn how many were watched and how many were violated there.
pub mod dialogue {
    use super::{HORIZON, columns};

    columns! {
        /// Of the teacher.
        TEACHER: [2 * HORIZON],
        /// Of the student.
        STUDENT: [2 * HORIZON],
    }
}

/// The runs of one model in one episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acted {
    /// Runs made, at least 1.
    pub runs: u32,
    /// Runs that succeeded, at most as many.
    pub passed: u32,
    /// Answers that were calls or meant to be, over all runs.
    pub calls: u64,
    /// Those that failed in words that had failed before.
    pub repeated: u64,
    /// Runs at the end of which the world had changed where nobody asked for it.
    pub damaged: u32,
}

/// What an episode is to the question whether a model recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A fault is planned.
    Planned,
    /// None is, and its family has episodes with one: the other side of a pair.
    Twin,
    /// It says nothing about recovery.
    Apart,
}

/// An episode that both models ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The teacher's runs.
    pub teacher: Acted,
    /// Those that the student's are set beside where no pair of runs counts: the teacher's second ones where the student draws
    /// with their random numbers, else the same.
    pub beside: Acted,
    /// The student's.
    pub student: Acted,
    /// What it says about recovery.
    pub fault: Fault,
}

impl Acted {
    /// The share of runs that succeeded.
    pub fn success(&self) -> f64 {
        f64::from(self.passed) / f64::from(self.runs.max(1))
    }

    /// C(c, 2)/C(n, 2); `None` with one run.
    fn both(&self) -> Option<f64> {
        let runs = Runs { family: "", runs: self.runs, passed: self.passed };
        (self.runs >= 2).then(|| runs.all_pass(2))
    }

    fn per_run(&self, of: u64) -> f64 {
        of as f64 / f64::from(self.runs.max(1))
    }
}

impl Episode {
    fn row(&self) -> Row<{ episode::WIDTH }> {
        let Self { teacher: independent, beside: teacher, student, fault } = self;
        let (t, s) = (teacher.success(), student.success());
        let mut row = Row::new();
        row[COUNT] = 1.0;
        row[TEACHER] = t;
        row[STUDENT] = s;
        row[LOST] = independent.success() * (1.0 - s);
        row[TEACHER_CALLS] = teacher.per_run(teacher.calls);
        row[TEACHER_REPEATED] = teacher.per_run(teacher.repeated);
        row[STUDENT_CALLS] = student.per_run(student.calls);
        row[STUDENT_REPEATED] = student.per_run(student.repeated);
        if let (Some(teacher), Some(student)) = (teacher.both(), student.both()) {
            row[TWICE] = 1.0;
            row[TEACHER_BOTH] = teacher;
            row[STUDENT_BOTH] = student;
        }
        match fault {
            Fault::Planned => {
                (row[TEACHER_FAULTY], row[STUDENT_FAULTY]) = (t, s);
                row[FAULTY] = 1.0;
                row[TEACHER_DAMAGED] = teacher.per_run(teacher.damaged.into());
                row[STUDENT_DAMAGED] = student.per_run(student.damaged.into());
            }
            Fault::Twin => (row[TEACHER_TWINS], row[STUDENT_TWINS]) = (t, s),
            Fault::Apart => {}
        }
        row
    }
}

impl Sums {
    /// Adds an episode.
    pub fn episode(&mut self, family: &str, episode: &Episode) {
        self.add(Table::Episodes, family, &episode.row(), 1);
    }

    /// Adds a dialogue of one model; one that goes on beyond [`HORIZON`] turns is watched up to there.
    pub fn dialogue(&mut self, of: Scorer, dialogue: &Dialogue<'_>) {
        let mut row: Row<{ dialogue::WIDTH }> = Row::new();
        let block = match of {
            Scorer::Teacher => dialogue::TEACHER,
            Scorer::Student => dialogue::STUDENT,
        };
        let (turns, columns) = (dialogue.turns as usize, row.block(block));
        for turn in 0..turns.min(HORIZON) {
            columns[2 * turn] = 1.0;
        }
        if dialogue.ended == Ended::Violated && (1..=HORIZON).contains(&turns) {
            columns[2 * turns - 1] = 1.0;
        }
        self.add(Table::Dialogues, dialogue.family, &row, 1);
    }
}
