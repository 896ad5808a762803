//! Skewed reverse KL: KL(q ‖ m) with m = (1 − λ)p + λq, nats, in [0, −ln λ]; ∂/∂q = ln(q / m) + 1 − λ q / m. DistiLLM (Ko et
//! al. 2024, arXiv 2402.03898) and DistiLLM-2 (2025, arXiv 2503.07067) take λ = 0.1.

use super::{Row, log_add, through_softmax};

pub(super) fn row(teacher: &Row, student: &Row, lambda: f64, gradient: &mut [f64]) -> f64 {
    let (of_teacher, of_student) = ((-lambda).ln_1p(), lambda.ln());
    let mut value = 0.0;
    for (v, g) in gradient.iter_mut().enumerate() {
        let q = student.prob[v];
        let log_m = log_add(of_teacher + teacher.log[v], of_student + student.log[v]);
        let d = student.log[v] - log_m;
        if q > 0.0 {
            value += q * d;
        }
        *g = if q > 0.0 { d + 1.0 - lambda * d.exp() } else { 0.0 };
    }
    through_softmax(student, gradient);
    value
}
