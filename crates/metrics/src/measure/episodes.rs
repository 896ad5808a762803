//! Episodes: the sums of runs in worlds (`episodes/rows.rs`), and the metrics that divide them.

mod rows;

use super::Table;
use super::definition::{Definition, Direction, Floor, Group, IntervalRule, LeftOut, Measure, Need, Range, Text};
use super::formula::{Column, Formula, Ratio, Sum, Undefined, exactly};
use crate::geometry::{restricted_mean, watched_up_to};
use crate::stats::families::FamilyTable;
use crate::stats::limits::{Limits, Shape};
use episode::*;
pub use rows::{Acted, Episode, Fault, HORIZON, dialogue, episode};

/// The metrics that are compared between parts of a suite.
pub static ON_SLICES: &[&Definition] = &[&EPISODE_NET_LOSS];

const fn measure(formula: Formula) -> Measure {
    Measure {
        table: Table::Episodes,
        formula,
        interval: IntervalRule::Families,
        floor: Floor::Nothing,
        needs: &[],
        left_out: LeftOut::Nothing,
        bounds: None,
        stake: None,
    }
}

const fn ratio(over: Sum, under: &'static [Column], empty: Undefined) -> Formula {
    Formula::Ratio(Ratio { over, under: Sum::of(under), given: &[], nothing: 0.0, empty })
}

/// Per episode.
const fn mean(over: Sum) -> Formula {
    ratio(over, &[COUNT], Undefined::NoEpisodes)
}

/// What a student can lose.
const SOLVED: (Sum, Undefined) = (Sum::of(&[TEACHER]), Undefined::TeacherNeverSucceeds);

/// Episodes with two runs of each model.
const fn twice(of: &'static [Column]) -> Formula {
    ratio(Sum::of(of), &[TWICE], Undefined::SingleRuns)
}

const RECOVERY: Formula = Formula::Function {
    reads: &[STUDENT_FAULTY, STUDENT_TWINS, TEACHER_FAULTY, TEACHER_TWINS],
    of: |sums| {
        let [student, student_twins, teacher, teacher_twins] = exactly(sums);
        if teacher_twins <= 0.0 {
            Err(Undefined::NoFaults)
        } else if teacher <= 0.0 {
            Err(Undefined::TeacherNeverRecovers)
        } else if student_twins <= 0.0 {
            Err(Undefined::StudentNeverSucceeds)
        } else {
            // Both halves are over the same episodes, so their numbers cancel.
            Ok((student * teacher_twins) / (student_twins * teacher))
        }
    },
};

const DIALOGUES: [Column; dialogue::WIDTH] = {
    let mut all = [Column(0); dialogue::WIDTH];
    let mut k = 0;
    while k < all.len() {
        all[k] = Column(k);
        k += 1;
    }
    all
};

/// The restricted means of student and teacher, one over the other, up to a turn.
fn survival(sums: &[f64], horizon: usize) -> Option<f64> {
    let (teacher, student) = sums.split_at(2 * HORIZON);
    Some(restricted_mean(&student[..2 * horizon])? / restricted_mean(&teacher[..2 * horizon])?)
}

/// The last turn up to which both models' dialogues are known.
fn horizon(sums: &[f64]) -> Option<usize> {
    let (teacher, student) = sums.split_at(2 * HORIZON);
    let horizon = watched_up_to(teacher).min(watched_up_to(student));
    (horizon > 0).then_some(horizon)
}

fn survival_limits(table: &FamilyTable, _: f64) -> Result<Limits, Undefined> {
    let horizon = horizon(&table.totals()).ok_or(Undefined::NoDialogues)?;
    Limits::of_strata(table, Shape::AMOUNT, |sums| sums[0], |sums| survival(sums, horizon)).ok_or(Undefined::Unknown)
}

const SURVIVAL: Formula = Formula::Function {
    reads: &DIALOGUES,
    of: |sums| {
        let horizon = horizon(sums).ok_or(Undefined::NoDialogues)?;
        survival(sums, horizon).ok_or(Undefined::Unknown)
    },
};

/// Episode success.
pub static EPISODE_SUCCESS: Definition = Definition {
    id: "episode_success",
    text: Text {
        page: "episode_success",
        name: "Episode success",
        unit: "",
        what: "How often the student reaches the goal of an episode: the state of the world is right at the end, nothing else was changed, and no turn violated a constraint.",
        misleads: "A model that does not keep to the form of a call fails everything: look at malformed calls before concluding that it cannot act.",
        formula: "mean over episodes of the share of the student's runs that succeed",
        source: "Yao et al., τ-bench, arXiv:2406.12045",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Episodes,
    measure: Some(Measure {
        floor: Floor::OfTeacher(mean(Sum::of(&[TEACHER]))),
        stake: Some(SOLVED),
        ..measure(mean(Sum::of(&[STUDENT])))
    }),
};

/// Episodes lost.
pub static EPISODE_LOST: Definition = Definition {
    id: "episode_lost",
    text: Text {
        page: "episode_success",
        name: "Episodes lost",
        unit: "",
        what: "How often a run of the teacher succeeds and a run of the student does not.",
        misleads: "A teacher that succeeds half of the time loses against itself too: read it beside its floor and the net loss.",
        formula: "mean over episodes of P(T succeeds) · P(S fails)",
        source: "Yan et al., arXiv:2011.09161 (negative flips)",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::Episodes,
    measure: Some(Measure { floor: Floor::Rerun, stake: Some(SOLVED), ..measure(mean(Sum::of(&[LOST]))) }),
};

/// Net episodes lost.
pub static EPISODE_NET_LOSS: Definition = Definition {
    id: "episode_net_loss",
    text: Text {
        page: "episode_success",
        name: "Net episodes lost",
        unit: "",
        what: "How much less often the student succeeds than its teacher.",
        misleads: "A student that loses as much as it gains has no net loss and acts differently: read it beside episodes lost.",
        formula: "mean over episodes of success of T − success of S",
        source: "Yao et al., τ-bench, arXiv:2406.12045",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Episodes,
    measure: Some(Measure {
        floor: Floor::Rerun,
        stake: Some(SOLVED),
        ..measure(mean(Sum::of(&[TEACHER]).less(&[STUDENT])))
    }),
};

/// Recovery ratio.
pub static RECOVERY_RATIO: Definition = Definition {
    id: "recovery_ratio",
    text: Text {
        page: "recovery_ratio",
        name: "Recovery ratio",
        unit: "",
        what: "How much of its success the student keeps when something goes wrong on the way, over how much the teacher keeps: the same episodes with a fault and without.",
        misleads: "A student that hardly succeeds without a fault has little to keep, and the ratio is of two small numbers: look at its interval.",
        formula: "[P_S(success | fault) / P_S(success | none)] / [P_T(success | fault) / P_T(success | none)]",
        source: "own definition, after Yao et al., arXiv:2406.12045",
    },
    direction: Direction::Higher,
    range: Range::FROM_ZERO,
    group: Group::Episodes,
    measure: Some(Measure { floor: Floor::Rerun, ..measure(RECOVERY) }),
};

/// Repeated failing calls.
pub static REPEATED_FAILING_CALLS: Definition = Definition {
    id: "repeated_failing_calls",
    text: Text {
        page: "repeated_failing_calls",
        name: "Repeated failing calls",
        unit: "",
        what: "How often the student makes a call that has failed before in the very same words, and it fails again.",
        misleads: "One repetition after a passing fault is right, and is not counted where it succeeds; a model that gives up at once has none.",
        formula: "Σ failing calls that had failed before / Σ calls, malformed ones included",
        source: "own definition",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::Episodes,
    measure: Some(Measure {
        floor: Floor::OfTeacher(ratio(Sum::of(&[TEACHER_REPEATED]), &[TEACHER_CALLS], Undefined::NoCalls)),
        ..measure(ratio(Sum::of(&[STUDENT_REPEATED]), &[STUDENT_CALLS], Undefined::NoCalls))
    }),
};

/// Undone damage.
pub static UNDONE_DAMAGE: Definition = Definition {
    id: "undone_damage",
    text: Text {
        page: "undone_damage",
        name: "Damage left behind",
        unit: "",
        what: "How often a run in which something goes wrong on the way ends with something changed that nobody asked for, and that the student did not take back.",
        misleads: "A model that gives up at the first error damages nothing: read it beside the recovery ratio.",
        formula: "mean over episodes with a fault of the share of the student's runs that end with damage",
        source: "own definition, after Yao et al., arXiv:2406.12045",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::Episodes,
    measure: Some(Measure {
        interval: IntervalRule::Share,
        floor: Floor::OfTeacher(ratio(Sum::of(&[TEACHER_DAMAGED]), &[FAULTY], Undefined::NoFaults)),
        ..measure(ratio(Sum::of(&[STUDENT_DAMAGED]), &[FAULTY], Undefined::NoFaults))
    }),
};

/// pass^2.
pub static PASS_K: Definition = Definition {
    id: "pass_k",
    text: Text {
        page: "pass_k",
        name: "pass^2: two runs both succeed",
        unit: "",
        what: "How often two runs of the student both succeed at an episode: whether it can be relied on, not whether it can.",
        misleads: "Greedy runs are all the same, and then it says no more than success does.",
        formula: "mean over episodes of C(c, 2)/C(n, 2), c of n runs succeed",
        source: "Yao et al., τ-bench, arXiv:2406.12045",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Episodes,
    measure: Some(Measure {
        interval: IntervalRule::Share,
        floor: Floor::OfTeacher(twice(&[TEACHER_BOTH])),
        needs: &[Need::TwoAnswers],
        left_out: LeftOut::Uncounted { known: TWICE, all: COUNT, reason: "fewer than two runs of a model" },
        ..measure(twice(&[STUDENT_BOTH]))
    }),
};

/// Survival ratio.
pub static SURVIVAL_RATIO: Definition = Definition {
    id: "survival_ratio",
    text: Text {
        page: "survival_ratio",
        name: "Survival ratio",
        unit: "",
        what: "How many turns the student keeps to what was agreed, over how many the teacher does.",
        misleads: "It is measured up to the last turn that both models' episodes were followed to; beyond it nothing is known.",
        formula: "∫₀^τ S_S(t) dt / ∫₀^τ S_T(t) dt, S the Kaplan–Meier estimate over the first violated turn",
        source: "Kaplan and Meier, JASA 53 (1958); Royston and Parmar, Statistics in Medicine 30 (2011)",
    },
    direction: Direction::Higher,
    range: Range::ABOVE_ZERO,
    group: Group::Episodes,
    measure: Some(Measure {
        table: Table::Dialogues,
        interval: IntervalRule::Own(survival_limits),
        floor: Floor::Rerun,
        ..measure(SURVIVAL)
    }),
};

/// The metrics of episodes.
pub static DEFINITIONS: &[&Definition] = &[
    &EPISODE_SUCCESS,
    &EPISODE_LOST,
    &EPISODE_NET_LOSS,
    &RECOVERY_RATIO,
    &REPEATED_FAILING_CALLS,
    &UNDONE_DAMAGE,
    &PASS_K,
    &SURVIVAL_RATIO,
];
