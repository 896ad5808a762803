//! Times of the hot paths: comparing two rows at three vocabulary sizes, and the jackknife over 1,000 families.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hydrometer_metrics::compat::{encode_row, token_from_encoded};
use hydrometer_metrics::stats::interval;
use hydrometer_metrics::{Comparer, FamilyTable};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

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

fn compare(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compare");
    for vocab in [32_000, 151_936, 262_144] {
        let (teacher, student) = rows(vocab);
        let mut comparer = Comparer::new(vocab);
        group.throughput(Throughput::Elements(vocab as u64));
        group.bench_function(vocab.to_string(), |bencher| {
            bencher.iter(|| comparer.compare(black_box(&teacher), black_box(&student), 7).unwrap());
        });
    }
    group.finish();
}

fn compat(criterion: &mut Criterion) {
    let (teacher, student) = rows(151_936);
    let mut codes = Vec::new();
    let (scale, min_log_prob) = encode_row(&teacher, &mut codes);
    criterion.bench_function("token_from_encoded/151936", |bencher| {
        bencher.iter(|| token_from_encoded(black_box(&codes), scale, min_log_prob, black_box(&student), 7).unwrap());
    });
}

fn intervals(criterion: &mut Criterion) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut table = FamilyTable::new(2);
    for family in 0..1000 {
        let values = [random.random::<f64>(), 1.0 + random.random::<f64>()];
        table.add(&format!("family-{family}"), &values, 1);
    }
    let ratio = |sums: &[f64]| (sums[1] != 0.0).then(|| sums[0] / sums[1]);
    criterion.bench_function("estimate/1000 families", |bencher| {
        bencher.iter(|| interval::estimate(black_box(&table), 0.95, ratio));
    });
}

criterion_group!(benches, compare, compat, intervals);
criterion_main!(benches);
