//! Sampled answers: the sums of prompts, and the metrics that divide them.
//!
//! The teacher, its second run and the student answer each prompt several times; answers are compared by meaning class
//! ([`crate::kernel`]), and by right and wrong where something can tell.

use super::definition::{
    Definition, Direction, FamilyBounds, Floor, Group, IntervalRule, Known, LeftOut, Measure, Need, Range, Text,
};
use super::formula::{Column, Formula, Ratio, Row, Sum, Undefined, columns, exactly, positive};
use super::sums::{Sums, Table};
use crate::kernel::{Answers, Graded, PairMeans, RareAnswers, TruthCells, same};
use crate::stats::estimate::Estimate;
use crate::stats::families::FamilyTable;
use crate::stats::interval;

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

/// Sums below this are 0 up to rounding; the smallest real ones are one pair of answers in millions.
const NOTHING: f64 = 1e-9;

const fn of_pairs(needs: &'static [Need], formula: Formula) -> Measure {
    Measure {
        table: Table::Pairs,
        formula,
        interval: IntervalRule::Families,
        floor: Floor::Nothing,
        needs,
        left_out: LeftOut::Nothing,
        bounds: None,
    }
}

const fn ratio(over: &'static [Column], under: &'static [Column], empty: Undefined) -> Formula {
    Formula::Ratio(Ratio { over: Sum::of(over), under: Sum::of(under), given: &[], nothing: NOTHING, empty })
}

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

/// Flips of the student beyond those of the teacher's second run.
const EXCESS: Sum = Sum::of(&[truth::FLIPS]).less(&[truth::FLIPS_OF_RERUN]);

/// Σ C_TT' / n over prompts with a rerun.
const AGREEMENT_WITH_ITSELF: Formula = ratio(&[pairs::CEILING], &[pairs::WITH_RERUN], Undefined::NoRerun);

/// Σ C_TT / Σ C_SS: the ratio of effective numbers of answers within a prompt (Hill numbers of order 2, averaged
/// harmonically over prompts).
fn diversity(sums: &[f64]) -> Result<f64, Undefined> {
    let [prompts, teacher, student] = exactly(sums);
    positive(prompts, NOTHING, Undefined::SingleAnswers)?;
    if prompts - teacher.min(student) <= NOTHING {
        return Err(Undefined::NoDiversity);
    }
    positive(teacher, NOTHING, Undefined::TeacherNeverRepeats)?;
    Ok(teacher / positive(student, NOTHING, Undefined::StudentNeverRepeats)?)
}

/// Σ C_TS / √(Σ C_TT · Σ C_SS): in expectation in [0, 1] and 1 only for equal distributions.
fn matching(sums: &[f64]) -> Result<f64, Undefined> {
    let [prompts, teacher, student, between] = exactly(sums);
    positive(prompts, NOTHING, Undefined::SingleAnswers)?;
    positive(teacher, NOTHING, Undefined::TeacherNeverRepeats)?;
    positive(student, NOTHING, Undefined::StudentNeverRepeats)?;
    Ok(between / (teacher * student).sqrt())
}

/// Σ D2_TS / Σ D2_TB over prompts with a base: the smooth part of the closed gap.
fn gap_ratio(sums: &[f64]) -> Result<f64, Undefined> {
    let [prompts, left, whole] = exactly(sums);
    positive(prompts, NOTHING, Undefined::NoBase)?;
    Ok(left / positive(whole, NOTHING, Undefined::NoGap)?)
}

/// The share of the way that is done where this ratio of squared distances is left.
fn closed(ratio: f64) -> f64 {
    1.0 - ratio.max(0.0).sqrt()
}

/// The closed gap with its interval: that of [`gap_ratio`] under the same root, for an interval of g itself would lose
/// its width where Σ D2_TS < 0. [`Undefined::NoGap`] unless the lower bound of Σ D2_TB is above 0.
fn closing(table: &FamilyTable, level: f64) -> Result<Estimate, Undefined> {
    gap_ratio(&table.totals())?;
    let apart = interval::estimate(table, level, |sums| sums.last().copied());
    let clear = apart.and_then(|apart| apart.interval).is_some_and(|interval| interval.low > 0.0);
    let found = interval::estimate(table, level, |sums| gap_ratio(sums).ok()).filter(|_| clear);
    let mut found = found.ok_or(Undefined::NoGap)?;
    found.value = closed(found.value);
    if let Some(interval) = &mut found.interval {
        (interval.low, interval.high) = (closed(interval.high), closed(interval.low));
    }
    Ok(found)
}

/// Answer agreement.
pub static ANSWER_AGREEMENT: Definition = Definition {
    id: "answer_agreement",
    text: Text {
        page: "answer_agreement",
        name: "Answer agreement",
        unit: "",
        what: "How often an answer sampled from the student means the same as an answer sampled from the teacher to the same prompt.",
        misleads: "A student that always gives the teacher's most common answer scores above the teacher's agreement with itself: read it beside that ceiling and beside diversity kept.",
        formula: "Σ_x C_TS(x) / n, with C_TS the mean of k(t_i, s_j) over the two models' answers to x",
        source: "Gretton et al., A Kernel Two-Sample Test (2012); Gao et al., arXiv:2410.20247",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Answers,
    measure: Some(Measure {
        interval: IntervalRule::Share,
        floor: Floor::Ceiling(AGREEMENT_WITH_ITSELF),
        bounds: Some(FamilyBounds {
            items: pairs::PROMPTS,
            over: Sum::of(&[pairs::BETWEEN]),
            under: Sum::of(&[pairs::PROMPTS]),
            known: Known::SHARE,
        }),
        ..of_pairs(&[Need::Draws], ratio(&[pairs::BETWEEN], &[pairs::PROMPTS], Undefined::NoAnswers))
    }),
};

/// Agreement ceiling.
pub static AGREEMENT_CEILING: Definition = Definition {
    id: "agreement_ceiling",
    text: Text {
        page: "answer_agreement",
        name: "Agreement ceiling",
        unit: "",
        what: "How often two answers of the teacher to one prompt mean the same, when it is asked a second time: what a perfect student would score.",
        misleads: "It is a property of the teacher, the prompts and the equivalence, not of the student; greedy decoding of the teacher makes it 1.",
        formula: "Σ_x C_TT'(x) / n, T' an independent second run of the teacher",
        source: "hydrometer; the kernel of Gao et al., arXiv:2410.20247",
    },
    direction: Direction::Neither,
    range: Range::SHARE,
    group: Group::AnswerLevels,
    measure: Some(Measure {
        interval: IntervalRule::Share,
        bounds: Some(FamilyBounds {
            items: pairs::WITH_RERUN,
            over: Sum::of(&[pairs::CEILING]),
            under: Sum::of(&[pairs::WITH_RERUN]),
            known: Known::SHARE,
        }),
        ..of_pairs(&[Need::Draws, Need::Rerun], AGREEMENT_WITH_ITSELF)
    }),
};

/// Answer agreement against its ceiling.
pub static AGREEMENT_RATIO: Definition = Definition {
    id: "agreement_ratio",
    text: Text {
        page: "answer_agreement",
        name: "Answer agreement against its ceiling",
        unit: "",
        what: "Answer agreement as a share of the teacher's agreement with itself, on the prompts that the teacher answered twice.",
        misleads: "Above 1 is no compliment: the student gives the teacher's favourite answer more often than the teacher does. Read it beside diversity kept.",
        formula: "Σ_x C_TS(x) / Σ_x C_TT'(x)",
        source: "hydrometer; the kernel of Gao et al., arXiv:2410.20247",
    },
    direction: Direction::Higher,
    range: Range::FROM_ZERO,
    group: Group::Answers,
    measure: Some(Measure {
        bounds: Some(FamilyBounds {
            items: pairs::WITH_RERUN,
            over: Sum::of(&[pairs::BETWEEN_OF_RERUN]),
            under: Sum::of(&[pairs::CEILING]),
            known: Known::Apart,
        }),
        ..of_pairs(
            &[Need::Draws, Need::Rerun],
            Formula::Ratio(Ratio {
                over: Sum::of(&[pairs::BETWEEN_OF_RERUN]),
                under: Sum::of(&[pairs::CEILING]),
                given: &[(pairs::WITH_RERUN, Undefined::NoRerun)],
                nothing: NOTHING,
                empty: Undefined::TeacherNeverRepeats,
            }),
        )
    }),
};

/// Diversity kept.
pub static DIVERSITY_KEPT: Definition = Definition {
    id: "diversity_kept",
    text: Text {
        page: "diversity_kept",
        name: "Diversity kept",
        unit: "",
        what: "How many different answers the student gives to one prompt, relative to the teacher: the ratio of effective numbers of answers within a prompt.",
        misleads: "Diversity of wrong answers counts as much as diversity of right ones; compared over all prompts together instead of within each, it is blind to collapse.",
        formula: "Σ_x C_TT(x) / Σ_x C_SS(x), self-pairs left out",
        source: "Friedman and Dieng, arXiv:2210.02410, taken within prompts",
    },
    direction: Direction::One,
    range: Range::ABOVE_ZERO,
    group: Group::Answers,
    measure: Some(Measure {
        floor: Floor::Rerun,
        bounds: Some(FamilyBounds {
            items: pairs::WITH_TWO,
            over: Sum::of(&[pairs::TEACHER]),
            under: Sum::of(&[pairs::STUDENT]),
            known: Known::Apart,
        }),
        ..of_pairs(
            &[Need::Draws, Need::TwoAnswers],
            Formula::Function { reads: &[pairs::WITH_TWO, pairs::TEACHER, pairs::STUDENT], of: diversity },
        )
    }),
};

/// Distribution match.
pub static DISTRIBUTION_MATCH: Definition = Definition {
    id: "distribution_match",
    text: Text {
        page: "distribution_match",
        name: "Distribution match",
        unit: "",
        what: "How far the student's distribution of answers is the teacher's: 1 only if they are equal, so that neither collapse nor extra noise can raise it.",
        misleads: "It does not say what differs: agreement and diversity kept do. Noise can carry an estimate slightly above 1.",
        formula: "Σ_x C_TS(x) / √(Σ_x C_TT(x) · Σ_x C_SS(x)), self-pairs left out",
        source: "Gretton et al., A Kernel Two-Sample Test (2012); test of 1: Gao et al., arXiv:2410.20247",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Answers,
    measure: Some(Measure {
        floor: Floor::Rerun,
        ..of_pairs(
            &[Need::Draws, Need::TwoAnswers],
            Formula::Function {
                reads: &[pairs::WITH_TWO, pairs::TEACHER, pairs::STUDENT, pairs::BETWEEN_OF_TWO],
                of: matching,
            },
        )
    }),
};

/// Gap closed.
pub static GAP_CLOSED: Definition = Definition {
    id: "gap_closed",
    text: Text {
        page: "gap_closed",
        name: "Gap closed",
        unit: "",
        what: "How much of the way from its starting point to the teacher the student went: 0 is as far away as before distillation, 1 indistinguishable from the teacher.",
        misleads: "It needs a gap: where the starting point already answers like the teacher there is nothing to close. Measured from answers to other prompts instead of a student from before distillation it says how far the student is from a stranger. A root of a difference, it is uncertain near 1.",
        formula: "1 − √(max(0, Σ D2_TS) / Σ D2_TB), D2_XY = C_XX + C_YY − 2 C_XY, B the student before distillation, or without one the teacher's answers to another prompt of the axis",
        source: "hydrometer; D2 from Gretton et al., A Kernel Two-Sample Test (2012)",
    },
    direction: Direction::Higher,
    range: Range::TO_ONE,
    group: Group::Answers,
    measure: Some(Measure {
        table: Table::Gap,
        interval: IntervalRule::Own(closing),
        floor: Floor::Rerun,
        ..of_pairs(
            &[Need::Draws, Need::TwoAnswers],
            Formula::Function {
                reads: &[gap::WITH_BASE, gap::LEFT, gap::WHOLE],
                of: |sums| gap_ratio(sums).map(closed),
            },
        )
    }),
};

/// Rare answers kept.
pub static RARE_ANSWERS_KEPT: Definition = Definition {
    id: "rare_answers_kept",
    text: Text {
        page: "rare_answers_kept",
        name: "Rare answers kept",
        unit: "",
        what: "How much of what the teacher answers now and then the student still answers: the share of its rare answers that ten draws show, relative to ten draws of the teacher itself.",
        misleads: "A rare answer may be a mistake of the teacher; a student that is simply noisier finds more of them and can exceed 1.",
        formula: "Σ_c w_c [1 − C(m − k_c, 10)/C(m, 10)] of S over the same of T', c the answers in at most 25 % of half A of the teacher's, w_c their share of half B",
        source: "hydrometer; rarefaction: Hurlbert, The Nonconcept of Species Diversity (1971)",
    },
    direction: Direction::One,
    range: Range::FROM_ZERO,
    group: Group::Answers,
    measure: Some(Measure {
        table: Table::Rare,
        ..of_pairs(
            &[Need::Draws, Need::Rerun],
            Formula::Ratio(Ratio {
                over: Sum::of(&[rare::OF_STUDENT]),
                under: Sum::of(&[rare::OF_RERUN]),
                given: &[(rare::PROMPTS, Undefined::TooFewForRare)],
                nothing: NOTHING,
                empty: Undefined::NothingRare,
            }),
        )
    }),
};

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
        interval: IntervalRule::Difference,
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

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[
    &ANSWER_AGREEMENT,
    &AGREEMENT_CEILING,
    &AGREEMENT_RATIO,
    &DIVERSITY_KEPT,
    &DISTRIBUTION_MATCH,
    &GAP_CLOSED,
    &RARE_ANSWERS_KEPT,
    &ANSWER_ACCURACY_TEACHER,
    &ANSWER_ACCURACY_STUDENT,
    &ANSWER_BOTH_RIGHT,
    &ANSWER_LOST,
    &ANSWER_GAINED,
    &ANSWER_BOTH_WRONG_SAME,
    &ANSWER_BOTH_WRONG_DIFFERENT,
    &EXCESS_FLIPS,
];
