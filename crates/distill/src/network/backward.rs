//! The way back: from the gradient of the residual stream to that of every weight.

use std::borrow::Cow;

use super::attention::{self, Kept as Attended};
use super::forward::{Kept, Tape, Trace};
use super::lora::{DOWN, GATE, K, OUTPUT, Place, Q, UP, V};
use super::norm::Normed;
use super::rotation::Way;
use super::states::StateGradient;
use super::{Layer, Network, Sheet, gate, norm};
use crate::network::Tensors;

impl Network {
    /// Adds to `gradient` what follows from `d_stream`, the gradient of the stream before the last norm, and from those of states behind
    /// layers.
    ///
    /// # Panics
    /// A tape of another network, or one that remembers nothing.
    pub fn backward(&self, tape: &Tape, d_stream: Sheet, states: &[StateGradient<'_>], gradient: &mut Tensors) {
        let mut d_stream = d_stream;
        assert_eq!(tape.layers.len(), self.weights.layers.len(), "layers on the tape");
        let layers = self.weights.layers.iter().zip(&tape.layers).zip(&mut gradient.layers);
        for (index, ((layer, trace), gradient)) in layers.enumerate().rev() {
            let place = Place { layer: index, noise: tape.noise };
            states.iter().filter(|state| state.layer == index).for_each(|state| state.add_to(&mut d_stream));
            d_stream = match trace {
                Trace::Whole(kept) => self.layer_back(tape, (layer, place, kept), d_stream, gradient),
                Trace::Input(before) => {
                    let at = (layer, place);
                    let (kept, _) = self.layer(&self.training, at, before.clone(), &tape.sequences, &tape.rotations);
                    self.layer_back(tape, (layer, place, &kept), d_stream, gradient)
                }
            };
        }
        let d = self.config.d_model;
        if gradient.embedding.is_empty() {
            return;
        }
        for (&token, row) in tape.tokens.iter().zip(d_stream.values.chunks_exact(d)) {
            let embedding = &mut gradient.embedding[token as usize * d..][..d];
            embedding.iter_mut().zip(row).for_each(|(sum, &g)| *sum += g * self.config.embed_scale);
        }
    }

    /// Back through the last norm of some rows: the gradient of the stream there, and that of the norm's weight.
    #[must_use]
    pub fn normed_back(&self, stream: &Sheet, scales: &[f32], d_normed: &Sheet, d_norm: &mut [f32]) -> Sheet {
        let mut d_stream = Sheet::zeros(stream.rows, stream.columns, stream.columns);
        norm::backward(stream, scales, self.norm(&self.weights.norm), d_normed, &mut d_stream, d_norm);
        d_stream
    }

    fn layer_back(
        &self,
        tape: &Tape,
        (layer, place, kept): (&Layer, Place, &Kept),
        d_after: Sheet,
        gradient: &mut Layer,
    ) -> Sheet {
        let (config, products) = (&self.config, &self.training);
        let d = config.d_model;

        let d_down = self.branch_back(layer, gradient, 1, &kept.ffn_branch, &d_after);
        let packed = products.packed(&d_down);
        let mut d_gated = products.backward(&packed, layer.matrix(DOWN), config.d_ff);
        let inner = gate::forward(config.activation, &kept.gate, &kept.up);
        products.weights(&d_down, &inner, &mut gradient.down);
        self.adapter_back((layer, gradient), DOWN, place, (&inner, &packed), &mut d_gated);
        drop((inner, packed));
        drop(d_down);
        let (d_gate, d_up) = gate::backward(config.activation, &kept.gate, &kept.up, d_gated);
        let h = norm::again(&kept.between, &kept.ffn_scales, self.norm(&layer.ffn_norm));
        let mut d_h = Sheet::zeros(h.rows, d, d);
        self.through((layer, gradient), place, &h, [(&d_gate, GATE), (&d_up, UP)], &mut d_h);
        drop((d_gate, d_up));
        let mut d_between = d_after;
        let scales = &kept.ffn_scales;
        norm::backward(&kept.between, scales, self.norm(&layer.ffn_norm), &d_h, &mut d_between, &mut gradient.ffn_norm);

        let d_output = self.branch_back(layer, gradient, 0, &kept.attn_branch, &d_between);
        let packed = products.packed(&d_output);
        let mut d_mixed = products.backward(&packed, layer.matrix(OUTPUT), config.head_dim);
        products.weights(&d_output, &kept.mixed, &mut gradient.output);
        self.adapter_back((layer, gradient), OUTPUT, place, (&kept.mixed, &packed), &mut d_mixed);
        drop(packed);
        drop(d_output);
        let attended = Attended { q: &kept.q, k: &kept.k, v: &kept.v, out: &kept.mixed, sums: &kept.sums };
        let shape = self.shape(place.layer, &tape.sequences);
        let rotation = tape.rotations.of(shape.scores.window);
        let [mut dq, mut dk, dv] = attention::backward(shape, &attended, &d_mixed);
        rotation.turn(&mut dq, &tape.sequences, Way::Back);
        rotation.turn(&mut dk, &tape.sequences, Way::Back);
        let [dq, dk] = self.heads_back(layer, gradient, &kept.heads, [dq, dk]);
        let h = norm::again(&kept.before, &kept.attn_scales, self.norm(&layer.attn_norm));
        let mut d_h = Sheet::zeros(h.rows, d, d);
        self.through((layer, gradient), place, &h, [(&dq, Q), (&dk, K), (&dv, V)], &mut d_h);
        for (bias, dy) in gradient.biases.iter_mut().flatten().zip([&dq, &dk, &dv]) {
            bias.iter_mut().zip(dy.column_sums()).for_each(|(bias, sum)| *bias += sum as f32);
        }
        let mut d_before = d_between;
        let scales = &kept.attn_scales;
        norm::backward(&kept.before, scales, self.norm(&layer.attn_norm), &d_h, &mut d_before, &mut gradient.attn_norm);
        d_before
    }

    /// Back through products that all take `x`: their own gradients, and the sum of what they add to that of `x`.
    fn through<const N: usize>(
        &self,
        (layer, gradient): (&Layer, &mut Layer),
        place: Place,
        x: &Sheet,
        of: [(&Sheet, usize); N],
        dx: &mut Sheet,
    ) {
        for (dy, projection) in of {
            self.training.weights(dy, x, gradient.matrix_mut(projection));
            let dy = self.training.packed(dy);
            self.training.backward_into(&dy, layer.matrix(projection), dx);
            self.adapter_back((layer, gradient), projection, place, (x, &dy), dx);
        }
    }

    /// From the gradient of the stream to that of a branch that is added to it, through the branch's norm where it has one:
    /// that of attention (0) or of the feed-forward (1).
    fn branch_back<'d>(
        &self,
        layer: &Layer,
        gradient: &mut Layer,
        branch: usize,
        kept: &Option<Normed>,
        d_after: &'d Sheet,
    ) -> Cow<'d, Sheet> {
        let (Some(norms), Some(dw), Some(Normed { x, scales })) = (&layer.post_norms, &mut gradient.post_norms, kept)
        else {
            return Cow::Borrowed(d_after);
        };
        let mut d_branch = Sheet::zeros(x.rows, x.columns, x.columns);
        norm::backward(x, scales, self.norm(&norms[branch]), d_after, &mut d_branch, &mut dw[branch]);
        Cow::Owned(d_branch)
    }

    /// Gradients of q and k before the norms of their heads, from those behind.
    fn heads_back(
        &self,
        layer: &Layer,
        gradient: &mut Layer,
        kept: &Option<[Normed; 2]>,
        behind: [Sheet; 2],
    ) -> [Sheet; 2] {
        let (Some(norms), Some(dw), Some(kept)) = (&layer.head_norms, &mut gradient.head_norms, kept) else {
            return behind;
        };
        let mut at = 0;
        behind.map(|dy| {
            let (rows, Normed { x, scales }) = (dy.rows, &kept[at]);
            let mut dx = Sheet::zeros(x.rows, x.columns, x.columns);
            norm::backward(x, scales, self.norm(&norms[at]), &dy.heads_as_rows(), &mut dx, &mut dw[at]);
            at += 1;
            dx.rows_as_heads(rows)
        })
    }
}
