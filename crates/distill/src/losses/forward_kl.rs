//! Forward Kullback–Leibler divergence KL(p ‖ q) = Σ p ln(p / q), nats, ≥ 0; ∂/∂u = q − p. Soft labels as Hinton, Vinyals
//! and Dean have them (2015, arXiv 1503.02531). The student must cover whatever the teacher does.

use super::Row;

pub(super) fn row(teacher: &Row, student: &Row, gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (v, g) in gradient.iter_mut().enumerate() {
        let p = teacher.prob[v];
        if p > 0.0 {
            value += p * (teacher.log[v] - student.log[v]);
        }
        *g = student.prob[v] - p;
    }
    value
}
