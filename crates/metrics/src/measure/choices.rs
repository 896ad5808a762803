//! Forced choices: the sums of choices (`rows.rs`), and the metrics that divide them.

mod rows;

use super::Table;
use super::definition::{
    Definition, Direction, FamilyBounds, Floor, Group, IntervalRule, Known, LeftOut, Measure, Need, Range, Text,
};
use super::formula::{Column, Formula, Ratio, Sum, Undefined};
use crate::calibration;
use choice::*;
pub use rows::{Choice, ChoiceError, choice, distance, top};

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

const fn ratio(over: &'static [Column], under: &'static [Column], empty: Undefined) -> Formula {
    Formula::Ratio(Ratio { over: Sum::of(over), under: Sum::of(under), given: &[], nothing: 0.0, empty })
}

const fn bounds(items: Column, over: &'static [Column], under: &'static [Column]) -> Option<FamilyBounds> {
    Some(FamilyBounds { items, over: Sum::of(over), under: Sum::of(under), known: Known::SHARE })
}

/// Per choice, a part of the whole.
const fn mean(of: &'static [Column]) -> Measure {
    Measure { bounds: bounds(COUNT, of, &[COUNT]), ..measure(ratio(of, &[COUNT], Undefined::NoChoices)) }
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
    Measure {
        bounds: bounds(WITH_TRUTH, of, &[WITH_TRUTH]),
        ..with_truth(ratio(of, &[WITH_TRUTH], Undefined::NoTrueChoices))
    }
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
    Formula::Function {
        reads: bins,
        of: |sums| {
            let nothing = sums.iter().all(|&sum| sum == 0.0);
            let reason = if nothing { Undefined::NoTrueChoices } else { Undefined::TooFewForBins };
            calibration::ece2(sums).ok_or(reason)
        },
    }
}

const SLOPE: Formula = Formula::Function {
    reads: &REGRESSION.all(),
    of: |sums| {
        let nothing = sums.iter().all(|&sum| sum == 0.0);
        let reason = if nothing { Undefined::NoChoices } else { Undefined::StudentIndifferent };
        calibration::slope(sums).ok_or(reason)
    },
};

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
        floor: Floor::OfTeacher(ratio(&[CEILING], &[COUNT], Undefined::NoChoices)),
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
            given: &[(COUNT, Undefined::NoChoices)],
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
            empty: Undefined::NoTrueChoices,
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
