//! The forward pass, from tokens to final-normed hidden states, for a whole block at a time.

use std::ops::Range;
use std::sync::atomic::AtomicU64;

use rayon::prelude::*;

use super::attention::{Shape, attend};
use super::beginnings::Runs;
use super::cache::{Cache, PageShape};
use super::rope::Rotation;
use super::weights::{Layer, Stack};
use super::{Decoder, Kernels};
use crate::kernels::elementwise::{add, all_finite, rms_norm, rms_norm_inplace, scale};
use crate::kernels::{self, Keep, KeptPanels, Kernel, Part, Strips, Target};
use crate::{Activation, Block, DecoderConfig, ModelError};

/// Hidden states of the rows that the block asks for, after the final norm: `[rows, d_model]`.
pub(super) fn forward(decoder: &Decoder, kernels: Kernels, block: &Block) -> Result<Vec<f32>, ModelError> {
    let runs = Runs::of(block);
    let shape = PageShape::of(&decoder.config);
    let mut caches: Vec<_> = runs.runs.iter().map(|run| Cache::passing(shape, run.start)).collect();
    let longest = block.sequences.iter().map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
    let rotations = Rotations::new(decoder, longest);
    let inputs: Vec<_> = runs.runs.iter().map(|run| run.tokens).collect();
    let pass = Pass { following: Some(&runs), ..Pass::new(decoder, kernels, &inputs, &caches, &rotations) };
    let pass = pass.through(&inputs, &mut caches)?;
    let wanted = block.sequences.iter().enumerate().flat_map(|(index, sequence)| {
        let (pass, runs) = (&pass, &runs);
        sequence.rows.iter().map(move |&row| {
            let (run, place) = runs.find(index, row as usize);
            pass.sequences[run].start + place
        })
    });
    Ok(pass.rows(wanted))
}

/// Reads `inputs` behind what their caches hold; the hidden state of the last token of each, after the final norm:
/// `[inputs, d_model]`. No input is empty.
pub(super) fn advance(
    decoder: &Decoder,
    inputs: &[&[u32]],
    caches: &mut [Cache],
    rotations: &Rotations,
    kept: &KeptWeights,
) -> Result<Vec<f32>, ModelError> {
    let pass = Pass { kept: Some(kept), ..Pass::new(decoder, decoder.kernels, inputs, caches, rotations) };
    let pass = pass.through(inputs, caches)?;
    caches.iter_mut().zip(inputs).for_each(|(cache, tokens)| cache.len += tokens.len());
    Ok(pass.rows(pass.sequences.iter().map(|range| range.end - 1)))
}

/// The angles of all positions below `positions`.
pub(super) struct Rotations {
    pub(super) positions: usize,
    global: Rotation,
    local: Rotation,
}

impl Rotations {
    pub(super) fn new(decoder: &Decoder, positions: usize) -> Rotations {
        let (rope, factors) = (&decoder.config.rope, decoder.weights.rope_factors.as_deref());
        let (global, local) = (Rotation::global(rope, factors, positions), Rotation::local(rope, factors, positions));
        Rotations { positions, global, local }
    }
}

/// The activations of one block on their way through the layers.
struct Pass<'a> {
    decoder: &'a Decoder,
    config: &'a DecoderConfig,
    kernels: Kernels,
    rotations: &'a Rotations,
    kept: Option<&'a KeptWeights>,
    /// Which inputs follow others of the same pass.
    following: Option<&'a Runs<'a>>,
    /// Tokens of each input.
    sequences: Vec<Range<usize>>,
    /// Position of each token in its sequence.
    positions: Vec<usize>,
    /// The residual stream `[tokens, d_model]`.
    x: Vec<f32>,
    /// What a sub-layer adds to it, where that is normalised first (gemma).
    branch: Vec<f32>,
    /// `[heads][tokens][head_dim]`
    q: Vec<f32>,
    /// `[kv_heads][tokens][head_dim]`
    k: Vec<f32>,
    v: Vec<f32>,
    /// Normed inputs `[tokens, d_model]`, attention outputs `[tokens, heads·head_dim]`, gated `[tokens, d_ff]`; packed.
    normed: Strips,
    mixed: Strips,
    gated: Strips,
}

impl<'a> Pass<'a> {
    /// Takes the inputs through all layers; the caches hold their keys and values but do not count them yet.
    fn through(mut self, inputs: &[&[u32]], caches: &mut [Cache]) -> Result<Pass<'a>, ModelError> {
        if self.positions.is_empty() {
            return Ok(self);
        }
        // x: [tokens, d_model]
        self.embed(inputs)?;
        for (index, layer) in self.decoder.weights.layers.iter().enumerate() {
            self.attention(index, layer, caches)?;
            self.feed_forward(index, layer)?;
            finite(self.decoder, &self.x, || format!("activations after layer {index}"))?;
        }
        Ok(self)
    }

    fn new(
        decoder: &'a Decoder,
        kernels: Kernels,
        inputs: &[&[u32]],
        caches: &[Cache],
        rotations: &'a Rotations,
    ) -> Pass<'a> {
        let config = &decoder.config;
        let mut end = 0;
        let sequences = inputs.iter().map(|tokens| {
            end += tokens.len();
            end - tokens.len()..end
        });
        let sequences: Vec<_> = sequences.collect();
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        Pass {
            decoder,
            config,
            kernels,
            rotations,
            kept: None,
            following: None,
            positions: inputs
                .iter()
                .zip(caches)
                .flat_map(|(tokens, cache)| cache.len..cache.len + tokens.len())
                .collect(),
            sequences,
            x: vec![0.0; end * config.d_model],
            branch: if config.post_norms { vec![0.0; end * config.d_model] } else { Vec::new() },
            q: vec![0.0; end * q],
            k: vec![0.0; end * kv],
            v: vec![0.0; end * kv],
            normed: Strips::new(kernels.main, end, config.d_model),
            mixed: Strips::new(kernels.main, end, q),
            gated: Strips::new(kernels.main, end, config.d_ff),
        }
    }

    /// x = E[token] · embed_scale
    fn embed(&mut self, inputs: &[&[u32]]) -> Result<(), ModelError> {
        let (d, embed_scale) = (self.config.d_model, self.config.embed_scale);
        let (embedding, arch) = (&self.decoder.weights.embedding, self.decoder.workshop.arch());
        let tokens: Vec<_> = inputs.iter().flat_map(|tokens| *tokens).collect();
        let x = &mut self.x;
        tokens.par_iter().zip(x.par_chunks_mut(d)).try_for_each(|(&&token, x)| {
            embedding.dequantize(token as usize..token as usize + 1, x)?;
            if embed_scale != 1.0 {
                scale(arch, x, embed_scale);
            }
            Ok(())
        })
    }

    /// x += W_o · attention(rope(W_q·n + b_q), rope(W_k·n + b_k), W_v·n + b_v) with n = norm(x)
    fn attention(&mut self, index: usize, layer: &Layer, caches: &mut [Cache]) -> Result<(), ModelError> {
        let (config, workshop) = (self.config, &self.decoder.workshop);
        let (width, tokens) = (config.head_dim, self.positions.len());
        let (q_width, kv_width) = (config.heads * width, config.kv_heads * width);
        let kernel = self.kernels.with(&layer.qkv);
        self.norm(kernel, &layer.attn_norm);
        let parts = vec![
            Part { columns: q_width, width, bias: layer.q_bias.as_deref(), out: &mut self.q },
            Part { columns: kv_width, width, bias: layer.k_bias.as_deref(), out: &mut self.k },
            Part { columns: kv_width, width, bias: layer.v_bias.as_deref(), out: &mut self.v },
        ];
        let keep = self.kept.map(|kept| kept.of(index, Product::Qkv));
        workshop.multiply_keeping(kernel, &self.normed, &layer.qkv, Target::Store(parts), keep)?;
        for (name, values) in [("queries", &self.q), ("keys", &self.k), ("values", &self.v)] {
            finite(self.decoder, values, || format!("{name} of layer {index}"))?;
        }
        let window = config.sliding_window.filter(|sliding| sliding.is_local(index)).map(|sliding| sliding.window);
        let rotation = if window.is_some() { &self.rotations.local } else { &self.rotations.global };
        rotate(self.decoder, rotation, &self.positions, layer.q_norm.as_deref(), &mut self.q);
        rotate(self.decoder, rotation, &self.positions, layer.k_norm.as_deref(), &mut self.k);
        self.remember(index, caches);
        let shape = Shape {
            layer: index,
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: width,
            scale: config.attn_scale,
            cap: config.attn_softcap,
            window,
            sequences: &self.sequences,
            caches,
        };
        attend(workshop, &shape, &mut self.q);
        let q = &self.q;
        self.mixed.ready(self.kernels.with(&layer.attn_output));
        workshop.pack(&mut self.mixed, |row, out| {
            for (head, out) in out.chunks_exact_mut(width).enumerate() {
                out.copy_from_slice(&q[(head * tokens + row) * width..][..width]);
            }
        });
        self.add(index, Product::AttentionOutput, &layer.attn_output, layer.post_attention_norm.as_deref())
    }

    /// Writes the new keys and values of a layer behind those of earlier positions.
    fn remember(&self, layer: usize, caches: &mut [Cache]) {
        let (d, tokens) = (self.config.head_dim, self.positions.len());
        let (k, v) = (&self.k, &self.v);
        let write = |cache: &mut Cache, range: &Range<usize>| {
            let at = |head: usize, token: usize| (head * tokens + range.start + token) * d;
            cache.write(layer, range.len(), |h, t| &k[at(h, t)..][..d], |h, t| &v[at(h, t)..][..d]);
        };
        let Some(Runs { runs, generations, .. }) = self.following else {
            return caches.par_iter_mut().zip(&self.sequences).for_each(|(cache, range)| write(cache, range));
        };
        for generation in generations {
            let (earlier, rest) = caches.split_at_mut(generation.start);
            let (caches, sequences) = (&mut rest[..generation.len()], &self.sequences[generation.clone()]);
            caches.par_iter_mut().zip(&runs[generation.clone()]).zip(sequences).for_each(|((cache, run), range)| {
                if let Some(behind) = run.behind {
                    cache.follow(layer, &earlier[behind]);
                }
                write(cache, range);
            });
        }
    }

    /// x += W_down · (activation(W_gate·n) · (W_up·n)) with n = norm(x)
    fn feed_forward(&mut self, index: usize, layer: &Layer) -> Result<(), ModelError> {
        let kernel = self.kernels.with(&layer.gate_up);
        self.norm(kernel, &layer.ffn_norm);
        self.gated.ready(self.kernels.with(&layer.down));
        let activation = match self.config.activation {
            Activation::Silu => kernels::Activation::Silu,
            Activation::GeluTanh => kernels::Activation::GeluTanh,
        };
        let target = Target::Gated(activation, &mut self.gated);
        let keep = self.kept.map(|kept| kept.of(index, Product::GateUp));
        self.decoder.workshop.multiply_keeping(kernel, &self.normed, &layer.gate_up, target, keep)?;
        self.add(index, Product::Down, &layer.down, layer.post_ffw_norm.as_deref())
    }

    /// normed = norm(x), as a kernel reads it
    fn norm(&mut self, kernel: Kernel, weight: &[f32]) {
        let (d, eps, x) = (self.config.d_model, self.config.norm_eps, &self.x);
        let workshop = &self.decoder.workshop;
        let arch = workshop.arch();
        self.normed.ready(kernel);
        workshop.pack(&mut self.normed, |row, out| rms_norm(arch, &x[row * d..(row + 1) * d], weight, eps, out));
    }

    /// x += norm(W · source), or without the norm where the model has none there
    fn add(&mut self, index: usize, product: Product, weights: &Stack, norm: Option<&[f32]>) -> Result<(), ModelError> {
        let (workshop, d, eps) = (&self.decoder.workshop, self.config.d_model, self.config.norm_eps);
        let keep = self.kept.map(|kept| kept.of(index, product));
        let kernel = self.kernels.with(weights);
        let source = if product == Product::Down { &self.gated } else { &self.mixed };
        let Some(norm) = norm else {
            return workshop.multiply_keeping(kernel, source, weights, Target::Add(&mut self.x), keep);
        };
        let part = Part { columns: d, width: d, bias: None, out: &mut self.branch };
        workshop.multiply_keeping(kernel, source, weights, Target::Store(vec![part]), keep)?;
        let (arch, x, branch) = (workshop.arch(), &mut self.x, &mut self.branch);
        x.par_chunks_exact_mut(d).zip(branch.par_chunks_exact_mut(d)).for_each(|(x, branch)| {
            rms_norm_inplace(arch, branch, norm, eps);
            add(arch, x, branch);
        });
        Ok(())
    }

    /// Some rows of the residual stream, after the final norm.
    fn rows(&self, wanted: impl Iterator<Item = usize>) -> Vec<f32> {
        let (d, arch) = (self.config.d_model, self.decoder.workshop.arch());
        let mut out = Vec::new();
        for row in wanted {
            let end = out.len();
            out.resize(end + d, 0.0);
            let x = &self.x[row * d..(row + 1) * d];
            rms_norm(arch, x, &self.decoder.weights.output_norm, self.config.norm_eps, &mut out[end..]);
        }
        out
    }
}

/// The large products of a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Product {
    Qkv,
    AttentionOutput,
    GateUp,
    Down,
}

/// Unpacked weights that a session keeps, as far as its memory goes.
pub(super) struct KeptWeights {
    layers: Vec<[KeptPanels; 4]>,
    head: KeptPanels,
    left: AtomicU64,
}

impl KeptWeights {
    pub(super) fn new(decoder: &Decoder, bytes: u64) -> KeptWeights {
        let layers = decoder.weights.layers.iter().map(|_| Default::default()).collect();
        KeptWeights { layers, head: KeptPanels::default(), left: AtomicU64::new(bytes) }
    }

    fn of(&self, layer: usize, product: Product) -> Keep<'_> {
        Keep { panels: &self.layers[layer][product as usize], left: &self.left }
    }

    pub(super) fn head(&self) -> Keep<'_> {
        Keep { panels: &self.head, left: &self.left }
    }
}

/// Normalises (where the model does) and rotates every head: `heads: [heads][tokens][head_dim]`.
fn rotate(decoder: &Decoder, rotation: &Rotation, positions: &[usize], norm: Option<&[f32]>, heads: &mut [f32]) {
    let (d, eps, arch) = (decoder.config.head_dim, decoder.config.norm_eps, decoder.workshop.arch());
    let of_head = |head: &mut [f32]| {
        for (values, &position) in head.chunks_exact_mut(d).zip(positions) {
            if let Some(norm) = norm {
                rms_norm_inplace(arch, values, norm, eps);
            }
            rotation.rotate(arch, values, position);
        }
    };
    let size = (positions.len() * d).max(1);
    heads.par_chunks_exact_mut(size).for_each(of_head);
}

/// NaN and infinity are errors where they appear, not numbers that spread.
fn finite(decoder: &Decoder, values: &[f32], what: impl Fn() -> String) -> Result<(), ModelError> {
    let arch = decoder.workshop.arch();
    let all = |values: &[f32]| all_finite(arch, values);
    if values.par_chunks(1 << 14).all(all) {
        return Ok(());
    }
    let index = values.iter().position(|value| !value.is_finite()).unwrap_or(0);
    Err(ModelError::NotFinite { what: what(), index, found: values[index].to_string() })
}
