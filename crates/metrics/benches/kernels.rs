//! Times of the hot paths: comparing two rows at three vocabulary sizes, and the jackknife over 1,000 families.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod timing;

use std::hint::black_box;

use hydrometer_metrics::compat::{encode_row, token_from_encoded};
use hydrometer_metrics::stats::interval;
use hydrometer_metrics::{Comparer, FamilyTable};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use timing::time;

/// Logits that look like a language model's: a noisy Zipf law in random order, and a student near it.
fn rows(vocab: usize) -> (Vec<f32>, Vec<f32>) {
    let mut random = ChaCha8Rng::seed_from_u64(vocab as u64);
    let mut teacher: Vec<f32> =
        (1..=vocab).map(|rank| 15.0 - 1.2 * (rank as f32).ln() + random.random::<f32>()).collect();
    for i in (1..vocab).rev() {
        teacher.swap(i, random.random_range(0..=i));
    }
    let student = teacher.iter().map(|l| l + random.random::<f32>() - 0.5).collect();
    (teacher, student)
}

fn compare() {
    for vocab in [32_000, 151_936, 262_144] {
        let (teacher, student) = rows(vocab);
        let mut comparer = Comparer::new(vocab);
        time(&format!("compare/{vocab}"), vocab, || {
            black_box(comparer.compare(black_box(&teacher), black_box(&student), 7).unwrap());
        });
    }
}

fn compat() {
    let (teacher, student) = rows(151_936);
    let mut codes = Vec::new();
    let (scale, min_log_prob) = encode_row(&teacher, &mut codes);
    time("token_from_encoded/151936", student.len(), || {
        black_box(token_from_encoded(black_box(&codes), scale, min_log_prob, black_box(&student), 7).unwrap());
    });
}

fn intervals() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut table = FamilyTable::new(2);
    for family in 0..1000 {
        let values = [random.random::<f64>(), 1.0 + random.random::<f64>()];
        table.add(&format!("family-{family}"), &values, 1);
    }
    let ratio = |sums: &[f64]| (sums[1] != 0.0).then(|| sums[0] / sums[1]);
    time("estimate/1000 families", 1000, || {
        let _ = black_box(interval::estimate(black_box(&table), 0.95, ratio));
    });
}

fn main() {
    compare();
    compat();
    intervals();
}
