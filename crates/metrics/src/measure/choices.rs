//! Forced choices: the sums of choices, and the metrics that divide them.

use thiserror::Error;

use super::Table;
use super::definition::{
    Definition, Direction, FamilyBounds, Floor, Group, IntervalRule, Known, LeftOut, Measure, Need, Range, Text,
};
use super::formula::{Column, Formula, Ratio, Row, Sum, Undefined, columns};
use super::sums::Sums;
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
            _ => Ok(Self { teacher, student, truth }),
        }
    }

    /// Whether teacher and student are right; `None` without a truth.
    pub fn right(&self) -> Option<[bool; 2]> {
        self.truth.map(|truth| [self.teacher, self.student].map(|p| top(p) == truth))
    }

    /// For each model how sure it is of its most probable option, and whether that is the true one; `None` without a
    /// truth.
    pub fn stated(&self) -> Option<[(f64, bool); 2]> {
        let sure = |p: &[f64]| p[top(p)].min(1.0);
        Some([(sure(self.teacher), self.right()?[0]), (sure(self.student), self.right()?[1])])
    }

    fn row(&self) -> Row<{ choice::WIDTH }> {
        let (t, s) = (self.teacher, self.student);
        let mut row = Row::new();
        row[COUNT] = 1.0;
        row[AGREEMENT] = t.iter().zip(s).map(|(t, s)| t * s).sum();
        row[CEILING] = t.iter().map(|t| t * t).sum();
        row[D2] = distance(t, s);
        let guess = 1.0 / t.len() as f64;
        row[FROM_GUESS] = t.iter().map(|t| (t - guess).powi(2)).sum();
        row[SAME_TOP] = flag(top(t) == top(s));
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
            row[TEACHER_BRIER] = calibration::brier(t, truth).unwrap_or(f64::NAN);
            row[STUDENT_BRIER] = calibration::brier(s, truth).unwrap_or(f64::NAN);
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

/// The most probable option; ties go to the first.
pub fn top(probabilities: &[f64]) -> usize {
    (0..probabilities.len()).rev().max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0)
}

impl Sums {
    /// Adds a choice.
    pub fn choice(&mut self, family: &str, choice: &Choice<'_>) {
        self.add(Table::Choices, family, &choice.row(), 1);
    }
}

/// The metrics that are compared between parts of a suite, in the order in which they are shown.
pub static ON_SLICES: &[&Definition] = &[&CHOICE_TOP1_AGREEMENT, &CHOICE_LOST];

const fn measure(formula: Formula) -> Measure {
    Measure {
        table: Table::Choices,
        formula,
        interval: IntervalRule::Families,
        floor: Floor::Nothing,
        needs: &[],
        left_out: LeftOut::Nothing,
        bounds: None,
        stake: None,
    }
}

const fn ratio(over: &'static [Column], under: &'static [Column]) -> Formula {
    Formula::Ratio(Ratio {
        over: Sum::of(over),
        under: Sum::of(under),
        given: &[],
        nothing: 0.0,
        empty: Undefined::TooFewChoices,
    })
}

const fn bounds(items: Column, over: &'static [Column], under: &'static [Column]) -> Option<FamilyBounds> {
    Some(FamilyBounds { items, over: Sum::of(over), under: Sum::of(under), known: Known::SHARE })
}

/// Per choice, a part of the whole.
const fn mean(of: &'static [Column]) -> Measure {
    Measure { bounds: bounds(COUNT, of, &[COUNT]), ..measure(ratio(of, &[COUNT])) }
}

/// Over the choices with a truth.
const fn with_truth(formula: Formula) -> Measure {
    Measure {
        needs: &[Need::Truth],
        left_out: LeftOut::Uncounted { known: WITH_TRUTH, all: COUNT, reason: "no true answer is known" },
        ..measure(formula)
    }
}

/// Per choice with a truth, a part of the whole.
const fn of_truth(of: &'static [Column]) -> Measure {
    Measure { bounds: bounds(WITH_TRUTH, of, &[WITH_TRUTH]), ..with_truth(ratio(of, &[WITH_TRUTH])) }
}

/// A share of choices.
const fn share(measure: Measure) -> Measure {
    Measure { interval: IntervalRule::Share, ..measure }
}

/// A squared distance of two distributions, or a Brier score: up to 2 per choice.
const fn squares(measure: Measure) -> Measure {
    let known = Known::Ratio { low: 0.0, high: 2.0, most: 1.0, rounding: 0.0 };
    match measure.bounds {
        Some(bounds) => Measure { bounds: Some(FamilyBounds { known, ..bounds }), ..measure },
        None => measure,
    }
}

/// Lost, less gained.
const NET_LOST: Sum = Sum::of(&[LOST]).less(&[GAINED]);
/// What the teacher knows beyond a guess.
const KNOWN: (Sum, Undefined) = (Sum::of(&[TEACHER_RIGHT]).less(&[GUESS_RIGHT]), Undefined::TeacherKnowsNothing);

const OF_TEACHER: &[Column] = &TEACHER_BINS.all();
const OF_STUDENT: &[Column] = &STUDENT_BINS.all();

const fn ece2(bins: &'static [Column]) -> Formula {
    Formula::Function { reads: bins, of: |sums| calibration::ece2(sums).ok_or(Undefined::TooFewChoices) }
}

const SLOPE: Formula =
    Formula::Function { reads: &REGRESSION.all(), of: |sums| calibration::slope(sums).ok_or(Undefined::TooFewChoices) };

/// Choice agreement of the favourite.
pub static CHOICE_TOP1_AGREEMENT: Definition = Definition {
    id: "choice_top1_agreement",
    text: Text {
        page: "choice_agreement",
        name: "Choice agreement of the favourite",
        unit: "",
        what: "How often both models have the same most probable option.",
        misleads: "Near-ties flip it; where both always give the same letter it is high for the wrong reason, which is why option orders are rotated.",
        formula: "mean over choices of 1[argmax P_T = argmax P_S]",
        source: "Stanton et al., arXiv:2106.05945",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Choices,
    measure: Some(share(mean(&[SAME_TOP]))),
};

/// Choice agreement.
pub static CHOICE_AGREEMENT: Definition = Definition {
    id: "choice_agreement",
    text: Text {
        page: "choice_agreement",
        name: "Choice agreement",
        unit: "",
        what: "The chance that teacher and student, each drawing an option from its own probabilities, pick the same one.",
        misleads: "An undecided teacher does not agree with itself either: the ceiling is its own Σ P_T², and a student that is surer than its teacher can exceed it.",
        formula: "mean over choices of Σ_o P_T(o) P_S(o), probabilities averaged over option orders",
        source: "hydrometer; the kernel of Gao et al., arXiv:2410.20247, evaluated exactly",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Choices,
    measure: Some(Measure {
        // Of the teacher with a second run of itself: Σ_o P_T(o)².
        floor: Floor::Ceiling(ratio(&[CEILING], &[COUNT])),
        ..mean(&[AGREEMENT])
    }),
};

/// Choice divergence.
pub static CHOICE_DIVERGENCE: Definition = Definition {
    id: "choice_divergence",
    text: Text {
        page: "choice_divergence",
        name: "Choice divergence",
        unit: "",
        what: "How far apart the two models' option probabilities are; 0 when they are equal.",
        misleads: "The square makes many small differences nearly invisible beside one large one.",
        formula: "D2 = mean over choices of Σ_o (P_S(o) − P_T(o))²",
        source: "Gretton et al., A Kernel Two-Sample Test (2012), with options observed exactly",
    },
    direction: Direction::Lower,
    range: Range::closed(0.0, 2.0),
    group: Group::Choices,
    measure: Some(squares(mean(&[D2]))),
};

/// Choice divergence against guessing.
pub static CHOICE_DIVERGENCE_RATIO: Definition = Definition {
    id: "choice_divergence_ratio",
    text: Text {
        page: "choice_divergence",
        name: "Choice divergence against guessing",
        unit: "",
        what: "How far the student's option probabilities are from the teacher's, relative to how far uniform guessing is: 0 when they are equal, 1 when a guess would be as close.",
        misleads: "A teacher that is unsure of everything is near a guess: there is little to keep, and the ratio is wide.",
        formula: "Σ D2 / Σ_o (P_T(o) − 1/k)², summed over choices of k options",
        source: "hydrometer; 1 − R² of Theil, Economic Forecasts and Policy (1961), with a guess as the reference",
    },
    direction: Direction::Lower,
    range: Range::FROM_ZERO,
    group: Group::Choices,
    measure: Some(Measure {
        bounds: Some(FamilyBounds {
            items: COUNT,
            over: Sum::of(&[D2]),
            under: Sum::of(&[FROM_GUESS]),
            known: Known::Apart { over: [0.0, 2.0], under: [0.0, 1.0] },
        }),
        stake: Some((Sum::of(&[FROM_GUESS]), Undefined::TeacherGuesses)),
        ..measure(Formula::Ratio(Ratio {
            over: Sum::of(&[D2]),
            under: Sum::of(&[FROM_GUESS]),
            given: &[(COUNT, Undefined::TooFewChoices)],
            nothing: 1e-12,
            empty: Undefined::TeacherGuesses,
        }))
    }),
};

/// Choice accuracy, teacher.
pub static CHOICE_ACCURACY_TEACHER: Definition = Definition {
    id: "choice_accuracy_teacher",
    text: Text {
        page: "choice_accuracy",
        name: "Choice accuracy, teacher",
        unit: "",
        what: "How often the teacher's most probable option is the true one, where there is a truth.",
        misleads: "Compare it with chance (1 over the number of options); forced choice by log-probability can differ from what the model writes freely.",
        formula: "mean over choices with a truth of 1[argmax P = truth]",
        source: "Hendrycks et al., arXiv:2009.03300",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Choices,
    measure: Some(share(of_truth(&[TEACHER_RIGHT]))),
};

/// Choice accuracy, student.
pub static CHOICE_ACCURACY_STUDENT: Definition = Definition {
    id: "choice_accuracy_student",
    text: Text {
        page: "choice_accuracy",
        name: "Choice accuracy, student",
        unit: "",
        what: "How often the student's most probable option is the true one, where there is a truth.",
        misleads: "Compare it with chance (1 over the number of options); forced choice by log-probability can differ from what the model writes freely.",
        formula: "mean over choices with a truth of 1[argmax P = truth]",
        source: "Hendrycks et al., arXiv:2009.03300",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Choices,
    measure: Some(share(of_truth(&[STUDENT_RIGHT]))),
};

/// Choices lost.
pub static CHOICE_LOST: Definition = Definition {
    id: "choice_lost",
    text: Text {
        page: "choice_lost",
        name: "Choices lost",
        unit: "",
        what: "The share of choices with a truth that the teacher gets right and the student wrong.",
        misleads: "Near-ties swap in both directions by noise alone: compare it with choices gained, and read the cases.",
        formula: "mean over choices with a truth of 1[T right, S wrong]",
        source: "Yan et al., arXiv:2011.09161 (negative flips)",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::Choices,
    measure: Some(Measure { stake: Some(KNOWN), ..share(of_truth(&[LOST])) }),
};

/// Net choices lost.
pub static CHOICE_NET_LOSS: Definition = Definition {
    id: "choice_net_loss",
    text: Text {
        page: "choice_lost",
        name: "Net choices lost",
        unit: "",
        what: "How much less often the student's choice is right than the teacher's: choices lost less choices gained.",
        misleads: "A student that loses as much as it gains has no net loss and other decisions: read it beside choices lost.",
        formula: "mean over choices with a truth of 1[T right, S wrong] − 1[T wrong, S right] = accuracy of T − accuracy of S",
        source: "Yan et al., arXiv:2011.09161; McNemar (1947)",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Choices,
    measure: Some(Measure {
        interval: IntervalRule::Families,
        bounds: Some(FamilyBounds {
            items: WITH_TRUTH,
            over: NET_LOST,
            under: Sum::of(&[WITH_TRUTH]),
            known: Known::DIFFERENCE,
        }),
        stake: Some(KNOWN),
        ..with_truth(Formula::Ratio(Ratio {
            over: NET_LOST,
            under: Sum::of(&[WITH_TRUTH]),
            given: &[],
            nothing: 0.0,
            empty: Undefined::TooFewChoices,
        }))
    }),
};

/// Choices gained.
pub static CHOICE_GAINED: Definition = Definition {
    id: "choice_gained",
    text: Text {
        page: "choice_lost",
        name: "Choices gained",
        unit: "",
        what: "The share of choices with a truth that the student gets right and the teacher wrong.",
        misleads: "A gain is a departure from the teacher all the same; a weak teacher makes it easy.",
        formula: "mean over choices with a truth of 1[S right, T wrong]",
        source: "Yan et al., arXiv:2011.09161",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Choices,
    measure: Some(share(of_truth(&[GAINED]))),
};

/// Brier score, teacher.
pub static BRIER_TEACHER: Definition = Definition {
    id: "brier_teacher",
    text: Text {
        page: "brier",
        name: "Brier score, teacher",
        unit: "",
        what: "How far the teacher's option probabilities are from the truth: 0 is certain and right, 2 certain and wrong.",
        misleads: "It mixes accuracy and calibration; a cautious model that knows little can score like a bold one that knows more.",
        formula: "mean over choices with a truth of Σ_o (P(o) − 1[o true])²",
        source: "Brier, Verification of Forecasts Expressed in Terms of Probability (1950)",
    },
    direction: Direction::Lower,
    range: Range::closed(0.0, 2.0),
    group: Group::Calibration,
    measure: Some(squares(of_truth(&[TEACHER_BRIER]))),
};

/// Brier score, student.
pub static BRIER_STUDENT: Definition = Definition {
    id: "brier_student",
    text: Text {
        page: "brier",
        name: "Brier score, student",
        unit: "",
        what: "How far the student's option probabilities are from the truth: 0 is certain and right, 2 certain and wrong.",
        misleads: "It mixes accuracy and calibration; a cautious model that knows little can score like a bold one that knows more.",
        formula: "mean over choices with a truth of Σ_o (P(o) − 1[o true])²",
        source: "Brier, Verification of Forecasts Expressed in Terms of Probability (1950)",
    },
    direction: Direction::Lower,
    range: Range::closed(0.0, 2.0),
    group: Group::Calibration,
    measure: Some(squares(of_truth(&[STUDENT_BRIER]))),
};

/// Squared calibration error, teacher.
pub static ECE2_TEACHER: Definition = Definition {
    id: "ece2_teacher",
    text: Text {
        page: "ece2",
        name: "Squared calibration error, teacher",
        unit: "",
        what: "Whether the teacher's stated probabilities come true as often as stated; 0 in expectation for a calibrated model, because the bias of binning noise is subtracted.",
        misleads: "Slightly negative values are noise around 0. Bins hide miscalibration that cancels within them; with few items the interval says more than the value.",
        formula: "Σ_b w_b [(ȳ_b − c̄_b)² − ȳ_b(1 − ȳ_b)/(n_b − 1)] over ten equal bins with n_b ≥ 2",
        source: "Kumar, Liang and Ma, arXiv:1909.10155",
    },
    direction: Direction::Zero,
    range: Range::TO_ONE,
    group: Group::Calibration,
    measure: Some(with_truth(ece2(OF_TEACHER))),
};

/// Squared calibration error, student.
pub static ECE2_STUDENT: Definition = Definition {
    id: "ece2_student",
    text: Text {
        page: "ece2",
        name: "Squared calibration error, student",
        unit: "",
        what: "Whether the student's stated probabilities come true as often as stated; 0 in expectation for a calibrated model, because the bias of binning noise is subtracted.",
        misleads: "Slightly negative values are noise around 0. Bins hide miscalibration that cancels within them; with few items the interval says more than the value.",
        formula: "Σ_b w_b [(ȳ_b − c̄_b)² − ȳ_b(1 − ȳ_b)/(n_b − 1)] over ten equal bins with n_b ≥ 2",
        source: "Kumar, Liang and Ma, arXiv:1909.10155",
    },
    direction: Direction::Zero,
    range: Range::TO_ONE,
    group: Group::Calibration,
    measure: Some(with_truth(ece2(OF_STUDENT))),
};

/// Calibration slope.
pub static CALIBRATION_SLOPE: Definition = Definition {
    id: "calibration_slope",
    text: Text {
        page: "calibration_slope",
        name: "Calibration slope",
        unit: "",
        what: "Whether the student's confidence in options follows its teacher's: below 1 the student is overconfident relative to the teacher, above 1 underconfident.",
        misleads: "Disagreement alone pulls the slope below 1, as noise in the predictor does in every regression: read choice divergence beside it.",
        formula: "least-squares slope of logit P_T(o) on logit P_S(o), probabilities clipped to [1e−6, 1 − 1e−6]",
        source: "Cox, Two Further Applications of a Model for Binary Regression (1958), with the teacher in place of the truth",
    },
    direction: Direction::One,
    range: Range::ANY,
    group: Group::Calibration,
    measure: Some(measure(SLOPE)),
};

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[
    &CHOICE_TOP1_AGREEMENT,
    &CHOICE_AGREEMENT,
    &CHOICE_DIVERGENCE,
    &CHOICE_DIVERGENCE_RATIO,
    &CHOICE_ACCURACY_TEACHER,
    &CHOICE_ACCURACY_STUDENT,
    &CHOICE_LOST,
    &CHOICE_GAINED,
    &CHOICE_NET_LOSS,
    &BRIER_TEACHER,
    &BRIER_STUDENT,
    &ECE2_TEACHER,
    &ECE2_STUDENT,
    &CALIBRATION_SLOPE,
];
