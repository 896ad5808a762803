//! KL of the teacher's k most probable tokens and one cell for all others, with P = Σ p and Q = Σ q over the head:
//!
//! ```text
//! Σ_head p ln(p / q) + (1 − P) ln((1 − P) / (1 − Q));   ∂/∂u = q − p in the head,  q − q (1 − P) / (1 − Q) outside
//! ```
//!
//! nats, ≥ 0, and never above KL(p ‖ q) (data processing). The total mass of the tail is learnt, its shape is not. A head
//! without the cell can be negative; a renormalised head is another distribution.

use hydrometer_metrics::sparse::SparseDistribution;

use super::Row;

/// Below this mass the cell of the others is empty: rounding of the head's sum is all that is left of it.
const EMPTY: f64 = 1e-9;

/// `temperature` is the place in the temperatures of a sparse distribution. Where more than `k` tokens are kept, the others are
/// part of the cell.
pub(super) fn row(
    teacher: &SparseDistribution,
    k: usize,
    temperature: usize,
    student: &Row,
    gradient: &mut [f64],
) -> f64 {
    let log = |log_p: &f32| f64::from(teacher.tempered(*log_p, temperature));
    let head = || teacher.head.iter().zip(teacher.head_logprobs.iter().map(log)).take(k);
    let (mut value, mut student_mass) = (0.0, 0.0);
    for (&token, log_p) in head() {
        value += log_p.exp() * (log_p - student.log[token as usize]);
        student_mass += student.prob[token as usize];
    }
    let beyond: f64 = teacher.head_logprobs.iter().skip(k).map(|log_p| log(log_p).exp()).sum();
    let tail = f64::from(teacher.tail_mass[temperature]) + beyond;
    let student_tail = (1.0 - student_mass).max(EMPTY);
    let ratio = if tail > EMPTY {
        value += tail * (tail / student_tail).ln();
        tail / student_tail
    } else {
        0.0
    };
    for (g, q) in gradient.iter_mut().zip(&student.prob) {
        *g = q * (1.0 - ratio);
    }
    for (&token, log_p) in head() {
        gradient[token as usize] = student.prob[token as usize] - log_p.exp();
    }
    value
}
