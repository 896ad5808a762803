//! Generalised Jensen–Shannon divergence with m = βp + (1 − β)q, over β(1 − β):
//!
//! ```text
//! (β KL(p ‖ m) + (1 − β) KL(q ‖ m)) / (β (1 − β)),   ∂/∂u = q (l − Σ q l) / β,   l = ln(q / m)
//! ```
//!
//! nats, ≥ 0. Agarwal et al. (2023, arXiv 2306.13649) have it without the divisor, and then it vanishes at both ends. With it
//! the ends are KL(p ‖ q) at β = 0 and KL(q ‖ p) at β = 1, exactly, and everything between is continuous. At β = ½ it is four
//! times the usual divergence.

use super::{Row, forward_kl, log_add, reverse_kl, through_softmax};

pub(super) fn row(teacher: &Row, student: &Row, beta: f64, gradient: &mut [f64]) -> f64 {
    if beta == 0.0 {
        return forward_kl::row(teacher, student, gradient);
    }
    if beta == 1.0 {
        return reverse_kl::row(teacher, student, gradient);
    }
    let (of_teacher, of_student) = (beta.ln(), (-beta).ln_1p());
    let (mut forward, mut reverse) = (0.0, 0.0);
    for (v, g) in gradient.iter_mut().enumerate() {
        let (p, q) = (teacher.prob[v], student.prob[v]);
        let log_m = log_add(of_teacher + teacher.log[v], of_student + student.log[v]);
        *g = if q > 0.0 { student.log[v] - log_m } else { 0.0 };
        reverse += q * *g;
        if p > 0.0 {
            forward += p * (teacher.log[v] - log_m);
        }
    }
    through_softmax(student, gradient);
    gradient.iter_mut().for_each(|g| *g /= beta);
    forward / (1.0 - beta) + reverse / beta
}
