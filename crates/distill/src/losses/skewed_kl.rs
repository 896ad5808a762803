//! Skewed KL: KL(p ‖ m) with m = λp + (1 − λ)q, nats, in [0, −ln λ]; ∂/∂q = −(1 − λ) p / m. DistiLLM (Ko et al. 2024, arXiv
//! 2402.03898) takes λ = 0.1: where the student has next to nothing the gradient stays bounded.

use super::{Row, log_add, through_softmax};

pub(super) fn row(teacher: &Row, student: &Row, lambda: f64, gradient: &mut [f64]) -> f64 {
    let (of_teacher, of_student) = (lambda.ln(), (-lambda).ln_1p());
    let mut value = 0.0;
    for (v, g) in gradient.iter_mut().enumerate() {
        let log_m = log_add(of_teacher + teacher.log[v], of_student + student.log[v]);
        let d = teacher.log[v] - log_m;
        let p = teacher.prob[v];
        if p > 0.0 {
            value += p * d;
        }
        *g = if p > 0.0 { -(1.0 - lambda) * d.exp() } else { 0.0 };
    }
    through_softmax(student, gradient);
    value
}
