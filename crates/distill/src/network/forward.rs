//! From tokens to the residual stream before the last norm, keeping what the way back needs.

use super::attention::{self, Scores, Shape};
use super::lora::{DOWN, GATE, K, OUTPUT, Place, Q, UP, V};
use super::norm::{Norm, Normed};
use super::rotation::{Rotations, Way};
use super::{Layer, Network, Products, Sequences, Sheet, cap, gate, norm};

/// What a pass keeps of each layer for the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remember {
    /// All that is needed.
    Everything,
    /// Its input: the rest is computed again, layer by layer, on the way back (activation checkpointing, Chen et al. 2016, arXiv
    /// 1604.06174). The same numbers, bit for bit.
    Inputs,
    /// Nothing: there is no way back.
    Nothing,
}

/// What a pass keeps.
pub struct Tape {
    pub(super) tokens: Vec<u32>,
    pub(super) sequences: Vec<std::ops::Range<usize>>,
    pub(super) rotations: Rotations,
    pub(super) layers: Vec<Trace>,
    pub(super) noise: Option<u64>,
    /// `[tokens, d_model]`: the residual stream after the last layer, before the last norm.
    pub stream: Sheet,
}

/// What there is of a layer after a pass.
pub(super) enum Trace {
    Whole(Box<Kept>),
    Input(Sheet),
}

/// What is kept of a layer. The rest is made again on the way back.
pub(super) struct Kept {
    /// The residual stream before the layer, and between its halves.
    pub(super) before: Sheet,
    pub(super) between: Sheet,
    pub(super) attn_scales: Vec<f32>,
    pub(super) ffn_scales: Vec<f32>,
    /// q and k before the norms of their heads, where there are any: `[heads · tokens, head_dim]`.
    pub(super) heads: Option<[Normed; 2]>,
    /// After rotation.
    pub(super) q: Sheet,
    pub(super) k: Sheet,
    pub(super) v: Sheet,
    pub(super) mixed: Sheet,
    pub(super) sums: Vec<f32>,
    pub(super) gate: Sheet,
    pub(super) up: Sheet,
    /// What attention and feed-forward add to the stream, before the norm that the model has there.
    pub(super) attn_branch: Option<Normed>,
    pub(super) ffn_branch: Option<Normed>,
}

impl Network {
    /// Runs the tokens of all sequences, which lie one after the other: row `i` of the stream is that of `tokens[i]`. To look at
    /// what comes out: there is no way back.
    ///
    /// # Panics
    /// A token outside the vocabulary: whoever made the batch has checked that.
    #[must_use]
    pub fn forward(&self, tokens: &[u32], sequences: Sequences<'_>) -> Tape {
        self.pass(&self.products, tokens, sequences, None, Remember::Nothing, |_, _| {})
    }

    /// As [`Network::forward`], in the precision of training and with a way back; `noise` decides what adapters leave out of their
    /// inputs while they learn.
    ///
    /// # Panics
    /// As [`Network::forward`].
    #[must_use]
    pub fn forward_with(
        &self,
        tokens: &[u32],
        sequences: Sequences<'_>,
        noise: Option<u64>,
        remember: Remember,
    ) -> Tape {
        self.pass(&self.training, tokens, sequences, noise, remember, |_, _| {})
    }

    /// As [`Network::forward_with`]; `behind` sees the stream behind every layer.
    pub(super) fn pass(
        &self,
        products: &Products,
        tokens: &[u32],
        sequences: Sequences<'_>,
        noise: Option<u64>,
        remember: Remember,
        mut behind: impl FnMut(usize, &Sheet),
    ) -> Tape {
        let d = self.config.d_model;
        let longest = sequences.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let rotations = Rotations::new(&self.config, longest);
        let mut stream = Sheet::zeros(tokens.len(), d, d);
        for (row, &token) in stream.values.chunks_exact_mut(d).zip(tokens) {
            self.weights.embed(token, row);
            row.iter_mut().for_each(|x| *x *= self.config.embed_scale);
        }
        let mut layers = Vec::with_capacity(self.weights.layers.len());
        for (index, layer) in self.weights.layers.iter().enumerate() {
            let place = Place { layer: index, noise };
            let input = (remember == Remember::Inputs).then(|| stream.clone());
            let (kept, after) = self.layer(products, (layer, place), stream, sequences, &rotations);
            match remember {
                Remember::Everything => layers.push(Trace::Whole(Box::new(kept))),
                Remember::Inputs => layers.extend(input.map(Trace::Input)),
                Remember::Nothing => {}
            }
            stream = after;
            behind(index, &stream);
        }
        Tape { tokens: tokens.to_vec(), sequences: sequences.to_vec(), rotations, layers, noise, stream }
    }

    pub(super) fn shape<'a>(&self, layer: usize, sequences: Sequences<'a>) -> Shape<'a> {
        let config = &self.config;
        let window = config.sliding_window.filter(|sliding| sliding.is_local(layer)).map(|sliding| sliding.window);
        let scores = Scores { scale: config.attn_scale, cap: config.attn_softcap, window };
        Shape { heads: config.heads, kv_heads: config.kv_heads, scores, sequences }
    }

    pub(super) fn norm<'a>(&self, weight: &'a [f32]) -> Norm<'a> {
        Norm { weight, offset: self.config.norm_offset, eps: self.config.norm_eps }
    }

    pub(super) fn layer(
        &self,
        products: &Products,
        (layer, place): (&Layer, Place),
        before: Sheet,
        sequences: Sequences<'_>,
        rotations: &Rotations,
    ) -> (Kept, Sheet) {
        let config = &self.config;
        let (h, attn_scales) = norm::forward(&before, self.norm(&layer.attn_norm));
        let h = products.packed(&h);
        let bias = |index: usize| layer.biases.as_ref().map(|biases| biases[index].as_slice());
        let mut q = products.forward(&h, layer.matrix(Q), bias(0), config.head_dim);
        let mut k = products.forward(&h, layer.matrix(K), bias(1), config.head_dim);
        let mut v = products.forward(&h, layer.matrix(V), bias(2), config.head_dim);
        for (target, y) in [(Q, &mut q), (K, &mut k), (V, &mut v)] {
            self.add_adapter(products, (layer, target, place), &h, y);
        }
        let heads = layer
            .head_norms
            .as_ref()
            .map(|[of_q, of_k]| [(&mut q, of_q), (&mut k, of_k)].map(|(x, w)| self.head_norm(x, w)));
        let shape = self.shape(place.layer, sequences);
        let rotation = rotations.of(shape.scores.window);
        rotation.turn(&mut q, sequences, Way::There);
        rotation.turn(&mut k, sequences, Way::There);
        let (mixed, sums) = attention::forward(shape, &q, &k, &v);
        let (between, attn_branch) = self.add_branch(products, (layer, OUTPUT, place), &mixed, &before);

        let (h, ffn_scales) = norm::forward(&between, self.norm(&layer.ffn_norm));
        let h = products.packed(&h);
        let mut gate = products.forward(&h, layer.matrix(GATE), None, config.d_ff);
        let mut up = products.forward(&h, layer.matrix(UP), None, config.d_ff);
        for (target, y) in [(GATE, &mut gate), (UP, &mut up)] {
            self.add_adapter(products, (layer, target, place), &h, y);
        }
        let inner = gate::forward(config.activation, &gate, &up);
        let (after, ffn_branch) = self.add_branch(products, (layer, DOWN, place), &inner, &between);
        let kept = Kept {
            before,
            between,
            attn_scales,
            ffn_scales,
            heads,
            q,
            k,
            v,
            mixed,
            sums,
            gate,
            up,
            attn_branch,
            ffn_branch,
        };
        (kept, after)
    }

    /// Normalises every head of a sheet; what it was before.
    fn head_norm(&self, heads: &mut Sheet, weight: &[f32]) -> Normed {
        let rows = heads.rows;
        let x = std::mem::take(heads).heads_as_rows();
        let (normed, scales) = norm::forward(&x, self.norm(weight));
        *heads = normed.rows_as_heads(rows);
        Normed { x, scales }
    }

    /// The stream x and what attention ([`OUTPUT`]) or feed-forward ([`DOWN`]) adds to it: W · inner, normalised where the model
    /// has a norm there; what was added before that norm.
    fn add_branch(
        &self,
        products: &Products,
        (layer, target, place): (&Layer, usize, Place),
        inner: &Sheet,
        x: &Sheet,
    ) -> (Sheet, Option<Normed>) {
        let norm = layer.post_norms.as_ref().map(|norms| &norms[usize::from(target == DOWN)]);
        let mut sum = if norm.is_some() { Sheet::zeros(x.rows, x.columns, x.width) } else { x.clone() };
        let inner = products.packed(inner);
        products.forward_into(&inner, layer.matrix(target), &mut sum);
        self.add_adapter(products, (layer, target, place), &inner, &mut sum);
        let Some(norm) = norm else { return (sum, None) };
        let (mut after, scales) = norm::forward(&sum, self.norm(norm));
        after.values.iter_mut().zip(&x.values).for_each(|(branch, x)| *branch += x);
        (after, Some(Normed { x: sum, scales }))
    }

    /// The last norm of some rows of the stream, and what it kept.
    #[must_use]
    pub fn normed(&self, stream: &Sheet) -> (Sheet, Vec<f32>) {
        norm::forward(stream, self.norm(&self.weights.norm))
    }

    /// The logits of some rows behind the last norm.
    #[must_use]
    pub fn logits(&self, normed: &Sheet) -> Sheet {
        self.logits_by(&self.products, normed)
    }

    /// As [`Network::logits`], by other products.
    #[must_use]
    pub fn logits_by(&self, products: &Products, normed: &Sheet) -> Sheet {
        let mut logits = products.forward(normed, self.weights.output(), None, self.config.vocab);
        if let Some(cap) = self.config.logit_softcap {
            cap::forward(&mut logits.values, cap);
        }
        logits
    }

    /// Turns the gradient of some logits into that of what the head gave before its cap, where it has one.
    pub fn uncap(&self, d_logits: &mut [f32], logits: &[f32]) {
        if let Some(cap) = self.config.logit_softcap {
            cap::backward(d_logits, logits, cap);
        }
    }
}
