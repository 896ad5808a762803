//! A row of logits as a distribution, in f64.
//!
//! Loops are written for vectors: sums run in eight lanes whatever the processor has, so that they are the same everywhere.

use hydrometer_models::vectors;

/// Lanes of a sum.
const LANES: usize = 8;

/// A next-token distribution over the whole vocabulary.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Natural logarithms of the probabilities.
    pub log: Vec<f64>,
    /// The probabilities; they sum to 1.
    pub prob: Vec<f64>,
}

impl Row {
    /// softmax(logits / temperature), in f64.
    pub fn fill(&mut self, logits: &[f32], temperature: f64) {
        self.log.resize(logits.len(), 0.0);
        self.prob.resize(logits.len(), 0.0);
        let Row { log, prob } = self;
        let cold = temperature.recip();
        vectors().dispatch(
            #[inline(always)]
            || {
                let largest = f64::from(largest(logits));
                let mut lanes = [0.0; LANES];
                let chunks = log.chunks_mut(LANES).zip(prob.chunks_mut(LANES)).zip(logits.chunks(LANES));
                for ((log, prob), logits) in chunks {
                    for (((lane, log), prob), &z) in lanes.iter_mut().zip(log).zip(prob).zip(logits) {
                        *log = (f64::from(z) - largest) * cold;
                        *prob = exp(*log);
                        *lane += *prob;
                    }
                }
                let total: f64 = lanes.iter().sum();
                let (log_total, inverse) = (total.ln(), total.recip());
                log.iter_mut().for_each(|u| *u -= log_total);
                prob.iter_mut().for_each(|p| *p *= inverse);
            },
        );
    }

    /// Entropy in nats.
    pub(super) fn entropy(&self) -> f64 {
        let mut lanes = [0.0; LANES];
        vectors().dispatch(
            #[inline(always)]
            || {
                for (prob, log) in self.prob.chunks(LANES).zip(self.log.chunks(LANES)) {
                    for ((lane, &p), &log) in lanes.iter_mut().zip(prob).zip(log) {
                        *lane -= if p > 0.0 { p * log } else { 0.0 };
                    }
                }
            },
        );
        lanes.iter().sum()
    }

    /// Σ p ln(p / q), and q − p into `gradient`.
    pub(super) fn divergence(&self, q: &Row, gradient: &mut [f64]) -> f64 {
        let mut lanes = [0.0; LANES];
        vectors().dispatch(
            #[inline(always)]
            || {
                let p = self.prob.chunks(LANES).zip(self.log.chunks(LANES));
                let q = q.prob.chunks(LANES).zip(q.log.chunks(LANES));
                for (((p, log_p), (q, log_q)), gradient) in p.zip(q).zip(gradient.chunks_mut(LANES)) {
                    let (p, q) = (p.iter().zip(log_p), q.iter().zip(log_q));
                    for (((lane, (&p, &log_p)), (&q, &log_q)), g) in lanes.iter_mut().zip(p).zip(q).zip(gradient) {
                        *lane += if p > 0.0 { p * (log_p - log_q) } else { 0.0 };
                        *g = q - p;
                    }
                }
            },
        );
        lanes.iter().sum()
    }
}

/// ln Σ e^logit.
pub(super) fn log_sum(logits: &[f32]) -> f64 {
    let mut lanes = [0.0; LANES];
    let mut shift = 0.0;
    vectors().dispatch(
        #[inline(always)]
        || {
            shift = f64::from(largest(logits));
            for logits in logits.chunks(LANES) {
                for (lane, &z) in lanes.iter_mut().zip(logits) {
                    *lane += exp(f64::from(z) - shift);
                }
            }
        },
    );
    shift + lanes.iter().sum::<f64>().ln()
}

/// The largest number; a NaN is never it, and none is −∞.
#[inline(always)]
fn largest(logits: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    for logits in logits.chunks(16) {
        for (lane, &z) in lanes.iter_mut().zip(logits) {
            *lane = if z > *lane { z } else { *lane };
        }
    }
    lanes.iter().fold(f32::NEG_INFINITY, |most, &lane| most.max(lane))
}

/// exp to the last digits but one, for numbers up to 700; 0 below −708, and NaN stays NaN.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // x = n·ln 2 + r with |r| ≤ ln 2 / 2 and ln 2 in two parts (Cody and Waite), so that r is exact.
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²: adding it rounds to an integer
    let clamped = x.clamp(-708.0, 700.0);
    let shifted = clamped * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (clamped - n * LN_2_HIGH) - n * LN_2_LOW;
    // The Taylor series to r¹³/13!: what follows is below 10⁻¹⁷.
    const SERIES: [f64; 14] = [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let mut value = SERIES[0];
    for &term in &SERIES[1..] {
        value = value * r + term;
    }
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    let result = value * power;
    if x < -708.0 { 0.0 } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for i in -70_800..=10_000 {
            let x = f64::from(i) * 0.01 + 1e-5;
            let (found, expected) = (exp(x), x.exp());
            assert!((found - expected).abs() <= 4e-16 * expected, "{x}: {found:e}, {expected:e}");
        }
        assert_eq!((exp(f64::NEG_INFINITY), exp(-709.0), exp(0.0)), (0.0, 0.0, 1.0));
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn a_row_is_a_distribution_whatever_its_length() {
        for vocab in [1, 7, 8, 9, 100, 1031] {
            let logits: Vec<f32> = (0..vocab).map(|v| ((v * 7919 + 13) % 101) as f32 / 9.0 - 4.0).collect();
            let mut row = Row::default();
            for temperature in [1.0, 2.0] {
                row.fill(&logits, temperature);
                let z: f64 = logits.iter().map(|&z| (f64::from(z) / temperature).exp()).sum();
                for (v, &logit) in logits.iter().enumerate() {
                    let log = f64::from(logit) / temperature - z.ln();
                    assert!((row.log[v] - log).abs() < 1e-12 && (row.prob[v] - log.exp()).abs() < 1e-14, "{vocab}, {v}");
                }
                let entropy: f64 = row.log.iter().map(|log| -log * log.exp()).sum();
                assert!((row.entropy() - entropy).abs() < 1e-12);
            }
            assert!((log_sum(&logits) - logits.iter().map(|&z| f64::from(z).exp()).sum::<f64>().ln()).abs() < 1e-12);
        }
    }
}
