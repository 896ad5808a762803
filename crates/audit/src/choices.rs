//! Metrics of forced choices: what both models decide, how sure they are, and who is right.

use std::collections::BTreeMap;

use hydrometer_answers::ChoiceRow;
use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::calibration::{self, ECE2_COLUMNS, ReliabilityBin, SLOPE_COLUMNS};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe};

use crate::statement::{ChoiceOutcome, TruthCells};
use crate::tokens::{Definition, share};

pub(crate) const COUNT: usize = 0;
pub(crate) const AGREEMENT: usize = 1;
const CEILING: usize = 2;
pub(crate) const D2: usize = 3;
pub(crate) const SAME_TOP: usize = 4;
pub(crate) const WITH_TRUTH: usize = 5;
pub(crate) const TEACHER_RIGHT: usize = 6;
pub(crate) const STUDENT_RIGHT: usize = 7;
pub(crate) const LOST: usize = 8;
pub(crate) const GAINED: usize = 9;
pub(crate) const TEACHER_BRIER: usize = 10;
pub(crate) const STUDENT_BRIER: usize = 11;
/// Sums for the calibration slope.
const REGRESSION: usize = 12;
/// Sums for the calibration error of each model.
const TEACHER_BINS: usize = REGRESSION + SLOPE_COLUMNS;
const STUDENT_BINS: usize = TEACHER_BINS + ECE2_COLUMNS;
const COLUMNS: usize = STUDENT_BINS + ECE2_COLUMNS;

/// N columns in a row.
const fn columns_from<const N: usize>(first: usize) -> [usize; N] {
    let mut columns = [0; N];
    let mut i = 0;
    while i < N {
        columns[i] = first + i;
        i += 1;
    }
    columns
}

/// Metrics of choices over the whole suite.
pub(crate) const DEFINITIONS: &[Definition] = &[
    Definition { id: "choice_top1_agreement", reads: &[SAME_TOP, COUNT], of: share },
    Definition { id: "choice_agreement", reads: &[AGREEMENT, COUNT], of: share },
    Definition { id: "choice_divergence", reads: &[D2, COUNT], of: share },
    Definition { id: "choice_accuracy_teacher", reads: &[TEACHER_RIGHT, WITH_TRUTH], of: share },
    Definition { id: "choice_accuracy_student", reads: &[STUDENT_RIGHT, WITH_TRUTH], of: share },
    Definition { id: "choice_lost", reads: &[LOST, WITH_TRUTH], of: share },
    Definition { id: "choice_gained", reads: &[GAINED, WITH_TRUTH], of: share },
    Definition { id: "brier_teacher", reads: &[TEACHER_BRIER, WITH_TRUTH], of: share },
    Definition { id: "brier_student", reads: &[STUDENT_BRIER, WITH_TRUTH], of: share },
    Definition { id: "ece2_teacher", reads: &columns_from::<ECE2_COLUMNS>(TEACHER_BINS), of: calibration::ece2 },
    Definition { id: "ece2_student", reads: &columns_from::<ECE2_COLUMNS>(STUDENT_BINS), of: calibration::ece2 },
    Definition { id: "calibration_slope", reads: &columns_from::<SLOPE_COLUMNS>(REGRESSION), of: calibration::slope },
];

/// The metrics that are shares of choices: exact intervals near 0 and 1.
pub(crate) const SHARES: &[&str] =
    &["choice_top1_agreement", "choice_accuracy_teacher", "choice_accuracy_student", "choice_lost", "choice_gained"];

/// Agreement of the teacher with a second run of itself: Σ_o P_T(o)², the ceiling of `choice_agreement`.
pub(crate) fn agreement_ceiling(table: &FamilyTable) -> Option<f64> {
    let totals = table.totals();
    share(&[totals[CEILING], totals[COUNT]])
}

/// One choice, averaged over option orders.
pub(crate) struct Decision<'a> {
    pub probe: &'a Probe,
    pub prompt: &'a str,
    pub options: &'a [String],
    pub truth: Option<usize>,
    /// Teacher's probability of each option.
    pub teacher: Vec<f64>,
    /// Student's probability of each option.
    pub student: Vec<f64>,
}

impl Decision<'_> {
    pub(crate) fn outcome(&self) -> ChoiceOutcome {
        let right = |p: &[f64]| self.truth.map(|t| top(p) == t);
        match (right(&self.teacher), right(&self.student)) {
            (Some(true), Some(false)) => ChoiceOutcome::Lost,
            (Some(false), Some(true)) => ChoiceOutcome::Gained,
            _ => ChoiceOutcome::Moved,
        }
    }

    /// Squared distance of the two option distributions.
    pub(crate) fn distance(&self) -> f64 {
        self.teacher.iter().zip(&self.student).map(|(t, s)| (t - s).powi(2)).sum()
    }
}

/// The most probable option; ties go to the first.
pub(crate) fn top(p: &[f64]) -> usize {
    (0..p.len()).rev().max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap_or(0)
}

/// Choices from their rows: log-probabilities become probabilities over the options of each order, then the orders
/// are averaged, so that a preference for a letter cancels out.
pub(crate) fn decisions<'a>(rows: &[ChoiceRow], probes: &BTreeMap<&str, &'a Probe>) -> Vec<Decision<'a>> {
    let mut all = Vec::new();
    for group in rows.chunk_by(|a, b| a.probe == b.probe) {
        let Some(probe) = probes.get(group[0].probe.as_str()) else { continue };
        let Ask::Choice(kind::Choice { prompt, options, truth, .. }) = &probe.ask else { continue };
        let (mut teacher, mut student) = (vec![0.0; options.len()], vec![0.0; options.len()]);
        let orders = group.chunk_by(|a, b| a.rotation == b.rotation);
        let n = orders.clone().count() as f64;
        for order in orders {
            for (sums, logprob) in [
                (&mut teacher, (|r| r.teacher_logprob) as fn(&ChoiceRow) -> f64),
                (&mut student, |r| r.student_logprob),
            ] {
                let most = order.iter().map(logprob).fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<_> = order
                    .iter()
                    .map(|r| if most == f64::NEG_INFINITY { 1.0 } else { (logprob(r) - most).exp() })
                    .collect();
                let total: f64 = weights.iter().sum();
                for (row, weight) in order.iter().zip(weights) {
                    // The folder was held against the suite: each order has every option once.
                    sums[row.option as usize] += weight / total / n;
                }
            }
        }
        let truth = truth.map(|t| t as usize);
        all.push(Decision { probe, prompt, options, truth, teacher, student });
    }
    all
}

/// Sums per family of the choices.
pub(crate) fn table<'a>(decisions: impl Iterator<Item = &'a Decision<'a>>) -> FamilyTable {
    let mut table = FamilyTable::new(COLUMNS);
    for decision in decisions {
        table.add(&decision.probe.family, &columns(decision), 1);
    }
    table
}

fn columns(decision: &Decision<'_>) -> [f64; COLUMNS] {
    let (t, s) = (&decision.teacher, &decision.student);
    let mut c = [0.0; COLUMNS];
    c[COUNT] = 1.0;
    c[AGREEMENT] = t.iter().zip(s).map(|(t, s)| t * s).sum();
    c[CEILING] = t.iter().map(|t| t * t).sum();
    c[D2] = decision.distance();
    c[SAME_TOP] = f64::from(u8::from(top(t) == top(s)));
    for (&p, &q) in t.iter().zip(s) {
        for (sum, term) in c[REGRESSION..].iter_mut().zip(calibration::slope_columns(p, q)) {
            *sum += term;
        }
    }
    if let Some(truth) = decision.truth {
        c[WITH_TRUTH] = 1.0;
        let outcome = decision.outcome();
        c[LOST] = f64::from(u8::from(outcome == ChoiceOutcome::Lost));
        c[GAINED] = f64::from(u8::from(outcome == ChoiceOutcome::Gained));
        for (p, right, brier, bins) in
            [(t, TEACHER_RIGHT, TEACHER_BRIER, TEACHER_BINS), (s, STUDENT_RIGHT, STUDENT_BRIER, STUDENT_BINS)]
        {
            let answer = top(p);
            let correct = f64::from(u8::from(answer == truth));
            c[right] = correct;
            // A truth is one of the options, as its suite is checked. If it were not, the number would be missing.
            c[brier] = calibration::brier(p, truth).unwrap_or(f64::NAN);
            // An average of probabilities may exceed 1 by a rounding.
            let sums = calibration::ece2_columns(p[answer].min(1.0), answer == truth);
            c[bins..bins + ECE2_COLUMNS].copy_from_slice(&sums.unwrap_or([f64::NAN; ECE2_COLUMNS]));
        }
    }
    c
}

/// Reliability diagrams of teacher and student on the choices with a truth.
pub(crate) fn reliability(decisions: &[Decision<'_>]) -> [Vec<ReliabilityBin>; 2] {
    let pair = |p: &[f64], truth: Option<usize>| Some((p[top(p)].min(1.0), top(p) == truth?));
    let teacher: Vec<_> = decisions.iter().filter_map(|d| pair(&d.teacher, d.truth)).collect();
    let student: Vec<_> = decisions.iter().filter_map(|d| pair(&d.student, d.truth)).collect();
    [teacher, student].map(|pairs| calibration::reliability(&pairs, calibration::BINS))
}

/// The four cells, the last one split; `None` when no choice has a truth.
pub(crate) fn truth_cells(decisions: &[Decision<'_>]) -> Option<TruthCells> {
    let mut cells = TruthCells { both_right: 0, lost: 0, gained: 0, both_wrong_same: 0, both_wrong_different: 0 };
    let mut any = false;
    for decision in decisions {
        let Some(truth) = decision.truth else { continue };
        any = true;
        let (t, s) = (top(&decision.teacher), top(&decision.student));
        let cell = match (t == truth, s == truth) {
            (true, true) => &mut cells.both_right,
            (true, false) => &mut cells.lost,
            (false, true) => &mut cells.gained,
            (false, false) if t == s => &mut cells.both_wrong_same,
            (false, false) => &mut cells.both_wrong_different,
        };
        *cell += 1;
    }
    any.then_some(cells)
}
