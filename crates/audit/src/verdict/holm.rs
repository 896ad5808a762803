//! Naming failures is a search among all gates: Holm's correction.

use std::collections::BTreeMap;

use hydrometer_metrics::Verdict;
use hydrometer_metrics::stats::gate::{Bounds, failure_p};
use hydrometer_metrics::stats::limits::Limits;
use hydrometer_metrics::stats::significance::holm;

use crate::statement::{Corrected, Gate};

/// Naming failures is a search among all gates: a FAIL stands when Holm's correction leaves it below `alpha`, else the
/// gate is undecided and says so. (That all gates pass needs no correction: an intersection–union test.)
pub(super) fn name_failures(gates: &mut [Gate], limits: &BTreeMap<&str, Limits>, alpha: f64) {
    let p_of = |gate: &Gate| {
        let bounds = Bounds { at_least: gate.at_least, at_most: gate.at_most };
        limits.get(gate.metric.as_str()).map_or(1.0, |limits| failure_p(|alpha| limits.bounds(alpha), &bounds))
    };
    let p_values: Vec<f64> = gates.iter().map(p_of).collect();
    let tests = gates.len();
    for ((gate, adjusted), alone) in gates.iter_mut().zip(holm(&p_values)).zip(&p_values) {
        if gate.verdict == Verdict::Fail && adjusted > alpha {
            gate.verdict = Verdict::NotEnoughEvidence;
            gate.corrected = Some(Corrected { alone: *alone, adjusted });
            gate.explanation += &format!(
                "; by itself it would fail (p {alone:.3}), but one of {tests} gates may do so by chance (Holm's p \
                 {adjusted:.3}, above {alpha:.2})"
            );
        }
    }
}
