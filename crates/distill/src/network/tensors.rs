//! All weights of a decoder in f32, and everything that has their shape: gradients and the optimiser's moments.

use hydrometer_models::{Checkpoint, DecoderConfig, ModelError, RopeStyle};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::lora::{Adapter, DOWN, OUTPUT, PROJECTIONS};
use crate::chance::normal;

/// One number for every weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    /// `[vocab, d_model]`; the output head, too, where there is no other.
    pub embedding: Vec<f32>,
    /// The layers, first to last.
    pub layers: Vec<Layer>,
    /// `[d_model]`.
    pub norm: Vec<f32>,
    /// `[vocab, d_model]`, where it is not the embedding.
    pub head: Option<Vec<f32>>,
}

/// One layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    /// `[d_model]`.
    pub attn_norm: Vec<f32>,
    /// `[heads · head_dim, d_model]`.
    pub q: Vec<f32>,
    /// `[kv_heads · head_dim, d_model]`.
    pub k: Vec<f32>,
    /// `[kv_heads · head_dim, d_model]`.
    pub v: Vec<f32>,
    /// Biases of q, k and v (qwen2).
    pub biases: Option<[Vec<f32>; 3]>,
    /// Norms of each head of q and k before they are rotated, `[head_dim]` (qwen3, gemma3).
    pub head_norms: Option<[Vec<f32>; 2]>,
    /// `[d_model, heads · head_dim]`.
    pub output: Vec<f32>,
    /// Norms of what attention and feed-forward add to the stream, `[d_model]` (gemma3).
    pub post_norms: Option<[Vec<f32>; 2]>,
    /// `[d_model]`.
    pub ffn_norm: Vec<f32>,
    /// `[d_ff, d_model]`.
    pub gate: Vec<f32>,
    /// `[d_ff, d_model]`.
    pub up: Vec<f32>,
    /// `[d_model, d_ff]`.
    pub down: Vec<f32>,
    /// Adapters of [`PROJECTIONS`], where there are any.
    pub lora: [Option<Adapter>; 7],
}

impl Layer {
    /// One of [`PROJECTIONS`].
    #[must_use]
    pub fn matrix(&self, projection: usize) -> &Vec<f32> {
        [&self.q, &self.k, &self.v, &self.output, &self.gate, &self.up, &self.down][projection]
    }

    pub(super) fn matrix_mut(&mut self, projection: usize) -> &mut Vec<f32> {
        let all =
            [&mut self.q, &mut self.k, &mut self.v, &mut self.output, &mut self.gate, &mut self.up, &mut self.down];
        let mut all = all.into_iter();
        match all.nth(projection) {
            Some(matrix) => matrix,
            None => unreachable!("there are seven"),
        }
    }

    /// Columns of one of [`PROJECTIONS`].
    pub(super) fn inputs(&self, projection: usize, config: &DecoderConfig) -> usize {
        match projection {
            OUTPUT => config.heads * config.head_dim,
            DOWN => config.d_ff,
            _ => config.d_model,
        }
    }
}

/// What a tensor is to the optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Decays.
    Matrix,
    /// Norms and biases do not.
    Vector,
}

const BIASES: [&str; 3] = ["attn_q.bias", "attn_k.bias", "attn_v.bias"];
const HEAD_NORMS: [&str; 2] = ["attn_q_norm.weight", "attn_k_norm.weight"];
const POST_NORMS: [&str; 2] = ["post_attention_norm.weight", "post_ffw_norm.weight"];

/// Calls `$visit(name, role, tensor)` for every tensor in a fixed order, by reference or mutable reference.
macro_rules! walk {
    ($tensors:expr, $visit:expr, $iter:ident, $($mutable:tt)?) => {{
        let tensors = $tensors;
        let mut visit = $visit;
        visit("token_embd.weight".to_owned(), Role::Matrix, &$($mutable)? tensors.embedding);
        for (index, layer) in tensors.layers.$iter().enumerate() {
            let name = |part: &str| format!("blk.{index}.{part}");
            visit(name("attn_norm.weight"), Role::Vector, &$($mutable)? layer.attn_norm);
            visit(name("attn_q.weight"), Role::Matrix, &$($mutable)? layer.q);
            visit(name("attn_k.weight"), Role::Matrix, &$($mutable)? layer.k);
            visit(name("attn_v.weight"), Role::Matrix, &$($mutable)? layer.v);
            for (part, bias) in BIASES.iter().zip(layer.biases.$iter().flatten()) {
                visit(name(part), Role::Vector, bias);
            }
            for (part, norm) in HEAD_NORMS.iter().zip(layer.head_norms.$iter().flatten()) {
                visit(name(part), Role::Vector, norm);
            }
            for (part, norm) in POST_NORMS.iter().zip(layer.post_norms.$iter().flatten()) {
                visit(name(part), Role::Vector, norm);
            }
            visit(name("attn_output.weight"), Role::Matrix, &$($mutable)? layer.output);
            visit(name("ffn_norm.weight"), Role::Vector, &$($mutable)? layer.ffn_norm);
            visit(name("ffn_gate.weight"), Role::Matrix, &$($mutable)? layer.gate);
            visit(name("ffn_up.weight"), Role::Matrix, &$($mutable)? layer.up);
            visit(name("ffn_down.weight"), Role::Matrix, &$($mutable)? layer.down);
            for (part, adapter) in PROJECTIONS.iter().zip(layer.lora.$iter()) {
                if let Some(Adapter { a, b }) = adapter {
                    visit(name(&format!("{part}.lora_a")), Role::Matrix, a);
                    visit(name(&format!("{part}.lora_b")), Role::Matrix, b);
                }
            }
        }
        visit("output_norm.weight".to_owned(), Role::Vector, &$($mutable)? tensors.norm);
        if let Some(head) = &$($mutable)? tensors.head {
            visit("output.weight".to_owned(), Role::Matrix, head);
        }
    }};
}

impl Tensors {
    /// Zeros.
    #[must_use]
    pub fn zeros(config: &DecoderConfig) -> Tensors {
        let (d, ff) = (config.d_model, config.d_ff);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let zeros = |count: usize| vec![0.0; count];
        let layer = Layer {
            attn_norm: zeros(d),
            q: zeros(q * d),
            k: zeros(kv * d),
            v: zeros(kv * d),
            biases: config.qkv_bias.then(|| [zeros(q), zeros(kv), zeros(kv)]),
            head_norms: config.qk_norm.then(|| [zeros(config.head_dim), zeros(config.head_dim)]),
            output: zeros(d * q),
            post_norms: config.post_norms.then(|| [zeros(d), zeros(d)]),
            ffn_norm: zeros(d),
            gate: zeros(ff * d),
            up: zeros(ff * d),
            down: zeros(d * ff),
            lora: Default::default(),
        };
        let head = (!config.tied).then(|| zeros(config.vocab * d));
        Tensors { embedding: zeros(config.vocab * d), layers: vec![layer; config.layers], norm: zeros(d), head }
    }

    /// Zeros in the shape of these, but no numbers at all for the tensors that `keep` refuses: those do not learn.
    #[must_use]
    pub fn zeros_of(&self, keep: impl Fn(&str) -> bool) -> Tensors {
        let layer = |layer: &Layer| Layer {
            biases: layer.biases.as_ref().map(|_| Default::default()),
            head_norms: layer.head_norms.as_ref().map(|_| Default::default()),
            post_norms: layer.post_norms.as_ref().map(|_| Default::default()),
            lora: std::array::from_fn(|at| layer.lora[at].as_ref().map(|_| Adapter::default())),
            ..Layer::default()
        };
        let layers = self.layers.iter().map(layer).collect();
        let mut zeros = Tensors { layers, head: self.head.as_ref().map(|_| Vec::new()), ..Tensors::default() };
        for ((name, _, values), (.., zeros)) in self.all().into_iter().zip(zeros.all_mut()) {
            if keep(&name) {
                *zeros = vec![0.0; values.len()];
            }
        }
        zeros
    }

    /// A fresh start: norms 1 with their offset, biases 0, matrices normal with the deviation 0.02, those that write to the residual stream
    /// narrower by √(2 · layers) (GPT-2's rule, Radford et al. 2019).
    #[must_use]
    pub fn fresh(config: &DecoderConfig, seed: u64) -> Tensors {
        const DEVIATION: f64 = 0.02;
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let narrow = DEVIATION / (2.0 * config.layers as f64).sqrt();
        let mut tensors = Tensors::zeros(config);
        tensors.each_mut(|name, role, values| {
            let writes = name.ends_with("attn_output.weight") || name.ends_with("ffn_down.weight");
            let deviation = if writes { narrow } else { DEVIATION };
            match role {
                Role::Matrix => values.iter_mut().for_each(|v| *v = (deviation * normal(&mut chance)) as f32),
                Role::Vector if name.ends_with(".bias") => {}
                Role::Vector => values.fill(1.0 - config.norm_offset),
            }
        });
        tensors
    }

    /// A model's weights, of its layers only those of `layers`, which become 0, 1, …. Heads whose rotations pair (0, 1),
    /// (2, 3), … are put in the order that pairs halves. `norm_offset` is what the network adds to every norm: what a file has
    /// inside of its numbers is taken off.
    ///
    /// # Errors
    /// A tensor that cannot be read.
    pub fn read(checkpoint: &Checkpoint, layers: &[usize], norm_offset: f32) -> Result<Tensors, ModelError> {
        let config = DecoderConfig { layers: layers.len(), ..checkpoint.config.clone() };
        let mut tensors = Tensors::zeros(&config);
        for (name, _, values) in tensors.all_mut() {
            let there = match name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
                Some((index, part)) => format!("blk.{}.{part}", layers[index.parse().unwrap_or(0)]),
                None => name.clone(),
            };
            let tensor = checkpoint.tensor(&there)?;
            tensor.dequantize(0..tensor.rows, values)?;
            if name.ends_with("norm.weight") && norm_offset != config.norm_offset {
                values.iter_mut().for_each(|w| *w += config.norm_offset - norm_offset);
            }
            let of_heads = name.contains("attn_q.") || name.contains("attn_k.");
            if of_heads && config.rope.style == RopeStyle::Interleaved {
                let width = if name.ends_with("bias") { 1 } else { config.d_model };
                pair_halves(values, config.head_dim, config.rope.dims, width);
            }
        }
        Ok(tensors)
    }

    /// Every tensor, in an order that never changes: canonical name, role, numbers.
    pub fn each<'a>(&'a self, visit: impl FnMut(String, Role, &'a Vec<f32>)) {
        walk!(self, visit, iter,);
    }

    /// As [`Tensors::each`].
    pub fn each_mut<'a>(&'a mut self, visit: impl FnMut(String, Role, &'a mut Vec<f32>)) {
        walk!(self, visit, iter_mut, mut);
    }

    /// All tensors in order.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Role, &Vec<f32>)> {
        let mut all = Vec::new();
        self.each(|name, role, values| all.push((name, role, values)));
        all
    }

    /// All tensors in order.
    pub fn all_mut(&mut self) -> Vec<(String, Role, &mut Vec<f32>)> {
        let mut all = Vec::new();
        self.each_mut(|name, role, values| all.push((name, role, values)));
        all
    }

    /// Sets every number to 0.
    pub fn clear(&mut self) {
        self.each_mut(|_, _, values| values.fill(0.0));
    }

    /// Number of weights.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all().iter().map(|tensor| tensor.2.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The output head `[vocab, d_model]`.
    #[must_use]
    pub fn output(&self) -> &[f32] {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// As [`Tensors::output`].
    pub fn output_mut(&mut self) -> &mut [f32] {
        self.head.as_mut().unwrap_or(&mut self.embedding)
    }
}

/// Rows 0, 2, 4, … of each head's rotated rows first, then 1, 3, 5, ….
fn pair_halves(values: &mut [f32], head_dim: usize, dims: usize, width: usize) {
    for head in values.chunks_exact_mut(head_dim * width) {
        let before = head[..dims * width].to_vec();
        for row in 0..dims {
            let from = if row < dims / 2 { 2 * row } else { 2 * (row - dims / 2) + 1 };
            head[row * width..][..width].copy_from_slice(&before[from * width..][..width]);
        }
    }
}
