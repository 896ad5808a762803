//! How answers come out, whatever they say: missing, cut, without an end, always the same. The student's share, beside the
//! teacher's, and how much larger it is.

use super::super::Table;
use super::super::definition::{
    Definition, Direction, FamilyBounds, Floor, Group, IntervalRule, Known, LeftOut, Measure, Need, Range, Text,
};
use super::super::formula::{Column, Formula, Ratio, Sum, Undefined};
use super::{NOTHING, outcome, ratio};

/// The prompts that count, and what is said where there are none.
type Over = (&'static [Column], Undefined);
const ALL: Over = (&[outcome::PROMPTS], Undefined::NoAnswers);
const WHOLE: Over = (&[outcome::WHOLE], Undefined::NoWholeAnswers);

/// The student's share of prompts' answers, beside the teacher's.
const fn student(of: &'static [Column], teacher: &'static [Column], (prompts, empty): Over) -> Measure {
    Measure {
        table: Table::Outcomes,
        formula: ratio(of, prompts, empty),
        interval: IntervalRule::Share,
        floor: Floor::OfTeacher(ratio(teacher, prompts, empty)),
        needs: &[],
        left_out: LeftOut::Nothing,
        bounds: Some(FamilyBounds {
            items: prompts[0],
            over: Sum::of(of),
            under: Sum::of(prompts),
            known: Known::SHARE,
        }),
        stake: None,
    }
}

/// The student's share less the teacher's.
const fn excess(of: &'static [Column], teacher: &'static [Column], (prompts, empty): Over) -> Measure {
    let over = Sum::of(of).less(teacher);
    Measure {
        formula: Formula::Ratio(Ratio { over, under: Sum::of(prompts), given: &[], nothing: NOTHING, empty }),
        interval: IntervalRule::Families,
        floor: Floor::Rerun,
        bounds: Some(FamilyBounds { items: prompts[0], over, under: Sum::of(prompts), known: Known::DIFFERENCE }),
        ..student(of, teacher, (prompts, empty))
    }
}

/// Known only of answers that were asked for here.
const fn endings(measure: Measure) -> Measure {
    Measure { needs: &[Need::Endings], ..measure }
}

/// Only when all answers are known can one be the most frequent of them.
const fn unbounded(measure: Measure) -> Measure {
    Measure { bounds: None, ..measure }
}

/// Missing answers of the student.
pub static MISSING_ANSWERS: Definition = Definition {
    id: "missing_answers",
    text: Text {
        page: "answer_outcomes",
        name: "Missing answers",
        unit: "",
        what: "How often the student gives no answer: nothing at all, or nothing of what the prompt asks for.",
        misleads: "An answer in an unexpected form counts as missing when its number or option is not found.",
        formula: "mean over prompts of the share of the student's answers that are missing",
        source: "Rajpurkar et al., arXiv:1806.03822 (unanswered questions)",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(student(&[outcome::STUDENT_MISSING], &[outcome::TEACHER_MISSING], ALL)),
};

/// Missing answers, beyond those of the teacher.
pub static MISSING_EXCESS: Definition = Definition {
    id: "missing_excess",
    text: Text {
        page: "answer_outcomes",
        name: "Excess of missing answers",
        unit: "",
        what: "How much more often the student gives no answer than its teacher.",
        misleads: "An answer in an unexpected form counts as missing when its number or option is not found.",
        formula: "the student's share less the teacher's",
        source: "Rajpurkar et al., arXiv:1806.03822 (unanswered questions)",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Answers,
    measure: Some(excess(&[outcome::STUDENT_MISSING], &[outcome::TEACHER_MISSING], ALL)),
};

/// Cut answers of the student.
pub static CUT_ANSWERS: Definition = Definition {
    id: "cut_answers",
    text: Text {
        page: "answer_outcomes",
        name: "Cut answers",
        unit: "",
        what: "How often an answer of the student reached the longest length, where more than its first word counts.",
        misleads: "A longer limit makes it smaller: it is a property of the student and of the limit.",
        formula: "mean over such prompts of the share of the student's answers that reached the longest length",
        source: "Holtzman et al., arXiv:1904.09751",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(endings(student(&[outcome::STUDENT_CUT], &[outcome::TEACHER_CUT], WHOLE))),
};

/// Cut answers, beyond those of the teacher.
pub static CUT_EXCESS: Definition = Definition {
    id: "cut_excess",
    text: Text {
        page: "answer_outcomes",
        name: "Excess of cut answers",
        unit: "",
        what: "How much more often the student's answers are cut than its teacher's.",
        misleads: "A longer limit makes it smaller: it is a property of the student and of the limit.",
        formula: "the student's share less the teacher's",
        source: "Holtzman et al., arXiv:1904.09751",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Answers,
    measure: Some(endings(excess(&[outcome::STUDENT_CUT], &[outcome::TEACHER_CUT], WHOLE))),
};

/// Endless answers of the student.
pub static ENDLESS_ANSWERS: Definition = Definition {
    id: "endless_answers",
    text: Text {
        page: "answer_outcomes",
        name: "Endless answers",
        unit: "",
        what: "How often the student does not end its answer by itself: it reached the longest length before an end-of-sequence token or a stop text.",
        misleads: "Where a stop text ends every answer nothing is seen of a student that has lost its end-of-sequence token.",
        formula: "mean over prompts of the share of the student's answers that reached the longest length",
        source: "Welleck et al., arXiv:2002.02492 (non-terminating sequences)",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(endings(student(&[outcome::STUDENT_ENDLESS], &[outcome::TEACHER_ENDLESS], ALL))),
};

/// Endless answers, beyond those of the teacher.
pub static ENDLESS_EXCESS: Definition = Definition {
    id: "endless_excess",
    text: Text {
        page: "answer_outcomes",
        name: "Excess of endless answers",
        unit: "",
        what: "How much more often the student does not end its answer than its teacher.",
        misleads: "Where a stop text ends every answer nothing is seen of a student that has lost its end-of-sequence token.",
        formula: "the student's share less the teacher's",
        source: "Welleck et al., arXiv:2002.02492 (non-terminating sequences)",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Answers,
    measure: Some(endings(excess(&[outcome::STUDENT_ENDLESS], &[outcome::TEACHER_ENDLESS], ALL))),
};

/// One answer to everything of the student.
pub static CONSTANT_ANSWERS: Definition = Definition {
    id: "constant_answers",
    text: Text {
        page: "answer_outcomes",
        name: "One answer to everything",
        unit: "",
        what: "How often the student gives the answer that it gives most often, whatever it is asked.",
        misleads: "A suite whose right answers are all the same makes it large for an honest student, and for its teacher.",
        formula: "mean over prompts of the share of the student's answers that are its most frequent one over all prompts",
        source: "Li et al., arXiv:1510.03055 (generic responses)",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(unbounded(student(&[outcome::STUDENT_CONSTANT], &[outcome::TEACHER_CONSTANT], ALL))),
};

/// One answer to everything, beyond those of the teacher.
pub static CONSTANT_EXCESS: Definition = Definition {
    id: "constant_excess",
    text: Text {
        page: "answer_outcomes",
        name: "Excess of one answer to everything",
        unit: "",
        what: "How much more often the student gives its most frequent answer than the teacher gives its own.",
        misleads: "A suite whose right answers are all the same makes it large for an honest student, and for its teacher.",
        formula: "the student's share less the teacher's",
        source: "Li et al., arXiv:1510.03055 (generic responses)",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Answers,
    measure: Some(unbounded(excess(&[outcome::STUDENT_CONSTANT], &[outcome::TEACHER_CONSTANT], ALL))),
};
