//! Cross-entropy with the token that the text has: −ln q(token), nats, at temperature 1. Hard labels; ∂/∂z = q − 1(token).

use hydrometer_models::vectors;

use super::{Row, row};

/// Its value alone.
pub(super) fn value(student: &[f32], token: u32) -> f64 {
    row::log_sum(student) - f64::from(student[token as usize])
}

/// Its value, and `share` of its derivative into `gradient`.
pub(super) fn row(student: &Row, token: u32, share: f64, gradient: &mut [f32]) -> f64 {
    vectors().dispatch(
        #[inline(always)]
        || gradient.iter_mut().zip(&student.prob).for_each(|(g, q)| *g = (share * q) as f32),
    );
    gradient[token as usize] = (share * (student.prob[token as usize] - 1.0)) as f32;
    -student.log[token as usize]
}
