//! What servers show of a distribution: exact in expectation over what they draw, refused where it is no distribution.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::PositionStats;
use hydrometer_metrics::measure::tokens::{self, InPart, is_estimated};
use hydrometer_metrics::measure::{Sums, Table};
use hydrometer_metrics::sparse::{
    ShownDistribution, ShownError, ShownStudentComparer, ShownStudentStats, SparseComparer, SparsePositionStats,
    Truncater, Truncation,
};
use support::{by_probability, compare, log_softmax, noisy, random, vectors, zipf_row};

fn comparer(vocab: usize) -> SparseComparer {
    SparseComparer::new(vocab).with_vectors(vectors())
}

/// What is estimated without bias.
fn estimated(s: &SparsePositionStats) -> Vec<f64> {
    let mut all = vec![s.kl, s.jsd, s.overlap, s.floored_mass, s.teacher_entropy];
    all.extend(s.band_mass);
    all.extend(s.band_overlap);
    all.extend(s.band_invented);
    all.extend(s.kl_at);
    all.extend(s.kl_slope_at);
    all.into_iter().map(f64::from).collect()
}

/// The same of two rows of logits.
fn truths(s: &PositionStats) -> Vec<f64> {
    let three = |bands: [f32; 4]| [bands[0], bands[1], bands[2] + bands[3]];
    let mut all = vec![s.kl, s.jsd, s.overlap, s.floored_mass, s.teacher_entropy];
    all.extend(three(s.band_mass));
    all.extend(three(s.band_overlap));
    all.extend(three(s.band_invented));
    all.extend(s.kl_at);
    all.extend(s.kl_slope_at);
    all.into_iter().map(f64::from).collect()
}

/// Every token drawn as often as p says: the mean is the expectation, not an estimate of it.
#[test]
fn the_expectation_over_the_draw_is_what_both_rows_give() {
    let check = |exponent: f64, floored: usize| {
        const VOCAB: usize = 300;
        let mut source = random(11);
        let teacher = zipf_row(VOCAB, exponent, &mut source);
        let mut student = noisy(&teacher, 1.0, &mut source);
        student[..floored].fill(f32::NEG_INFINITY);
        let exact = truths(&compare(&teacher, &student, 0));
        let log_p = log_softmax(&teacher, 1.0);
        let order = by_probability(&teacher);
        let pair = |&token: &usize| (token as u32, log_p[token] as f32);
        let mut mass = 0.0;
        let up_to = order.iter().map(|&token| {
            mass += log_p[token].exp();
            mass
        });
        let least = 1 + up_to.take_while(|mass| *mass < 0.9).count();
        for k in [least, least + 20, VOCAB] {
            let listed: Vec<_> = order.iter().take(k).map(pair).collect();
            let mut sums = vec![0.0; exact.len()];
            for (token, log_p) in log_p.iter().enumerate() {
                let shown = ShownDistribution::new(&listed, &[pair(&token)]).unwrap();
                let found = comparer(VOCAB).compare(&shown, &student, 0).unwrap();
                for (sum, found) in sums.iter_mut().zip(estimated(&found)) {
                    *sum += log_p.exp() * found;
                }
            }
            for (i, (found, exact)) in sums.iter().zip(&exact).enumerate() {
                let tolerance = 2e-5 * (1.0 + exact.abs());
                assert!((found - exact).abs() <= tolerance, "{exponent} {floored} {k} {i}: {found} {exact}");
            }
        }
    };
    check(1.6, 0);
    check(0.9, 0);
    check(1.1, 60);
}

#[test]
fn several_draws_count_in_equal_parts() {
    let logits = [2.0_f32, 1.0, 0.0, -1.0, -2.0];
    let log_p = log_softmax(&logits, 1.0);
    let pair = |token: usize| (token as u32, log_p[token] as f32);
    let listed: Vec<_> = (0..4).map(pair).collect();
    let kl = |drawn: &[usize]| {
        let drawn: Vec<_> = drawn.iter().copied().map(pair).collect();
        let shown = ShownDistribution::new(&listed, &drawn).unwrap();
        f64::from(comparer(5).compare(&shown, &[0.0; 5], 0).unwrap().kl)
    };
    let (inside, outside) = (kl(&[0]), kl(&[4]));
    assert!((kl(&[0, 4]) - (inside + outside) / 2.0).abs() < 1e-6);
    assert!((kl(&[1, 4, 2, 0]) - (0.75 * inside + 0.25 * outside)).abs() < 1e-6);
}

#[test]
fn what_is_no_distribution_is_refused() {
    let check = |listed: &[(u32, f32)], drawn: &[(u32, f32)], expected: &str| {
        let error = ShownDistribution::new(listed, drawn).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let good = [(0, -0.1), (1, -3.0)];
    assert!(ShownDistribution::new(&good, &[(1, -3.0)]).is_ok());
    check(&good, &[], "no token was drawn");
    check(&[(0, 0.5)], &good, "log-probability 0.5");
    check(&[(0, f32::NEG_INFINITY)], &good, "log-probability -inf");
    check(&[(0, f32::NAN)], &good, "log-probability NaN");
    check(&[(0, -0.1), (0, -3.0)], &good, "token 0 is listed twice");
    check(&[(0, -0.1), (1, -0.2)], &good, "sum to 1.7236, expected at most 1");
    check(&good, &[(7, -2.0)], "token 7 is not listed with its log-probability of -2");
    let short = ShownDistribution::new(&[(0, -1.0)], &good[..1]);
    assert!(matches!(short, Err(ShownError::ShortOfTheNucleus { listed: 1, .. })), "{short:?}");
}

/// What is estimated without bias of a student that is shown in part, and the same of two rows of logits.
fn of_student(s: &ShownStudentStats) -> Vec<f64> {
    let mut all = vec![s.reverse_kl, s.jsd, s.overlap, s.student_entropy];
    all.extend(s.band_overlap);
    all.extend(s.band_invented);
    all.into_iter().map(f64::from).collect()
}

fn of_rows(s: &PositionStats) -> Vec<f64> {
    let mut all = vec![s.reverse_kl, s.jsd, s.overlap, s.student_entropy];
    all.extend(s.band_overlap);
    all.extend(s.band_invented);
    all.into_iter().map(f64::from).collect()
}

fn student_comparer(vocab: usize) -> ShownStudentComparer {
    ShownStudentComparer::new(vocab).with_vectors(vectors())
}

#[test]
fn the_expectation_over_the_students_draw_is_what_both_rows_give() {
    let check = |exponent: f64, floored: usize, noise: f64| {
        const VOCAB: usize = 300;
        let mut source = random(12);
        let mut teacher = zipf_row(VOCAB, exponent, &mut source);
        let student = noisy(&teacher, noise, &mut source);
        teacher[..floored].fill(f32::NEG_INFINITY);
        let rows = compare(&teacher, &student, 0);
        let exact = of_rows(&rows);
        let log_q = log_softmax(&student, 1.0);
        let order = by_probability(&student);
        let pair = |&token: &usize| (token as u32, log_q[token] as f32);
        let mut mass = 0.0;
        let up_to = order.iter().map(|&token| {
            mass += log_q[token].exp();
            mass
        });
        let least = 1 + up_to.take_while(|mass| *mass < 0.9).count();
        let mut bounds = Vec::new();
        for k in [least, least + 40, VOCAB] {
            let listed: Vec<_> = order.iter().take(k).map(pair).collect();
            let mut sums = vec![0.0; exact.len()];
            for (token, log_q) in log_q.iter().enumerate() {
                let shown = ShownDistribution::new(&listed, &[pair(&token)]).unwrap();
                let found = student_comparer(VOCAB).compare(&teacher, &shown, 0).unwrap();
                for (sum, found) in sums.iter_mut().zip(of_student(&found)) {
                    *sum += log_q.exp() * found;
                }
                if token > 0 {
                    continue;
                }
                bounds.push(found.kl_at_least);
                assert_eq!((found.teacher_top1, found.student_top1), (rows.teacher_top1, rows.student_top1));
                assert_eq!((found.band_mass, found.teacher_entropy), (rows.band_mass, rows.teacher_entropy));
                if let Some(tau) = found.kendall_tau {
                    assert_eq!(tau, rows.kendall_tau);
                }
                assert!(found.kl_at_least <= rows.kl + 1e-5, "{k}: {} {}", found.kl_at_least, rows.kl);
                assert_eq!(found.unlisted == 0.0, k == VOCAB);
            }
            for (i, (found, exact)) in sums.iter().zip(&exact).enumerate() {
                let tolerance = 2e-5 * (1.0 + exact.abs());
                assert!((found - exact).abs() <= tolerance, "{exponent} {floored} {k} {i}: {found} {exact}");
            }
        }
        // The longer the list, the more of KL is known; a whole one gives all of it.
        assert!(bounds.is_sorted(), "{bounds:?}");
        assert!((bounds[2] - rows.kl).abs() < 1e-4 * (1.0 + rows.kl) && bounds[0] > 0.0, "{bounds:?} {}", rows.kl);
    };
    check(1.6, 0, 1.0);
    check(0.9, 0, 1.0);
    check(1.1, 60, 0.5);
}

#[test]
fn what_nobody_knows_of_a_student_is_not_a_number() {
    let teacher = [3.0_f32, 2.0, 1.0, 0.0];
    let q = [0.05_f64, 0.91, 0.02, 0.02];
    let pair = |token: usize| (token as u32, q[token].ln() as f32);
    let compare = |listed: &[usize], drawn: usize, target| {
        let listed: Vec<_> = listed.iter().copied().map(pair).collect();
        let shown = ShownDistribution::new(&listed, &[pair(drawn)]).unwrap();
        student_comparer(4).compare(&teacher, &shown, target).unwrap()
    };
    // A target that is neither listed nor drawn; the order of two that are not listed.
    let one = compare(&[1], 1, 2);
    assert_eq!((one.student_logprob, one.kendall_tau), (None, None));
    let drawn = compare(&[1], 2, 2);
    assert_eq!(drawn.student_logprob, Some(pair(2).1));
    let three = compare(&[1, 0, 2], 1, 1);
    assert_eq!(three.student_logprob, Some(pair(1).1));
    assert!(three.kendall_tau.is_some_and(|tau| (tau - 4.0 / 6.0).abs() < 1e-6), "{three:?}");
    let error = student_comparer(2).compare(&teacher[..2], &ShownDistribution::new(&[pair(1)], &[pair(3)]).unwrap(), 0);
    assert!(error.unwrap_err().to_string().contains("token 3 is outside the vocabulary of 2"));
}

/// Numbers that are called exact are those of both rows, whatever was drawn; those that are called estimates hang on it.
#[test]
fn only_estimates_hang_on_what_was_drawn() {
    const VOCAB: usize = 300;
    let mut source = random(13);
    let teacher = zipf_row(VOCAB, 1.0, &mut source);
    let mut student = noisy(&teacher, 1.0, &mut source);
    student[..60].fill(f32::NEG_INFINITY);
    let mut exact = Sums::new();
    exact.position("f", &compare(&teacher, &student, 0));
    let shown = |row: &[f32], drawn: usize| {
        let log_p = log_softmax(row, 1.0);
        let pair = |token: usize| (token as u32, log_p[token] as f32);
        let listed: Vec<_> = by_probability(row).into_iter().take(150).map(pair).collect();
        ShownDistribution::new(&listed, &[pair(drawn)]).unwrap()
    };
    let check = |part: InPart, of_draw: &dyn Fn(usize, &mut Sums)| {
        let possible = (0..VOCAB).filter(|&token| part != InPart::ShownStudent || token >= 60);
        let draws: Vec<Sums> = possible
            .map(|drawn| {
                let mut sums = Sums::new();
                of_draw(drawn, &mut sums);
                sums
            })
            .collect();
        let on_positions =
            tokens::DEFINITIONS.iter().filter(|of| of.measure.is_some_and(|of| of.table == Table::Positions));
        let (mut known, mut estimates) = (0, 0);
        for definition in on_positions {
            let Ok(values) = draws.iter().map(|sums| definition.value(sums)).collect::<Result<Vec<f64>, _>>() else {
                continue;
            };
            let truth = definition.value(&exact).unwrap();
            let off = values.iter().map(|value| (value - truth).abs()).fold(0.0, f64::max);
            assert_eq!(off > 1e-4, is_estimated(definition, part), "{part:?} {}: off by {off}", definition.id);
            *if off > 1e-4 { &mut estimates } else { &mut known } += 1;
        }
        assert!(known >= 1 && estimates >= 4, "{part:?}: {known} known, {estimates} estimates");
    };
    check(InPart::ShownTeacher, &|drawn, sums| {
        sums.sparse_position("f", &comparer(VOCAB).compare(&shown(&teacher, drawn), &student, 0).unwrap());
    });
    check(InPart::ShownStudent, &|drawn, sums| {
        let found = student_comparer(VOCAB).compare(&teacher, &shown(&student, drawn), 0).unwrap();
        sums.shown_student_position("f", &found);
    });
    check(InPart::CachedTeacher, &|seed, sums| {
        let truncation = Truncation { mass: 1.0, k_min: 20, k_max: 20, draws: 2 };
        let kept = Truncater::new(truncation).with_vectors(vectors()).truncate(&teacher, seed as u64).unwrap();
        sums.sparse_position("f", &comparer(VOCAB).compare(&kept, &student, 0).unwrap());
    });
}
