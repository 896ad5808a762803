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
                let shift = f64::from(largest(logits));
                for (log, &z) in log.iter_mut().zip(logits) {
                    *log = (f64::from(z) - shift) * cold;
                }
                let mut lanes = [0.0; LANES];
                let ((logs, last_logs), (probs, last_probs)) =
                    (log.as_chunks::<LANES>(), prob.as_chunks_mut::<LANES>());
                for (log, prob) in logs.iter().zip(probs) {
                    *prob = exp(*log);
                    add(&mut lanes, prob);
                }
                add(&mut lanes, &exp_of_some(last_logs, last_probs));
                let total: f64 = lanes.iter().sum();
                let (log_total, inverse) = (total.ln(), total.recip());
                log.iter_mut().for_each(|u| *u -= log_total);
                prob.iter_mut().for_each(|p| *p *= inverse);
            },
        );
    }

    /// Entropy in nats.
    pub(super) fn entropy(&self) -> f64 {
        -vectors().dispatch(
            #[inline(always)]
            || dot(&self.prob, &self.log),
        )
    }

    /// Σ p ln(p / q), and q − p into `gradient`.
    pub(super) fn divergence(&self, q: &Row, gradient: &mut [f64]) -> f64 {
        vectors().dispatch(
            #[inline(always)]
            || {
                for (((g, log_p), log_q), p) in gradient.iter_mut().zip(&self.log).zip(&q.log).zip(&self.prob) {
                    *g = if *p > 0.0 { log_p - log_q } else { 0.0 };
                }
                let value = dot(&self.prob, gradient);
                for ((g, q), p) in gradient.iter_mut().zip(&q.prob).zip(&self.prob) {
                    *g = q - p;
                }
                value
            },
        )
    }
}

/// Σ a · b; where a is 0, b may be infinite.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let ((a, last_a), (b, last_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            lanes[i] += if a[i] == 0.0 { 0.0 } else { a[i] * b[i] };
        }
    }
    for ((lane, &a), &b) in lanes.iter_mut().zip(last_a).zip(last_b) {
        *lane += if a == 0.0 { 0.0 } else { a * b };
    }
    lanes.iter().sum()
}

#[inline(always)]
fn add(lanes: &mut [f64; LANES], numbers: &[f64; LANES]) {
    for i in 0..LANES {
        lanes[i] += numbers[i];
    }
}

/// exp of fewer numbers than lanes; zeros behind them.
#[inline(always)]
fn exp_of_some(logs: &[f64], probs: &mut [f64]) -> [f64; LANES] {
    let mut some = [f64::NEG_INFINITY; LANES];
    some[..logs.len()].copy_from_slice(logs);
    let some = exp(some);
    probs.copy_from_slice(&some[..logs.len()]);
    some
}

/// ln Σ e^logit.
pub(crate) fn log_sum(logits: &[f32]) -> f64 {
    vectors().dispatch(
        #[inline(always)]
        || {
            let shift = f64::from(largest(logits));
            let mut lanes = [0.0; LANES];
            let (chunks, last) = logits.as_chunks::<LANES>();
            for z in chunks {
                let mut apart = [0.0; LANES];
                for i in 0..LANES {
                    apart[i] = f64::from(z[i]) - shift;
                }
                add(&mut lanes, &exp(apart));
            }
            let mut apart = [f64::NEG_INFINITY; LANES];
            apart.iter_mut().zip(last).for_each(|(apart, &z)| *apart = f64::from(z) - shift);
            add(&mut lanes, &exp(apart));
            shift + lanes.iter().sum::<f64>().ln()
        },
    )
}

/// The largest number; a NaN is never it, and of none it is −∞.
#[inline(always)]
fn largest(logits: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let more = |lane: &mut f32, z: f32| *lane = if z > *lane { z } else { *lane };
    let (chunks, last) = logits.as_chunks::<16>();
    for z in chunks {
        lanes.iter_mut().zip(z).for_each(|(lane, &z)| more(lane, z));
    }
    lanes.iter_mut().zip(last).for_each(|(lane, &z)| more(lane, z));
    lanes.iter().fold(f32::NEG_INFINITY, |most, &lane| most.max(lane))
}

/// exp to the last digits but one, for numbers up to 700; 0 below −708, and NaN stays NaN. Step by step for all lanes, so that each
/// step is one instruction.
#[inline(always)]
fn exp(x: [f64; LANES]) -> [f64; LANES] {
    // x = n·ln 2 + r with |r| ≤ ln 2 / 2 and ln 2 in two parts (Cody and Waite), so that r is exact.
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²: adding it rounds to an integer
    // The Taylor series to r¹³/13!: what follows is below 10⁻¹⁷.
    const SERIES: [f64; 13] = [
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
    let (mut power, mut r, mut value) = ([0.0; LANES], [0.0; LANES], [1.0 / 6_227_020_800.0; LANES]);
    for i in 0..LANES {
        let clamped = if x[i] < -708.0 { -708.0 } else { x[i] };
        let clamped = if clamped > 700.0 { 700.0 } else { clamped };
        let shifted = clamped * std::f64::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        r[i] = (clamped - n * LN_2_HIGH) - n * LN_2_LOW;
        power[i] = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    }
    for term in SERIES {
        for i in 0..LANES {
            value[i] = value[i] * r[i] + term;
        }
    }
    for i in 0..LANES {
        value[i] = if x[i] < -708.0 { 0.0 } else { value[i] * power[i] };
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        let one = |x: f64| exp([x; LANES])[3];
        for i in -70_800..=10_000 {
            let x = f64::from(i) * 0.01 + 1e-5;
            let (found, expected) = (one(x), x.exp());
            assert!((found - expected).abs() <= 4e-16 * expected, "{x}: {found:e}, {expected:e}");
        }
        assert_eq!((one(f64::NEG_INFINITY), one(-709.0), one(0.0)), (0.0, 0.0, 1.0));
        assert!(one(f64::NAN).is_nan());
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
                    assert!(
                        (row.log[v] - log).abs() < 1e-12 && (row.prob[v] - log.exp()).abs() < 1e-14,
                        "{vocab}, {v}"
                    );
                }
                let entropy: f64 = row.log.iter().map(|log| -log * log.exp()).sum();
                assert!((row.entropy() - entropy).abs() < 1e-12);
            }
            assert!((log_sum(&logits) - logits.iter().map(|&z| f64::from(z).exp()).sum::<f64>().ln()).abs() < 1e-12);
        }
    }
}
