//! Sampled answers: the sums of prompts (`rows.rs`), and the metrics that divide them.
//!
//! The teacher, its second run and the student answer each prompt several times; answers are compared by meaning class
//! ([`crate::kernel`]), and by right and wrong where something can tell.

mod correctness;
mod outcomes;
mod rows;

use super::Table;
use super::definition::{
    Definition, Direction, FamilyBounds, Floor, Group, IntervalRule, Known, LeftOut, Measure, Need, Range, Text,
};
use super::formula::{Column, Formula, Ratio, Sum, Undefined, exactly, positive};
use crate::stats::families::FamilyTable;
use crate::stats::limits::{Limits, Shape};
pub use correctness::*;
pub use outcomes::*;
pub use rows::{Answer, Prompt, gap, outcome, pairs, rare, truth};

/// The metrics that are compared between parts of a suite, in the order in which they are shown.
pub static ON_SLICES: &[&Definition] = &[&ANSWER_NET_LOSS, &DISTRIBUTION_MATCH, &MISSING_EXCESS];

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
        stake: None,
    }
}

const fn ratio(over: &'static [Column], under: &'static [Column], empty: Undefined) -> Formula {
    Formula::Ratio(Ratio { over: Sum::of(over), under: Sum::of(under), given: &[], nothing: NOTHING, empty })
}

/// 1 − C_TT over prompts with two answers of each model.
const VARIETY_OF_TEACHER: Sum = Sum::of(&[pairs::WITH_TWO]).less(&[pairs::TEACHER]);
/// 1 − C_SS of these.
const VARIETY_OF_STUDENT: Sum = Sum::of(&[pairs::WITH_TWO]).less(&[pairs::STUDENT]);

/// Σ C_TT' / n over prompts with a rerun.
const AGREEMENT_WITH_ITSELF: Formula = ratio(&[pairs::CEILING], &[pairs::WITH_RERUN], Undefined::NoRerun);

/// Σ C_TS / Σ C_TT' over prompts with a rerun.
const AGAINST_CEILING: Formula = Formula::Ratio(Ratio {
    over: Sum::of(&[pairs::BETWEEN_OF_RERUN]),
    under: Sum::of(&[pairs::CEILING]),
    given: &[(pairs::WITH_RERUN, Undefined::NoRerun)],
    nothing: NOTHING,
    empty: Undefined::TeacherNeverRepeats,
});

/// Where the two models agree on no answer at all nothing spreads: to prompts like none of those asked they may agree on all.
fn up_to_all(sums: &[f64]) -> Shape {
    let [prompts, agreed, ceiling] = exactly(sums);
    if agreed > NOTHING { Shape::AMOUNT } else { Shape::Ratio(prompts / ceiling) }
}

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
pub(super) fn gap_ratio(sums: &[f64]) -> Result<f64, Undefined> {
    let [prompts, left, whole] = exactly(sums);
    positive(prompts, NOTHING, Undefined::NoBase)?;
    Ok(left / positive(whole, NOTHING, Undefined::NoGap)?)
}

/// The share of the way that is done where this ratio of squared distances is left.
pub(super) fn closed(ratio: f64) -> f64 {
    1.0 - ratio.max(0.0).sqrt()
}

/// The closed gap with its limits: those of [`gap_ratio`] under the same root, for limits of g itself would lose
/// their width where Σ D2_TS < 0.
pub(super) fn closing(table: &FamilyTable, level: f64) -> Result<Limits, Undefined> {
    Ok(left_of_the_way(table, level)?.mapped(closed))
}

/// [`gap_ratio`] with its limits. A family like none of those seen may be as far away as at the start.
/// [`Undefined::NoGap`] unless the lower bound of Σ D2_TB is above 0.
pub(super) fn left_of_the_way(table: &FamilyTable, level: f64) -> Result<Limits, Undefined> {
    gap_ratio(&table.totals())?;
    let prompts = |sums: &[f64]| sums[0];
    let apart = Limits::new(table, Shape::ANY, prompts, |sums| sums.last().copied());
    if apart.as_ref().is_some_and(|apart| apart.families() == 1) {
        return Err(Undefined::OneFamily);
    }
    let clear = apart.and_then(|apart| apart.interval(level)).is_some_and(|interval| interval.low > 0.0);
    let ratios = Shape::Between { low: None, high: Some(1.0) };
    let found = Limits::new(table, ratios, prompts, |sums| gap_ratio(sums).ok()).filter(|_| clear);
    found.ok_or(Undefined::NoGap)
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
        floor: Floor::OfTeacher(AGREEMENT_WITH_ITSELF),
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
            known: Known::SHARES,
        }),
        interval: IntervalRule::Within(up_to_all),
        ..of_pairs(&[Need::Draws, Need::Rerun], AGAINST_CEILING)
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
            known: Known::SHARES,
        }),
        ..of_pairs(
            &[Need::Draws, Need::TwoAnswers],
            Formula::Function { reads: &[pairs::WITH_TWO, pairs::TEACHER, pairs::STUDENT], of: diversity },
        )
    }),
};

/// Variety kept.
pub static VARIETY_KEPT: Definition = Definition {
    id: "variety_kept",
    text: Text {
        page: "diversity_kept",
        name: "Variety kept",
        unit: "",
        what: "How often two answers of the student to one prompt differ, relative to the teacher's: 0 for a student that always says the same.",
        misleads: "It does not say in what the answers differ: noise varies too.",
        formula: "Σ_x (1 − C_SS(x)) / Σ_x (1 − C_TT(x)), self-pairs left out",
        source: "hydrometer; Gini (1912) and Simpson (1949), within prompts",
    },
    direction: Direction::One,
    range: Range::FROM_ZERO,
    group: Group::Answers,
    measure: Some(Measure {
        floor: Floor::Rerun,
        bounds: Some(FamilyBounds {
            items: pairs::WITH_TWO,
            over: VARIETY_OF_STUDENT,
            under: VARIETY_OF_TEACHER,
            known: Known::SHARES,
        }),
        stake: Some((VARIETY_OF_TEACHER, Undefined::NothingVaries)),
        ..of_pairs(
            &[Need::Draws, Need::TwoAnswers],
            Formula::Ratio(Ratio {
                over: VARIETY_OF_STUDENT,
                under: VARIETY_OF_TEACHER,
                given: &[(pairs::WITH_TWO, Undefined::SingleAnswers)],
                nothing: NOTHING,
                empty: Undefined::NothingVaries,
            }),
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

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[
    &ANSWER_AGREEMENT,
    &AGREEMENT_CEILING,
    &AGREEMENT_RATIO,
    &DIVERSITY_KEPT,
    &VARIETY_KEPT,
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
    &ANSWER_NET_LOSS,
    &EXCESS_FLIPS,
    &ANSWERED_ACCURACY_TEACHER,
    &ANSWERED_ACCURACY_STUDENT,
    &MISSING_ANSWERS,
    &MISSING_EXCESS,
    &CUT_ANSWERS,
    &CUT_EXCESS,
    &ENDLESS_ANSWERS,
    &ENDLESS_EXCESS,
    &CONSTANT_ANSWERS,
    &CONSTANT_EXCESS,
];
