//! Reverse Kullback–Leibler divergence KL(q ‖ p) = Σ q ln(q / p), nats, ≥ 0; ∂/∂u = q (ln(q / p) − KL(q ‖ p)). MiniLLM (Gu
//! et al. 2023, arXiv 2306.08543). The student may leave out what the teacher does: it seeks modes.

use super::Row;

pub(super) fn row(teacher: &Row, student: &Row, gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (v, g) in gradient.iter_mut().enumerate() {
        let q = student.prob[v];
        // What the student never says costs nothing, whatever the teacher says of it.
        *g = if q > 0.0 { student.log[v] - teacher.log[v] } else { 0.0 };
        value += q * *g;
    }
    for (g, q) in gradient.iter_mut().zip(&student.prob) {
        *g = q * (*g - value);
    }
    value
}
