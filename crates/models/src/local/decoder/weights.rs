//! The tensors of a decoder: matrices as the file stores them, vectors as f32.

use std::ops::Range;

use crate::kernels::{Integers, Matrix, Step};
use crate::{Checkpoint, DecoderConfig, ModelError, RawTensor};

/// All weights.
pub(super) struct Weights {
    /// Embedding table `[vocab, d_model]`; also the output head of tied models.
    pub(super) embedding: RawTensor,
    pub(super) layers: Vec<Layer>,
    /// `[d_model]`
    pub(super) output_norm: Vec<f32>,
    /// `[vocab, d_model]`, where it is not the embedding table.
    output: Option<RawTensor>,
    /// Divisors of the rotation frequencies, where the file has them.
    pub(super) rope_factors: Option<Vec<f32>>,
}

/// The weights of one layer.
pub(super) struct Layer {
    pub(super) attn_norm: Vec<f32>,
    /// `[(heads + 2·kv_heads) · head_dim, d_model]`
    pub(super) qkv: Stack,
    pub(super) q_bias: Option<Vec<f32>>,
    pub(super) k_bias: Option<Vec<f32>>,
    pub(super) v_bias: Option<Vec<f32>>,
    pub(super) q_norm: Option<Vec<f32>>,
    pub(super) k_norm: Option<Vec<f32>>,
    /// `[d_model, heads · head_dim]`
    pub(super) attn_output: Stack,
    pub(super) post_attention_norm: Option<Vec<f32>>,
    pub(super) ffn_norm: Vec<f32>,
    /// Gate above up: `[2 · d_ff, d_model]`
    pub(super) gate_up: Stack,
    /// `[d_model, d_ff]`
    pub(super) down: Stack,
    pub(super) post_ffw_norm: Option<Vec<f32>>,
}

impl Weights {
    /// Reads every tensor that the configuration asks for.
    pub(super) fn read(checkpoint: &Checkpoint) -> Result<Weights, ModelError> {
        let config = &checkpoint.config;
        let reader = Reader { checkpoint, offset: config.norm_offset };
        let layers = (0..config.layers).map(|layer| reader.layer(config, layer)).collect::<Result<_, _>>()?;
        Ok(Weights {
            embedding: checkpoint.tensor("token_embd.weight")?,
            layers,
            output_norm: reader.norm("output_norm.weight")?,
            output: (!config.tied).then(|| checkpoint.tensor("output.weight")).transpose()?,
            rope_factors: reader.optional("rope_freqs.weight", |name| reader.vector(name))?,
        })
    }

    /// Whether any product has a matrix of integers.
    pub(super) fn have_integers(&self) -> bool {
        let mut stacks =
            self.layers.iter().flat_map(|layer| [&layer.qkv, &layer.attn_output, &layer.gate_up, &layer.down]);
        stacks.any(|stack| stack.integers_in().is_some()) || self.head().integers_in().is_some()
    }

    /// The output head `[vocab, d_model]`.
    pub(super) fn head(&self) -> &RawTensor {
        self.output.as_ref().unwrap_or(&self.embedding)
    }
}

struct Reader<'a> {
    checkpoint: &'a Checkpoint,
    /// Added to every norm weight.
    offset: f32,
}

impl Reader<'_> {
    fn layer(&self, config: &DecoderConfig, index: usize) -> Result<Layer, ModelError> {
        let name = |tensor: &str| format!("blk.{index}.{tensor}");
        let stack = |tensors: &[&str]| -> Result<Stack, ModelError> {
            tensors.iter().map(|tensor| self.checkpoint.tensor(&name(tensor))).collect::<Result<_, _>>().map(Stack)
        };
        let vector = |tensor: &str| self.optional(&name(tensor), |name| self.vector(name));
        let norm = |tensor: &str| self.optional(&name(tensor), |name| self.norm(name));
        Ok(Layer {
            attn_norm: self.norm(&name("attn_norm.weight"))?,
            qkv: stack(&["attn_q.weight", "attn_k.weight", "attn_v.weight"])?,
            q_bias: vector("attn_q.bias")?,
            k_bias: vector("attn_k.bias")?,
            v_bias: vector("attn_v.bias")?,
            q_norm: if config.qk_norm { norm("attn_q_norm.weight")? } else { None },
            k_norm: if config.qk_norm { norm("attn_k_norm.weight")? } else { None },
            attn_output: stack(&["attn_output.weight"])?,
            post_attention_norm: if config.post_norms { norm("post_attention_norm.weight")? } else { None },
            ffn_norm: self.norm(&name("ffn_norm.weight"))?,
            gate_up: stack(&["ffn_gate.weight", "ffn_up.weight"])?,
            down: stack(&["ffn_down.weight"])?,
            post_ffw_norm: if config.post_norms { norm("post_ffw_norm.weight")? } else { None },
        })
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>, ModelError> {
        let tensor = self.checkpoint.tensor(name)?;
        let mut values = vec![0.0; tensor.rows * tensor.cols];
        tensor.dequantize(0..tensor.rows, &mut values)?;
        Ok(values)
    }

    fn norm(&self, name: &str) -> Result<Vec<f32>, ModelError> {
        let mut values = self.vector(name)?;
        values.iter_mut().for_each(|value| *value += self.offset);
        Ok(values)
    }

    fn optional<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, ModelError>) -> Result<Option<T>, ModelError> {
        self.checkpoint.has(name).then(|| read(name)).transpose()
    }
}

/// Matrices of equal depth, one above the other: one product for all of them.
pub(super) struct Stack(Vec<RawTensor>);

impl Matrix for Stack {
    type Error = ModelError;

    fn rows(&self) -> usize {
        self.0.iter().map(|tensor| tensor.rows).sum()
    }

    fn depth(&self) -> usize {
        self.0[0].cols
    }

    fn unpack(&self, rows: Range<usize>, mut out: &mut [f32]) -> Result<(), ModelError> {
        for (tensor, rows) in self.parts(rows) {
            let (now, rest) = out.split_at_mut(rows.len() * tensor.cols);
            tensor.dequantize(rows, now)?;
            out = rest;
        }
        Ok(())
    }

    fn integers_in(&self) -> Option<Step> {
        let mut steps = self.0.iter().map(RawTensor::integers_in);
        let first = steps.next()??;
        steps.try_fold(first, |least, step| Some(if least == Step::Short { least } else { step? }))
    }

    fn has_minima(&self) -> bool {
        self.0.iter().any(RawTensor::has_minima)
    }

    fn integers(&self, rows: Range<usize>, mut out: Integers<'_>) -> Result<(), ModelError> {
        for (tensor, rows) in self.parts(rows) {
            let (now, rest) = out.split(rows.len(), tensor.cols);
            tensor.integers(rows, now)?;
            out = rest;
        }
        Ok(())
    }
}

impl Stack {
    /// What each matrix has of these rows.
    fn parts(&self, rows: Range<usize>) -> impl Iterator<Item = (&RawTensor, Range<usize>)> {
        let mut first = 0;
        self.0.iter().filter_map(move |tensor| {
            let before = first;
            first += tensor.rows;
            let (from, to) = (rows.start.max(before), rows.end.min(first));
            (from < to).then(|| (tensor, from - before..to - before))
        })
    }
}

impl Matrix for RawTensor {
    type Error = ModelError;

    fn rows(&self) -> usize {
        self.rows
    }

    fn depth(&self) -> usize {
        self.cols
    }

    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        self.dequantize(rows, out)
    }

    fn integers_in(&self) -> Option<Step> {
        RawTensor::integers_in(self)
    }

    fn has_minima(&self) -> bool {
        RawTensor::has_minima(self)
    }

    fn integers(&self, rows: Range<usize>, out: Integers<'_>) -> Result<(), ModelError> {
        RawTensor::integers(self, rows, out)
    }
}
