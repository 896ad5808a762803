//! Total variation distance ½ Σ |p − q|, in [0, 1]; ∂/∂q = ½ sgn(q − p). Wen et al. (2023, arXiv 2307.15190) distil with it.
//! It has a kink where p = q: there the derivative taken is 0.

use super::{Row, through_softmax};

pub(super) fn row(teacher: &Row, student: &Row, gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (v, g) in gradient.iter_mut().enumerate() {
        let d = student.prob[v] - teacher.prob[v];
        value += 0.5 * d.abs();
        *g = if d == 0.0 { 0.0 } else { 0.5 * d.signum() };
    }
    through_softmax(student, gradient);
    value
}
