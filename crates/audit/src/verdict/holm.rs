//! Naming failures is a search among all gates: Holm's correction.

use std::collections::BTreeMap;

use hydrometer_metrics::Verdict;
use hydrometer_metrics::stats::gate::{Bounds, failure_p};
use hydrometer_metrics::stats::significance::holm;

use super::gate::{interval_words, judged_by};
use super::ground::Ground;
use crate::statement::{Corrected, Gate};

/// Naming failures is a search among all gates: a FAIL stands when Holm's correction leaves it below `alpha`, else the
/// gate is undecided and says so. (That all gates pass needs no correction: an intersection–union test.)
pub(super) fn name_failures(gates: &mut [Gate], grounds: &BTreeMap<&str, Ground>, alpha: f64) {
    let p_of = |gate: &Gate| {
        let bounds = Bounds { at_least: gate.at_least, at_most: gate.at_most };
        grounds.get(gate.metric.as_str()).map_or(1.0, |ground| failure_p(|alpha| ground.bounds(alpha), &bounds))
    };
    let p_values: Vec<f64> = gates.iter().map(p_of).collect();
    let tests = gates.len();
    for ((gate, adjusted), alone) in gates.iter_mut().zip(holm(&p_values)).zip(&p_values) {
        if gate.verdict != Verdict::Fail {
            continue;
        }
        // The level that the correction leaves to this gate: its bound there misses the margin just when Holm's p is at
        // most `alpha`.
        let step = judged_by(grounds.get(gate.metric.as_str()), alpha * alone / adjusted);
        let words = step.as_ref().map(interval_words).unwrap_or_default();
        if adjusted > alpha {
            gate.verdict = Verdict::NotEnoughEvidence;
            gate.corrected = Some(Corrected { alone: *alone, adjusted });
            gate.explanation += &format!(
                "; by itself it would fail (p {alone:.3}), but one of {tests} gates may do so by chance (Holm's p \
                 {adjusted:.3}, above {alpha:.2}): judged by its {words}"
            );
        } else if adjusted > *alone {
            gate.explanation += &format!("; among {tests} gates (Holm's correction) judged by its {words}");
        }
        gate.judged = step;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use hydrometer_metrics::FamilyTable;
    use hydrometer_metrics::stats::limits::{Limits, Shape};

    use super::*;

    #[test]
    fn a_failure_that_holm_takes_back_says_so_with_both_p_values() {
        let mut table = FamilyTable::new(1);
        for family in 0..30 {
            table.add(&format!("{family:02}"), &[f64::from(family % 7)], 1);
        }
        let found = Limits::new(&table, Shape::ANY, |_| 1.0, |sums| sums.first().map(|sum| sum / 30.0)).unwrap();
        let margin = found.bounds(0.03).unwrap().0;
        let gate = |verdict| Gate {
            metric: "kl_divergence".into(),
            at_least: None,
            at_most: Some(margin),
            verdict,
            estimate: Some(found.estimate(0.95, 30)),
            regime: None,
            more_families: None,
            judged: None,
            corrected: None,
            detectable: None,
            caught: Vec::new(),
            resolution: None,
            explanation: "it should be less".into(),
        };
        let limits = BTreeMap::from([("kl_divergence", Ground::One(found.clone()))]);
        let mut alone = [gate(Verdict::Fail)];
        name_failures(&mut alone, &limits, 0.05);
        assert_eq!((alone[0].verdict, alone[0].corrected), (Verdict::Fail, None));
        let judged = alone[0].judged.unwrap();
        assert!((judged.level - 0.9).abs() < 1e-9 && judged.low > margin, "{judged:?}");
        let mut two = [gate(Verdict::Fail), gate(Verdict::Fail)];
        name_failures(&mut two, &limits, 0.05);
        for gate in two {
            let Corrected { alone, adjusted } = gate.corrected.unwrap();
            assert_eq!(gate.verdict, Verdict::NotEnoughEvidence);
            assert!((alone - 0.03).abs() < 1e-3 && (adjusted - 0.06).abs() < 2e-3, "{alone} {adjusted}");
            let judged = gate.judged.unwrap();
            assert!((judged.level - 0.95).abs() < 1e-3 && judged.low < margin, "{judged:?}");
            assert!(gate.explanation.contains("judged by its 95 % interval"), "{}", gate.explanation);
            assert!(gate.explanation.contains("p 0.030") && gate.explanation.contains("0.060"), "{}", gate.explanation);
        }
    }
}
