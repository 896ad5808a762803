//! Soft caps: y = c tanh(x / c) keeps scores or logits within ±c; dx = dy (1 − (y / c)²).

use rayon::prelude::*;

/// Numbers of one task.
const AT_ONCE: usize = 4096;

/// One number.
#[inline(always)]
pub(super) fn capped(x: f32, cap: f32) -> f32 {
    cap * (x / cap).tanh()
}

/// dy/dx where the capped number is y.
#[inline(always)]
pub(super) fn slope(y: f32, cap: f32) -> f32 {
    1.0 - (y / cap) * (y / cap)
}

/// Caps all numbers.
pub(super) fn forward(values: &mut [f32], cap: f32) {
    values.par_chunks_mut(AT_ONCE).for_each(|values| values.iter_mut().for_each(|x| *x = capped(*x, cap)));
}

/// Turns the gradient of capped numbers into that of the numbers before.
pub(super) fn backward(gradient: &mut [f32], capped: &[f32], cap: f32) {
    gradient.iter_mut().zip(capped).for_each(|(g, &y)| *g *= slope(y, cap));
}
