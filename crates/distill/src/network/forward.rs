//! From tokens to the residual stream before the last norm, keeping what the way back needs.

use rayon::prelude::*;

use super::attention::{self, Shape};
use super::lora::{DOWN, GATE, K, OUTPUT, Place, Q, UP, V};
use super::rotation::{Rotation, Way};
use super::{Layer, Network, Sequences, Sheet, norm};

/// What a pass keeps.
pub struct Tape {
    pub(super) tokens: Vec<u32>,
    pub(super) sequences: Vec<std::ops::Range<usize>>,
    pub(super) rotation: Rotation,
    pub(super) layers: Vec<Kept>,
    pub(super) noise: Option<u64>,
    /// `[tokens, d_model]`: the residual stream after the last layer, before the last norm.
    pub stream: Sheet,
}

/// What is kept of a layer. The rest is made again on the way back.
pub(super) struct Kept {
    /// The residual stream before the layer, and between its halves.
    pub(super) before: Sheet,
    pub(super) between: Sheet,
    pub(super) attn_scales: Vec<f32>,
    pub(super) ffn_scales: Vec<f32>,
    /// After rotation.
    pub(super) q: Sheet,
    pub(super) k: Sheet,
    pub(super) v: Sheet,
    pub(super) mixed: Sheet,
    pub(super) sums: Vec<f32>,
    pub(super) gate: Sheet,
    pub(super) up: Sheet,
}

impl Network {
    /// Runs the tokens of all sequences, which lie one after the other: row `i` of the stream is that of `tokens[i]`.
    ///
    /// # Panics
    /// A token outside the vocabulary: whoever made the batch has checked that.
    #[must_use]
    pub fn forward(&self, tokens: &[u32], sequences: Sequences<'_>) -> Tape {
        self.forward_with(tokens, sequences, None)
    }

    /// As [`Network::forward`]; `noise` decides what adapters leave out of their inputs while they learn.
    ///
    /// # Panics
    /// As [`Network::forward`].
    #[must_use]
    pub fn forward_with(&self, tokens: &[u32], sequences: Sequences<'_>, noise: Option<u64>) -> Tape {
        let d = self.config.d_model;
        let longest = sequences.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let rotation = Rotation::new(&self.config.rope, longest);
        let mut stream = Sheet::zeros(tokens.len(), d, d);
        for (row, &token) in stream.values.chunks_exact_mut(d).zip(tokens) {
            row.copy_from_slice(&self.weights.embedding[token as usize * d..][..d]);
        }
        let mut layers = Vec::with_capacity(self.weights.layers.len());
        for (index, layer) in self.weights.layers.iter().enumerate() {
            let place = Place { layer: index, noise };
            let (kept, after) = self.layer(layer, place, stream, sequences, &rotation);
            layers.push(kept);
            stream = after;
        }
        Tape { tokens: tokens.to_vec(), sequences: sequences.to_vec(), rotation, layers, noise, stream }
    }

    pub(super) fn shape<'a>(&self, sequences: Sequences<'a>) -> Shape<'a> {
        let config = &self.config;
        Shape { heads: config.heads, kv_heads: config.kv_heads, scale: config.attn_scale, sequences }
    }

    fn layer(
        &self,
        layer: &Layer,
        place: Place,
        before: Sheet,
        sequences: Sequences<'_>,
        rotation: &Rotation,
    ) -> (Kept, Sheet) {
        let (config, products) = (&self.config, &self.products);
        let (h, attn_scales) = norm::forward(&before, &layer.attn_norm, config.norm_eps);
        let bias = |index: usize| layer.biases.as_ref().map(|biases| biases[index].as_slice());
        let mut q = products.forward(&h, &layer.q, bias(0), config.head_dim);
        let mut k = products.forward(&h, &layer.k, bias(1), config.head_dim);
        let mut v = products.forward(&h, &layer.v, bias(2), config.head_dim);
        for (target, y) in [(Q, &mut q), (K, &mut k), (V, &mut v)] {
            self.add_adapter(layer, target, place, &h, y);
        }
        rotation.turn(&mut q, sequences, Way::There);
        rotation.turn(&mut k, sequences, Way::There);
        let (mixed, sums) = attention::forward(self.shape(sequences), &q, &k, &v);
        let mut between = before.clone();
        products.forward_into(&mixed, &layer.output, &mut between);
        self.add_adapter(layer, OUTPUT, place, &mixed, &mut between);

        let (h, ffn_scales) = norm::forward(&between, &layer.ffn_norm, config.norm_eps);
        let mut gate = products.forward(&h, &layer.gate, None, config.d_ff);
        let mut up = products.forward(&h, &layer.up, None, config.d_ff);
        for (target, y) in [(GATE, &mut gate), (UP, &mut up)] {
            self.add_adapter(layer, target, place, &h, y);
        }
        let mut after = between.clone();
        let inner = gated(&gate, &up);
        products.forward_into(&inner, &layer.down, &mut after);
        self.add_adapter(layer, DOWN, place, &inner, &mut after);
        (Kept { before, between, attn_scales, ffn_scales, q, k, v, mixed, sums, gate, up }, after)
    }

    /// The last norm of some rows of the stream, and what it kept.
    #[must_use]
    pub fn normed(&self, stream: &Sheet) -> (Sheet, Vec<f32>) {
        norm::forward(stream, &self.weights.norm, self.config.norm_eps)
    }
}

/// silu(gate) · up.
pub(super) fn gated(gate: &Sheet, up: &Sheet) -> Sheet {
    let mut out = gate.clone();
    out.values.par_chunks_mut(4096).zip(up.values.par_chunks(4096)).for_each(|(gate, up)| {
        gate.iter_mut().zip(up).for_each(|(gate, up)| *gate = *gate / (1.0 + (-*gate).exp()) * up);
    });
    out
}
