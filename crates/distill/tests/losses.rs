//! Every loss against PyTorch, against finite differences, and against its own laws.
#![allow(clippy::unwrap_used)]

use hydrometer_answers::sparse::Codec;
use hydrometer_distill::losses::{Divergence, Objective, Scratch, Soft, TeacherRow};
use hydrometer_metrics::sparse::{SparseDistribution, Truncation};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

const ALL: [Divergence; 12] = [
    Divergence::ForwardKl,
    Divergence::ReverseKl,
    Divergence::JensenShannon { beta: 0.0 },
    Divergence::JensenShannon { beta: 0.1 },
    Divergence::JensenShannon { beta: 0.5 },
    Divergence::JensenShannon { beta: 0.999 },
    Divergence::JensenShannon { beta: 1.0 },
    Divergence::SkewedKl { lambda: 0.1 },
    Divergence::SkewedReverseKl { lambda: 0.1 },
    Divergence::TotalVariation,
    Divergence::TopKTail { k: 4 },
    Divergence::Stratified { k: 4, draws: 3 },
];

fn objective(divergence: Divergence, temperature: f64, hard: f64) -> Objective {
    let objective = Objective { hard, soft: Some(Soft { divergence, temperature }) };
    assert_eq!(objective.fault(), None);
    objective
}

fn row(objective: &Objective, teacher: &[f32], student: &[f32], token: u32, seed: u64) -> (f64, Vec<f32>) {
    let mut gradient = vec![0.0; student.len()];
    let found = objective
        .row(&mut objective.scratch(), (TeacherRow::Logits(teacher), student), token, seed, &mut gradient)
        .unwrap();
    (found.loss, gradient)
}

/// Logits that spread over some ten nats.
fn logits(seed: u64, vocab: usize) -> Vec<f32> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    (0..vocab).map(|_| chance.random_range(-5.0f32..5.0)).collect()
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        name: String,
        divergence: Divergence,
        temperature: f64,
        hard: f64,
        token: u32,
        teacher: Vec<f32>,
        student: Vec<f32>,
        loss: f64,
        gradient: Vec<f64>,
    }
    let file: File = serde_json::from_str(include_str!("reference/losses.json")).unwrap();
    assert_eq!(file.cases.len(), 40);
    for case in file.cases {
        let objective = objective(case.divergence, case.temperature, case.hard);
        let (loss, gradient) = row(&objective, &case.teacher, &case.student, case.token, 0);
        assert!((loss - case.loss).abs() < 1e-5 * case.loss.abs().max(1.0), "{}: {loss}, {}", case.name, case.loss);
        for (v, (found, expected)) in gradient.iter().zip(case.gradient).enumerate() {
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{}, logit {v}: {found}, {expected}", case.name);
        }
    }
}

#[test]
fn gradients_are_finite_differences() {
    for (index, divergence) in ALL.into_iter().enumerate() {
        for (temperature, hard) in [(1.0, 0.0), (2.0, 0.4)] {
            let objective = objective(divergence, temperature, hard);
            let (teacher, student) = (logits(2 * index as u64, 11), logits(2 * index as u64 + 1, 11));
            let (_, gradient) = row(&objective, &teacher, &student, 3, 7);
            for v in 0..student.len() {
                let at = |step: f32| {
                    let mut moved = student.clone();
                    moved[v] += step;
                    (f64::from(moved[v]), row(&objective, &teacher, &moved, 3, 7).0)
                };
                let ((high, above), (low, below)) = (at(1e-3), at(-1e-3));
                let expected = (above - below) / (high - low);
                let found = f64::from(gradient[v]);
                assert!((found - expected).abs() < 1e-5, "{divergence:?} at {temperature}: {found}, {expected}");
            }
        }
    }
}

#[test]
fn a_student_that_is_its_teacher_loses_nothing_and_learns_nothing() {
    for divergence in ALL {
        let objective = objective(divergence, 2.0, 0.0);
        let same = logits(5, 50);
        // What is drawn of the tail stands for all of it only on average; its value is exact here all the same.
        let (loss, gradient) = row(&objective, &same, &same, 0, 1);
        let drawn = matches!(divergence, Divergence::Stratified { .. });
        assert!(loss.abs() < 1e-5, "{divergence:?}: {loss}");
        assert!(drawn || gradient.iter().all(|g| g.abs() < 1e-5), "{divergence:?}: {gradient:?}");
    }
}

#[test]
fn a_head_with_one_cell_for_the_others_never_says_more_than_everything() {
    for seed in 0..50 {
        let (teacher, student) = (logits(seed, 200), logits(seed + 1000, 200));
        let value = |divergence| row(&objective(divergence, 1.0, 0.0), &teacher, &student, 0, 0).0;
        let full = value(Divergence::ForwardKl);
        let mut before = 0.0;
        for k in [1, 5, 50, 199] {
            let part = value(Divergence::TopKTail { k });
            // What is kept of a row is in f32.
            let rounding = 4.0 * f64::from(f32::EPSILON) * full.max(1.0);
            assert!(part >= before - rounding && part <= full + rounding, "k {k}: {part} after {before}, of {full}");
            before = part;
        }
    }
}

/// The mean of many draws lies within its own error of what the whole vocabulary gives: value and every gradient.
#[test]
fn draws_from_the_tail_have_the_whole_vocabularys_gradient_on_average() {
    const DRAWS: usize = 4000;
    for temperature in [1.0, 2.0] {
        // So flat that every token is drawn often.
        let flat = |seed| logits(seed, 60).iter().map(|z| 0.3 * z).collect::<Vec<f32>>();
        let (teacher, student) = (flat(1), flat(2));
        let (full, exact) = row(&objective(Divergence::ForwardKl, temperature, 0.0), &teacher, &student, 0, 0);
        let drawn = objective(Divergence::Stratified { k: 5, draws: 4 }, temperature, 0.0);
        let mut scratch: Scratch = drawn.scratch();
        let mut samples = vec![Vec::new(); 61];
        let mut gradient = vec![0.0; 60];
        for seed in 0..DRAWS as u64 {
            let found =
                drawn.row(&mut scratch, (TeacherRow::Logits(&teacher), &student), 0, seed, &mut gradient).unwrap();
            samples[60].push(found.loss);
            for (sample, &g) in samples.iter_mut().zip(&gradient) {
                sample.push(f64::from(g));
            }
        }
        let expected = exact.iter().map(|&g| f64::from(g)).chain([full]);
        let mut spread = 0.0f64;
        for (place, (sample, expected)) in samples.iter().zip(expected).enumerate() {
            let n = sample.len() as f64;
            let mean = sample.iter().sum::<f64>() / n;
            let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
            let error = (variance / n).sqrt();
            spread = spread.max(error);
            // 61 numbers at two temperatures: five standard errors leave one in ten thousand runs to chance; seeds are fixed.
            assert!((mean - expected).abs() <= 5.0 * error + 2e-6, "{place}: {mean} ± {error}, {expected}");
        }
        assert!(spread > 1e-4, "the draws vary");
    }
}

/// What a cache keeps of a flat row, as its records hold it.
fn kept(row: &[f32], truncation: Truncation, seed: u64) -> SparseDistribution {
    let codec = Codec::of_logits(row.len() as u32, truncation);
    let mut record = Vec::new();
    codec.encoder().unwrap().encode(row, seed, &mut record).unwrap();
    codec.decode(&record).unwrap()
}

/// From records of a cache, too: the mean over their draws is the whole vocabulary's gradient, but for the rounding of records.
#[test]
fn records_of_a_cache_have_the_whole_vocabularys_gradient_on_average() {
    const DRAWS: u64 = 2000;
    /// Half a step of 1/256 nat of every probability.
    const ROUNDING: f64 = 1.0 / 512.0;
    for temperature in [1.0, 2.0, 4.0] {
        let flat = |seed| logits(seed, 60).iter().map(|z| 0.3 * z).collect::<Vec<f32>>();
        let (teacher, student) = (flat(1), flat(2));
        let objective = objective(Divergence::ForwardKl, temperature, 0.0);
        let (full, exact) = row(&objective, &teacher, &student, 0, 0);
        let truncation = Truncation { mass: 0.3, k_min: 5, k_max: 20, draws: 4 };
        let (mut sums, mut squares, mut scratch) = (vec![0.0; 61], vec![0.0; 61], objective.scratch());
        let mut gradient = vec![0.0; 60];
        for seed in 0..DRAWS {
            let kept = kept(&teacher, truncation, seed);
            let pair = (TeacherRow::Kept(&kept), &student[..]);
            let found = objective.row(&mut scratch, pair, 0, 0, &mut gradient).unwrap();
            for (place, x) in gradient.iter().map(|&g| f64::from(g)).chain([found.loss]).enumerate() {
                sums[place] += x;
                squares[place] += x * x;
            }
        }
        let n = DRAWS as f64;
        for (place, expected) in exact.iter().map(|&g| f64::from(g)).chain([full]).enumerate() {
            let mean: f64 = sums[place] / n;
            let error = ((squares[place] / n - mean * mean).max(0.0) / n).sqrt();
            let rounding = temperature * temperature * ROUNDING * if place == 60 { 2.0 } else { 0.1 };
            let apart = (mean - expected).abs();
            assert!(apart <= 5.0 * error + rounding, "T {temperature}, {place}: {mean} ± {error}, {expected}");
        }
    }
}

/// A cache that keeps more than `k` tokens gives the loss of the `k` most probable ones.
#[test]
fn tokens_beyond_the_head_of_the_loss_are_part_of_its_tail() {
    for temperature in [1.0, 2.0] {
        let (teacher, student) = (logits(3, 300), logits(4, 300));
        let objective = objective(Divergence::TopKTail { k: 4 }, temperature, 0.2);
        let (full, exact) = row(&objective, &teacher, &student, 9, 0);
        let kept = kept(&teacher, Truncation { mass: 0.99, k_min: 4, k_max: 64, draws: 0 }, 0);
        assert!(kept.head.len() > 20);
        let mut gradient = vec![0.0; 300];
        let pair = (TeacherRow::Kept(&kept), &student[..]);
        let found = objective.row(&mut objective.scratch(), pair, 9, 0, &mut gradient).unwrap().loss;
        assert!((found - full).abs() < 0.01 * full, "{found}, {full}");
        let largest = gradient.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 2e-3, "{largest}");
    }
}

/// What a server lists of a row, as a cache of it has it: the `k` most probable tokens and the rest.
fn listed(row: &[f32], k: u32) -> SparseDistribution {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let log_sum = row.iter().map(|z| (z - largest).exp()).sum::<f32>().ln();
    let mut all: Vec<(u32, f32)> = (0..).zip(row.iter().map(|z| z - largest - log_sum)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (codec, mut record) = (Codec::listed(row.len() as u32, k), Vec::new());
    let shown = SparseDistribution::listed(&all[..k as usize]).unwrap();
    codec.encode_listed(&shown, &mut record).unwrap();
    codec.decode(&record).unwrap()
}

/// From a server's list, too, the gradient is that of the loss: KL of the listed tokens and one cell for all others, which is never
/// above that of all tokens.
#[test]
fn a_list_of_a_server_gives_a_bound_with_its_own_gradient() {
    let objective = objective(Divergence::TopKTail { k: 4 }, 1.0, 0.3);
    for seed in 0..20 {
        let (teacher, student) = (logits(seed, 11), logits(seed + 100, 11));
        let kept = listed(&teacher, 4);
        let at = |student: &[f32]| {
            let mut gradient = vec![0.0; student.len()];
            let pair = (TeacherRow::Kept(&kept), student);
            let found = objective.row(&mut objective.scratch(), pair, 3, 0, &mut gradient).unwrap();
            (found, gradient)
        };
        let (found, gradient) = at(&student);
        for v in 0..student.len() {
            let moved = |step: f32| {
                let mut moved = student.clone();
                moved[v] += step;
                (f64::from(moved[v]), at(&moved).0.loss)
            };
            let ((high, above), (low, below)) = (moved(1e-3), moved(-1e-3));
            let expected = (above - below) / (high - low);
            assert!((f64::from(gradient[v]) - expected).abs() < 1e-5, "{seed}: {}, {expected}", gradient[v]);
        }
        let (full, _) = row(&self::objective(Divergence::ForwardKl, 1.0, 0.0), &teacher, &student, 3, 0);
        // Records are rounded to 1/256 nat.
        assert!(found.divergence >= 0.0 && found.divergence <= full + 0.004, "{}, {full}", found.divergence);
    }
}

/// At another temperature than 1, and of where the rest lies, a list says nothing.
#[test]
fn what_a_list_does_not_say_is_not_learnt_from_it() {
    let codec = Codec::listed(50, 4);
    let lacks =
        |divergence, temperature| objective(divergence, temperature, 0.0).lacks(&codec).map(|lack| (lack.0, lack.1));
    assert_eq!(lacks(Divergence::TopKTail { k: 4 }, 1.0), None);
    let of = |what: &'static str, expected: &str| Some((what, expected.to_owned()));
    assert_eq!(
        lacks(Divergence::TopKTail { k: 4 }, 2.0),
        of("loss.temperature", "1, at which servers list probabilities")
    );
    assert_eq!(lacks(Divergence::TopKTail { k: 5 }, 1.0), of("k_min", "at least 5"));
    assert_eq!(lacks(Divergence::ForwardKl, 1.0), of("draws", "at least 1"));
}

#[test]
fn settings_out_of_range_are_named() {
    let check = |divergence, temperature, hard, setting: &str| {
        let objective = Objective { hard, soft: Some(Soft { divergence, temperature }) };
        assert_eq!(objective.fault().map(|fault| fault.0), Some(setting));
    };
    check(Divergence::JensenShannon { beta: 1.5 }, 1.0, 0.0, "beta");
    check(Divergence::SkewedKl { lambda: 1.0 }, 1.0, 0.0, "lambda");
    check(Divergence::SkewedReverseKl { lambda: -0.1 }, 1.0, 0.0, "lambda");
    check(Divergence::TopKTail { k: 0 }, 1.0, 0.0, "k");
    check(Divergence::Stratified { k: 1, draws: 0 }, 1.0, 0.0, "draws");
    for temperature in [0.0, -1.0, 1e-30, 0.009, 1000.1, 1e30, f64::INFINITY, f64::NAN] {
        check(Divergence::ForwardKl, temperature, 0.0, "temperature");
    }
    for temperature in [0.01, 0.5, 20.0, 1000.0] {
        assert_eq!(objective(Divergence::ForwardKl, temperature, 0.0).fault(), None);
    }
    check(Divergence::TopKTail { k: 3 }, 3.0, 0.0, "temperature");
    check(Divergence::ForwardKl, 1.0, f64::NAN, "hard");
    assert_eq!(Objective { hard: 0.5, soft: None }.fault().map(|fault| fault.0), Some("hard"));
    assert_eq!(Objective::HARD.fault(), None);
}
