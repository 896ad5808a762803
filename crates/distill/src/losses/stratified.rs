//! KL(p ‖ q) without bias from a part of p: the head exactly, the tail by m draws i with probability p_i / (1 − P):
//!
//! ```text
//! Σ_head p ln(p / q) + Σ_draws w (ln p − ln q),   w = (1 − P) / m at T = 1;   ∂/∂u = q (P + Σ w) − p̂
//! ```
//!
//! where p̂ is p in the head and the draws' weights outside. Its expectation over the draws is the divergence over the whole
//! vocabulary, and that of its gradient is q − p. Draws are made at T = 1; at another temperature each is weighed by
//! p_T / p₁, so that the expectation stays. Random sampling distillation (Anshumann et al. 2025, arXiv 2503.16870) with a
//! head that needs no luck. A single value may be negative.

use hydrometer_metrics::sparse::SparseDistribution;

use super::Row;

/// `temperature` is the place in the temperatures of a sparse distribution.
pub(super) fn row(teacher: &SparseDistribution, temperature: usize, student: &Row, gradient: &mut [f64]) -> f64 {
    let at = |log_p: f32| f64::from(teacher.tempered(log_p, temperature));
    let head =
        teacher.head.iter().zip(&teacher.head_logprobs).map(|(&token, &log_p)| (token, at(log_p), at(log_p).exp()));
    let each = f64::from(teacher.tail_mass[0]) / teacher.draws.len().max(1) as f64;
    let drawn = teacher.draws.iter().zip(&teacher.draw_logprobs);
    let drawn = drawn.map(|(&token, &log_p)| (token, at(log_p), each * (at(log_p) - f64::from(log_p)).exp()));
    gradient.fill(0.0);
    let (mut value, mut mass) = (0.0, 0.0);
    for (token, log_p, weight) in head.chain(drawn) {
        value += weight * (log_p - student.log[token as usize]);
        mass += weight;
        gradient[token as usize] -= weight;
    }
    for (g, q) in gradient.iter_mut().zip(&student.prob) {
        *g += q * mass;
    }
    value
}
