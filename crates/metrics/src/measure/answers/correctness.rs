//! Where something can tell right from wrong: accuracy, the cells of right and wrong, flips.

use super::super::Table;
use super::super::definition::{
    Definition, Direction, FamilyBounds, Floor, Group, IntervalRule, Known, LeftOut, Measure, Need, Range, Text,
};
use super::super::formula::{Column, Formula, Ratio, Sum, Undefined};
use super::{NOTHING, ratio, truth};

/// Over the prompts whose answers can be graded.
const fn with_truth(formula: Formula) -> Measure {
    Measure {
        table: Table::Truth,
        formula,
        interval: IntervalRule::Families,
        floor: Floor::Nothing,
        needs: &[Need::Truth],
        left_out: LeftOut::Unfit("no checker says what is right"),
        bounds: None,
        stake: None,
    }
}

/// The share of pairs in these cells.
const fn of_cells(cells: &'static [Column]) -> Measure {
    let (over, under) = (Sum::of(cells), Sum::of(&[truth::PROMPTS]));
    Measure {
        interval: IntervalRule::Share,
        floor: Floor::Rerun,
        bounds: Some(FamilyBounds { items: truth::PROMPTS, over, under, known: Known::SHARE }),
        ..with_truth(ratio(cells, &[truth::PROMPTS], Undefined::NoTruth))
    }
}

/// Right answers over those that are not missing.
const fn answered(right: &'static [Column], answered: &'static [Column]) -> Measure {
    Measure { interval: IntervalRule::Share, ..with_truth(ratio(right, answered, Undefined::NoTruth)) }
}

/// Lost, less gained: less success of the student.
const NET_LOST: Sum = Sum::of(&[truth::RIGHT_BESIDE]).less(&[truth::STUDENT_RIGHT]);
/// Flips of the student beyond those of the teacher's second run.
const EXCESS: Sum = Sum::of(&[truth::FLIPS]).less(&[truth::FLIPS_OF_RERUN]);

/// Answer accuracy, teacher.
pub static ANSWER_ACCURACY_TEACHER: Definition = Definition {
    id: "answer_accuracy_teacher",
    text: Text {
        page: "answer_accuracy",
        name: "Answer accuracy, teacher",
        unit: "",
        what: "How often a sampled answer of the teacher is right, where answers can be checked.",
        misleads: "A checker that cannot read an answer calls it wrong; a model that formats differently then seems to know less.",
        formula: "mean over prompts of the share of right answers",
        source: "Cobbe et al., arXiv:2110.14168",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(of_cells(&[truth::BOTH_RIGHT, truth::LOST])),
};

/// Answer accuracy, student.
pub static ANSWER_ACCURACY_STUDENT: Definition = Definition {
    id: "answer_accuracy_student",
    text: Text {
        page: "answer_accuracy",
        name: "Answer accuracy, student",
        unit: "",
        what: "How often a sampled answer of the student is right, where answers can be checked.",
        misleads: "A checker that cannot read an answer calls it wrong; a model that formats differently then seems to know less.",
        formula: "mean over prompts of the share of right answers",
        source: "Cobbe et al., arXiv:2110.14168",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(of_cells(&[truth::BOTH_RIGHT, truth::GAINED])),
};

/// Answers both right.
pub static ANSWER_BOTH_RIGHT: Definition = Definition {
    id: "answer_both_right",
    text: Text {
        page: "answer_accuracy",
        name: "Answers both right",
        unit: "",
        what: "How often an answer of the teacher and an answer of the student are both right.",
        misleads: "Bounded by the teacher's accuracy: a weak teacher keeps it low.",
        formula: "mean over prompts of the share of pairs (t_i, s_j) with both right",
        source: "Yan et al., arXiv:2011.09161",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::AnswerCells,
    measure: Some(of_cells(&[truth::BOTH_RIGHT])),
};

/// Answers lost.
pub static ANSWER_LOST: Definition = Definition {
    id: "answer_lost",
    text: Text {
        page: "answer_accuracy",
        name: "Answers lost",
        unit: "",
        what: "How often an answer of the teacher is right and an answer of the student wrong.",
        misleads: "A teacher that is right half of the time loses against itself too: compare with excess flips, and read the cases.",
        formula: "mean over prompts of the share of pairs (t_i, s_j) with t_i right, s_j wrong",
        source: "Yan et al., arXiv:2011.09161 (negative flips)",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::AnswerCells,
    measure: Some(of_cells(&[truth::LOST])),
};

/// Answers gained.
pub static ANSWER_GAINED: Definition = Definition {
    id: "answer_gained",
    text: Text {
        page: "answer_accuracy",
        name: "Answers gained",
        unit: "",
        what: "How often an answer of the student is right and an answer of the teacher wrong.",
        misleads: "A gain is a departure from the teacher all the same; a weak teacher makes it easy.",
        formula: "mean over prompts of the share of pairs (t_i, s_j) with s_j right, t_i wrong",
        source: "Yan et al., arXiv:2011.09161",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::AnswerCells,
    measure: Some(of_cells(&[truth::GAINED])),
};

/// Answers both wrong, the same.
pub static ANSWER_BOTH_WRONG_SAME: Definition = Definition {
    id: "answer_both_wrong_same",
    text: Text {
        page: "answer_accuracy",
        name: "Answers both wrong, the same",
        unit: "",
        what: "How often both models are wrong with the same answer: mistakes that the student shares.",
        misleads: "Faithful and still wrong: agreement counts these cases as success.",
        formula: "mean over prompts of the share of pairs (t_i, s_j) with both wrong and k(t_i, s_j) = 1",
        source: "hydrometer",
    },
    direction: Direction::Neither,
    range: Range::SHARE,
    group: Group::AnswerCells,
    measure: Some(of_cells(&[truth::BOTH_WRONG_SAME])),
};

/// Answers both wrong, different.
pub static ANSWER_BOTH_WRONG_DIFFERENT: Definition = Definition {
    id: "answer_both_wrong_different",
    text: Text {
        page: "answer_accuracy",
        name: "Answers both wrong, different",
        unit: "",
        what: "How often both models are wrong, each in its own way.",
        misleads: "Where the checker cannot read answers, everything falls here.",
        formula: "mean over prompts of the share of pairs (t_i, s_j) with both wrong and k(t_i, s_j) = 0",
        source: "hydrometer",
    },
    direction: Direction::Neither,
    range: Range::SHARE,
    group: Group::AnswerCells,
    measure: Some(of_cells(&[truth::BOTH_WRONG_DIFFERENT])),
};

/// Net answers lost.
pub static ANSWER_NET_LOSS: Definition = Definition {
    id: "answer_net_loss",
    text: Text {
        page: "answer_accuracy",
        name: "Net answers lost",
        unit: "",
        what: "How much less often the student's answers are right than the teacher's: answers lost less answers gained.",
        misleads: "A student that loses as much as it gains has no net loss and other answers: read it beside answers lost.",
        formula: "P(T right, S wrong) − P(T wrong, S right) over pairs of answers = accuracy of T − accuracy of S",
        source: "Yan et al., arXiv:2011.09161; McNemar (1947)",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Answers,
    measure: Some(Measure {
        interval: IntervalRule::Families,
        bounds: Some(FamilyBounds {
            items: truth::PROMPTS,
            over: NET_LOST,
            under: Sum::of(&[truth::PROMPTS]),
            known: Known::DIFFERENCE,
        }),
        stake: Some((Sum::of(&[truth::BOTH_RIGHT, truth::LOST]), Undefined::TeacherKnowsNothing)),
        ..with_truth(Formula::Ratio(Ratio {
            over: NET_LOST,
            under: Sum::of(&[truth::PROMPTS]),
            given: &[],
            nothing: NOTHING,
            empty: Undefined::NoTruth,
        }))
    }),
};

/// Accuracy of the answers that there are, teacher.
pub static ANSWERED_ACCURACY_TEACHER: Definition = Definition {
    id: "answered_accuracy_teacher",
    text: Text {
        page: "answer_accuracy",
        name: "Accuracy where answered, teacher",
        unit: "",
        what: "How often the teacher is right where it gives an answer at all.",
        misleads: "A model that answers only what is easy scores high: read it beside missing answers.",
        formula: "Σ right answers / Σ answers that are not missing",
        source: "Cobbe et al., arXiv:2110.14168; selective accuracy of El-Yaniv and Wiener (2010)",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(answered(&[truth::BOTH_RIGHT, truth::LOST], &[truth::TEACHER_ANSWERED])),
};

/// Accuracy of the answers that there are, student.
pub static ANSWERED_ACCURACY_STUDENT: Definition = Definition {
    id: "answered_accuracy_student",
    text: Text {
        page: "answer_accuracy",
        name: "Accuracy where answered, student",
        unit: "",
        what: "How often the student is right where it gives an answer at all.",
        misleads: "A student that answers only what is easy scores high: read it beside missing answers.",
        formula: "Σ right answers / Σ answers that are not missing",
        source: "Cobbe et al., arXiv:2110.14168; selective accuracy of El-Yaniv and Wiener (2010)",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(answered(&[truth::BOTH_RIGHT, truth::GAINED], &[truth::STUDENT_ANSWERED])),
};

/// Excess flips.
pub static EXCESS_FLIPS: Definition = Definition {
    id: "excess_flips",
    text: Text {
        page: "answer_accuracy",
        name: "Excess flips",
        unit: "",
        what: "How much more often right and wrong change places between teacher and student than between two runs of the teacher.",
        misleads: "A student that is surer than its teacher, right or wrong, flips less than the teacher does and can score below 0.",
        formula: "P(right T ≠ right S) − P(right T ≠ right T'), over pairs of answers, on prompts that the teacher answered twice",
        source: "After Yan et al., arXiv:2011.09161",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Answers,
    measure: Some(Measure {
        interval: IntervalRule::Families,
        needs: &[Need::Truth, Need::Rerun],
        bounds: Some(FamilyBounds {
            items: truth::WITH_RERUN,
            over: EXCESS,
            under: Sum::of(&[truth::WITH_RERUN]),
            known: Known::Ratio { low: -1.0, high: 1.0, most: 1.0, rounding: 0.0 },
        }),
        ..with_truth(Formula::Ratio(Ratio {
            over: EXCESS,
            under: Sum::of(&[truth::WITH_RERUN]),
            given: &[(truth::PROMPTS, Undefined::NoTruth)],
            nothing: NOTHING,
            empty: Undefined::NoRerun,
        }))
    }),
};
