//! What is kept of a distribution against brute force, and its estimates against the exact sums.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::sparse::{
    SparseComparer, SparseComparisonError, SparseDistribution, SparsePositionStats, SparseStats, TEMPERATURES,
    Truncater, Truncation,
};
use hydrometer_metrics::{PositionError, PositionStats};
use proptest::prelude::*;
use support::{by_probability, compare, log_softmax, noisy, random, rounding, vectors, zipf_row};

const DRAWS: u32 = 8;

fn truncation(mass: f64, k_min: u32, k_max: u32) -> Truncation {
    Truncation { mass, k_min, k_max, draws: DRAWS }
}

/// With the vectors of this run.
fn truncater(truncation: Truncation) -> Truncater {
    Truncater::new(truncation).with_vectors(vectors())
}

/// With the vectors of this run.
fn sparse_comparer(vocab: usize) -> SparseComparer {
    SparseComparer::new(vocab).with_vectors(vectors())
}

/// A logit, sometimes −∞, sometimes tied, never so low that it counts as −∞.
fn logit() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -30.0_f32..30.0, 1 => Just(f32::NEG_INFINITY), 2 => (-3_i8..3).prop_map(f32::from)]
}

fn rows() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
    prop::collection::vec((logit(), logit()), 1..200).prop_map(|pairs| {
        let (mut teacher, mut student): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        teacher[0] = teacher[0].max(-5.0);
        student[0] = student[0].max(-5.0);
        (teacher, student)
    })
}

fn near(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * (1.0 + expected.abs())
}

/// What is kept, from the definitions.
fn check_kept(found: &SparseDistribution, row: &[f32], truncation: Truncation) -> Result<(), TestCaseError> {
    let log_p = log_softmax(row, 1.0);
    let order: Vec<usize> = by_probability(row).into_iter().filter(|&t| log_p[t] > f64::NEG_INFINITY).collect();
    let mut sum = 0.0;
    let mass_up_to: Vec<f64> = order
        .iter()
        .map(|&t| {
            sum += log_p[t].exp();
            sum
        })
        .collect();
    // A mass at a boundary may be rounded to either side of it.
    let reached = |mass: f64| mass_up_to.iter().position(|&sum| sum >= mass).map_or(order.len(), |last| last + 1);
    let within = |count: usize, mass: f64| (reached(mass - 1e-5)..=reached(mass + 1e-5)).contains(&count);
    let k = found.head.len();
    let (least, most) = ((truncation.k_min as usize).min(order.len()), (truncation.k_max as usize).min(order.len()));
    prop_assert!((least..=most).contains(&k));
    prop_assert!(k == least || k == most || within(k, truncation.mass));
    prop_assert_eq!(found.head.iter().map(|&t| t as usize).collect::<Vec<_>>(), &order[..k]);
    for (&token, &logprob) in
        found.head.iter().chain(&found.draws).zip(found.head_logprobs.iter().chain(&found.draw_logprobs))
    {
        prop_assert!(near(f64::from(logprob), log_p[token as usize], 1e-5));
    }
    for (i, tau) in TEMPERATURES.into_iter().enumerate() {
        let tempered = log_softmax(row, 1.0 / tau);
        let entropy: f64 = tempered.iter().filter(|l| l.is_finite()).map(|l| -l * l.exp()).sum();
        prop_assert!(near(f64::from(found.entropy[i]), entropy, 1e-5), "{tau}: {} {entropy}", found.entropy[i]);
        let tail: f64 = order[k..].iter().map(|&t| tempered[t].exp()).sum();
        prop_assert!((f64::from(found.tail_mass[i]) - tail).abs() <= 2.0 * rounding(row.len()) * tail + 1e-12);
        let token = found.head[0];
        let there = f64::from(found.tempered(found.head_logprobs[0], i));
        prop_assert!(near(there, tempered[token as usize], 1e-5));
    }
    prop_assert_eq!(found.draws.len(), if k < order.len() { DRAWS as usize } else { 0 });
    let ranks: Vec<usize> = found.draws.iter().map(|&t| order.iter().position(|&o| o == t as usize).unwrap()).collect();
    prop_assert!(ranks.is_sorted() && ranks.iter().all(|&rank| rank >= k));
    let (head, drawn) = (found.nucleus_head as usize, found.nucleus_draws as usize);
    prop_assert!(head == k || (drawn == 0 && within(head, 0.9)));
    // The last draw in the nucleus and the first outside it bracket its size.
    let inside = if drawn == 0 { head } else { ranks[drawn - 1] + 1 };
    let outside = ranks.get(drawn).map_or(order.len(), |&rank| rank);
    prop_assert!(inside <= reached(0.9 + 1e-5) && (head < k || outside >= reached(0.9 - 1e-5)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_what_the_definitions_say(
        (row, _) in rows(),
        mass in 0.0..=1.0,
        (a, b) in (0u32..40, 1u32..40),
        seed in any::<u64>(),
    ) {
        let truncation = truncation(mass, a.min(b), b);
        let mut truncating = truncater(truncation);
        // A longer row before it leaves nothing behind.
        truncating.truncate(&[1.0; 300], 1).unwrap();
        check_kept(&truncating.truncate(&row, seed).unwrap(), &row, truncation)?;
    }

    #[test]
    fn a_whole_head_gives_the_exact_sums_and_any_head_a_lower_bound((teacher, student) in rows(), k in 1u32..20) {
        let exact = compare(&teacher, &student, 0);
        let log_q = log_softmax(&student, 1.0);
        let stats = |k| {
            let kept = truncater(truncation(1.0, k, k)).truncate(&teacher, 5).unwrap();
            kept.compare(|token| log_q[token as usize])
        };
        let whole = stats(200);
        let kept = exact.band_overlap[2] + exact.band_overlap[3];
        prop_assert!(near(whole.kl.unwrap(), f64::from(exact.kl), 2e-5), "{whole:?} {exact:?}");
        prop_assert!(near(whole.kl_lower_bound, f64::from(exact.kl), 2e-5));
        prop_assert!(near(whole.overlap.unwrap(), f64::from(exact.overlap), 1e-5));
        prop_assert!(near(whole.kept_beyond_nucleus.unwrap(), f64::from(kept), 1e-5));
        prop_assert!(stats(k).kl_lower_bound <= f64::from(exact.kl) + 2e-5 * (1.0 + f64::from(exact.kl)));
    }
}

/// The numbers that a sparse teacher gives as estimates.
fn estimated(stats: &SparsePositionStats) -> Vec<f64> {
    let mut all = vec![stats.kl, stats.jsd, stats.overlap, stats.floored_mass];
    all.extend([stats.band_mass, stats.band_overlap, stats.band_invented].into_iter().flatten());
    all.extend(stats.kl_at);
    all.extend(stats.kl_slope_at);
    all.into_iter().map(f64::from).collect()
}

/// What they estimate.
fn truths(stats: &PositionStats) -> Vec<f64> {
    let beyond = |bands: [f32; 4]| [bands[0], bands[1], bands[2] + bands[3]];
    let mut all = vec![stats.kl, stats.jsd, stats.overlap, stats.floored_mass];
    all.extend([stats.band_mass, stats.band_overlap, stats.band_invented].into_iter().flat_map(beyond));
    all.extend(stats.kl_at);
    all.extend(stats.kl_slope_at);
    all.into_iter().map(f64::from).collect()
}

/// The numbers that it gives exactly, and what they are: NaN where a correlation is undefined or unknown.
fn exact_numbers(found: &SparsePositionStats, exact: &PositionStats) -> [(f64, f64); 8] {
    let tau = found.kendall_tau.unwrap_or(f32::NAN);
    let pairs = [
        (found.teacher_entropy, exact.teacher_entropy),
        (found.student_entropy, exact.student_entropy),
        (found.student_logprob, exact.student_logprob),
        (tau, exact.kendall_tau),
        (found.teacher_top1 as f32, exact.teacher_top1 as f32),
        (found.student_top1 as f32, exact.student_top1 as f32),
        (found.teacher_top1_prob, exact.teacher_top1_prob),
        (found.student_top1_prob, exact.student_top1_prob),
    ];
    pairs.map(|(found, exact)| (found.into(), exact.into()))
}

fn same(found: f64, expected: f64, tolerance: f64) -> bool {
    found == expected || (found.is_nan() && expected.is_nan()) || near(found, expected, tolerance)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_whole_head_gives_the_statistics_of_both_rows((teacher, student) in rows(), target in 0usize..200) {
        let target = (target % teacher.len()) as u32;
        let exact = compare(&teacher, &student, target);
        let kept = truncater(truncation(1.0, 200, 200)).truncate(&teacher, 5).unwrap();
        let found = sparse_comparer(student.len()).compare(&kept, &student, target).unwrap();
        for (i, (found, exact)) in estimated(&found).into_iter().zip(truths(&exact)).enumerate() {
            prop_assert!(same(found, exact, 5e-5), "{i}: {found} {exact}");
        }
        for (i, (found, exact)) in exact_numbers(&found, &exact).into_iter().enumerate() {
            // The head's order cannot tell ties.
            let tied = i == 3 && teacher.iter().any(|a| teacher.iter().filter(|b| *b == a).count() > 1);
            prop_assert!(tied || same(found, exact, 2e-5), "{i}: {found} {exact}");
        }
        let known = kept.head.contains(&target);
        prop_assert_eq!(found.teacher_logprob.is_some(), known);
        if let Some(logprob) = found.teacher_logprob {
            prop_assert!(same(logprob.into(), exact.teacher_logprob.into(), 2e-5));
        }
    }
}

/// As [`check_unbiased`], for every number of a position.
fn check_positions_unbiased(exponent: f64, k: u32, floored: usize) {
    const SEEDS: u64 = 4000;
    let mut source = random(4);
    let teacher = zipf_row(2000, exponent, &mut source);
    let mut student = noisy(&teacher, 1.0, &mut source);
    student[..floored].fill(f32::NEG_INFINITY);
    let exact = compare(&teacher, &student, 0);
    let mut truncating = truncater(truncation(1.0, k, k));
    let mut comparer = sparse_comparer(2000);
    let expected = truths(&exact);
    let (mut sums, mut squares) = (vec![0.0; expected.len()], vec![0.0; expected.len()]);
    for seed in 0..SEEDS {
        let found = comparer.compare(&truncating.truncate(&teacher, seed).unwrap(), &student, 0).unwrap();
        for (i, found) in estimated(&found).into_iter().enumerate() {
            sums[i] += found;
            squares[i] += found * found;
        }
        if seed == 0 {
            for (found, exact) in exact_numbers(&found, &exact) {
                let unknown = found.is_nan() && k < 10;
                assert!(unknown || same(found, exact, 2e-5), "{exponent} {k}: {found} {exact}");
            }
        }
    }
    for (i, expected) in expected.into_iter().enumerate() {
        let mean = sums[i] / SEEDS as f64;
        let error = ((squares[i] / SEEDS as f64 - mean * mean).max(0.0) / SEEDS as f64).sqrt();
        assert!(
            (mean - expected).abs() <= 4.0 * error + 5e-6 * (1.0 + expected),
            "{exponent} {k} {i}: {mean} ± {error}, {expected}"
        );
    }
}

#[test]
fn every_number_of_a_position_is_unbiased() {
    check_positions_unbiased(1.6, 64, 0);
    check_positions_unbiased(0.8, 16, 0);
    check_positions_unbiased(1.1, 1, 0);
    check_positions_unbiased(1.1, 16, 300);
}

#[test]
fn a_sparse_teacher_and_a_row_must_share_their_vocabulary() {
    let kept = truncater(truncation(1.0, 2, 2)).truncate(&[0.0, 1.0, 2.0], 0).unwrap();
    let check = |row: &[f32], target, expected: fn(&PositionError) -> bool| {
        let error = sparse_comparer(row.len()).compare(&kept, row, target).unwrap_err();
        assert!(matches!(error, SparseComparisonError::Position(error) if expected(&error)), "{error}");
    };
    check(&[0.0, 1.0], 0, |error| matches!(error, PositionError::Target { target: 2, .. }));
    check(&[0.0, 1.0, 2.0], 3, |error| matches!(error, PositionError::Target { target: 3, .. }));
    check(&[0.0, f32::NAN, 2.0], 0, |error| matches!(error, PositionError::NotALogit { model: "student", .. }));
    assert!(sparse_comparer(4).compare(&kept, &[0.0; 3], 0).is_err());
}

#[test]
fn a_tail_of_which_nothing_is_known_is_refused() {
    let row = [0.0, 1.0, 2.0];
    let kept = truncater(Truncation { draws: 0, ..truncation(0.0, 1, 1) }).truncate(&row, 0).unwrap();
    let error = sparse_comparer(3).compare(&kept, &row, 0).unwrap_err();
    assert!(matches!(error, SparseComparisonError::NothingDrawn { mass } if mass > 0.0), "{error}");
    let error = sparse_comparer(3).compare(&SparseDistribution::default(), &row, 0).unwrap_err();
    assert_eq!(error, SparseComparisonError::NoHead);
}

/// The four unbiased estimates and their exact values.
fn pairs(found: &SparseStats, exact: &PositionStats) -> [(f64, f64); 4] {
    let beyond = |bands: [f32; 4]| f64::from(bands[2]) + f64::from(bands[3]);
    [
        (found.kl.unwrap(), f64::from(exact.kl)),
        (found.overlap.unwrap(), f64::from(exact.overlap)),
        (found.kept_beyond_nucleus.unwrap(), beyond(exact.band_overlap)),
        (found.mass_beyond_nucleus.unwrap(), beyond(exact.band_mass)),
    ]
}

/// Mean over seeds against truth: no more than four standard errors away.
fn check_unbiased(exponent: f64, k: u32) {
    const SEEDS: u64 = 4000;
    let mut source = random(3);
    let teacher = zipf_row(3000, exponent, &mut source);
    let student = noisy(&teacher, 1.0, &mut source);
    let exact = compare(&teacher, &student, 0);
    let log_q = log_softmax(&student, 1.0);
    let mut truncating = truncater(truncation(1.0, k, k));
    let (mut sums, mut squares, mut truths) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    for seed in 0..SEEDS {
        let kept = truncating.truncate(&teacher, seed).unwrap();
        for (i, (found, truth)) in pairs(&kept.compare(|token| log_q[token as usize]), &exact).into_iter().enumerate() {
            sums[i] += found;
            squares[i] += found * found;
            truths[i] = truth;
        }
    }
    for i in 0..4 {
        let mean = sums[i] / SEEDS as f64;
        let error = ((squares[i] / SEEDS as f64 - mean * mean).max(0.0) / SEEDS as f64).sqrt();
        // Beside chance, the exact sums are of f32 terms.
        assert!((mean - truths[i]).abs() <= 4.0 * error + 2e-6, "{exponent} {k} {i}: {mean} ± {error}, {}", truths[i]);
    }
}

#[test]
fn estimates_are_unbiased() {
    // The nucleus ends in the head, far out in the tail, and the head is one token.
    check_unbiased(1.6, 64);
    check_unbiased(0.8, 16);
    check_unbiased(1.1, 1);
}

#[test]
fn draws_follow_the_tail() {
    const SEEDS: u64 = 20_000;
    let row: Vec<f32> = (0..40).map(|i| -((i * 7 % 40) as f32) / 8.0).collect();
    let log_p = log_softmax(&row, 1.0);
    let mut truncating = truncater(truncation(1.0, 4, 4));
    let mut counts = [0u32; 40];
    let mut tail = 0.0;
    for seed in 0..SEEDS {
        let kept = truncating.truncate(&row, seed).unwrap();
        kept.draws.iter().for_each(|&token| counts[token as usize] += 1);
        tail = f64::from(kept.tail_mass[0]);
    }
    let drawn = (SEEDS * u64::from(DRAWS)) as f64;
    for token in by_probability(&row).into_iter().skip(4) {
        let expected = drawn * log_p[token].exp() / tail;
        // Stratified counts vary less than binomial ones.
        assert!((f64::from(counts[token]) - expected).abs() <= 4.0 * expected.sqrt(), "{token}: {expected}");
    }
}

#[test]
fn the_same_row_and_seed_give_the_same_whatever_came_before() {
    let mut source = random(8);
    let rows: Vec<Vec<f32>> = (0..4).map(|_| zipf_row(1500, 1.0, &mut source)).collect();
    let truncation = truncation(0.95, 4, 32);
    let mut used = truncater(truncation);
    for row in rows.iter().chain(rows.iter().rev()) {
        assert_eq!(used.truncate(row, 11), truncater(truncation).truncate(row, 11));
    }
    assert_ne!(used.truncate(&rows[0], 11).unwrap().draws, used.truncate(&rows[0], 12).unwrap().draws);
}

#[test]
fn without_draws_a_tail_is_unknown() {
    let row = [1.0, 2.0, 3.0, 4.0];
    let kept = truncater(Truncation { mass: 0.0, k_min: 2, k_max: 2, draws: 0 }).truncate(&row, 0).unwrap();
    let stats = kept.compare(|_| -1.0);
    assert_eq!((stats.kl, stats.overlap, stats.kept_beyond_nucleus), (None, None, None));
    assert!(stats.kl_lower_bound.is_finite());
}

#[test]
fn rows_that_are_no_distribution_are_refused() {
    let mut truncating = truncater(truncation(1.0, 1, 4));
    let mut check = |row: &[f32], expected: fn(&PositionError) -> bool| {
        let error = truncating.truncate(row, 0).unwrap_err();
        assert!(expected(&error), "{error}");
    };
    check(&[], |error| matches!(error, PositionError::Empty { .. }));
    check(&[f32::NEG_INFINITY; 3], |error| matches!(error, PositionError::Empty { .. }));
    check(&[0.0, f32::NAN], |error| matches!(error, PositionError::NotALogit { index: 1, .. }));
    check(&[f32::INFINITY, 0.0], |error| matches!(error, PositionError::NotALogit { index: 0, .. }));
}
