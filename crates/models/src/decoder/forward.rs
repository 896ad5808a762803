//! forward
//! The forward pass, from tokens to final-normed hidden states, for a whole block at a time.

use std::ops::Range;

use rayon::prelude::*;

use super::Decoder;
use super::attention::{Shape, attend};
use super::rope::Rotation;
use super::weights::{Layer, Stack};
use crate::kernels::elementwise::{add, all_finite, rms_norm, rms_norm_inplace, scale};
use crate::kernels::{self, Kernel, Part, Strips, Target};
use crate::{Activation, Block, DecoderConfig, ModelError};

/// Hidden states of the rows that the block asks for, after the final norm: `[rows, d_model]`.
pub(super) fn forward(decoder: &Decoder, kernel: Kernel, block: &Block) -> Result<Vec<f32>, ModelError> {
    if block.tokens() == 0 {
        return Ok(Vec::new());
    }
    let mut pass = Pass::new(decoder, kernel, block);
    // x: [tokens, d_model]
    pass.embed(block)?;
    for (index, layer) in decoder.weights.layers.iter().enumerate() {
        pass.attention(index, layer)?;
        pass.feed_forward(layer)?;
        finite(decoder, &pass.x, || format!("activations after layer {index}"))?;
    }
    Ok(pass.rows(block))
}

/// The activations of one block on their way through the layers.
struct Pass<'a> {
    decoder: &'a Decoder,
    config: &'a DecoderConfig,
    kernel: Kernel,
    /// Tokens of each sequence.
    sequences: Vec<Range<usize>>,
    /// Position of each token in its sequence.
    positions: Vec<usize>,
    global: Rotation,
    local: Rotation,
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
    fn new(decoder: &'a Decoder, kernel: Kernel, block: &Block) -> Pass<'a> {
        let config = &decoder.config;
        let mut end = 0;
        let sequences: Vec<_> = block
            .sequences
            .iter()
            .map(|sequence| {
                end += sequence.tokens.len();
                end - sequence.tokens.len()..end
            })
            .collect();
        let longest = sequences.iter().map(Range::len).max().unwrap_or(0);
        let factors = decoder.weights.rope_factors.as_deref();
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        Pass {
            decoder,
            config,
            kernel,
            positions: sequences.iter().flat_map(|sequence| 0..sequence.len()).collect(),
            sequences,
            global: Rotation::global(&config.rope, factors, longest),
            local: Rotation::local(&config.rope, factors, longest),
            x: vec![0.0; end * config.d_model],
            branch: if config.post_norms { vec![0.0; end * config.d_model] } else { Vec::new() },
            q: vec![0.0; end * q],
            k: vec![0.0; end * kv],
            v: vec![0.0; end * kv],
            normed: Strips::new(kernel, end, config.d_model),
            mixed: Strips::new(kernel, end, q),
            gated: Strips::new(kernel, end, config.d_ff),
        }
    }

    /// x = E[token] · embed_scale
    fn embed(&mut self, block: &Block) -> Result<(), ModelError> {
        let (d, embed_scale) = (self.config.d_model, self.config.embed_scale);
        let (embedding, arch) = (&self.decoder.weights.embedding, self.decoder.workshop.arch());
        let tokens: Vec<_> = block.sequences.iter().flat_map(|sequence| &sequence.tokens).collect();
        let x = &mut self.x;
        self.decoder.workshop.pool().install(|| {
            tokens.par_iter().zip(x.par_chunks_mut(d)).try_for_each(|(&&token, x)| {
                embedding.dequantize(token as usize..token as usize + 1, x)?;
                if embed_scale != 1.0 {
                    scale(arch, x, embed_scale);
                }
                Ok(())
            })
        })
    }

    /// x += W_o · attention(rope(W_q·n + b_q), rope(W_k·n + b_k), W_v·n + b_v) with n = norm(x)
    fn attention(&mut self, index: usize, layer: &Layer) -> Result<(), ModelError> {
        let (config, workshop) = (self.config, &self.decoder.workshop);
        let (width, tokens) = (config.head_dim, self.positions.len());
        let (q_width, kv_width) = (config.heads * width, config.kv_heads * width);
        self.norm(&layer.attn_norm);
        let parts = vec![
            Part { columns: q_width, width, bias: layer.q_bias.as_deref(), out: &mut self.q },
            Part { columns: kv_width, width, bias: layer.k_bias.as_deref(), out: &mut self.k },
            Part { columns: kv_width, width, bias: layer.v_bias.as_deref(), out: &mut self.v },
        ];
        workshop.multiply(self.kernel, &self.normed, &layer.qkv, Target::Store(parts))?;
        for (name, values) in [("queries", &self.q), ("keys", &self.k), ("values", &self.v)] {
            finite(self.decoder, values, || format!("{name} of layer {index}"))?;
        }
        let window = config.sliding_window.filter(|sliding| sliding.is_local(index)).map(|sliding| sliding.window);
        let rotation = if window.is_some() { &self.local } else { &self.global };
        rotate(self.decoder, rotation, &self.positions, layer.q_norm.as_deref(), &mut self.q);
        rotate(self.decoder, rotation, &self.positions, layer.k_norm.as_deref(), &mut self.k);
        let shape = Shape {
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: width,
            scale: config.attn_scale,
            cap: config.attn_softcap,
            window,
            sequences: &self.sequences,
        };
        attend(workshop, &shape, &mut self.q, &self.k, &self.v);
        let q = &self.q;
        workshop.pack(&mut self.mixed, |row, out| {
            for (head, out) in out.chunks_exact_mut(width).enumerate() {
                out.copy_from_slice(&q[(head * tokens + row) * width..][..width]);
            }
        });
        self.add(Source::Mixed, &layer.attn_output, layer.post_attention_norm.as_deref())
    }

    /// x += W_down · (activation(W_gate·n) · (W_up·n)) with n = norm(x)
    fn feed_forward(&mut self, layer: &Layer) -> Result<(), ModelError> {
        self.norm(&layer.ffn_norm);
        let activation = match self.config.activation {
            Activation::Silu => kernels::Activation::Silu,
            Activation::GeluTanh => kernels::Activation::GeluTanh,
        };
        let target = Target::Gated(activation, &mut self.gated);
        self.decoder.workshop.multiply(self.kernel, &self.normed, &layer.gate_up, target)?;
        self.add(Source::Gated, &layer.down, layer.post_ffw_norm.as_deref())
    }

    /// normed = norm(x)
    fn norm(&mut self, weight: &[f32]) {
        let (d, eps, x) = (self.config.d_model, self.config.norm_eps, &self.x);
        let workshop = &self.decoder.workshop;
        let arch = workshop.arch();
        workshop.pack(&mut self.normed, |row, out| rms_norm(arch, &x[row * d..(row + 1) * d], weight, eps, out));
    }

    /// x += norm(W · source), or without the norm where the model has none there
    fn add(&mut self, source: Source, weights: &Stack, norm: Option<&[f32]>) -> Result<(), ModelError> {
        let (workshop, d, eps) = (&self.decoder.workshop, self.config.d_model, self.config.norm_eps);
        let source = match source {
            Source::Mixed => &self.mixed,
            Source::Gated => &self.gated,
        };
        let Some(norm) = norm else {
            return workshop.multiply(self.kernel, source, weights, Target::Add(&mut self.x));
        };
        let part = Part { columns: d, width: d, bias: None, out: &mut self.branch };
        workshop.multiply(self.kernel, source, weights, Target::Store(vec![part]))?;
        let (arch, x, branch) = (workshop.arch(), &mut self.x, &mut self.branch);
        workshop.pool().install(|| {
            x.par_chunks_exact_mut(d).zip(branch.par_chunks_exact_mut(d)).for_each(|(x, branch)| {
                rms_norm_inplace(arch, branch, norm, eps);
                add(arch, x, branch);
            });
        });
        Ok(())
    }

    /// The rows that were asked for, after the final norm.
    fn rows(&self, block: &Block) -> Vec<f32> {
        let (d, arch) = (self.config.d_model, self.decoder.workshop.arch());
        let mut out = vec![0.0; block.rows() * d];
        let starts = self.sequences.iter().zip(&block.sequences);
        let wanted = starts.flat_map(|(range, sequence)| sequence.rows.iter().map(|&row| range.start + row as usize));
        for (row, out) in wanted.zip(out.chunks_exact_mut(d)) {
            let x = &self.x[row * d..(row + 1) * d];
            rms_norm(arch, x, &self.decoder.weights.output_norm, self.config.norm_eps, out);
        }
        out
    }
}

/// Which packed activations a product reads.
enum Source {
    Mixed,
    Gated,
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
    decoder.workshop.pool().install(|| heads.par_chunks_exact_mut(size).for_each(of_head));
}

/// NaN and infinity are errors where they appear, not numbers that spread.
fn finite(decoder: &Decoder, values: &[f32], what: impl Fn() -> String) -> Result<(), ModelError> {
    let arch = decoder.workshop.arch();
    let all = |values: &[f32]| all_finite(arch, values);
    if decoder.workshop.pool().install(|| values.par_chunks(1 << 14).all(all)) {
        return Ok(());
    }
    let index = values.iter().position(|value| !value.is_finite()).unwrap_or(0);
    Err(ModelError::NotFinite { what: what(), index, found: values[index].to_string() })
}
