//! Numbers that a few of many families carry, against the exact law of how many do.
#![allow(clippy::unwrap_used)]

use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::stats::limits::{Limits, Shape};
use statrs::distribution::{Binomial, Discrete};

const BALANCE: Shape = Shape::Between { low: Some(-1.0), high: Some(1.0) };
const SHARE: Shape = Shape::Between { low: Some(0.0), high: Some(1.0) };

/// Upper bound at 5 % of the mean over `families` single questions, the first of which have these values and the others 0.
fn upper(shape: Shape, values: &[f64], families: usize) -> f64 {
    let mut table = FamilyTable::new(2);
    for family in 0..families {
        table.add(&format!("{family:04}"), &[values.get(family).copied().unwrap_or(0.0), 1.0], 1);
    }
    let limits = Limits::new(&table, shape, |sums| sums[1], |sums| (sums[1] > 0.0).then(|| sums[0] / sums[1])).unwrap();
    limits.gate_ends(0.05, 1.0).unwrap().clear.1
}

/// How often a student that loses exactly 5 % (of `each` a family that is lost) passes a gate that allows no more; a passing count above one
/// that does not pass is wrong in itself.
fn wrong_pass(shape: Shape, each: f64, families: usize) -> f64 {
    let margin = 0.05 * each;
    let law = Binomial::new(0.05, families as u64).unwrap();
    let passes: Vec<bool> =
        (0..=families / 8).map(|lost| upper(shape, &vec![each; lost], families) <= margin).collect();
    let most = passes.iter().rposition(|&passes| passes);
    if let Some(most) = most.filter(|_| shape != Shape::AMOUNT) {
        assert!(passes[..most].iter().all(|&passes| passes), "of {families}: {passes:?}");
    }
    passes.iter().zip(0..).filter(|(passes, _)| **passes).map(|(_, lost)| law.pmf(lost)).sum()
}

#[test]
fn a_student_at_the_margin_passes_in_one_audit_of_twenty_at_most() {
    for (shape, each) in [(BALANCE, 1.0), (SHARE, 1.0), (SHARE, 0.4), (Shape::AMOUNT, 3.0)] {
        for families in [60, 100, 146, 174, 200, 256, 300, 399] {
            let wrong = wrong_pass(shape, each, families);
            assert!(wrong <= 0.05, "{shape:?} {each}: {wrong:.3} of {families}");
        }
    }
}

#[test]
fn what_is_won_does_not_make_what_is_lost_more_certain() {
    for families in [100, 200, 300] {
        let lost = upper(BALANCE, &[1.0; 5], families);
        let both = upper(BALANCE, &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0], families);
        assert!(both > lost, "{both} {lost} of {families}");
    }
}
