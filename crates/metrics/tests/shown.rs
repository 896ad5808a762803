//! What servers show of a distribution: exact in expectation over what they draw, refused where it is no distribution.
#![allow(clippy::unwrap_used)]

mod support;

use hydrometer_metrics::PositionStats;
use hydrometer_metrics::sparse::{ShownDistribution, ShownError, SparseComparer, SparsePositionStats};
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
    check(&good, &[(7, -2.0)], "token 7 was drawn with the log-probability -2 and is not listed");
    let short = ShownDistribution::new(&[(0, -1.0)], &good[..1]);
    assert!(matches!(short, Err(ShownError::ShortOfTheNucleus { listed: 1, .. })), "{short:?}");
}
