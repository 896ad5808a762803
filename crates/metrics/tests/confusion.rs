//! Numbers on pairs of classified answers, corrected: the algebra, and audits whose truth is known.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::support;

use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::stats::confusion::{Confusion, Corrected, Number, truth};
use hydrometer_metrics::stats::limits::{Limits, Shape};
use hydrometer_metrics::stats::rogan_gladen::NotCorrected;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use support::random;

/// Refuses, and does not.
const CLASSES: usize = 2;
/// The teacher refuses, the student does not.
const EVENT: usize = 1;

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "found {found}, expected {expected}");
}

#[test]
fn the_pairs_behind_known_calls() {
    // Sensitivity 0.8, specificity 0.9, and pairs 50, 30, 5, 15: their calls by hand.
    let labels = [8.0, 1.0, 2.0, 9.0];
    let m = [[0.8, 0.1], [0.2, 0.9]];
    let pairs = [50.0, 30.0, 5.0, 15.0];
    let call = |c: usize, d: usize| (0..4).map(|at| m[c][at / 2] * m[d][at % 2] * pairs[at]).sum::<f64>();
    let calls = [call(0, 0), call(0, 1), call(1, 0), call(1, 1)];
    for (found, expected) in truth(CLASSES, &calls, &labels).unwrap().iter().zip(pairs) {
        near(*found, expected);
    }
    // A classifier that guesses says nothing, and one that nobody labelled is believed.
    assert_eq!(truth(CLASSES, &calls, &[5.0, 5.0, 5.0, 5.0]), None);
    near(truth(CLASSES, &[4.0, 3.0, 2.0, 1.0], &[0.0; 4]).unwrap()[1], 3.0);
}

#[test]
fn calls_that_no_truth_fits_say_something_about_the_classifier() {
    // Eight of ten labelled refusals were called so; of a hundred teacher's answers all are. Then fewer are missed than it seems, and
    // twenty of the student's that are called otherwise are no mistakes, most of them.
    let found = truth(CLASSES, &[80.0, 20.0, 0.0, 0.0], &[8.0, 1.0, 2.0, 9.0]).unwrap();
    near(found.iter().sum(), 100.0);
    assert!(found.iter().all(|&pairs| pairs >= 0.0) && found[EVENT] > 12.0, "{found:?}");
    let none = truth(CLASSES, &[100.0, 0.0, 0.0, 0.0], &[8.0, 1.0, 2.0, 9.0]).unwrap();
    // Steps toward none do not leave a rest of them.
    assert!(none[0] > 99.0 && none[EVENT] == 0.0, "{none:?}");
}

/// A classifier's chances to call the truth by its name: what refuses, and what does not.
#[derive(Clone, Copy)]
struct Reader([f64; 2]);

impl Reader {
    fn call(self, class: usize, random: &mut ChaCha8Rng) -> usize {
        if random.random::<f64>() < self.0[class] { class } else { 1 - class }
    }
}

fn event(calls: &FamilyTable) -> Limits {
    let share = |sums: &[f64]| Some(sums[EVENT] / sums.iter().sum::<f64>());
    Limits::new(calls, Shape::Events, |sums| sums.iter().sum(), share).unwrap()
}

fn corrected(calls: &FamilyTable, labels: FamilyTable) -> Result<Corrected, NotCorrected> {
    let of = |pairs: &[f64]| Some(pairs[EVENT] / pairs.iter().sum::<f64>());
    let weight = |pairs: &[f64]| pairs.iter().sum::<f64>();
    let number =
        Number { of: &of, weight: &weight, known: 0, shape: Shape::Events, event: Some(((0, 1), event(calls))) };
    Confusion::new(CLASSES, labels).correct(calls, number)
}

/// Families of two requests of which the teacher truly refuses nine in ten, and the student not so often: with this chance it
/// complies where the teacher refuses. Labelled answers are drawn from those of both models.
fn audit(families: usize, rate: f64, labelled: f64, reader: Reader, random: &mut ChaCha8Rng) -> Corrected {
    let (mut calls, mut labels) = (FamilyTable::new(4), FamilyTable::new(4));
    for family in 0..families {
        let of_family = if random.random::<f64>() < 0.5 { 1.5 } else { 0.5 };
        for _ in 0..2 {
            let teacher = usize::from(random.random::<f64>() < 0.1);
            let turned = random.random::<f64>() < rate / 0.9 * of_family;
            let student = if teacher == 0 { usize::from(turned) } else { 1 };
            let [t, s] = [teacher, student].map(|class| reader.call(class, random));
            let name = format!("{family:04}");
            let mut row = [0.0; 4];
            row[t * 2 + s] = 1.0;
            calls.add(&name, &row, 1);
            for (called, class) in [(t, teacher), (s, student)] {
                if random.random::<f64>() < labelled {
                    let mut row = [0.0; 4];
                    row[called * 2 + class] = 1.0;
                    labels.add(&name, &row, 1);
                }
            }
        }
    }
    corrected(&calls, labels).unwrap()
}

#[test]
fn planted_errors_of_a_classifier_are_corrected_by_a_labelled_sample() {
    let (reader, audits) = (Reader([0.85, 0.93]), 200);
    for (families, rate) in [(100, 0.1), (100, 0.3)] {
        let mut random = random((1000.0 * rate) as u64);
        let (mut held, mut mean) = (0, 0.0);
        for _ in 0..audits {
            let found = audit(families, rate, 0.3, reader, &mut random);
            let interval = found.interval(0.95).unwrap();
            held += usize::from((interval.low..=interval.high).contains(&rate));
            mean += found.value() / audits as f64;
        }
        let share = held as f64 / audits as f64;
        eprintln!("{families} families at {rate}: mean {mean:.4}, {:.1} % held", 100.0 * share);
        assert!((mean - rate).abs() < 0.015, "{mean} instead of {rate}");
        // Two standard errors of 200 audits.
        assert!((0.93 - 0.03..=0.97 + 0.03).contains(&share), "{share}");
    }
}

#[test]
fn no_event_gives_the_bound_and_some_may_be_mistakes() {
    let table = |rows: &[(usize, [f64; 4])]| {
        let mut table = FamilyTable::new(4);
        for (family, (times, row)) in rows.iter().enumerate() {
            (0..*times).for_each(|k| table.add(&format!("{family}-{k:03}"), row, 1));
        }
        table
    };
    let labels = || table(&[(40, [4.0, 0.0, 1.0, 5.0]), (8, [4.0, 1.0, 0.0, 5.0])]);
    let calls = table(&[(100, [1.0, 0.0, 0.0, 0.0])]);
    let none = corrected(&calls, labels()).unwrap();
    let seen = Confusion::new(CLASSES, labels()).seen((0, 1));
    let high = none.interval(0.95).unwrap().high;
    near(high, event(&calls).bounds(0.025).unwrap().1 / seen);
    assert!(none.value() < 1e-4 && none.interval(0.95).unwrap().low == 0.0 && !none.is_upper_bound(0.95), "{none:?}");
    // As many as the classifier invents by itself.
    let few = corrected(
        &table(&[(80, [1.0, 0.0, 0.0, 0.0]), (8, [0.0, 1.0, 0.0, 0.0]), (8, [0.0, 0.0, 1.0, 0.0])]),
        labels(),
    );
    assert!(few.as_ref().unwrap().is_upper_bound(0.95), "{few:?}");
    // Far more.
    let many = corrected(&table(&[(50, [1.0, 0.0, 0.0, 0.0]), (50, [0.0, 1.0, 0.0, 0.0])]), labels()).unwrap();
    assert!(!many.is_upper_bound(0.95) && many.interval(0.95).unwrap().low > 0.2, "{many:?}");
    assert_eq!(corrected(&calls, table(&[(1, [4.0, 1.0, 1.0, 4.0])])).err(), Some(NotCorrected::TooFewFamilies));
}
