//! Scales and offsets with little squared error.

/// Candidates on either side of the obvious scale, in steps of a tenth of an integer.
const STEPS: i32 = 9;

/// Σ over the indices of a group, in eight partial sums: an order that vectors can follow and that never changes.
#[inline(always)]
fn sum<const N: usize>(term: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0f32; 8];
    for first in (0..N).step_by(8) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(first + lane);
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (b + f)) + ((c + g) + (d + h))
}

/// 1 / `scale`, and 0 where that is not a number to work with: such a group is all zeros.
#[inline(always)]
pub(super) fn inverse(scale: f32) -> f32 {
    let inverse = scale.recip();
    if inverse.is_finite() { inverse } else { 0.0 }
}

/// The integers from `low` to `high` that `(x − offset) / scale` rounds to.
#[inline(always)]
pub(super) fn integers<const N: usize>(x: &[f32; N], (scale, offset): (f32, f32), (low, high): (f32, f32)) -> [f32; N] {
    let inverse = inverse(scale);
    let mut out = [0.0; N];
    for (out, x) in out.iter_mut().zip(x) {
        *out = ((x - offset) * inverse).round_ties_even().max(low).min(high);
    }
    out
}

/// Σ (x − scale · q − offset)² over the integers that lie nearest.
#[inline(always)]
pub(super) fn error<const N: usize>(x: &[f32; N], by: (f32, f32), range: (f32, f32)) -> f32 {
    let q = integers(x, by, range);
    sum::<N>(|i| (x[i] - by.0 * q[i] - by.1).powi(2))
}

/// A scale for integers from `-top` to `top - 1`. It is negative where the largest number is positive, because the side below
/// zero has one integer more.
#[inline(always)]
pub(super) fn scale<const N: usize>(x: &[f32; N], top: f32) -> f32 {
    let largest = x.iter().fold(0.0f32, |largest, &x| if x.abs() > largest.abs() { x } else { largest });
    let range = (-top, top - 1.0);
    let (mut best, mut gain) = (-largest / top, 0.0);
    for step in -STEPS..=STEPS {
        let q = integers(x, (-largest / (top + 0.1 * step as f32), 0.0), range);
        let (xq, qq) = (sum::<N>(|i| x[i] * q[i]), sum::<N>(|i| q[i] * q[i]));
        // The best scale for these integers takes xq²/qq off Σ x².
        if qq > 0.0 && xq * xq > gain * qq {
            (best, gain) = (xq / qq, xq * xq / qq);
        }
    }
    best
}

/// A scale and an offset for integers from 0 to `top`; with `most` the offset is at most that.
#[inline(always)]
pub(super) fn scale_and_offset<const N: usize>(x: &[f32; N], top: f32, most: f32) -> (f32, f32) {
    let lowest = x.iter().fold(f32::INFINITY, |lowest, &x| lowest.min(x)).min(most);
    let highest = x.iter().fold(f32::NEG_INFINITY, |highest, &x| highest.max(x));
    let range = (0.0, top);
    let mut best = ((highest - lowest) / top, lowest);
    let mut least = error(x, best, range);
    let sum_x = sum::<N>(|i| x[i]);
    for step in -STEPS..=STEPS {
        let q = integers(x, ((highest - lowest) / (top + 0.1 * step as f32), lowest), range);
        let (sum_q, qq, xq) = (sum::<N>(|i| q[i]), sum::<N>(|i| q[i] * q[i]), sum::<N>(|i| x[i] * q[i]));
        let determinant = N as f32 * qq - sum_q * sum_q;
        if determinant <= 0.0 {
            continue;
        }
        let mut fitted = ((N as f32 * xq - sum_q * sum_x) / determinant, (qq * sum_x - sum_q * xq) / determinant);
        if fitted.1 > most {
            fitted = ((xq - most * sum_q) / qq, most);
        }
        let found = error(x, fitted, range);
        if found < least {
            (best, least) = (fitted, found);
        }
    }
    best
}
