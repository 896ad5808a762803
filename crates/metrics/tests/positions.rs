//! Statistics of one position against a plain f64 implementation, laws, edge cases and planted defects.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::{PositionStats, UNIT_TEMPERATURE};
use support::{Reference, compare, noisy, random, reference, rounding, zipf_row};

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
    let rounding = rounding(teacher.len());
    close("kl", found.kl, expected.kl, 1e-9, rounding);
    close("reverse_kl", found.reverse_kl, expected.reverse_kl, 1e-9, rounding);
    close("jsd", found.jsd, expected.jsd, 1e-9, rounding);
    close("overlap", found.overlap, expected.overlap, 1e-9, rounding);
    close("H(p)", found.teacher_entropy, expected.teacher_entropy, 1e-6, 1e-6);
    close("H(q)", found.student_entropy, expected.student_entropy, 1e-6, 1e-6);
    close("floored", found.floored_mass, expected.floored_mass, 1e-9, rounding);
    for k in 0..9 {
        close("kl_at", found.kl_at[k], expected.kl_at[k], 3e-6, 1e-6);
        close("kl_slope_at", found.kl_slope_at[k], expected.kl_slope_at[k], 1e-5, 1e-5);
    }
    for (band, [mass, overlap, invented]) in expected.bands.into_iter().enumerate() {
        // Where sums are equal to eight digits, a token of probability 1e−7 may fall on either side of a band's edge.
        close("band mass", found.band_mass[band], mass, 5e-7, 2e-6);
        close("band overlap", found.band_overlap[band], overlap, 5e-7, 2e-6);
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

#[test]
fn agrees_on_a_real_vocabulary() {
    let mut random = random(2);
    let teacher = zipf_row(151_936, 1.3, &mut random);
    check(&teacher, &noisy(&teacher, 0.3, &mut random));
}

#[test]
fn agrees_with_numpy() {
    // Reference: tests/reference/positions.py
    let vocab = 300;
    let row = |a: u64, b: u64| -> Vec<f32> { (0..vocab).map(|i| ((i * a + b) % 97) as f32 * 0.125).collect() };
    let found = compare(&row(31, 5), &row(57, 11), 0);
    let rounding = rounding(300);
    close("kl", found.kl, NUMPY[0], 1e-9, rounding);
    close("reverse_kl", found.reverse_kl, NUMPY[1], 1e-9, rounding);
    close("jsd", found.jsd, NUMPY[2], 1e-9, rounding);
    close("overlap", found.overlap, NUMPY[3], 1e-9, rounding);
    close("H(p)", found.teacher_entropy, NUMPY[4], 1e-6, 1e-6);
    close("H(q)", found.student_entropy, NUMPY[5], 1e-6, 1e-6);
    close("tau", found.kendall_tau, NUMPY[6], 1e-6, 0.0);
}

include!("reference/positions_values.rs");

#[test]
fn equal_rows_differ_by_exactly_nothing() {
    let mut random = random(3);
    for vocab in [5, 64, 1003] {
        let mut row = zipf_row(vocab, 1.2, &mut random);
        row[3] = f32::NEG_INFINITY;
        let found = compare(&row, &row, 1);
        assert_eq!((found.kl, found.reverse_kl, found.jsd), (0.0, 0.0, 0.0));
        assert_eq!(found.floored_mass, 0.0);
        assert_eq!(found.kl_slope_at[UNIT_TEMPERATURE], 0.0);
        assert_eq!(found.band_mass, found.band_overlap);
        assert_eq!(found.band_invented, [0.0; 4]);
        assert_eq!(found.teacher_logprob, found.student_logprob);
        assert_eq!(found.teacher_entropy, found.student_entropy);
    }
}

#[test]
fn a_constant_added_to_every_logit_changes_nothing() {
    let mut random = random(4);
    // Multiples of 1/64 stay exact when 3 is added.
    let row: Vec<f32> = zipf_row(1000, 1.2, &mut random).iter().map(|l| (l * 64.0).round() / 64.0).collect();
    let moved: Vec<f32> = row.iter().map(|l| l + 3.0).collect();
    let found = compare(&row, &moved, 0);
    assert!(found.kl <= 1e-12 && found.reverse_kl <= 1e-12 && found.jsd <= 1e-9, "{found:?}");
}

#[test]
fn minus_infinity_is_probability_zero() {
    let infinite = f32::NEG_INFINITY;
    let rows: [(&[f32], &[f32]); 5] = [
        (&[2.0, 1.0, 0.0, infinite], &[infinite, 1.0, 0.5, infinite]),
        (&[2.0, infinite, 0.0, -1.0], &[2.0, 1.0, 0.5, 0.0]),
        (&[infinite, infinite, 0.0], &[infinite, 0.0, infinite]),
        (&[1.0, 0.5, 0.25], &[0.0, infinite, infinite]),
        (&[0.0, -40.0, -200.0], &[-200.0, -40.0, 0.0]),
    ];
    for (teacher, student) in rows {
        let (found, _) = check(teacher, student);
        let numbers = [found.kl, found.reverse_kl, found.jsd, found.compat_kl, found.compat_nll];
        assert!(numbers.iter().chain(&found.kl_at).chain(&found.kl_slope_at).all(|x| x.is_finite()));
    }
    let disjoint = compare(&[infinite, 0.0], &[0.0, infinite], 0);
    close("kl", disjoint.kl, -support::FLOOR, 1e-5, 0.0);
    close("jsd", disjoint.jsd, std::f64::consts::LN_2, 1e-6, 0.0);
    assert_eq!((disjoint.floored_mass, disjoint.overlap), (1.0, 0.0));
    // Nothing there to reach with any temperature.
    assert_eq!(disjoint.kl_at, [disjoint.kl; 9]);
}

#[test]
fn nuclei_are_exact_and_ties_go_to_the_lowest_id() {
    // Ten equal tokens: 0.9 needs nine of them, 0.99 all ten.
    let teacher = [1.5; 10];
    let found = compare(&teacher, &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0], 0);
    for (found, expected) in found.band_mass.iter().zip([0.1, 0.8, 0.1, 0.0]) {
        close("mass", *found, expected, 1e-6, 0.0);
    }
    // The student's favourite, token 9, is the one outside the 0.9 nucleus.
    assert!(found.band_invented[2] > 0.8 && found.band_invented[1] == 0.0);
    assert_eq!((found.teacher_top1, found.student_top1), (0, 9));
    assert!(found.kendall_tau.is_nan());
    // Ten tokens tie for ranks 2 to 11: the last of them is not ranked.
    let mut teacher = [3.0; 11];
    teacher[10] = 4.0;
    let mut student = [0.0; 11];
    (student[0], student[10]) = (5.0, 1.0);
    check(&teacher, &student);
    // 128 tokens that tie across a block's edge behind a head with half of the mass.
    let mut teacher = vec![0.0; 1100];
    teacher[1050] = 1099_f32.ln();
    check(&teacher, &teacher.iter().rev().copied().collect::<Vec<_>>());
}

#[test]
fn bad_rows_are_errors_with_their_place() {
    use hydrometer_metrics::PositionError;
    let good = vec![0.0; 100];
    let with = |value: f32, index: usize| {
        let mut row = good.clone();
        row[index] = value;
        row
    };
    let try_both = |teacher: &[f32], student: &[f32], target| {
        support::comparer(100).compare(teacher, student, target).unwrap_err()
    };
    let infinity = f32::INFINITY;
    assert_eq!(
        try_both(&good, &with(infinity, 97), 0),
        PositionError::NotALogit { model: "student", index: 97, value: infinity }
    );
    for index in [0, 63, 99] {
        let error = try_both(&with(f32::NAN, index), &good, 0);
        assert!(matches!(error, PositionError::NotALogit { model: "teacher", index: i, .. } if i == index));
    }
    let nothing = vec![f32::NEG_INFINITY; 100];
    assert_eq!(try_both(&good, &nothing, 0), PositionError::Empty { model: "student", entries: 100 });
    assert_eq!(try_both(&good, &good, 100), PositionError::Target { target: 100, vocab: 100 });
    assert_eq!(try_both(&good, &good[1..], 0), PositionError::Length { expected: 100, teacher: 100, student: 99 });
    assert_eq!(
        try_both(&with(f32::NAN, 7), &good, 0).to_string(),
        "teacher's logit of token 7 is NaN: expected a number or -inf"
    );
}

/// Ratios over a hundred positions of one planted student.
struct Planted {
    tail_kept: f64,
    tail_invented: f64,
    overlap: f64,
    entropy_ratio: f64,
    top1: f64,
    kl: f64,
    floored: f64,
    tau: f64,
    removable: f64,
}

/// Plants `defect` in a hundred rows of logits.
fn plant(defect: impl Fn(&[f32], &mut rand_chacha::ChaCha8Rng) -> Vec<f32>) -> Planted {
    let mut random = random(11);
    let count = 100;
    let (mut tail, mut kept, mut invented) = (0.0, 0.0, 0.0);
    let (mut entropies, mut sums) = ([0.0; 2], [0.0; 4]);
    let (mut kl_at, mut slope_at) = ([0.0; 9], [0.0; 9]);
    for _ in 0..count {
        let teacher = zipf_row(2000, 1.6, &mut random);
        let student = defect(&teacher, &mut random);
        let found = compare(&teacher, &student, 0);
        let beyond = |bands: [f32; 4]| f64::from(bands[2]) + f64::from(bands[3]);
        tail += beyond(found.band_mass);
        kept += beyond(found.band_overlap);
        invented += beyond(found.band_invented);
        entropies[0] += f64::from(found.teacher_entropy);
        entropies[1] += f64::from(found.student_entropy);
        let same = f32::from(u8::from(found.teacher_top1 == found.student_top1));
        for (sum, value) in sums.iter_mut().zip([found.overlap, same, found.kl, found.floored_mass]) {
            *sum += f64::from(value);
        }
        for k in 0..9 {
            kl_at[k] += f64::from(found.kl_at[k]);
            slope_at[k] += f64::from(found.kl_slope_at[k]);
        }
    }
    let best = hydrometer_metrics::temperature::best(&kl_at, &slope_at).unwrap();
    Planted {
        tail_kept: kept / tail,
        tail_invented: invented / tail,
        overlap: sums[0] / f64::from(count),
        entropy_ratio: entropies[1] / entropies[0],
        top1: sums[1] / f64::from(count),
        kl: sums[2] / f64::from(count),
        floored: sums[3] / f64::from(count),
        tau: best.tau,
        removable: best.removable.unwrap_or(0.0),
    }
}

/// Tokens outside the teacher's 0.9 nucleus.
fn tail_tokens(teacher: &[f32]) -> Vec<usize> {
    let bands = support::band_of_tokens(teacher, &support::log_softmax(teacher, 1.0));
    (0..teacher.len()).filter(|&token| bands[token] >= 2).collect()
}

#[test]
fn tiny_noise_is_quiet() {
    let found = plant(|row, random| noisy(row, 0.01, random));
    assert!(found.kl < 1e-4 && found.tail_kept > 0.99 && found.overlap > 0.99);
    assert!((found.entropy_ratio - 1.0).abs() < 0.01 && (found.tau - 1.0).abs() < 0.01);
    assert_eq!(found.floored, 0.0);
}

#[test]
fn a_permuted_tail_shows_in_tail_kept_and_not_in_entropy_or_overlap() {
    let found = plant(|row, _| {
        let mut student = row.to_vec();
        let tail = tail_tokens(row);
        for (k, &token) in tail.iter().enumerate() {
            student[token] = row[tail[(k + tail.len() / 2) % tail.len()]];
        }
        student
    });
    assert!(found.tail_kept < 0.5 && found.tail_invented > 0.4, "{}", found.tail_kept);
    assert!((found.entropy_ratio - 1.0).abs() < 1e-4 && found.overlap > 0.9);
    assert_eq!(found.top1, 1.0);
    assert!(found.kl > 0.02, "{}", found.kl);
}

#[test]
fn a_truncated_tail_shows_in_tail_kept_and_floored_mass_and_not_in_top1() {
    let found = plant(|row, _| {
        let mut student = row.to_vec();
        for token in tail_tokens(row) {
            student[token] = f32::NEG_INFINITY;
        }
        student
    });
    assert_eq!((found.tail_kept, found.top1), (0.0, 1.0));
    assert!(found.floored > 0.05 && found.overlap > 0.85 && found.kl > 0.5);
}

#[test]
fn a_sharpened_student_gets_its_temperature_back() {
    let found = plant(|row, _| row.iter().map(|l| l / 0.7).collect());
    assert!((found.tau - 1.0 / 0.7).abs() < 0.002, "{}", found.tau);
    assert!(found.removable > 0.999 && found.entropy_ratio < 0.8);
    assert!(found.tail_kept < 0.7 && found.top1 == 1.0);
    let flat = plant(|row, _| row.iter().map(|l| l * 0.8).collect());
    assert!((flat.tau - 0.8).abs() < 0.002, "{}", flat.tau);
}

#[test]
fn a_greedy_student_keeps_the_favourites_and_nothing_else() {
    let found = plant(|row, _| {
        let top = support::by_probability(row)[0];
        let mut student = vec![f32::NEG_INFINITY; row.len()];
        student[top] = 0.0;
        student
    });
    assert_eq!((found.top1, found.tail_kept, found.entropy_ratio), (1.0, 0.0, 0.0));
    assert!(found.floored > 0.3 && found.kl.is_finite());
}
