//! The gate of the feed-forward: a(gate) · up with a(x) = x σ(u). SiLU has u = x (Elfwing et al. 2017, arXiv 1702.03118), the
//! tanh form of GELU u = 2 √(2/π) (x + 0.044715 x³) (Hendrycks and Gimpel 2016, arXiv 1606.08415). On the way back
//! a′(x) = σ(u) (1 + x (1 − σ(u)) u′).

use hydrometer_models::kernels::exp;
use hydrometer_models::{Activation, vectors};
use rayon::prelude::*;

use super::Sheet;

/// Numbers of one task.
const AT_ONCE: usize = 4096;

/// u and u′ at x.
trait Inner: Fn(f32) -> (f32, f32) + Sync {}
impl<F: Fn(f32) -> (f32, f32) + Sync> Inner for F {}

#[inline(always)]
fn silu(x: f32) -> (f32, f32) {
    (x, 1.0)
}

#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    /// 2 √(2/π).
    const FACTOR: f32 = 1.595_769;
    const CUBE: f32 = 0.044_715;
    (FACTOR * (x + CUBE * x * x * x), FACTOR * (1.0 + 3.0 * CUBE * x * x))
}

/// a(gate) · up.
pub(super) fn forward(activation: Activation, gate: &Sheet, up: &Sheet) -> Sheet {
    match activation {
        Activation::Silu => forward_with(silu, gate, up),
        Activation::GeluTanh => forward_with(gelu, gate, up),
    }
}

/// Gradients of gate and up from that of a(gate) · up.
pub(super) fn backward(activation: Activation, gate: &Sheet, up: &Sheet, d_gated: Sheet) -> (Sheet, Sheet) {
    match activation {
        Activation::Silu => backward_with(silu, gate, up, d_gated),
        Activation::GeluTanh => backward_with(gelu, gate, up, d_gated),
    }
}

fn forward_with(inner: impl Inner, gate: &Sheet, up: &Sheet) -> Sheet {
    let mut out = Sheet::zeros(gate.rows, gate.columns, gate.width);
    let inputs = gate.values.par_chunks(AT_ONCE).zip(up.values.par_chunks(AT_ONCE));
    out.values.par_chunks_mut(AT_ONCE).zip(inputs).for_each(|(out, (gate, up))| {
        vectors().dispatch(
            #[inline(always)]
            || {
                for ((out, &gate), &up) in out.iter_mut().zip(gate).zip(up) {
                    *out = gate / (1.0 + exp(-inner(gate).0)) * up;
                }
            },
        );
    });
    out
}

fn backward_with(inner: impl Inner, gate: &Sheet, up: &Sheet, d_gated: Sheet) -> (Sheet, Sheet) {
    let (mut d_gate, mut d_up) = (Sheet::zeros(gate.rows, gate.columns, gate.width), d_gated);
    let inputs = gate.values.par_chunks(AT_ONCE).zip(up.values.par_chunks(AT_ONCE));
    let outputs = d_gate.values.par_chunks_mut(AT_ONCE).zip(d_up.values.par_chunks_mut(AT_ONCE));
    inputs.zip(outputs).for_each(|((gate, up), (d_gate, d_up))| {
        vectors().dispatch(
            #[inline(always)]
            || {
                for (((&gate, &up), d_gate), d_up) in gate.iter().zip(up).zip(d_gate).zip(d_up) {
                    let (u, slope) = inner(gate);
                    let sigmoid = 1.0 / (1.0 + exp(-u));
                    *d_gate = *d_up * up * sigmoid * (1.0 + gate * (1.0 - sigmoid) * slope);
                    *d_up *= gate * sigmoid;
                }
            },
        );
    });
    (d_gate, d_up)
}
