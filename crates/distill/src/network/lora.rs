//! Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685): y = x Wᵀ + s · drop(x) Aᵀ Bᵀ, W as it was, A and B learn. On the
//! way back, with u = s · drop(x) Aᵀ and du = s · dy B: dB = dyᵀ u, dA = duᵀ drop(x), dx += drop(du A).

use std::borrow::Cow;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::blocks::Weights;
use super::product::{Left, Packed};
use super::tensors::projection;
use super::{Layer, Network, Products, Sheet};
use crate::chance::seed_of;

/// The matrices of a layer, in the order of [`Layer::lora`].
pub const PROJECTIONS: [&str; 7] = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];
pub(super) const Q: usize = 0;
pub(super) const K: usize = 1;
pub(super) const V: usize = 2;
pub(super) const OUTPUT: usize = 3;
pub(super) const GATE: usize = 4;
pub(super) const UP: usize = 5;
pub(super) const DOWN: usize = 6;

/// Numbers that one task of a mask makes.
const AT_ONCE: usize = 1 << 12;

/// One adapter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adapter {
    /// `[rank, in]`.
    pub a: Vec<f32>,
    /// `[out, rank]`.
    pub b: Vec<f32>,
}

/// What all adapters of a network have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lora {
    /// Rank.
    pub rank: usize,
    /// s.
    pub scale: f32,
    /// Share of the inputs of an adapter that a step of training leaves out.
    pub dropout: f32,
}

/// Where a product stands, and what a step of training leaves out.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) layer: usize,
    pub(super) noise: Option<u64>,
}

impl Place {
    /// The input of an adapter, with what is left out set to 0 and the rest made larger by as much. The same place leaves out
    /// the same numbers: the way back asks again.
    fn drop<'x>(self, projection: usize, dropout: f32, x: &'x Sheet) -> Cow<'x, Sheet> {
        let Some(noise) = self.noise.filter(|_| dropout > 0.0) else { return Cow::Borrowed(x) };
        let seed = seed_of("dropout", &[noise, self.layer as u64, projection as u64]);
        let mut dropped = x.clone();
        let kept = (1.0 - dropout).recip();
        dropped.values.par_chunks_mut(AT_ONCE).enumerate().for_each(|(part, values)| {
            let mut chance = ChaCha8Rng::seed_from_u64(seed.wrapping_add(part as u64));
            values.iter_mut().for_each(|x| *x *= if chance.random::<f32>() < dropout { 0.0 } else { kept });
        });
        Cow::Owned(dropped)
    }
}

impl Network {
    /// Adapts the matrices named in `targets` (of [`PROJECTIONS`]) of every layer; from now on nothing else learns. A is uniform
    /// within ±1/√in, B is 0, as PEFT begins: the network computes what it did.
    pub fn adapt(&mut self, lora: Lora, targets: &[usize], seed: u64) {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        for layer in &mut self.weights.layers {
            for &target in targets {
                let (inputs, len) = (layer.inputs(target, &self.config), layer.matrix(target).count());
                let bound = (inputs as f32).sqrt().recip();
                let a = (0..lora.rank * inputs).map(|_| chance.random_range(-bound..bound)).collect();
                layer.lora[target] = Some(Adapter { a, b: vec![0.0; len / inputs * lora.rank] });
            }
        }
        self.lora = Some(lora);
    }

    /// The numbers of a tensor of the network without adapters that computes the same: W + s B A; W where there is no adapter.
    #[must_use]
    pub fn merged_tensor(&self, name: &str) -> Cow<'_, [f32]> {
        let weights = match self.weights.get(name) {
            Some(Weights::Numbers(numbers)) => Cow::Borrowed(numbers),
            Some(Weights::Blocks(blocks)) => Cow::Owned(blocks.read_all(0..blocks.rows())),
            None => Cow::Borrowed(&[][..]),
        };
        let adapter =
            projection(name).and_then(|(layer, target)| self.weights.layers.get(layer)?.lora[target].as_ref());
        let (Some(Adapter { a, b }), Some(Lora { rank, scale, .. })) = (adapter, self.lora) else { return weights };
        let b = Sheet::of(b.iter().map(|b| b * scale).collect(), rank);
        let mut merged = Sheet::of(weights.into_owned(), a.len() / rank);
        self.products.backward_into(&b, a, &mut merged);
        Cow::Owned(merged.values)
    }

    /// The network without adapters and projectors that computes the same, all of it in f32.
    #[must_use]
    pub fn merged(&self) -> Network {
        let mut weights = self.weights.clone();
        (weights.stored, weights.projectors) = Default::default();
        for layer in &mut weights.layers {
            (layer.lora, layer.stored) = Default::default();
        }
        for (name, _, values) in weights.all_mut() {
            *values = self.merged_tensor(&name).into_owned();
        }
        let config = self.config.clone();
        let (products, training) = (Products::new(), Products::new());
        Network { config, weights, lora: None, frozen: Vec::new(), products, training }
    }

    /// Adds what the adapter of a product says.
    pub(super) fn add_adapter(
        &self,
        products: &Products,
        (layer, target, place): (&Layer, usize, Place),
        x: &Packed<'_>,
        y: &mut Sheet,
    ) {
        let (Some(Adapter { a, b }), Some(lora)) = (&layer.lora[target], self.lora) else { return };
        let u = match place.drop(target, lora.dropout, x.sheet()) {
            Cow::Borrowed(_) => reduced(products, a.into(), lora, x),
            Cow::Owned(dropped) => reduced(products, a.into(), lora, &dropped),
        };
        if y.width == y.columns {
            products.forward_into(&u, b, y);
        } else {
            add(y, &products.forward(&u, b, None, y.width));
        }
    }

    /// The way back through the adapter of a product: its own gradient, and what it adds to that of `x`.
    pub(super) fn adapter_back(
        &self,
        (layer, gradient): (&Layer, &mut Layer),
        target: usize,
        place: Place,
        (x, dy): (&Sheet, &Packed<'_>),
        dx: &mut Sheet,
    ) {
        let (Some(Adapter { a, b }), Some(lora)) = (&layer.lora[target], self.lora) else { return };
        let Some(gradient) = &mut gradient.lora[target] else { return };
        let products = &self.training;
        let dropped = place.drop(target, lora.dropout, x);
        products.weights(dy.sheet(), &reduced(products, a.into(), lora, dropped.as_ref()), &mut gradient.b);
        let mut du = products.backward(dy, b, lora.rank);
        du.values.iter_mut().for_each(|u| *u *= lora.scale);
        products.weights(&du, &dropped, &mut gradient.a);
        if matches!(dropped, Cow::Borrowed(_)) && dx.width == dx.columns {
            products.backward_into(&du, a, dx);
        } else {
            let back = products.backward(&du, a, dx.width);
            add(dx, &place.drop(target, lora.dropout, &back));
        }
    }
}

/// u = s · x Aᵀ.
fn reduced<'x>(products: &Products, a: Weights<'_>, lora: Lora, x: impl Into<Left<'x>>) -> Sheet {
    let mut u = products.forward(x, a, None, lora.rank);
    u.values.iter_mut().for_each(|u| *u *= lora.scale);
    u
}

/// `y += added`, of one shape.
fn add(y: &mut Sheet, added: &Sheet) {
    y.values.par_chunks_mut(AT_ONCE).zip(added.values.par_chunks(AT_ONCE)).for_each(|(y, added)| {
        y.iter_mut().zip(added).for_each(|(y, added)| *y += added);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate is the share that is left out, and the rest is larger by as much; places and seeds leave out other numbers.
    #[test]
    fn dropout_leaves_out_its_share_and_keeps_the_mean() {
        let x = Sheet::of(vec![1.0; 100_000], 100);
        let place = |layer, noise| Place { layer, noise };
        for rate in [0.1, 0.5] {
            let dropped = place(3, Some(7)).drop(Q, rate, &x).into_owned().values;
            let kept = (1.0 - rate).recip();
            assert!(dropped.iter().all(|&x| x == 0.0 || x == kept));
            // Five standard deviations of 100,000 draws are below 0.008.
            let share = dropped.iter().filter(|&&x| x == 0.0).count() as f32 / dropped.len() as f32;
            assert!((share - rate).abs() < 0.008, "{share} of {rate}");
            assert!(dropped == place(3, Some(7)).drop(Q, rate, &x).into_owned().values);
            let others = [
                place(3, Some(8)).drop(Q, rate, &x),
                place(2, Some(7)).drop(Q, rate, &x),
                place(3, Some(7)).drop(K, rate, &x),
            ];
            assert!(others.iter().all(|other| other.values != dropped));
        }
        assert!(matches!(place(3, None).drop(Q, 0.5, &x), Cow::Borrowed(_)));
        assert!(matches!(place(3, Some(7)).drop(Q, 0.0, &x), Cow::Borrowed(_)));
    }
}
