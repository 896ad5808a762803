//! Metrics of forced choices: what both models decide, how sure they are, and who is right.

use std::collections::BTreeMap;

use hydrometer_answers::ChoiceRow;
use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::calibration::ReliabilityBin;
use hydrometer_probes::{Ask, Probe};

use crate::statement::{ChoiceOutcome, TruthCells};
use crate::tokens::Definition;

const BINS: usize = 10;
const COUNT: usize = 0;
const AGREEMENT: usize = 1;
const CEILING: usize = 2;
const D2: usize = 3;
const SAME_TOP: usize = 4;
const WITH_TRUTH: usize = 5;
const TEACHER_RIGHT: usize = 6;
const STUDENT_RIGHT: usize = 7;
const LOST: usize = 8;
const GAINED: usize = 9;
const TEACHER_BRIER: usize = 10;
const STUDENT_BRIER: usize = 11;
/// Regression of logit p_T on logit q_S: n, Σx, Σy, Σxx, Σxy.
const REGRESSION: usize = 12;
/// Per bin and model: items, Σ confidence, Σ right.
const TEACHER_BINS: usize = REGRESSION + 5;
const STUDENT_BINS: usize = TEACHER_BINS + 3 * BINS;
const COLUMNS: usize = STUDENT_BINS + 3 * BINS;

/// Metrics of choices over the whole suite.
pub(crate) const DEFINITIONS: &[Definition] = &[
    Definition { id: "choice_top1_agreement", of: |s| ratio(s[SAME_TOP], s[COUNT]) },
    Definition { id: "choice_agreement", of: |s| ratio(s[AGREEMENT], s[COUNT]) },
    Definition { id: "choice_divergence", of: |s| ratio(s[D2], s[COUNT]) },
    Definition { id: "choice_accuracy_teacher", of: |s| ratio(s[TEACHER_RIGHT], s[WITH_TRUTH]) },
    Definition { id: "choice_accuracy_student", of: |s| ratio(s[STUDENT_RIGHT], s[WITH_TRUTH]) },
    Definition { id: "choice_lost", of: |s| ratio(s[LOST], s[WITH_TRUTH]) },
    Definition { id: "choice_gained", of: |s| ratio(s[GAINED], s[WITH_TRUTH]) },
    Definition { id: "brier_teacher", of: |s| ratio(s[TEACHER_BRIER], s[WITH_TRUTH]) },
    Definition { id: "brier_student", of: |s| ratio(s[STUDENT_BRIER], s[WITH_TRUTH]) },
    Definition { id: "ece2_teacher", of: |s| ece2(&s[TEACHER_BINS..STUDENT_BINS]) },
    Definition { id: "ece2_student", of: |s| ece2(&s[STUDENT_BINS..COLUMNS]) },
    Definition { id: "calibration_slope", of: |s| slope(&s[REGRESSION..REGRESSION + 5]) },
];

/// The metrics that are shares of choices: exact intervals near 0 and 1.
pub(crate) const SHARES: &[&str] =
    &["choice_top1_agreement", "choice_accuracy_teacher", "choice_accuracy_student", "choice_lost", "choice_gained"];

/// Agreement of the teacher with a second run of itself: Σ_o P_T(o)², the ceiling of `choice_agreement`.
pub(crate) fn agreement_ceiling(s: &[f64]) -> Option<f64> {
    ratio(s[CEILING], s[COUNT])
}

fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// Debiased squared expected calibration error, Σ_b w_b [(ȳ_b − c̄_b)² − ȳ_b(1 − ȳ_b)/(n_b − 1)]; bins with fewer
/// than two items cannot be debiased and are left out.
fn ece2(bins: &[f64]) -> Option<f64> {
    let usable: Vec<_> = bins.chunks_exact(3).filter(|b| b[0] >= 2.0).collect();
    let total: f64 = usable.iter().map(|b| b[0]).sum();
    let sum = usable.iter().map(|b| {
        let (n, confidence, right) = (b[0], b[1] / b[0], b[2] / b[0]);
        n * ((right - confidence).powi(2) - right * (1.0 - right) / (n - 1.0))
    });
    ratio(sum.sum(), total)
}

/// Least-squares slope from n, Σx, Σy, Σxx, Σxy.
fn slope(s: &[f64]) -> Option<f64> {
    let [n, x, y, xx, xy] = *s else { return None };
    ratio(n * xy - x * y, n * xx - x * x)
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
        let Ask::Choice { prompt, options, truth, .. } = &probe.ask else { continue };
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
                    if let Some(sum) = sums.get_mut(row.option as usize) {
                        *sum += weight / total / n;
                    }
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
        let (y, x) = (logit(p), logit(q));
        for (sum, term) in c[REGRESSION..].iter_mut().zip([1.0, x, y, x * x, x * y]) {
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
            c[brier] = p.iter().enumerate().map(|(o, p)| (p - f64::from(u8::from(o == truth))).powi(2)).sum();
            let bin = bins + 3 * ((p[answer] * BINS as f64) as usize).min(BINS - 1);
            c[bin] = 1.0;
            c[bin + 1] = p[answer];
            c[bin + 2] = correct;
        }
    }
    c
}

/// ln(p/(1−p)), with p kept away from 0 and 1 by 1e−6 so that one certain answer does not decide a regression.
fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-6, 1.0 - 1e-6);
    (p / (1.0 - p)).ln()
}

/// Reliability bins of both models from the column totals.
pub(crate) fn reliability(totals: &[f64]) -> [Vec<ReliabilityBin>; 2] {
    [TEACHER_BINS, STUDENT_BINS].map(|start| {
        totals[start..start + 3 * BINS]
            .chunks_exact(3)
            .enumerate()
            .map(|(i, b)| ReliabilityBin {
                low: i as f64 / BINS as f64,
                high: (i + 1) as f64 / BINS as f64,
                items: b[0] as u64,
                confidence: ratio(b[1], b[0]),
                accuracy: ratio(b[2], b[0]),
            })
            .collect()
    })
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
