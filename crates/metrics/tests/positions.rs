//! Statistics of one position against a plain f64 implementation, laws, edge cases and planted defects.
#![allow(clippy::unwrap_used)]

mod support;

use hydrometer_metrics::{PositionStats, UNIT_TEMPERATURE};
use support::{Reference, compare, noisy, random, reference, zipf_row};

/// Fails unless |found − expected| ≤ absolute + relative·|expected|.
#[track_caller]
fn close(name: &str, found: f32, expected: f64, absolute: f64, relative: f64) {
    let error = (f64::from(found) - expected).abs();
    assert!(
        error <= absolute + relative * expected.abs(),
        "{name}: found {found:e}, expected {expected:e}, error {error:e}"
    );
}

/// Every statistic against the f64 implementation.
#[track_caller]
fn check(teacher: &[f32], student: &[f32]) -> (PositionStats, Reference) {
    let found = compare(teacher, student, 0);
    let expected = reference(teacher, student);
    close("kl", found.kl, expected.kl, 1e-9, 1e-6);
    close("reverse_kl", found.reverse_kl, expected.reverse_kl, 1e-9, 1e-6);
    close("jsd", found.jsd, expected.jsd, 1e-9, 1e-6);
    close("overlap", found.overlap, expected.overlap, 1e-6, 0.0);
    close("H(p)", found.teacher_entropy, expected.teacher_entropy, 1e-6, 1e-6);
    close("H(q)", found.student_entropy, expected.student_entropy, 1e-6, 1e-6);
    close("floored", found.floored_mass, expected.floored_mass, 1e-9, 1e-6);
    for k in 0..9 {
        close("kl_at", found.kl_at[k], expected.kl_at[k], 3e-6, 1e-6);
        close("kl_slope_at", found.kl_slope_at[k], expected.kl_slope_at[k], 1e-5, 1e-5);
    }
    for (band, [mass, overlap, invented]) in expected.bands.into_iter().enumerate() {
        close("band mass", found.band_mass[band], mass, 1e-9, 2e-6);
        close("band overlap", found.band_overlap[band], overlap, 1e-9, 2e-6);
        // A difference of two rounded probabilities.
        close("band invented", found.band_invented[band], invented, 1e-6, 2e-6);
    }
    if expected.tau.is_nan() {
        assert!(found.kendall_tau.is_nan());
    } else {
        close("tau", found.kendall_tau, expected.tau, 1e-6, 0.0);
    }
    assert_eq!(found.kl_at[UNIT_TEMPERATURE], found.kl);
    (found, expected)
}

#[test]
fn agrees_with_the_plain_implementation() {
    let mut random = random(1);
    for vocab in [2, 7, 16, 63, 64, 65, 1000, 1024, 5003] {
        for exponent in [0.05, 0.8, 1.3, 4.0] {
            let teacher = zipf_row(vocab, exponent, &mut random);
            for sigma in [1e-5, 1e-3, 0.1, 1.0, 5.0] {
                check(&teacher, &noisy(&teacher, sigma, &mut random));
            }
            let other = zipf_row(vocab, exponent, &mut random);
            check(&teacher, &other);
        }
    }
}
