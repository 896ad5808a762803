//! Metrics of positions, texts and choices from sums whose numbers are known.
#![allow(clippy::unwrap_used)]

use hydrometer_metrics::measure::choices::{self, Choice, ChoiceError};
use hydrometer_metrics::measure::tokens::{self, ScoredText, Scorer};
use hydrometer_metrics::measure::{Sums, Undefined};
use hydrometer_metrics::{BANDS, Comparer, PositionStats};

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "found {found}, expected {expected}");
}

/// A position of these two distributions over four tokens.
fn position(teacher: [f32; 4], student: [f32; 4]) -> PositionStats {
    let logits = |row: [f32; 4]| row.map(f32::ln);
    Comparer::new(4).compare(&logits(teacher), &logits(student), 0).unwrap()
}

#[test]
fn tail_kept_weighs_positions_by_their_tails() {
    let mut sums = Sums::new();
    // The nucleus of 0.9 is the first two tokens; of a tail of 0.08 the student keeps 0.03, invents 0.01.
    sums.position("a", &position([0.52, 0.4, 0.05, 0.03], [0.54, 0.42, 0.03, 0.01]));
    // Of a tail of 0.05 it keeps everything, and invents 0.05.
    sums.position("b", &position([0.7, 0.25, 0.04, 0.01], [0.6, 0.3, 0.05, 0.05]));
    near(tokens::TAIL_KEPT.value(&sums).unwrap(), (0.04 + 0.05) / (0.08 + 0.05));
    near(tokens::TAIL_INVENTED.value(&sums).unwrap(), 0.05 / 0.13);
    near(tokens::TOP1_AGREEMENT.value(&sums).unwrap(), 1.0);
    let estimate = tokens::TAIL_KEPT.estimate(&sums, 0.95).unwrap();
    assert_eq!((estimate.n_families, estimate.n_items), (2, 2));
    let interval = estimate.interval.unwrap();
    assert!(interval.low < 0.7 && interval.high <= 1.0, "{interval:?}");
    // Band by band.
    let bands: Vec<_> = (0..BANDS.len()).map(|band| tokens::band(&sums, band, 0.95).unwrap()).collect();
    near(bands.iter().map(|band| band.mass).sum(), 1.0);
    assert_eq!(tokens::band(&Sums::new(), 0, 0.95), None);
}

#[test]
fn forks_are_a_view_of_the_same_numbers() {
    let mut sums = Sums::new();
    let sure = position([0.97, 0.01, 0.01, 0.01], [0.97, 0.01, 0.01, 0.01]);
    let open = position([0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]);
    let rows = [sure, sure, open, sure, sure];
    let threshold = tokens::fork_threshold(rows.iter().map(|row| row.teacher_entropy)).unwrap();
    assert_eq!(threshold, open.teacher_entropy);
    for row in &rows {
        sums.position("a", row);
        if row.teacher_entropy >= threshold {
            sums.fork("a", row);
        }
    }
    near(tokens::FORK_KL_DIVERGENCE.value(&sums).unwrap(), open.kl.into());
    near(tokens::KL_DIVERGENCE.value(&sums).unwrap(), f64::from(open.kl) / 5.0);
    assert_eq!(tokens::fork_threshold([]), None);
}

#[test]
fn where_both_models_are_certain_any_temperature_is_as_good() {
    let best = |teacher: [f32; 4], student: [f32; 4]| {
        let mut sums = Sums::new();
        (0..40).for_each(|_| sums.position("a", &position(teacher, student)));
        tokens::BEST_TEMPERATURE.value(&sums).unwrap()
    };
    // Of 10⁻⁶ nats every temperature removes a share, and of nothing a best one is chosen by rounding.
    assert_eq!(best([1.0, 0.0, 0.0, 0.0], [0.999_999, 1e-6, 0.0, 0.0]), 1.0);
    // The same logits at half the temperature, the teacher nearly as certain.
    let sharpened = best([0.9, 0.1, 0.0, 0.0], [0.987_805, 0.012_195, 0.0, 0.0]);
    assert!((sharpened - 2.0).abs() < 0.01, "{sharpened}");
}

#[test]
fn positions_without_a_tau_are_named() {
    let mut sums = Sums::new();
    sums.position("a", &position([0.25; 4], [0.25; 4]));
    assert_eq!(tokens::KENDALL_TAU.value(&sums), Err(Undefined::AllTied));
    sums.position("a", &position([0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]));
    let tau = tokens::KENDALL_TAU.estimate(&sums, 0.95).unwrap();
    assert_eq!((tau.value, tau.n_items, tau.excluded[0].items), (1.0, 2, 1));
}

#[test]
fn a_position_that_is_not_known_is_not_averaged() {
    let mut sums = Sums::new();
    sums.position("a", &PositionStats { reverse_kl: f32::NAN, ..position([0.25; 4], [0.25; 4]) });
    assert_eq!(tokens::REVERSE_KL.value(&sums), Err(Undefined::Unknown));
    assert!(tokens::KL_DIVERGENCE.value(&sums).is_ok());
}

#[test]
fn bits_per_byte_of_each_model() {
    let mut sums = Sums::new();
    let scored = |bits: f64| ScoredText { log_prob: -bits * std::f64::consts::LN_2, bytes: 10, tokens: 4 };
    sums.text(Scorer::Teacher, "a", &scored(5.0));
    sums.text(Scorer::Student, "a", &scored(20.0));
    near(tokens::BITS_PER_BYTE_TEACHER.value(&sums).unwrap(), 0.5);
    let student = tokens::BITS_PER_BYTE_STUDENT.estimate(&sums, 0.95).unwrap();
    near(student.value, 2.0);
    assert_eq!((student.n_items, student.interval), (4, None));
}

#[test]
fn choices_with_and_without_a_truth() {
    let mut sums = Sums::new();
    sums.choice("a", &Choice::new(&[0.7, 0.3], &[0.2, 0.8], Some(0)).unwrap());
    sums.choice("b", &Choice::new(&[0.6, 0.4], &[0.6, 0.4], None).unwrap());
    near(choices::CHOICE_AGREEMENT.value(&sums).unwrap(), (0.14 + 0.24 + 0.36 + 0.16) / 2.0);
    near(choices::CHOICE_DIVERGENCE.value(&sums).unwrap(), 0.25);
    let agreement = choices::CHOICE_AGREEMENT.estimate(&sums, 0.95).unwrap();
    near(agreement.floor.unwrap(), (0.49 + 0.09 + 0.36 + 0.16) / 2.0);
    assert!(agreement.excluded.is_empty());
    let lost = choices::CHOICE_LOST.estimate(&sums, 0.95).unwrap();
    assert_eq!((lost.value, lost.n_items, lost.excluded[0].items), (1.0, 1, 1));
    near(choices::BRIER_STUDENT.value(&sums).unwrap(), 0.64 + 0.64);
}

#[test]
fn what_is_no_choice_is_refused() {
    assert_eq!(Choice::new(&[0.5, 0.5], &[1.0], None), Err(ChoiceError::Options { teacher: 2, student: 1 }));
    assert_eq!(Choice::new(&[], &[], None), Err(ChoiceError::Options { teacher: 0, student: 0 }));
    assert_eq!(Choice::new(&[0.5, 0.5], &[1.0, f64::NAN], None), Err(ChoiceError::Probability));
    assert_eq!(Choice::new(&[0.5, 0.5], &[1.0, 0.0], Some(9)), Err(ChoiceError::Truth { truth: 9, options: 2 }));
}
