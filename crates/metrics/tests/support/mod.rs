//! A plain f64 implementation of every statistic of a position, written from the definitions, and random rows.
#![allow(clippy::unwrap_used)]

use hydrometer_metrics::{Comparer, INVERSE_TEMPERATURES, PositionStats, Vectors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const FLOOR: f64 = -27.631_021_115_928_547;

/// A seeded stream.
pub fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A standard normal number (Box–Muller).
pub fn normal(random: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Logits that look like a language model's: a noisy Zipf law in random order.
pub fn zipf_row(vocab: usize, exponent: f64, random: &mut impl Rng) -> Vec<f32> {
    let mut row: Vec<f32> =
        (1..=vocab).map(|rank| (15.0 - exponent * (rank as f64).ln() + 0.5 * normal(random)) as f32).collect();
    for i in (1..vocab).rev() {
        row.swap(i, random.random_range(0..=i));
    }
    row
}

/// A row plus normal noise.
pub fn noisy(row: &[f32], sigma: f64, random: &mut impl Rng) -> Vec<f32> {
    row.iter().map(|&l| (f64::from(l) + sigma * normal(random)) as f32).collect()
}

/// ln softmax(β·row) in f64.
pub fn log_softmax(row: &[f32], beta: f64) -> Vec<f64> {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scaled: Vec<f64> = row.iter().map(|&l| beta * (f64::from(l) - f64::from(top))).collect();
    let log_sum = scaled.iter().map(|l| l.exp()).sum::<f64>().ln();
    scaled.iter().map(|l| l - log_sum).collect()
}

/// The statistics in f64.
#[derive(Debug)]
pub struct Reference {
    pub kl: f64,
    pub reverse_kl: f64,
    pub jsd: f64,
    pub overlap: f64,
    pub teacher_entropy: f64,
    pub student_entropy: f64,
    pub floored_mass: f64,
    pub kl_at: [f64; 9],
    pub kl_slope_at: [f64; 9],
    pub bands: [[f64; 3]; 4],
    pub tau: f64,
}

/// p·x with 0·anything = 0.
fn times(p: f64, x: f64) -> f64 {
    if p == 0.0 { 0.0 } else { p * x }
}

/// ln a − ln b, capped at what b = 1e−12 would give.
fn capped(a: f64, b: f64) -> f64 {
    (a - b).min((a - FLOOR).max(0.0))
}

pub fn reference(teacher: &[f32], student: &[f32]) -> Reference {
    let (lp, lq) = (log_softmax(teacher, 1.0), log_softmax(student, 1.0));
    let pairs = || lp.iter().copied().zip(lq.iter().copied());
    let entropy = |l: &[f64]| -l.iter().map(|&l| times(l.exp(), l)).sum::<f64>();
    let floored = |a: f64, b: f64| a > f64::NEG_INFINITY && a - b > (a - FLOOR).max(0.0);
    let mut kl_at = [0.0; 9];
    let mut kl_slope_at = [0.0; 9];
    let top = student.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let counted = 1.0 - mass(pairs(), floored);
    for (k, &beta) in INVERSE_TEMPERATURES.iter().enumerate() {
        // The grid is exact in decimal, not in f32.
        let lb = log_softmax(student, (f64::from(beta) * 1e4).round() / 1e4);
        for (i, (a, b)) in pairs().enumerate() {
            let (p, x) = (a.exp(), f64::from(student[i]) - f64::from(top));
            kl_slope_at[k] += times(lb[i].exp(), x) * counted;
            if floored(a, b) {
                kl_at[k] += p * capped(a, b);
            } else {
                kl_at[k] += times(p, a - lb[i]);
                kl_slope_at[k] -= times(p, x);
            }
        }
    }
    Reference {
        kl: pairs().map(|(a, b)| times(a.exp(), capped(a, b))).sum(),
        reverse_kl: pairs().map(|(a, b)| times(b.exp(), capped(b, a))).sum(),
        jsd: pairs()
            .map(|(a, b)| {
                let (p, q) = (a.exp(), b.exp());
                let m = (0.5 * (p + q)).ln();
                0.5 * (times(p, a - m) + times(q, b - m))
            })
            .sum(),
        overlap: pairs().map(|(a, b)| a.exp().min(b.exp())).sum(),
        teacher_entropy: entropy(&lp),
        student_entropy: entropy(&lq),
        floored_mass: mass(pairs(), floored),
        kl_at,
        kl_slope_at,
        bands: bands(teacher, &lp, &lq),
        tau: tau_b(teacher, student),
    }
}

fn mass(pairs: impl Iterator<Item = (f64, f64)>, chosen: impl Fn(f64, f64) -> bool) -> f64 {
    pairs.filter(|&(a, b)| chosen(a, b)).map(|(a, _)| a.exp()).sum()
}

/// Tokens by falling logit, ties by rising id.
pub fn by_probability(row: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&i, &j| row[j].partial_cmp(&row[i]).unwrap().then(i.cmp(&j)));
    order
}

/// Band of every token of the teacher's row.
pub fn band_of_tokens(teacher: &[f32], lp: &[f64]) -> Vec<usize> {
    let mut band_of = vec![3; teacher.len()];
    let mut before = 0.0;
    for (rank, &token) in by_probability(teacher).iter().enumerate() {
        band_of[token] = match rank {
            0 => 0,
            _ if before < 0.9 => 1,
            _ if before < 0.99 => 2,
            _ => 3,
        };
        before += lp[token].exp();
    }
    band_of
}

fn bands(teacher: &[f32], lp: &[f64], lq: &[f64]) -> [[f64; 3]; 4] {
    let mut bands = [[0.0; 3]; 4];
    for (token, band) in band_of_tokens(teacher, lp).into_iter().enumerate() {
        let (p, q) = (lp[token].exp(), lq[token].exp());
        bands[band][0] += p;
        bands[band][1] += p.min(q);
        bands[band][2] += (q - p).max(0.0);
    }
    bands
}

/// Tau-b on the teacher's ten most probable tokens, from the textbook definition.
fn tau_b(teacher: &[f32], student: &[f32]) -> f64 {
    let mut top = by_probability(teacher);
    top.retain(|&token| teacher[token] > f32::NEG_INFINITY);
    top.truncate(10);
    let (mut concordant, mut discordant, mut only_t, mut only_s) = (0.0, 0.0, 0.0, 0.0);
    for (n, &i) in top.iter().enumerate() {
        for &j in &top[..n] {
            let t = teacher[i].partial_cmp(&teacher[j]).unwrap() as i8;
            let s = student[i].partial_cmp(&student[j]).unwrap() as i8;
            match (t, s) {
                (0, 0) => {}
                (0, _) => only_t += 1.0,
                (_, 0) => only_s += 1.0,
                _ if t == s => concordant += 1.0,
                _ => discordant += 1.0,
            }
        }
    }
    let all: f64 = concordant + discordant;
    (concordant - discordant) / ((all + only_t) * (all + only_s)).sqrt()
}

/// The vectors of this run of the tests: no wider than `HYDROMETER_INSTRUCTIONS` allows, so that one processor can stand
/// for lesser ones (see docs/engine.md).
pub fn vectors() -> Vectors {
    let asked = std::env::var("HYDROMETER_INSTRUCTIONS").ok();
    match asked.as_deref() {
        None | Some("avx512" | "amx") => Vectors::widest(),
        Some("avx2") => Vectors::at_most(8),
        Some("neon" | "dotprod" | "i8mm") => Vectors::at_most(4),
        Some("portable") => Vectors::at_most(1),
        Some(other) => panic!("HYDROMETER_INSTRUCTIONS: {other:?} is none of those that docs/engine.md names"),
    }
}

/// Largest error of a sum over `vocab` f32 terms of one sign, relative to the sum: a lane adds one term after the other, up
/// to 128 of them, and every addition and the few steps to each term round by at most 2⁻²⁴.
pub fn rounding(vocab: usize) -> f64 {
    let added = vocab.div_ceil(vectors().lanes()).min(128);
    (added + 8) as f64 * f64::from(f32::EPSILON) / 2.0
}

/// A fresh comparer with the vectors of this run.
pub fn comparer(vocab: usize) -> Comparer {
    Comparer::new(vocab).with_vectors(vectors())
}

/// One comparison with a fresh comparer.
pub fn compare(teacher: &[f32], student: &[f32], target: u32) -> PositionStats {
    comparer(teacher.len()).compare(teacher, student, target).unwrap()
}
