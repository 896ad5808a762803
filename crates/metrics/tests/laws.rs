//! Laws that hold for all rows and tables.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::calibration::{brier, debiased_ece2, ece2, logit_slope, reliability};
use hydrometer_metrics::stats::families::FamilyTable;
use hydrometer_metrics::stats::quantile::percentiles;
use hydrometer_metrics::temperature::best;
use hydrometer_metrics::{INVERSE_TEMPERATURES, UNIT_TEMPERATURE};
use proptest::prelude::*;
use rand::Rng;
use support::{compare, log_softmax, noisy, random, rounding, zipf_row};

/// A logit, sometimes −∞, sometimes tied.
fn logit() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -30.0_f32..30.0,
        1 => Just(f32::NEG_INFINITY),
        2 => (-3_i8..3).prop_map(f32::from),
    ]
}

/// Two rows of one length, each with at least one finite logit.
fn rows() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
    prop::collection::vec((logit(), logit()), 1..200).prop_map(|pairs| {
        let (mut teacher, mut student): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        teacher[0] = teacher[0].max(-5.0);
        student[0] = student[0].max(-5.0);
        (teacher, student)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn divergences_obey_their_laws((teacher, student) in rows()) {
        let found = compare(&teacher, &student, 0);
        let back = compare(&student, &teacher, 0);
        // Sums are off by `rounding`, and so are the normalisers of both rows.
        let allowed = 3.0 * rounding(teacher.len()) as f32;
        prop_assert!(found.kl >= 0.0 && found.reverse_kl >= 0.0);
        prop_assert!((found.kl - back.reverse_kl).abs() <= allowed * found.kl.max(1.0));
        prop_assert!((0.0..=std::f32::consts::LN_2).contains(&found.jsd));
        prop_assert!((found.jsd - back.jsd).abs() <= allowed);
        prop_assert!((0.0..=1.0).contains(&found.overlap));
        prop_assert!((found.overlap - back.overlap).abs() <= allowed);
        prop_assert_eq!(found.kl_at[UNIT_TEMPERATURE], found.kl);
        prop_assert!(found.kl_at.iter().chain(&found.kl_slope_at).all(|x| x.is_finite()));
        let mass: f32 = found.band_mass.iter().sum();
        let overlap: f32 = found.band_overlap.iter().sum();
        let invented: f32 = found.band_invented.iter().sum();
        prop_assert!((mass - 1.0).abs() <= allowed);
        prop_assert!((overlap - found.overlap).abs() <= allowed);
        // What is invented somewhere was taken away elsewhere.
        prop_assert!((overlap + invented - 1.0).abs() <= 2.0 * allowed);
        let pinsker = 2.0 * (1.0 - found.overlap).powi(2);
        prop_assert!(found.kl >= pinsker - 1e-5, "Pinsker: {} < {pinsker}", found.kl);
        for k in 1..9 {
            // Convex in β: the slope never falls.
            prop_assert!(found.kl_slope_at[k] >= found.kl_slope_at[k - 1] - 1e-3);
        }
    }

    #[test]
    fn tables_merge_in_any_order(rows in prop::collection::vec((0_u8..6, -1e3..1e3_f64), 0..40), cut in 0_usize..40) {
        let fill = |rows: &[(u8, f64)]| {
            let mut table = FamilyTable::new(1);
            for (family, value) in rows {
                table.add(&family.to_string(), &[*value], 1);
            }
            table
        };
        let cut = cut.min(rows.len());
        let (a, b) = (fill(&rows[..cut]), fill(&rows[cut..]));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(&b);
        ba.merge(&a);
        let whole = fill(&rows);
        prop_assert_eq!(whole.items(), rows.len() as u64);
        for other in [&ab, &ba] {
            prop_assert_eq!(other.len(), whole.len());
            prop_assert_eq!(other.items(), whole.items());
            for (x, y) in other.totals().iter().zip(whole.totals()) {
                prop_assert!((x - y).abs() <= 1e-9);
            }
        }
        let mut left = a.clone();
        left.merge(&b);
        left.merge(&whole);
        let mut right = b.clone();
        right.merge(&whole);
        let mut outer = a.clone();
        outer.merge(&right);
        for ((f, x, n), (g, y, m)) in left.rows().zip(outer.rows()) {
            prop_assert_eq!((f, n), (g, m));
            prop_assert!((x[0] - y[0]).abs() <= 1e-9);
        }
    }
}

#[test]
fn the_hermite_minimum_matches_a_fine_search() {
    let mut random = random(21);
    for _ in 0..20 {
        let teacher = zipf_row(400, 1.4, &mut random);
        let sharp = 0.6 + random.random::<f32>();
        let student: Vec<f32> = noisy(&teacher, 0.5, &mut random).iter().map(|l| l * sharp).collect();
        let found = compare(&teacher, &student, 0);
        let wide = |values: [f32; 9]| values.map(f64::from);
        let best = best(&wide(found.kl_at), &wide(found.kl_slope_at)).unwrap();
        let lp = log_softmax(&teacher, 1.0);
        let kl = |beta: f64| -> f64 {
            let lb = log_softmax(&student, beta);
            lp.iter().zip(&lb).map(|(a, b)| a.exp() * (a - b)).sum()
        };
        let fine = (400..=2500).map(|k| f64::from(k) / 1000.0);
        let (beta, least) = fine.map(|b| (b, kl(b))).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert!((1.0 / best.tau - beta).abs() < 0.01, "{} against {beta}", 1.0 / best.tau);
        assert!((best.kl_at_tau - least).abs() < 1e-3 * least + 1e-4);
        assert!((best.removable.unwrap() - (1.0 - least / kl(1.0))).abs() < 2e-3);
        assert!(!best.at_edge);
    }
}

#[test]
fn temperatures_at_the_edge_and_without_divergence() {
    let rising = best(&[1.0; 9], &[0.5; 9]).unwrap();
    assert!((rising.tau - 2.5).abs() < 1e-6 && rising.at_edge);
    let falling = best(&[1.0; 9], &[-0.5; 9]).unwrap();
    assert!((falling.tau - 0.4).abs() < 1e-6 && falling.at_edge);
    let mut kl = [1.0; 9];
    kl[UNIT_TEMPERATURE] = 0.0;
    let slope: [f64; 9] = std::array::from_fn(|k| f64::from(INVERSE_TEMPERATURES[k]) - 1.0);
    let none = best(&kl, &slope).unwrap();
    assert_eq!((none.tau, none.kl_at_tau, none.removable), (1.0, 0.0, None));
    assert_eq!(best(&kl[1..], &slope), None);
    assert_eq!(best(&[f64::NAN; 9], &slope), None);
}

#[test]
fn percentiles_interpolate_like_numpy() {
    // numpy.percentile([1, 2, 4, 8, 16], [0, 10, 50, 90, 99.9, 100])
    let mut values = [16.0, 1.0, 8.0, 2.0, 4.0];
    let points = percentiles(&mut values, &[0.0, 10.0, 50.0, 90.0, 99.9, 100.0]).unwrap();
    let expected = [1.0, 1.4, 4.0, 12.8, 15.968, 16.0];
    for (point, expected) in points.iter().zip(expected) {
        assert!((point.value - expected).abs() < 1e-9, "{point:?}");
    }
    assert_eq!(percentiles(&mut [], &[50.0]), None);
    assert_eq!(percentiles(&mut [f64::NAN], &[50.0]), None);
}

#[test]
fn brier_counts_every_option() {
    assert_eq!(brier(&[1.0, 0.0], 0), Some(0.0));
    assert_eq!(brier(&[1.0, 0.0], 1), Some(2.0));
    let score = brier(&[0.5, 0.3, 0.2], 1).unwrap();
    assert!((score - (0.25 + 0.49 + 0.04)).abs() < 1e-12);
    assert_eq!(brier(&[1.0], 1), None);
}

/// Mean of the debiased and of the plain squared calibration error over simulated sets of 200.
fn calibration_errors(shift: f64) -> (f64, f64) {
    let mut random = random(31);
    let (mut debiased, mut plain) = (0.0, 0.0);
    let sets = 2000;
    for _ in 0..sets {
        let pairs: Vec<(f64, bool)> = (0..200)
            .map(|_| {
                // One stated probability per bin, so that binning itself costs nothing.
                let stated = (f64::from(random.random_range(1..9_u32)) + 0.5) / 10.0;
                (stated, random.random::<f64>() < stated + shift)
            })
            .collect();
        debiased += debiased_ece2(&pairs).unwrap() / f64::from(sets);
        for bin in reliability(&pairs, 10).iter().filter(|bin| bin.items > 0) {
            let gap = bin.accuracy.unwrap() - bin.confidence.unwrap();
            plain += bin.items as f64 / 200.0 * gap * gap / f64::from(sets);
        }
    }
    (debiased, plain)
}

#[test]
fn the_calibration_error_is_unbiased() {
    let (debiased, plain) = calibration_errors(0.0);
    assert!(debiased.abs() < 2e-4 && plain > 5e-3, "{debiased} {plain}");
    let (shifted, _) = calibration_errors(0.1);
    assert!((shifted - 0.01).abs() < 5e-4, "{shifted}");
    assert_eq!(debiased_ece2(&[(0.5, true)]), None);
    assert_eq!(debiased_ece2(&[(1.5, true), (0.5, true)]), None);
    assert_eq!(ece2(&[0.0; 3]), None);
}

#[test]
fn reliability_bins_hold_every_pair() {
    let bins = reliability(&[(0.0, false), (0.1, true), (0.999, true), (1.0, true)], 10);
    assert_eq!(bins.len(), 10);
    assert_eq!(bins.iter().map(|bin| bin.items).sum::<u64>(), 4);
    assert_eq!((bins[9].items, bins[9].accuracy), (2, Some(1.0)));
    assert_eq!((bins[5].confidence, bins[5].accuracy), (None, None));
}

#[test]
fn an_overconfident_student_has_a_slope_below_one() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let pairs = |scale: f64| -> Vec<(f64, f64)> {
        (-20..=20).map(|k| (sigmoid(f64::from(k) / 10.0), sigmoid(scale * f64::from(k) / 10.0))).collect()
    };
    assert!((logit_slope(&pairs(2.0)).unwrap() - 0.5).abs() < 1e-9);
    assert!((logit_slope(&pairs(1.0)).unwrap() - 1.0).abs() < 1e-9);
    // Neither side centred: y = 1 + x/2 has slope 1/2 all the same.
    let shifted: Vec<(f64, f64)> =
        (0..9).map(|k| (sigmoid(1.0 + f64::from(k) / 4.0), sigmoid(f64::from(k) / 2.0))).collect();
    assert!((logit_slope(&shifted).unwrap() - 0.5).abs() < 1e-9);
    assert_eq!(logit_slope(&[(0.3, 0.5), (0.6, 0.5)]), None);
    assert_eq!(logit_slope(&[(0.3, 0.5)]), None);
}
