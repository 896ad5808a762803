//! Forward Kullback–Leibler divergence KL(p ‖ q) = Σ p ln(p / q), nats, ≥ 0; ∂/∂u = q − p. Soft labels as Hinton, Vinyals
//! and Dean have them (2015, arXiv 1503.02531). The student must cover whatever the teacher does.

use super::Row;

pub(super) fn row(teacher: &Row, student: &Row, gradient: &mut [f64]) -> f64 {
    teacher.divergence(student, gradient)
}
