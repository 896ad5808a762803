//! Rates corrected for a classifier's errors: the formula, what cannot be corrected, and a smaller version of
//! `examples/misclassified.rs`, checked cell by cell.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::misclassified;

use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::stats::rogan_gladen::{NotCorrected, corrected, corrected_rates};
use misclassified::{Case, three_classes};
use proptest::prelude::*;

/// Two standard errors of 95 % at 400 audits are 2.2 points.
const AUDITS: usize = 400;
const SLACK: f64 = 0.022;

/// From reference/rogan_gladen.py.
const LOW: f64 = 0.175637496;
const HIGH: f64 = 0.297465937;

/// Equal families with these sums each.
fn table(families: usize, sums: &[f64]) -> FamilyTable {
    let mut table = FamilyTable::new(sums.len());
    for index in 0..families {
        table.add(&index.to_string(), sums, 1);
    }
    table
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "found {found}, expected {expected}");
}

#[test]
fn the_formula() {
    // q = 0.3, se = 0.8, sp = 0.9: (0.3 + 0.9 − 1)/(0.8 + 0.9 − 1).
    let found = corrected(&table(40, &[3.0, 10.0]), &table(40, &[8.0, 10.0, 9.0, 10.0]), 0.95).unwrap();
    near(found.raw, 0.2 / 0.7);
    assert!(found.low < found.value && found.value < found.high, "{found:?}");
    assert!(!found.is_upper_bound(), "{found:?}");
    // The matrix of two classes is the same.
    let both = corrected_rates(&table(40, &[3.0, 7.0]), &table(40, &[8.0, 1.0, 2.0, 9.0]), 0.95).unwrap();
    near(both[0].raw, 0.2 / 0.7);
    near(both[1].raw, 0.5 / 0.7);
    // A known case of three: the true rates 0.5, 0.3, 0.2 through the matrix, by hand.
    let known = [9.0, 1.0, 0.0, 1.0, 8.0, 2.0, 0.0, 1.0, 8.0];
    let rates = corrected_rates(&table(9, &[4.8, 3.3, 1.9]), &table(9, &known), 0.95).unwrap();
    for (found, expected) in rates.iter().zip([0.5, 0.3, 0.2]) {
        near(found.raw, expected);
    }
}

#[test]
fn the_published_interval_on_independent_items() {
    // One item a family: q 0.25 of 400, se 0.9 of 100, sp 0.95 of 200. The ends by the published formula, with n(z/t)² items
    // of n/(n − 1) of the variance, computed apart from this code (reference/rogan_gladen.py).
    let mut calls = FamilyTable::new(2);
    let mut truths = FamilyTable::new(4);
    for index in 0..400 {
        calls.add(&format!("{index}"), &[f64::from(u8::from(index < 100)), 1.0], 1);
    }
    for index in 0..100 {
        truths.add(&format!("p{index}"), &[f64::from(u8::from(index < 90)), 1.0, 0.0, 0.0], 1);
    }
    for index in 0..200 {
        truths.add(&format!("n{index}"), &[0.0, 0.0, f64::from(u8::from(index < 190)), 1.0], 1);
    }
    let found = corrected(&calls, &truths, 0.95).unwrap();
    near(found.raw, 0.2 / 0.85);
    assert!((found.low - LOW).abs() < 1e-6 && (found.high - HIGH).abs() < 1e-6, "{found:?}");
}

#[test]
fn what_dominates_is_an_upper_bound() {
    // Fewer calls than the classifier makes by mistake.
    let found = corrected(&table(100, &[0.5, 10.0]), &table(100, &[9.0, 10.0, 9.0, 10.0]), 0.95).unwrap();
    assert!(found.raw < 0.0 && found.value == 0.0 && found.is_upper_bound(), "{found:?}");
    assert!(found.high > 0.0 && found.low == 0.0, "{found:?}");
    // Many items, and a classifier that hardly anybody looked at.
    let mut calls = FamilyTable::new(2);
    for index in 0..2000 {
        calls.add(&index.to_string(), &[f64::from(u8::from(index % 3 == 0)), 1.0], 1);
    }
    let found = corrected(&calls, &table(5, &[3.0, 4.0, 3.0, 4.0]), 0.95).unwrap();
    assert!(found.from_classifier > 0.5 && found.is_upper_bound(), "{found:?}");
}

#[test]
fn what_cannot_be_corrected_says_why() {
    let (calls, truths) = (table(9, &[3.0, 10.0]), table(9, &[8.0, 10.0, 9.0, 10.0]));
    let check = |calls: &FamilyTable, truths: &FamilyTable, expected| {
        assert_eq!(corrected(calls, truths, 0.95).unwrap_err(), expected);
    };
    check(&FamilyTable::new(2), &truths, NotCorrected::NoItems);
    check(&table(1, &[3.0, 10.0]), &truths, NotCorrected::TooFewFamilies);
    check(&calls, &table(1, &[8.0, 10.0, 9.0, 10.0]), NotCorrected::TooFewFamilies);
    check(&calls, &table(9, &[0.0, 0.0, 9.0, 10.0]), NotCorrected::NoneOfClass(1));
    check(&calls, &table(9, &[8.0, 10.0, 0.0, 0.0]), NotCorrected::NoneOfClass(0));
    check(&calls, &table(9, &[5.0, 10.0, 5.0, 10.0]), NotCorrected::NoBetterThanChance);
    let of_three = |truths: &FamilyTable| corrected_rates(&table(9, &[4.0, 3.0, 3.0]), truths, 0.95).unwrap_err();
    assert_eq!(of_three(&table(9, &[9.0, 1.0, 0.0, 1.0, 8.0, 0.0, 0.0, 1.0, 0.0])), NotCorrected::NoneOfClass(2));
    assert_eq!(of_three(&table(9, &[1.0; 9])), NotCorrected::NoBetterThanChance);
}

#[test]
fn intervals_hold_the_truth() {
    for (sensitivity, specificity) in [(0.95, 0.98), (0.83, 0.92), (0.70, 0.95)] {
        for (families, known) in [(50, 50), (200, 50), (200, 200)] {
            for prevalence in [0.02, 0.1, 0.3, 0.5, 0.8] {
                let case = Case { prevalence, sensitivity, specificity, families, known };
                let rates = case.rates(AUDITS);
                assert!(rates.coverage >= 0.93 - SLACK, "{case:?}: {rates:?}");
                // Rates near 0 are covered more often than they must be.
                assert!(rates.coverage <= 0.97 + SLACK || prevalence < 0.3, "{case:?}: {rates:?}");
                assert!((rates.mean - prevalence).abs() < 0.02, "{case:?}: {rates:?}");
            }
        }
    }
    // The interval that believes the classifier does not.
    let case = Case { prevalence: 0.02, sensitivity: 0.83, specificity: 0.92, families: 200, known: 200 };
    assert!(case.rates(AUDITS).uncorrected < 0.05);
}

#[test]
fn intervals_of_three_classes_hold_the_truth() {
    for truth in [[0.6, 0.3, 0.1], [1.0 / 3.0; 3]] {
        for (families, known) in [(50, 60), (200, 60), (200, 200)] {
            for (rates, truth) in three_classes(truth, families, known, AUDITS).iter().zip(truth) {
                assert!((0.93 - SLACK..=0.97 + SLACK).contains(&rates.coverage), "{truth}: {rates:?}");
            }
        }
    }
}

proptest! {
    /// A classifier without errors changes nothing, and the interval holds the rate whatever the tables are.
    #[test]
    fn laws(
        calls in prop::collection::vec((0u8..=6, 0u8..=6), 2..30),
        known in prop::collection::vec((0u8..=4, 0u8..=4, 0u8..=4, 0u8..=4), 2..30),
    ) {
        let (mut q, mut perfect, mut other) = (FamilyTable::new(2), FamilyTable::new(4), FamilyTable::new(4));
        for (index, &(hits, misses)) in calls.iter().enumerate() {
            q.add(&index.to_string(), &[f64::from(hits), f64::from(hits) + f64::from(misses)], 1);
        }
        for (index, cells) in known.iter().enumerate() {
            let [tp, fneg, tn, fp] = [cells.0, cells.1, cells.2, cells.3].map(f64::from);
            perfect.add(&index.to_string(), &[tp + 1.0, tp + 1.0, tn + 1.0, tn + 1.0], 1);
            other.add(&index.to_string(), &[tp, tp + fneg, tn, tn + fp], 1);
        }
        let totals = q.totals();
        if let Ok(found) = corrected(&q, &perfect, 0.95) {
            near(found.raw, totals[0] / totals[1]);
            prop_assert!(found.low <= found.value && found.value <= found.high, "{:?}", found);
        }
        if let Ok(found) = corrected(&q, &other, 0.95) {
            prop_assert!(0.0 <= found.low && found.low <= found.high && found.high <= 1.0, "{:?}", found);
            prop_assert!((0.0..=1.0).contains(&found.from_classifier), "{:?}", found);
        }
    }
}
