//! Secondary measures of clouds of points against closed forms, brute force and simulations whose truth is known.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::embedding::*;
use proptest::prelude::*;
use rand::Rng;
use support::{normal, random};

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected} ± {tolerance}");
}

/// Standard normal points, shifted along the first coordinate.
fn cloud(count: usize, size: usize, shift: f64, random: &mut impl Rng) -> Vec<Vec<f64>> {
    let point = |random: &mut _| (0..size).map(|k| normal(random) + if k == 0 { shift } else { 0.0 }).collect();
    (0..count).map(|_| point(random)).collect()
}

/// A rotation by a plane after another, a scale and a shift.
fn moved(points: &[Vec<f64>], scale: f64, shift: f64) -> Vec<Vec<f64>> {
    let mut moved = points.to_vec();
    for point in &mut moved {
        for k in 1..point.len() {
            let (sine, cosine) = (k as f64).sin_cos();
            (point[k - 1], point[k]) =
                (cosine * point[k - 1] - sine * point[k], sine * point[k - 1] + cosine * point[k]);
        }
        point.iter_mut().for_each(|value| *value = scale * *value + shift);
    }
    moved
}

#[test]
fn the_frontier_of_known_distributions() {
    near(frontier_area(&[0.2, 0.8], &[0.2, 0.8]), 1.0, 1e-12);
    // No common cell: x = (1 − λ)⁵, y = λ⁵, and ∫ y dx = 5 B(6, 5) = 1/252.
    near(frontier_area(&[1.0, 0.0], &[0.0, 1.0]), 1.0 / 252.0, 1e-7);
    near(frontier_area(&[0.5, 0.5, 0.0], &[0.0, 0.0, 1.0]), 1.0 / 252.0, 1e-7);
    // It does not matter which is which, and coming nearer raises it.
    let (p, q) = ([0.5, 0.3, 0.2, 0.0], [0.1, 0.3, 0.2, 0.4]);
    near(frontier_area(&p, &q), frontier_area(&q, &p), 1e-12);
    let toward = |share: f64| p.iter().zip(&q).map(|(p, q)| share * p + (1.0 - share) * q).collect::<Vec<_>>();
    let areas = [0.0, 0.3, 0.6, 0.9].map(|share| frontier_area(&p, &toward(share)));
    assert!(areas.is_sorted() && areas[0] > 1.0 / 252.0 && areas[3] < 1.0, "{areas:?}");
    // By another rule: midpoints over a hundred times as many weights.
    let near_to = |from: &[f64], weight: f64| {
        let cells = p.iter().zip(&q).map(|(p, q)| weight * p + (1.0 - weight) * q).zip(from);
        (-5.0 * cells.filter(|cell| *cell.1 > 0.0).map(|(r, f)| f * (f / r).ln()).sum::<f64>()).exp()
    };
    let steps = 100_000;
    let area: f64 = (0..steps)
        .map(|i| {
            let [a, b] = [i, i + 1].map(|i| 1.0 - f64::from(i) / f64::from(steps));
            (near_to(&q, b) - near_to(&q, a)) * near_to(&p, 0.5 * (a + b))
        })
        .sum();
    // What is left of the first corner has height 1.
    near(frontier_area(&p, &q), area + near_to(&q, 1.0), 1e-5);
}

#[test]
fn mauve_tells_equal_from_different() {
    let mut random = random(1);
    let teacher = cloud(400, 16, 0.0, &mut random);
    let found: Vec<f64> = [0.0, 1.0, 2.0, 20.0]
        .iter()
        .map(|&shift| mauve(&teacher, &cloud(400, 16, shift, &mut random), 7).unwrap())
        .collect();
    assert!(found[0] > 0.9 && found.is_sorted_by(|a, b| a > b), "{found:?}");
    // No cluster holds points of both.
    near(found[3], 1.0 / 252.0, 1e-7);
    near(mauve(&teacher, &teacher, 7).unwrap(), 1.0, 1e-12);
    // The seed decides, and nothing else.
    let student = cloud(400, 16, 1.0, &mut random);
    assert_eq!(mauve(&teacher, &student, 3), mauve(&teacher, &student, 3));
    assert_ne!(mauve(&teacher, &student, 3), mauve(&teacher, &student, 4));
}

#[test]
fn mauve_of_duplicates_counts_them() {
    // Two places: the clusters are the places, whatever the seed, and the shares are known.
    let places = |left: usize| -> Vec<[f64; 2]> { (0..40).map(|i| [f64::from(u8::from(i < left)), 0.0]).collect() };
    for seed in 0..5 {
        let found = mauve(&places(30), &places(10), seed).unwrap();
        near(found, frontier_area(&[0.75, 0.25], &[0.25, 0.75]), 1e-12);
    }
    near(mauve(&places(0), &places(0), 0).unwrap(), 1.0, 1e-12);
    assert_eq!(mauve(&places(3)[..19], &places(3), 0), None);
    assert_eq!(mauve(&vec![vec![f64::NAN]; 20], &vec![vec![0.0]; 20], 0), None);
    assert_eq!(mauve(&vec![vec![1.0, 2.0]; 20], &vec![vec![0.0]; 20], 0), None);
}

/// The four numbers from their definitions.
fn slow(reference: &[Vec<f64>], sample: &[Vec<f64>], k: usize) -> Prdc {
    let apart = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
    let radius = |points: &[Vec<f64>], i: usize| {
        let mut all: Vec<f64> = (0..points.len()).filter(|&j| j != i).map(|j| apart(&points[i], &points[j])).collect();
        all.sort_by(f64::total_cmp);
        all[k - 1]
    };
    let balls = |of: &[Vec<f64>], point: &[f64]| {
        (0..of.len()).filter(|&i| apart(&of[i], point) <= radius(of, i)).count() as f64
    };
    let share = |of: &[Vec<f64>], points: &[Vec<f64>]| {
        points.iter().filter(|point| balls(of, point) > 0.0).count() as f64 / points.len() as f64
    };
    let covered = (0..reference.len())
        .filter(|&i| sample.iter().any(|point| apart(&reference[i], point) <= radius(reference, i)))
        .count() as f64;
    Prdc {
        precision: share(reference, sample),
        recall: share(sample, reference),
        density: sample.iter().map(|point| balls(reference, point)).sum::<f64>() / (k * sample.len()) as f64,
        coverage: covered / reference.len() as f64,
    }
}

#[test]
fn neighbours_of_small_samples() {
    let line = |values: &[f64]| values.iter().map(|&value| [value]).collect::<Vec<_>>();
    // Balls of the reference with k = 1: [−1, 1], [0, 2], [0, 2], [8, 12] around 0, 1, 1 (radius 0), 10 …
    let found = prdc(&line(&[0.0, 1.0, 1.0, 10.0]), &line(&[1.0, 5.0]), 1).unwrap();
    // 0's ball reaches to 1, the two at 1 have only their rim, 10's reaches to 1: four balls hold the point at 1, one
    // the point at 5; the sample's balls reach over 4: [−3, 5] and [1, 9].
    assert_eq!(found, Prdc { precision: 1.0, recall: 0.75, density: 5.0 / 2.0, coverage: 1.0 });
    let apart = prdc(&line(&[0.0, 1.0, 2.0]), &line(&[10.0, 11.0, 12.0]), 2).unwrap();
    assert_eq!(apart, Prdc { precision: 0.0, recall: 0.0, density: 0.0, coverage: 0.0 });
    // All the same: with a strict comparison every number would be 0.
    let same = prdc(&[[3.0]; 7], &[[3.0]; 9], 5).unwrap();
    assert_eq!(same, Prdc { precision: 1.0, recall: 1.0, density: 7.0 / 5.0, coverage: 1.0 });
    // One point, or as many neighbours as others: no ball.
    assert_eq!(prdc(&[[1.0]], &[[1.0]], 1), None);
    assert_eq!(prdc(&line(&[1.0, 2.0, 3.0]), &line(&[1.0, 2.0]), 2), None);
    assert_eq!(prdc(&line(&[1.0, 2.0, 3.0]), &line(&[1.0, 2.0]), 0), None);
    assert_eq!(prdc(&line(&[1.0, f64::INFINITY]), &line(&[1.0, 2.0]), 1), None);
}

#[test]
fn neighbours_of_equal_distributions_have_known_expectations() {
    let mut random = random(5);
    let (count, k, runs) = (100, 5, 60);
    let mut sums = [0.0; 4];
    for _ in 0..runs {
        let found = prdc(&cloud(count, 3, 0.0, &mut random), &cloud(count, 3, 0.0, &mut random), k).unwrap();
        let found = [found.precision, found.recall, found.density, found.coverage];
        sums.iter_mut().zip(found).for_each(|(sum, value)| *sum += value / f64::from(runs));
    }
    // Naeem et al.: of the n − 1 others and m points of the sample, none of the k nearest is the sample's.
    let missed: f64 = (1..=k).map(|i| (count - i) as f64 / (2 * count - i) as f64).product();
    near(sums[3], 1.0 - missed, 0.005);
    near(sums[2], 1.0, 0.02);
    near(sums[0], sums[1], 0.01);
    // A collapsed student stays inside and covers little.
    let collapsed: Vec<Vec<f64>> =
        cloud(100, 3, 0.0, &mut random).iter().map(|p| p.iter().map(|v| 0.1 * v).collect()).collect();
    let found = prdc(&cloud(100, 3, 0.0, &mut random), &collapsed, k).unwrap();
    assert!(found.precision > 0.99 && found.recall < 0.2 && found.coverage < 0.5 && found.density > 1.5, "{found:?}");
}

#[test]
fn effective_rank_of_known_spectra() {
    let axis = |k: usize, value: f64| -> [f64; 6] { std::array::from_fn(|j| if j == k { value } else { 0.0 }) };
    near(effective_rank(&[axis(0, 1.0), axis(1, 1.0), axis(2, 1.0), axis(3, -1.0)]).unwrap(), 4.0, 1e-9);
    near(effective_rank(&[axis(2, 5.0)]).unwrap(), 1.0, 1e-12);
    near(effective_rank(&vec![axis(2, 0.1); 50]).unwrap(), 1.0, 1e-9);
    // Singular values 3 and 1, as rows and as the transpose with many rows.
    let (p, q) = (0.75_f64, 0.25_f64);
    let two = (-p * p.ln() - q * q.ln()).exp();
    near(effective_rank(&[axis(0, 3.0), axis(5, 1.0)]).unwrap(), two, 1e-9);
    let mut rows = vec![axis(0, 1.0); 9];
    rows.push(axis(1, 1.0));
    near(effective_rank(&rows).unwrap(), two, 1e-9);
    assert_eq!(effective_rank(&[axis(0, 0.0); 3]), None);
    assert_eq!(effective_rank::<Vec<f64>>(&[]), None);
    assert_eq!(effective_rank(&[vec![1.0], vec![1.0, 2.0]]), None);
    // A rotation and a scale change nothing.
    let points = cloud(40, 12, 3.0, &mut random(8));
    near(effective_rank(&moved(&points, 7.0, 0.0)).unwrap(), effective_rank(&points).unwrap(), 1e-9);
}

#[test]
fn text_features_see_spelling() {
    let dot = |a: &str, b: &str| text_features(a).iter().zip(text_features(b)).map(|(a, b)| a * b).sum::<f64>();
    near(dot("The answer is 18.", "the  answer\nis 18."), 1.0, 1e-12);
    near(dot("a", "a"), 1.0, 1e-12);
    let (near_by, far) = (dot("The answer is 18.", "The answer is 19."), dot("The answer is 18.", "Forty-two geese"));
    assert!(near_by > 0.6 && far.abs() < 0.3, "{near_by} {far}");
    assert_eq!(text_features(" \n"), [0.0; TEXT_FEATURES]);
}

#[test]
fn ngrams_see_words_and_spelling_and_are_the_same_everywhere() {
    let vector = |text: &str| ngram_vector(text).iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let cosine = |a: &str, b: &str| {
        let (a, b) = (vector(a), vector(b));
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    };
    near(cosine("How many eggs has Ann?", "how  many\neggs has ANN?"), 1.0, 1e-12);
    let (close, far) = (
        cosine("How many eggs has Ann after lunch?", "How many eggs has Tom after dinner?"),
        cosine("How many eggs has Ann after lunch?", "Write a poem on winter storms."),
    );
    assert!(close > 0.4 && far.abs() < 0.3, "{close} {far}");
    assert_eq!(ngram_vector(" \n\t"), [0.0; NGRAM_WIDTH]);
    // What is behind the part that is read changes nothing.
    let long = "tide ".repeat(1 << 14);
    assert_eq!(ngram_vector(&long), ngram_vector(&format!("{long} and more")));
    // Pinned: other numbers are another NGRAM_VERSION.
    let pinned = ngram_vector("How many eggs has Ann? How many hens?");
    let moved: Vec<(usize, f32)> = pinned.iter().copied().enumerate().filter(|(_, x)| *x != 0.0).take(5).collect();
    assert_eq!(moved, [(1, 1.0), (2, 1.0), (3, -0.414_213_57), (4, -2.414_213_7), (7, -1.0)]);
    near(pinned.iter().map(|x| f64::from(x.abs())).sum(), 643.102_598_518_133_2, 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neighbours_are_those_of_the_definition(
        reference in prop::collection::vec(prop::collection::vec((0_u8..4).prop_map(f64::from), 2), 4..12),
        sample in prop::collection::vec(prop::collection::vec((0_u8..4).prop_map(f64::from), 2), 4..12),
        k in 1_usize..4,
    ) {
        let (found, expected) = (prdc(&reference, &sample, k).unwrap(), slow(&reference, &sample, k));
        prop_assert_eq!(found.coverage, expected.coverage);
        prop_assert_eq!((found.precision, found.recall), (expected.precision, expected.recall));
        prop_assert!((found.density - expected.density).abs() < 1e-12);
    }

    #[test]
    fn ranges_hold(points in prop::collection::vec(prop::collection::vec(-9.0_f64..9.0, 9), 20..40), seed: u64) {
        let (left, right) = points.split_at(10);
        let found = mauve(&[left, right].concat(), &[right, right].concat(), seed);
        if let Some(found) = found {
            prop_assert!((1.0 / 252.0 - 1e-6..=1.0 + 1e-12).contains(&found), "{}", found);
        }
        let rank = effective_rank(&points).unwrap();
        prop_assert!((1.0 - 1e-9..=9.0 + 1e-9).contains(&rank), "{}", rank);
    }
}
