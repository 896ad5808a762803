//! The steps between the products, in loops that LLVM vectorises for the instruction set that `pulp` finds at run time.
//! Each is a function of one row, so that its result never depends on what else is in the block.

use pulp::Arch;

/// exp, relative error below 2e-7 in f32; 0 below −87.3, as softmax wants it, and NaN stays NaN. Loops over it become vectors where
/// [`vectors`](crate::vectors) dispatches them.
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    // x = n·ln 2 + r with |r| ≤ ln 2 / 2 and ln 2 in two parts (Cody and Waite), so that r is exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0; // nine bits: n times it is exact
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer
    let clamped = x.clamp(-87.3, 88.0);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * LN_2_HIGH;
    let r = r - n * LN_2_LOW;
    // Minimax polynomial of (e^r − 1 − r) / r² (Cephes expf).
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5.0e-1;
    let value = p * r * r + r + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    let result = value * power;
    let result = if x < -87.3 { 0.0 } else { result };
    if x > 88.0 || x.is_nan() { x * f32::INFINITY } else { result }
}

/// `x · sigmoid(x)`.
#[inline(always)]
fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// The tanh form of gelu: `x/2 · (1 + tanh(u))` is `x · sigmoid(2u)`.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    let u = 0.797_884_6 * (x + 0.044_715 * x * x * x);
    x / (1.0 + exp(-2.0 * u))
}

/// `gate = silu(gate) · up`.
pub(crate) fn silu_times(arch: Arch, gate: &mut [f32], up: &[f32]) {
    arch.dispatch(
        #[inline(always)]
        || gate.iter_mut().zip(up).for_each(|(gate, &up)| *gate = silu(*gate) * up),
    );
}

/// `gate = gelu(gate) · up`.
pub(crate) fn gelu_times(arch: Arch, gate: &mut [f32], up: &[f32]) {
    arch.dispatch(
        #[inline(always)]
        || gate.iter_mut().zip(up).for_each(|(gate, &up)| *gate = gelu_tanh(*gate) * up),
    );
}

/// Sum of squares in sixteen interleaved lanes: the order is fixed, whatever the vector width.
#[inline(always)]
fn squares(values: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    let (whole, rest) = values.as_chunks::<16>();
    for chunk in whole {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += value * value;
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += value * value;
    }
    lanes.iter().sum()
}

/// `out = x / rms(x) · weight`.
pub(crate) fn rms_norm(arch: Arch, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    arch.dispatch(
        #[inline(always)]
        || {
            let scale = (squares(x) / x.len() as f32 + eps).sqrt().recip();
            for ((out, &x), &weight) in out.iter_mut().zip(x).zip(weight) {
                *out = x * scale * weight;
            }
        },
    );
}

/// [`rms_norm`] in place.
pub(crate) fn rms_norm_inplace(arch: Arch, x: &mut [f32], weight: &[f32], eps: f32) {
    arch.dispatch(
        #[inline(always)]
        || {
            let scale = (squares(x) / x.len() as f32 + eps).sqrt().recip();
            for (x, &weight) in x.iter_mut().zip(weight) {
                *x = *x * scale * weight;
            }
        },
    );
}

/// `x += y`.
pub(crate) fn add(arch: Arch, x: &mut [f32], y: &[f32]) {
    arch.dispatch(
        #[inline(always)]
        || x.iter_mut().zip(y).for_each(|(x, &y)| *x += y),
    );
}

/// `x += y · factor`.
pub(crate) fn scaled_add(arch: Arch, x: &mut [f32], y: &[f32], factor: f32) {
    arch.dispatch(
        #[inline(always)]
        || x.iter_mut().zip(y).for_each(|(x, &y)| *x += y * factor),
    );
}

/// Σ x·y in sixteen interleaved lanes: the order is fixed, whatever the vector width.
pub(crate) fn dot(arch: Arch, x: &[f32], y: &[f32]) -> f32 {
    arch.dispatch(
        #[inline(always)]
        || {
            let mut lanes = [0f32; 16];
            let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<16>(), y.as_chunks::<16>());
            for (x, y) in x.iter().zip(y) {
                for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
                    *lane += x * y;
                }
            }
            for ((lane, x), y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
                *lane += x * y;
            }
            lanes.iter().sum()
        },
    )
}

/// `x *= factor`.
pub(crate) fn scale(arch: Arch, x: &mut [f32], factor: f32) {
    arch.dispatch(
        #[inline(always)]
        || x.iter_mut().for_each(|x| *x *= factor),
    );
}

/// `x = cap · tanh(x / cap)`.
pub(crate) fn soft_cap(arch: Arch, x: &mut [f32], cap: f32) {
    arch.dispatch(
        #[inline(always)]
        || {
            for x in x {
                // tanh(u) = 1 − 2 / (e^{2u} + 1)
                *x = cap * (1.0 - 2.0 / (exp(2.0 * *x / cap) + 1.0));
            }
        },
    );
}

/// Rotates pairs (i, i + half): `cos` and `sin` have one entry per pair.
pub(crate) fn rotate_halves(arch: Arch, head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (first, second) = head.split_at_mut(cos.len());
    let second = &mut second[..cos.len()];
    arch.dispatch(
        #[inline(always)]
        || {
            for (((a, b), &cos), &sin) in first.iter_mut().zip(second.iter_mut()).zip(cos).zip(sin) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        },
    );
}

/// Rotates pairs (2i, 2i + 1).
pub(crate) fn rotate_pairs(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    for ((pair, &cos), &sin) in head.chunks_exact_mut(2).zip(cos).zip(sin) {
        (pair[0], pair[1]) = (pair[0] * cos - pair[1] * sin, pair[1] * cos + pair[0] * sin);
    }
}

/// Turns scores into weights that sum to one.
pub(crate) fn softmax(arch: Arch, scores: &mut [f32]) {
    arch.dispatch(
        #[inline(always)]
        || {
            let highest = highest(scores);
            let mut sums = [0f32; 16];
            let (whole, rest) = scores.as_chunks_mut::<16>();
            for chunk in whole {
                for (sum, score) in sums.iter_mut().zip(chunk) {
                    *score = exp(*score - highest);
                    *sum += *score;
                }
            }
            for (sum, score) in sums.iter_mut().zip(rest) {
                *score = exp(*score - highest);
                *sum += *score;
            }
            let inverse = sums.iter().sum::<f32>().recip();
            scores.iter_mut().for_each(|score| *score *= inverse);
        },
    );
}

/// The largest number, NaN left out; −∞ of none.
#[inline(always)]
fn highest(values: &[f32]) -> f32 {
    let mut highest = [f32::NEG_INFINITY; 16];
    for chunk in values.chunks(16) {
        for (highest, &value) in highest.iter_mut().zip(chunk) {
            *highest = if value > *highest { value } else { *highest };
        }
    }
    highest.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b))
}

/// As [`highest`], for one call.
pub(crate) fn largest(arch: Arch, values: &[f32]) -> f32 {
    arch.dispatch(
        #[inline(always)]
        || highest(values),
    )
}

/// Σ exp((x − shift) · factor) of every `block` numbers.
pub(crate) fn exp_sums(arch: Arch, values: &[f32], block: usize, shift: f32, factor: f32) -> Vec<f64> {
    let mut sums = vec![0.0; values.len().div_ceil(block)];
    arch.dispatch(
        #[inline(always)]
        || {
            for (sum, block) in sums.iter_mut().zip(values.chunks(block)) {
                let mut lanes = [0f32; 16];
                let (whole, rest) = block.as_chunks::<16>();
                for chunk in whole {
                    for (lane, &value) in lanes.iter_mut().zip(chunk) {
                        *lane += exp((value - shift) * factor);
                    }
                }
                for (lane, &value) in lanes.iter_mut().zip(rest) {
                    *lane += exp((value - shift) * factor);
                }
                *sum = lanes.iter().map(|&lane| f64::from(lane)).sum();
            }
        },
    );
    sums
}

/// Whether every number is finite.
pub(crate) fn all_finite(arch: Arch, values: &[f32]) -> bool {
    arch.dispatch(
        #[inline(always)]
        || {
            let mut special = 0u32;
            for value in values {
                special |= u32::from(value.to_bits() & 0x7f80_0000 == 0x7f80_0000);
            }
            special == 0
        },
    )
}
