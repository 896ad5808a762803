//! Naming failures is a search among all gates: Holm's correction.

use hydrometer_metrics::Verdict;
use hydrometer_metrics::stats::gate::{Bounds, judge};
use hydrometer_metrics::stats::significance::holm;

use crate::statement::Gate;

/// Naming failures is a search among all gates: a FAIL stands when Holm's correction leaves it below `alpha`, else the
/// gate is undecided. (That all gates pass needs no correction: an intersection–union test.)
pub(super) fn name_failures(gates: &mut [Gate], alpha: f64) {
    let p_values: Vec<f64> = gates.iter().map(failure_p).collect();
    for (gate, adjusted) in gates.iter_mut().zip(holm(&p_values)) {
        if gate.verdict == Verdict::Fail && adjusted > alpha {
            gate.verdict = Verdict::NotEnoughEvidence;
        }
    }
}

/// The smallest level at which the gate fails, by bisection on a logarithmic scale; 1 where it fails at none.
fn failure_p(gate: &Gate) -> f64 {
    let Some(estimate) = &gate.estimate else { return 1.0 };
    let bounds = Bounds { at_least: gate.at_least, at_most: gate.at_most };
    let fails = |log_alpha: f64| judge(estimate, &bounds, log_alpha.exp()).verdict == Verdict::Fail;
    let (mut low, mut high) = (1e-12_f64.ln(), 0.49_f64.ln());
    if !fails(high) {
        return 1.0;
    }
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if fails(middle) { high = middle } else { low = middle }
    }
    high.exp()
}
