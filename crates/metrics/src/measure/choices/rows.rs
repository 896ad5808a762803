//! The sums of choices: what one choice adds to each.

use thiserror::Error;

use super::super::Table;
use super::super::formula::{Row, columns};
use super::super::sums::Sums;
use crate::calibration::{self, ECE2_COLUMNS, SLOPE_COLUMNS};

/// Sums of choices.
pub mod choice {
    use super::{ECE2_COLUMNS, SLOPE_COLUMNS, columns};

    columns! {
        /// Choices.
        COUNT,
        /// Σ_o P_T(o) P_S(o).
        AGREEMENT,
        /// Σ_o P_T(o)².
        CEILING,
        /// Σ_o (P_S(o) − P_T(o))².
        D2,
        /// Σ_o (P_T(o) − 1/options)².
        FROM_GUESS,
        /// Choices with the same most probable option.
        SAME_TOP,
        /// Choices with a true answer; those below count only these.
        WITH_TRUTH,
        /// 1/options: how often a guess is right.
        GUESS_RIGHT,
        /// The teacher's most probable option is the true one.
        TEACHER_RIGHT,
        /// The student's is.
        STUDENT_RIGHT,
        /// The teacher is right, the student wrong.
        LOST,
        /// The student is right, the teacher wrong.
        GAINED,
        /// The teacher's Brier score.
        TEACHER_BRIER,
        /// The student's.
        STUDENT_BRIER,
        /// Of options: what [`calibration::slope`](crate::calibration::slope) divides.
        REGRESSION: [SLOPE_COLUMNS],
        /// What [`calibration::ece2`](crate::calibration::ece2) divides, of the teacher.
        TEACHER_BINS: [ECE2_COLUMNS],
        /// The same of the student.
        STUDENT_BINS: [ECE2_COLUMNS],
    }
}
use choice::*;

/// A choice that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChoiceError {
    /// The models chose among different numbers of options, or among none.
    #[error("a choice needs one probability of each option from both models, found {teacher} and {student}")]
    Options {
        /// The teacher's probabilities.
        teacher: usize,
        /// The student's.
        student: usize,
    },
    /// A probability is not in [0, 1].
    #[error("a probability of an option is no number between 0 and 1")]
    Probability,
    /// The true answer is not among the options.
    #[error("the true answer is option {truth} (counted from 0) of {options}")]
    Truth {
        /// Its place.
        truth: usize,
        /// Options that there are.
        options: usize,
    },
}

/// A forced choice: the probability that each model gives each option, averaged over option orders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice<'a> {
    teacher: &'a [f64],
    student: &'a [f64],
    truth: Option<usize>,
    /// Σ_o Var P(o) of each model's probabilities where they are shares of draws.
    variance: [f64; 2],
    /// Which of several most probable options is the favourite.
    tie: u64,
}

impl<'a> Choice<'a> {
    /// A choice by the models' probabilities of its options, and the place of the true one where there is one.
    ///
    /// # Errors
    /// When these belong to no choice.
    pub fn new(teacher: &'a [f64], student: &'a [f64], truth: Option<usize>) -> Result<Self, ChoiceError> {
        if teacher.len() != student.len() || teacher.is_empty() {
            return Err(ChoiceError::Options { teacher: teacher.len(), student: student.len() });
        }
        // An average of probabilities may exceed 1 by a rounding.
        if !teacher.iter().chain(student).all(|p| (0.0..=1.0 + 1e-9).contains(p)) {
            return Err(ChoiceError::Probability);
        }
        match truth {
            Some(truth) if truth >= teacher.len() => Err(ChoiceError::Truth { truth, options: teacher.len() }),
            _ => Ok(Self { teacher, student, truth, variance: [0.0; 2], tie: 0 }),
        }
    }

    /// The same choice where probabilities are shares of draws: `variance` is an unbiased estimate of Σ_o Var P(o) for each model,
    /// 0 for one whose probabilities are known. It is taken off every square, whose expectation it would raise. The favourites of
    /// shares are those of the draws.
    #[must_use]
    pub fn drawn(self, variance: [f64; 2]) -> Self {
        Self { variance, ..self }
    }

    /// The same choice with a number that says which of several most probable options is the favourite, the same one for both models:
    /// [`top`].
    #[must_use]
    pub fn tied(self, tie: u64) -> Self {
        Self { tie, ..self }
    }

    /// Whether teacher and student are right; `None` without a truth.
    pub fn right(&self) -> Option<[bool; 2]> {
        self.truth.map(|truth| [self.teacher, self.student].map(|p| top(p, self.tie) == truth))
    }

    /// For each model how sure it is of its most probable option, and whether that is the true one; `None` without a
    /// truth.
    pub fn stated(&self) -> Option<[(f64, bool); 2]> {
        let sure = |p: &[f64]| p[top(p, self.tie)].min(1.0);
        Some([(sure(self.teacher), self.right()?[0]), (sure(self.student), self.right()?[1])])
    }

    fn row(&self) -> Row<{ choice::WIDTH }> {
        let (t, s) = (self.teacher, self.student);
        let [of_teacher, of_student] = self.variance;
        let mut row = Row::new();
        row[COUNT] = 1.0;
        row[AGREEMENT] = t.iter().zip(s).map(|(t, s)| t * s).sum();
        row[CEILING] = t.iter().map(|t| t * t).sum::<f64>() - of_teacher;
        row[D2] = distance(t, s) - of_teacher - of_student;
        let guess = 1.0 / t.len() as f64;
        row[FROM_GUESS] = t.iter().map(|t| (t - guess).powi(2)).sum::<f64>() - of_teacher;
        row[SAME_TOP] = flag(top(t, self.tie) == top(s, self.tie));
        for (&p, &q) in t.iter().zip(s) {
            for (sum, term) in row.block(REGRESSION).iter_mut().zip(calibration::slope_columns(p, q)) {
                *sum += term;
            }
        }
        if let (Some(truth), Some([teacher, student]), Some(stated)) = (self.truth, self.right(), self.stated()) {
            row[WITH_TRUTH] = 1.0;
            row[GUESS_RIGHT] = guess;
            row[TEACHER_RIGHT] = flag(teacher);
            row[STUDENT_RIGHT] = flag(student);
            row[LOST] = flag(teacher && !student);
            row[GAINED] = flag(student && !teacher);
            row[TEACHER_BRIER] = calibration::brier(t, truth).unwrap_or(f64::NAN) - of_teacher;
            row[STUDENT_BRIER] = calibration::brier(s, truth).unwrap_or(f64::NAN) - of_student;
            for ((confidence, came_true), bins) in stated.into_iter().zip([TEACHER_BINS, STUDENT_BINS]) {
                if let Some(sums) = calibration::ece2_columns(confidence, came_true) {
                    row.block(bins).copy_from_slice(&sums);
                }
            }
        }
        row
    }
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Squared distance of two distributions over options, in [0, 2].
pub fn distance(teacher: &[f64], student: &[f64]) -> f64 {
    teacher.iter().zip(student).map(|(t, s)| (t - s).powi(2)).sum()
}

/// How close to the most probable option another one is as probable: log-probabilities have 24 bits, and averages of them round.
const TIE: f64 = 1e-6;

/// The most probable option. Of several, `tie` says which: whoever says `A` whatever it stands for holds every option for as probable, and
/// would be right on each question whose right option comes first if ties went there. `tie` is chance, such as a hash of the question.
pub fn top(probabilities: &[f64], tie: u64) -> usize {
    let most = probabilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let tied: Vec<usize> = (0..probabilities.len()).filter(|&option| probabilities[option] >= most - TIE).collect();
    let nth = tie.checked_rem(tied.len() as u64).unwrap_or(0);
    // Fewer than options, which are in memory.
    tied.get(nth as usize).copied().unwrap_or(0)
}

impl Sums {
    /// Adds a choice.
    pub fn choice(&mut self, family: &str, choice: &Choice<'_>) {
        self.add(Table::Choices, family, &choice.row(), 1);
    }
}
