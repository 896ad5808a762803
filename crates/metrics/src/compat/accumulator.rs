//! Sums over tokens, and the block that is printed at the end.

use super::row::CompatToken;
use super::{Compat, Percentile, PlusMinus};

/// Fewer tokens than this and llama.cpp prints no final block.
const MIN_TOKENS: u64 = 100;
/// Percentiles of KL, as printed: fractions in f32 as there, and their names in per cent.
const KL_FRACTIONS: [(f32, f64); 11] = [
    (1.0, 100.0),
    (0.999, 99.9),
    (0.99, 99.0),
    (0.95, 95.0),
    (0.9, 90.0),
    (0.5, 50.0),
    (0.1, 10.0),
    (0.05, 5.0),
    (0.01, 1.0),
    (0.001, 0.1),
    (0.0, 0.0),
];
/// Percentiles of Δp, as printed.
const DELTA_FRACTIONS: [(f32, f64); 13] = [
    (1.0, 100.0),
    (0.999, 99.9),
    (0.99, 99.0),
    (0.95, 95.0),
    (0.9, 90.0),
    (0.75, 75.0),
    (0.5, 50.0),
    (0.25, 25.0),
    (0.1, 10.0),
    (0.05, 5.0),
    (0.01, 1.0),
    (0.001, 0.1),
    (0.0, 0.0),
];

/// Sum and sum of squares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64, square: f64) {
        self.sum += value;
        self.squares += square;
    }

    fn merge(&mut self, other: Self) {
        self.add(other.sum, other.squares);
    }

    /// Mean and its standard error √((Σx²/n − m²)/(n − 1)), tokens taken as independent.
    fn mean(self, n: f64) -> PlusMinus {
        let value = self.sum / n;
        let variance = (self.squares / n - value * value).max(0.0);
        PlusMinus { value, error: (variance / (n - 1.0)).sqrt() }
    }
}

/// Sums over tokens of llama.cpp's terms. Mergeable; keeps KL and Δp of every token for the percentiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompatAccumulator {
    student: Moments,
    teacher: Moments,
    product: f64,
    kl: Moments,
    delta: Moments,
    delta_squared: Moments,
    same_top: u64,
    kl_values: Vec<f32>,
    delta_values: Vec<f32>,
}

impl CompatAccumulator {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one token.
    pub fn update(&mut self, token: &CompatToken) {
        let CompatToken { nll_base, nll, kl, same_top } = *token;
        // Squares are taken in f32, as there; only the sums are wide.
        self.student.add(f64::from(nll), f64::from(nll * nll));
        self.teacher.add(f64::from(nll_base), f64::from(nll_base * nll_base));
        self.product += f64::from(nll * nll_base);
        let wide = f64::from(kl);
        self.kl.add(wide, wide * wide);
        let delta = (-nll).exp() - (-nll_base).exp();
        let square = f64::from(delta * delta);
        self.delta.add(f64::from(delta), square);
        self.delta_squared.add(square, square * square);
        self.same_top += u64::from(same_top);
        self.kl_values.push(kl);
        self.delta_values.push(delta);
    }

    /// Adds everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.student.merge(other.student);
        self.teacher.merge(other.teacher);
        self.product += other.product;
        self.kl.merge(other.kl);
        self.delta.merge(other.delta);
        self.delta_squared.merge(other.delta_squared);
        self.same_top += other.same_top;
        self.kl_values.extend_from_slice(&other.kl_values);
        self.delta_values.extend_from_slice(&other.delta_values);
    }

    /// Number of tokens.
    pub fn tokens(&self) -> u64 {
        self.kl_values.len() as u64
    }

    /// The block; `None` below 100 tokens, where llama.cpp prints none.
    pub fn finish(&self, chunks: u64, n_ctx: u32) -> Option<Compat> {
        let tokens = self.tokens();
        if tokens < MIN_TOKENS {
            return None;
        }
        let n = tokens as f64;
        let (log_student, log_teacher) = (self.student.mean(n), self.teacher.mean(n));
        let covariance = (self.product / n - log_student.value * log_teacher.value) / (n - 1.0);
        let ln_ratio = PlusMinus {
            value: log_student.value - log_teacher.value,
            error: difference(log_student.error, log_teacher.error, covariance),
        };
        let (student, teacher) = (exponential(log_student), exponential(log_teacher));
        let ppl_covariance = student.value * teacher.value * covariance;
        let spread = log_student.error * log_teacher.error;
        let mean_square = self.delta_squared.mean(n);
        let rms = mean_square.value.sqrt();
        let same = self.same_top as f64 / n;
        Some(Compat {
            tokens,
            chunks,
            n_ctx,
            ppl_student: student,
            ppl_teacher: teacher,
            // Two models that never vary are as correlated as can be; 0/0 has no value in a statement.
            correlation: if spread > 0.0 { covariance / spread } else { 1.0 },
            ln_ppl_ratio: ln_ratio,
            ppl_ratio: exponential(ln_ratio),
            ppl_difference: PlusMinus {
                value: student.value - teacher.value,
                error: difference(student.error, teacher.error, ppl_covariance),
            },
            mean_kl: self.kl.mean(n),
            kl_percentiles: percentiles(&self.kl_values, &KL_FRACTIONS),
            mean_delta_p: self.delta.mean(n),
            delta_p_percentiles: percentiles(&self.delta_values, &DELTA_FRACTIONS),
            rms_delta_p: PlusMinus { value: rms, error: if rms > 0.0 { 0.5 / rms * mean_square.error } else { 0.0 } },
            same_top: PlusMinus { value: same, error: (same * (1.0 - same) / (n - 1.0)).sqrt() },
        })
    }
}

/// Standard error of a difference of two correlated means.
fn difference(a: f64, b: f64, covariance: f64) -> f64 {
    (a * a + b * b - 2.0 * covariance).max(0.0).sqrt()
}

/// exp of a mean, its error carried over to first order.
fn exponential(log: PlusMinus) -> PlusMinus {
    let value = log.value.exp();
    PlusMinus { value, error: value * log.error }
}

/// Percentiles with llama.cpp's f32 ranks.
fn percentiles(values: &[f32], fractions: &[(f32, f64)]) -> Vec<Percentile> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let last = sorted.len() - 1;
    fractions
        .iter()
        .map(|&(fraction, percent)| {
            let rank = fraction * last as f32;
            let below = (rank as usize).min(last);
            let share = rank - below as f32;
            let above = (below + 1).min(last);
            let value = (1.0 - share) * sorted[below] + share * sorted[above];
            Percentile { percent, value: f64::from(value) }
        })
        .collect()
}
