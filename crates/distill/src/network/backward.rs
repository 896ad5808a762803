//! The way back: from the gradient of the residual stream to that of every weight.

use rayon::prelude::*;

use super::attention::{self, Kept as Attended};
use super::forward::{Kept, Tape, gated};
use super::lora::{DOWN, GATE, K, OUTPUT, Place, Q, UP, V};
use super::rotation::Way;
use super::{Layer, Network, Sheet, norm};
use crate::network::Tensors;

impl Network {
    /// Adds to `gradient` what follows from `d_stream`, the gradient of the stream before the last norm.
    ///
    /// # Panics
    /// A tape of another network.
    pub fn backward(&self, tape: &Tape, d_stream: Sheet, gradient: &mut Tensors) {
        let mut d_stream = d_stream;
        let layers = self.weights.layers.iter().zip(&tape.layers).zip(&mut gradient.layers);
        for (index, ((layer, kept), gradient)) in layers.enumerate().rev() {
            let place = Place { layer: index, noise: tape.noise };
            d_stream = self.layer_back(tape, (layer, place, kept), d_stream, gradient);
        }
        let d = self.config.d_model;
        if gradient.embedding.is_empty() {
            return;
        }
        for (&token, row) in tape.tokens.iter().zip(d_stream.values.chunks_exact(d)) {
            let embedding = &mut gradient.embedding[token as usize * d..][..d];
            embedding.iter_mut().zip(row).for_each(|(sum, &g)| *sum += g);
        }
    }

    /// Back through the last norm of some rows: the gradient of the stream there, and that of the norm's weight.
    #[must_use]
    pub fn normed_back(&self, stream: &Sheet, scales: &[f32], d_normed: &Sheet, d_norm: &mut [f32]) -> Sheet {
        let mut d_stream = Sheet::zeros(stream.rows, stream.columns, stream.columns);
        norm::backward(stream, scales, &self.weights.norm, d_normed, &mut d_stream, d_norm);
        d_stream
    }

    fn layer_back(
        &self,
        tape: &Tape,
        (layer, place, kept): (&Layer, Place, &Kept),
        d_after: Sheet,
        gradient: &mut Layer,
    ) -> Sheet {
        let (config, products) = (&self.config, &self.products);
        let d = config.d_model;

        let mut d_gated = products.backward(&d_after, &layer.down, config.d_ff);
        let inner = gated(&kept.gate, &kept.up);
        products.weights(&d_after, &inner, &mut gradient.down);
        self.adapter_back((layer, gradient), DOWN, place, (&inner, &d_after), &mut d_gated);
        let (d_gate, d_up) = gated_back(kept, d_gated);
        let h = norm::again(&kept.between, &kept.ffn_scales, &layer.ffn_norm);
        products.weights(&d_gate, &h, &mut gradient.gate);
        products.weights(&d_up, &h, &mut gradient.up);
        let mut d_h = products.backward(&d_gate, &layer.gate, d);
        products.backward_into(&d_up, &layer.up, &mut d_h);
        self.adapter_back((layer, gradient), GATE, place, (&h, &d_gate), &mut d_h);
        self.adapter_back((layer, gradient), UP, place, (&h, &d_up), &mut d_h);
        let mut d_between = d_after;
        let scales = &kept.ffn_scales;
        norm::backward(&kept.between, scales, &layer.ffn_norm, &d_h, &mut d_between, &mut gradient.ffn_norm);

        let mut d_mixed = products.backward(&d_between, &layer.output, config.head_dim);
        products.weights(&d_between, &kept.mixed, &mut gradient.output);
        self.adapter_back((layer, gradient), OUTPUT, place, (&kept.mixed, &d_between), &mut d_mixed);
        let attended = Attended { q: &kept.q, k: &kept.k, v: &kept.v, out: &kept.mixed, sums: &kept.sums };
        let shape = self.shape(&tape.sequences);
        let [mut dq, mut dk, dv] = attention::backward(shape, &attended, &d_mixed);
        tape.rotation.turn(&mut dq, &tape.sequences, Way::Back);
        tape.rotation.turn(&mut dk, &tape.sequences, Way::Back);
        let h = norm::again(&kept.before, &kept.attn_scales, &layer.attn_norm);
        let mut d_h = Sheet::zeros(h.rows, d, d);
        let of = [(&dq, &layer.q, &mut gradient.q), (&dk, &layer.k, &mut gradient.k), (&dv, &layer.v, &mut gradient.v)];
        for (dy, weights, gradient) in of {
            products.weights(dy, &h, gradient);
            products.backward_into(dy, weights, &mut d_h);
        }
        for (target, dy) in [(Q, &dq), (K, &dk), (V, &dv)] {
            self.adapter_back((layer, gradient), target, place, (&h, dy), &mut d_h);
        }
        for (bias, dy) in gradient.biases.iter_mut().flatten().zip([&dq, &dk, &dv]) {
            bias.iter_mut().zip(dy.column_sums()).for_each(|(bias, sum)| *bias += sum as f32);
        }
        let mut d_before = d_between;
        let scales = &kept.attn_scales;
        norm::backward(&kept.before, scales, &layer.attn_norm, &d_h, &mut d_before, &mut gradient.attn_norm);
        d_before
    }
}

/// Gradients of gate and up from that of silu(gate) · up: silu′(x) = σ(x) (1 + x (1 − σ(x))).
fn gated_back(kept: &Kept, d_gated: Sheet) -> (Sheet, Sheet) {
    const AT_ONCE: usize = 4096;
    let (mut d_gate, mut d_up) = (d_gated.clone(), d_gated);
    let inputs = kept.gate.values.par_chunks(AT_ONCE).zip(kept.up.values.par_chunks(AT_ONCE));
    let outputs = d_gate.values.par_chunks_mut(AT_ONCE).zip(d_up.values.par_chunks_mut(AT_ONCE));
    inputs.zip(outputs).for_each(|((gate, up), (d_gate, d_up))| {
        for (((&gate, &up), d_gate), d_up) in gate.iter().zip(up).zip(d_gate).zip(d_up) {
            let sigmoid = 1.0 / (1.0 + (-gate).exp());
            *d_gate *= up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
            *d_up *= gate * sigmoid;
        }
    });
    (d_gate, d_up)
}
