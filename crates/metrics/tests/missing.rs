//! A number that does not exist says why: the cause itself, not that something could not be divided.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::PositionStats;
use hydrometer_metrics::measure::choices::{self, Choice};
use hydrometer_metrics::measure::tokens::{self, ScoredText, Scorer};
use hydrometer_metrics::measure::{self, Definition, Sums, Undefined};
use support::{compare, noisy, random, zipf_row};

/// A position of two different models.
fn position() -> PositionStats {
    let row = zipf_row(50, 1.0, &mut random(3));
    compare(&row, &noisy(&row, 0.5, &mut random(4)), 0)
}

fn positions(change: impl Fn(&mut PositionStats)) -> Sums {
    let mut sums = Sums::new();
    for family in ["a", "b"] {
        let mut stats = position();
        change(&mut stats);
        sums.position(family, &stats);
    }
    sums
}

#[track_caller]
fn check(metric: &Definition, sums: &Sums, expected: Undefined) {
    assert_eq!(metric.value(sums), Err(expected), "{}", metric.id);
    assert_eq!(metric.estimate(sums, 0.95), Err(expected), "{}", metric.id);
}

#[test]
fn numbers_of_positions() {
    assert!(tokens::DEFINITIONS.iter().take(13).all(|metric| metric.value(&positions(|_| {})).is_ok()));
    for metric in [&tokens::KL_DIVERGENCE, &tokens::ENTROPY_RATIO, &tokens::TAIL_KEPT, &tokens::PERPLEXITY_RATIO] {
        check(metric, &Sums::new(), Undefined::NoPositions);
    }
    check(&tokens::KENDALL_TAU, &positions(|stats| stats.kendall_tau = f32::NAN), Undefined::AllTied);
    check(&tokens::ENTROPY_RATIO, &positions(|stats| stats.teacher_entropy = 0.0), Undefined::TeacherCertain);
    let no_tail = positions(|stats| stats.band_mass[2..].fill(0.0));
    check(&tokens::TAIL_KEPT, &no_tail, Undefined::NoTail);
    check(&tokens::TAIL_INVENTED, &no_tail, Undefined::NoTail);
    check(
        &tokens::PERPLEXITY_RATIO,
        &positions(|s| s.student_logprob = f32::NEG_INFINITY),
        Undefined::ImpossibleForStudent,
    );
    check(
        &tokens::PERPLEXITY_RATIO,
        &positions(|s| s.teacher_logprob = f32::NEG_INFINITY),
        Undefined::ImpossibleForTeacher,
    );
    check(&tokens::PERPLEXITY_RATIO, &positions(|s| s.student_logprob = -2e3), Undefined::Infinite);
    let row = zipf_row(50, 1.0, &mut random(3));
    let mut same = Sums::new();
    same.position("a", &compare(&row, &row, 0));
    let removable = tokens::TEMPERATURE_SHARE.value(&same);
    assert!(removable.is_err_and(|why| why == Undefined::NoDivergence), "{removable:?}");
}

#[test]
fn numbers_of_texts() {
    let mut sums = Sums::new();
    check(&tokens::BITS_PER_BYTE_STUDENT, &sums, Undefined::NoText);
    for scorer in [Scorer::Teacher, Scorer::Student] {
        sums.text(scorer, "a", &ScoredText { log_prob: f64::NEG_INFINITY, bytes: 10, tokens: 3 });
    }
    check(&tokens::BITS_PER_BYTE_STUDENT, &sums, Undefined::ImpossibleForStudent);
    check(&tokens::BITS_PER_BYTE_TEACHER, &sums, Undefined::ImpossibleForTeacher);
}

#[test]
fn numbers_of_choices() {
    let asked = |student: [f64; 2], truth: Option<usize>| {
        let mut sums = Sums::new();
        sums.choice("a", &Choice::new(&[0.8, 0.2], &student, truth).unwrap());
        sums
    };
    check(&choices::CHOICE_AGREEMENT, &Sums::new(), Undefined::NoChoices);
    check(&choices::CHOICE_DIVERGENCE_RATIO, &Sums::new(), Undefined::NoChoices);
    check(&choices::CALIBRATION_SLOPE, &Sums::new(), Undefined::NoChoices);
    check(&choices::CALIBRATION_SLOPE, &asked([0.5, 0.5], None), Undefined::StudentIndifferent);
    let no_truth = asked([0.7, 0.3], None);
    for metric in [&choices::CHOICE_LOST, &choices::CHOICE_NET_LOSS, &choices::ECE2_STUDENT, &choices::BRIER_STUDENT] {
        check(metric, &no_truth, Undefined::NoTrueChoices);
    }
    check(&choices::ECE2_STUDENT, &asked([0.7, 0.3], Some(0)), Undefined::TooFewForBins);
}

#[test]
fn a_single_family_does_not_say_that_nothing_is_at_stake() {
    let mut one = Sums::new();
    one.choice("a", &Choice::new(&[0.9, 0.1], &[0.9, 0.1], Some(0)).unwrap());
    assert_eq!(choices::CHOICE_LOST.nothing_at_stake(&one, 0.95), Some(Undefined::OneFamily));
}

/// What stands behind "not measured" is a cause.
#[test]
fn no_reason_is_that_something_cannot_be_divided() {
    for metric in measure::measured() {
        let Err(undefined) = metric.value(&Sums::new()) else { continue };
        let reason = undefined.to_string();
        assert!(!reason.contains("divide") && !reason.contains("undefined"), "{}: {reason}", metric.id);
    }
}
