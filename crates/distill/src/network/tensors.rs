//! All weights of a decoder in f32, and everything that has their shape: gradients and the optimiser's moments.

use hydrometer_models::{Checkpoint, DType, DecoderConfig, ModelError, RopeStyle};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::blocks::{Blocks, Weights};
use super::lora::{Adapter, DOWN, GATE, K, OUTPUT, PROJECTIONS, Q, UP, V};
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
    /// The embedding and the head as a file stores them, where they stay so: their numbers are not there then.
    pub stored: [Option<Blocks>; 2],
    /// What puts hidden states into the teacher's width while they are compared: no part of the model, and never exported.
    pub projectors: Vec<Vec<f32>>,
}

/// Whether matrices are read into f32, or stay as their file stores them: those do not learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Into f32.
    Numbers,
    /// As they are.
    AsStored,
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
    /// Those of [`PROJECTIONS`] that stay as a file stores them: their numbers are not there then.
    pub stored: [Option<Blocks>; 7],
}

impl Layer {
    /// One of [`PROJECTIONS`].
    #[must_use]
    pub fn matrix(&self, projection: usize) -> Weights<'_> {
        let numbers = [&self.q, &self.k, &self.v, &self.output, &self.gate, &self.up, &self.down][projection];
        Weights::of(numbers, self.stored[projection].as_ref())
    }

    /// The numbers of one of [`PROJECTIONS`].
    pub(super) fn matrix_mut(&mut self, projection: usize) -> &mut Vec<f32> {
        match projection {
            Q => &mut self.q,
            K => &mut self.k,
            V => &mut self.v,
            OUTPUT => &mut self.output,
            GATE => &mut self.gate,
            UP => &mut self.up,
            _ => &mut self.down,
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

/// How the names of projectors begin.
const PROJECTOR: &str = "projector.";
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
        for (index, projector) in tensors.projectors.$iter().enumerate() {
            visit(format!("{PROJECTOR}{index}.weight"), Role::Matrix, projector);
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
            stored: Default::default(),
        };
        let head = (!config.tied).then(|| zeros(config.vocab * d));
        let (layers, norm) = (vec![layer; config.layers], zeros(d));
        Tensors { embedding: zeros(config.vocab * d), layers, norm, head, ..Tensors::default() }
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
        let (head, projectors) = (self.head.as_ref().map(|_| Vec::new()), vec![Vec::new(); self.projectors.len()]);
        let mut zeros = Tensors { layers, head, projectors, ..Tensors::default() };
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
    pub fn read(
        checkpoint: &Checkpoint,
        layers: &[usize],
        norm_offset: f32,
        reading: Reading,
    ) -> Result<Tensors, ModelError> {
        let config = DecoderConfig { layers: layers.len(), ..checkpoint.config.clone() };
        let mut tensors = Tensors::empty(&config);
        let mut all_stored = Vec::new();
        for (name, role, values) in tensors.all_mut() {
            let there = match name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
                Some((index, part)) => format!("blk.{}.{part}", layers[index.parse().unwrap_or(0)]),
                None => name.clone(),
            };
            let mut tensor = checkpoint.tensor(&there)?;
            let turned = config.rope.style == RopeStyle::Interleaved;
            if reading == Reading::AsStored && role == Role::Matrix && tensor.dtype != DType::F32 {
                if turned && (name.contains("attn_q.") || name.contains("attn_k.")) {
                    let width = tensor.row_bytes();
                    pair_halves(&mut tensor.bytes, config.head_dim, config.rope.dims, width);
                }
                all_stored.push((name, Blocks::of(tensor)?));
                continue;
            }
            values.resize(tensor.rows * tensor.cols, 0.0);
            tensor.dequantize(0..tensor.rows, values)?;
            if name.ends_with("norm.weight") && norm_offset != config.norm_offset {
                values.iter_mut().for_each(|w| *w += config.norm_offset - norm_offset);
            }
            let of_heads = name.contains("attn_q.") || name.contains("attn_k.");
            if of_heads && turned {
                let width = if name.ends_with("bias") { 1 } else { config.d_model };
                pair_halves(values, config.head_dim, config.rope.dims, width);
            }
        }
        for (name, blocks) in all_stored {
            if let Some(place) = tensors.stored_mut(&name) {
                *place = blocks;
            }
        }
        Ok(tensors)
    }

    /// The tensors of a configuration, without any number.
    fn empty(config: &DecoderConfig) -> Tensors {
        let layer = Layer {
            biases: config.qkv_bias.then(Default::default),
            head_norms: config.qk_norm.then(Default::default),
            post_norms: config.post_norms.then(Default::default),
            ..Layer::default()
        };
        let head = (!config.tied).then(Vec::new);
        Tensors { layers: vec![layer; config.layers], head, ..Tensors::default() }
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
        self.each_mut(|_, _, values| values.par_chunks_mut(1 << 16).for_each(|values| values.fill(0.0)));
    }

    /// Number of weights, those of adapters and projectors, too.
    #[must_use]
    pub fn len(&self) -> usize {
        let stored = self.layers.iter().flat_map(|layer| &layer.stored).chain(&self.stored).flatten();
        let stored: usize = stored.map(Blocks::count).sum();
        stored + self.all().iter().map(|tensor| tensor.2.len()).sum::<usize>()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The output head `[vocab, d_model]`.
    #[must_use]
    pub fn output(&self) -> Weights<'_> {
        match &self.head {
            Some(head) => Weights::of(head, self.stored[1].as_ref()),
            None => Weights::of(&self.embedding, self.stored[0].as_ref()),
        }
    }

    /// The row of a token in the embedding.
    pub(super) fn embed(&self, token: u32, row: &mut [f32]) {
        let token = token as usize;
        match &self.stored[0] {
            Some(blocks) => blocks.read(token..token + 1, row),
            None => row.copy_from_slice(&self.embedding[token * row.len()..][..row.len()]),
        }
    }

    /// Where a matrix stays that does so.
    fn stored_mut(&mut self, name: &str) -> Option<&mut Option<Blocks>> {
        match name {
            "token_embd.weight" => Some(&mut self.stored[0]),
            "output.weight" => Some(&mut self.stored[1]),
            _ => {
                let (layer, projection) = projection(name)?;
                Some(&mut self.layers.get_mut(layer)?.stored[projection])
            }
        }
    }

    /// A tensor by its canonical name, wherever its numbers are.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Weights<'_>> {
        let stored = match (name, projection(name)) {
            ("token_embd.weight", _) => self.stored[0].as_ref(),
            ("output.weight", _) => self.stored[1].as_ref(),
            (_, Some((layer, projection))) => self.layers.get(layer)?.stored[projection].as_ref(),
            _ => None,
        };
        match stored {
            Some(blocks) => Some(Weights::Blocks(blocks)),
            None => self.all().into_iter().find(|tensor| tensor.0 == name).map(|tensor| Weights::from(tensor.2)),
        }
    }

    /// As [`Tensors::output`].
    pub fn output_mut(&mut self) -> &mut [f32] {
        self.head.as_mut().unwrap_or(&mut self.embedding)
    }
}

/// Whether a tensor is there to learn by, and no tensor of the model: of an adapter, or a projector.
#[must_use]
pub fn is_aid(name: &str) -> bool {
    name.contains(".lora_") || is_projector(name)
}

/// Whether a tensor is a projector of hidden states.
pub(super) fn is_projector(name: &str) -> bool {
    name.starts_with(PROJECTOR)
}

/// Layer and place in [`PROJECTIONS`] of the matrix of this canonical name.
pub(super) fn projection(name: &str) -> Option<(usize, usize)> {
    let (layer, part) = name.strip_prefix("blk.")?.strip_suffix(".weight")?.split_once('.')?;
    Some((layer.parse().ok()?, PROJECTIONS.iter().position(|projection| *projection == part)?))
}

/// Rows 0, 2, 4, … of each head's rotated rows first, then 1, 3, 5, …; a row has `width` numbers, or bytes.
fn pair_halves<T: Copy>(values: &mut [T], head_dim: usize, dims: usize, width: usize) {
    for head in values.chunks_exact_mut(head_dim * width) {
        let before = head[..dims * width].to_vec();
        for row in 0..dims {
            let from = if row < dims / 2 { 2 * row } else { 2 * (row - dims / 2) + 1 };
            head[row * width..][..width].copy_from_slice(&before[from * width..][..width]);
        }
    }
}
