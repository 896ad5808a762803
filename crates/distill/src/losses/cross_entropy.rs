//! Cross-entropy with the token that the text has: −ln q(token), nats, at temperature 1. Hard labels; ∂/∂u = q − 1(token).

use super::Row;

pub(super) fn row(student: &Row, token: u32, gradient: &mut [f64]) -> f64 {
    gradient.copy_from_slice(&student.prob);
    gradient[token as usize] -= 1.0;
    -student.log[token as usize]
}
