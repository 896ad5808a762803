//! Sentence encoders: BERT models in sentence-transformers folders (all-MiniLM, bge, e5, gte, …), which turn a text into a
//! vector whose direction is its meaning.
//!
//! The products are the decoders' kernels, in f32; the vector of a text depends on nothing but the text.

mod files;

use std::path::Path;

use hydrometer_answers::EncoderIdentity;
use hydrometer_probes::strangers::contained;
use rayon::prelude::*;
use statrs::function::erf::erf;
use tokenizers::Tokenizer;

use self::files::{Pooling, Tensors, longest, pooling, read_config, tokenizer};
use crate::error::shown;
use crate::kernels::elementwise::{add, dot, scaled_add, softmax};
use crate::kernels::{Exactness, Kernel, Part, Strips, Target, Workshop};
use crate::safetensors::all_tensors;
use crate::{ModelError, RawTensor};

/// Tokens that go through the layers together, unless one stretch has more: weights are unpacked once for all of them.
const TOGETHER: usize = 512;

/// `x·Wᵀ + b`
struct Linear {
    weight: RawTensor,
    bias: Vec<f32>,
}

/// `(x − mean) / √(variance + ε) · w + b`, over the last dimension.
struct LayerNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f64,
}

impl LayerNorm {
    fn apply(&self, x: &mut [f32]) {
        let of_all = |sum: f64| sum / x.len() as f64;
        let mean = of_all(x.iter().map(|&x| f64::from(x)).sum());
        let variance = of_all(x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum());
        let (mean, scale) = (mean as f32, (variance + self.epsilon).sqrt().recip() as f32);
        for ((x, weight), bias) in x.iter_mut().zip(&self.weight).zip(&self.bias) {
            *x = (*x - mean) * scale * weight + bias;
        }
    }
}

/// `x/2 · (1 + erf(x/√2))`
fn gelu_erf(x: f32) -> f32 {
    let x = f64::from(x);
    (0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))) as f32
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

/// An encoder with its weights, ready to read.
pub struct SentenceEncoder {
    words: RawTensor,
    positions: RawTensor,
    /// The type of a first (and here only) text.
    kind: Vec<f32>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    heads: usize,
    pooling: Pooling,
    tokenizer: Tokenizer,
    /// Tokens before and after a text.
    ends: [u32; 2],
    identity: EncoderIdentity,
    kernel: Kernel,
    workshop: Workshop,
}

impl std::fmt::Debug for SentenceEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentenceEncoder").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl SentenceEncoder {
    /// The same under another name for people, where that of its folder says nothing.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.identity.name);
        self
    }

    /// Opens a sentence-transformers folder: `config.json` of a BERT model, `model.safetensors`, `tokenizer.json`, and,
    /// where they are there, `modules.json` with the pooling it names and `sentence_bert_config.json`. Without them vectors
    /// are means over all tokens.
    ///
    /// # Errors
    /// Files that are missing, broken or contradict one another; another architecture; a pooling or a further layer that is
    /// not known here; weights that are not finite.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        if !folder.is_dir() {
            return Err(ModelError::malformed(folder, "path", "the folder of a sentence encoder", "no folder"));
        }
        let (config, config_hash) = read_config(&folder.join("config.json"))?;
        let pooling = pooling(folder)?;
        let weights = folder.join("model.safetensors");
        let (tensors, hash) = all_tensors(&weights)?;
        let tensors = Tensors { path: &weights, tensors, epsilon: config.layer_norm_eps };
        let (d, ff) = (config.hidden_size, config.intermediate_size);
        let layer = |index| {
            let at = |part: &str| format!("encoder.layer.{index}.{part}");
            Ok::<_, ModelError>(Layer {
                query: tensors.linear(&at("attention.self.query"), d, d)?,
                key: tensors.linear(&at("attention.self.key"), d, d)?,
                value: tensors.linear(&at("attention.self.value"), d, d)?,
                output: tensors.linear(&at("attention.output.dense"), d, d)?,
                attention_norm: tensors.norm(&at("attention.output.LayerNorm"), d)?,
                up: tensors.linear(&at("intermediate.dense"), ff, d)?,
                down: tensors.linear(&at("output.dense"), d, ff)?,
                norm: tensors.norm(&at("output.LayerNorm"), d)?,
            })
        };
        let (tokenizer, ends, tokenizer_hash) = tokenizer(&folder.join("tokenizer.json"), config.vocab_size)?;
        let types = tensors.values("embeddings.token_type_embeddings.weight", config.type_vocab_size, d)?;
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let name = whole.file_name().map_or_else(|| "encoder".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Self {
            words: tensors.get("embeddings.word_embeddings.weight", config.vocab_size, d)?,
            positions: tensors.get("embeddings.position_embeddings.weight", config.max_position_embeddings, d)?,
            kind: types[..d].to_vec(),
            norm: tensors.norm("embeddings.LayerNorm", d)?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_, _>>()?,
            heads: config.num_attention_heads,
            pooling,
            tokenizer,
            ends,
            identity: EncoderIdentity {
                name,
                architecture: config.model_type,
                width: d as u32,
                max_tokens: longest(folder, config.max_position_embeddings)? as u32,
                pooling: pooling.name().to_owned(),
                weights: hash,
                config: config_hash,
                tokenizer: tokenizer_hash,
            },
            // The portable one is always there.
            kernel: Kernel::with(Exactness::F32)
                .ok_or_else(|| ModelError::Request { reason: "no product in f32".to_owned() })?,
            workshop: Workshop::new(),
        })
    }

    /// Who it is.
    pub fn identity(&self) -> &EncoderIdentity {
        &self.identity
    }

    /// The vector of each text, of Euclidean length 1: `[texts, width]`. A text longer than the encoder reads at once is
    /// read in stretches, whose vectors count by their tokens.
    ///
    /// # Errors
    /// The tokenizer refuses a text, or a vector is not finite.
    pub fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let stretches: Vec<Vec<Vec<u32>>> =
            texts.par_iter().map(|text| self.stretches(text)).collect::<Result<_, ModelError>>()?;
        let all: Vec<&[u32]> = stretches.iter().flatten().map(Vec::as_slice).collect();
        let mut vectors = Vec::with_capacity(all.len());
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let mut tokens = 0;
            let fits = rest.iter().take_while(|stretch| {
                tokens += stretch.len();
                tokens <= TOGETHER
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            vectors.extend(self.vectors(now)?);
            rest = later;
        }
        let mut vectors = vectors.into_iter();
        let of_text = |(text, stretches): (&&str, &Vec<Vec<u32>>)| {
            let mut sum = vec![0.0f32; self.identity.width as usize];
            for (stretch, vector) in stretches.iter().zip(&mut vectors) {
                scaled_add(self.workshop.arch(), &mut sum, &vector, stretch.len() as f32);
            }
            let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
            if !(length.is_finite() && length > 0.0) {
                let reason = format!("the vector of {} has the length {length}; are the weights whole?", shown(text));
                return Err(ModelError::Request { reason });
            }
            Ok(sum.into_iter().map(|value| value / length).collect())
        };
        texts.iter().zip(&stretches).map(of_text).collect()
    }

    /// The tokens of a text in stretches that can be read at once, each with its ends; an empty text has one of ends alone.
    fn stretches(&self, text: &str) -> Result<Vec<Vec<u32>>, ModelError> {
        let fails = || ModelError::tokenizer("the tokenizers library fails on a text");
        let encoding = contained(|| self.tokenizer.encode_fast(text, false)).ok_or_else(fails)?;
        let encoding = encoding.map_err(|e| ModelError::tokenizer(e.to_string()))?;
        let inner = self.identity.max_tokens as usize - self.ends.len();
        let [first, last] = self.ends;
        let none: &[u32] = &[];
        let stretches = encoding.get_ids().chunks(inner).chain(encoding.is_empty().then_some(none));
        Ok(stretches.map(|tokens| [&[first], tokens, &[last]].concat()).collect())
    }

    /// The pooled last layer over each stretch: `[stretches, width]`.
    fn vectors(&self, stretches: &[&[u32]]) -> Result<Vec<Vec<f32>>, ModelError> {
        let d = self.identity.width as usize;
        let mut x = self.embedded(stretches)?;
        for layer in &self.layers {
            self.layer(layer, stretches, &mut x)?;
        }
        let mut rest = x.as_slice();
        let pooled = stretches.iter().map(|stretch| {
            let (rows, after) = rest.split_at(stretch.len() * d);
            rest = after;
            match self.pooling {
                Pooling::Cls => rows[..d].to_vec(),
                Pooling::Mean => {
                    let mut mean = vec![0.0; d];
                    let each = (stretch.len() as f32).recip();
                    rows.chunks_exact(d).for_each(|row| scaled_add(self.workshop.arch(), &mut mean, row, each));
                    mean
                }
            }
        });
        Ok(pooled.collect())
    }

    /// norm(word + position + type): `[tokens, width]`.
    fn embedded(&self, stretches: &[&[u32]]) -> Result<Vec<f32>, ModelError> {
        let (d, arch) = (self.identity.width as usize, self.workshop.arch());
        let places: Vec<(usize, u32)> =
            stretches.iter().flat_map(|tokens| tokens.iter().copied().enumerate()).collect();
        let mut x = vec![0.0; places.len() * d];
        let mut position = vec![0.0; d];
        for (&(index, token), x) in places.iter().zip(x.chunks_exact_mut(d)) {
            self.words.dequantize(token as usize..token as usize + 1, x)?;
            self.positions.dequantize(index..index + 1, &mut position)?;
            add(arch, x, &position);
            add(arch, x, &self.kind);
            self.norm.apply(x);
        }
        Ok(x)
    }

    /// Post-norm: x ← norm(x + attention(x)), x ← norm(x + W₂·gelu(W₁·x)).
    fn layer(&self, layer: &Layer, stretches: &[&[u32]], x: &mut [f32]) -> Result<(), ModelError> {
        let d = self.identity.width as usize;
        let (width, tokens) = (d / self.heads, x.len() / d);
        let packed = self.packed(x, d);
        // [heads][tokens][width]
        let q = self.product(&packed, &layer.query, width)?;
        let (k, v) = (self.product(&packed, &layer.key, width)?, self.product(&packed, &layer.value, width)?);
        let mixed = self.attention(stretches, [&q, &k, &v]);
        let mut packed = Strips::new(self.kernel, tokens, d);
        self.workshop.pack(&mut packed, |row, out| {
            for (head, out) in out.chunks_exact_mut(width).enumerate() {
                out.copy_from_slice(&mixed[(head * tokens + row) * width..][..width]);
            }
        });
        self.add_and_norm(x, &self.product(&packed, &layer.output, d)?, &layer.attention_norm);
        let wide = layer.up.weight.rows;
        let mut up = self.product(&self.packed(x, d), &layer.up, wide)?;
        up.par_iter_mut().for_each(|up| *up = gelu_erf(*up));
        self.add_and_norm(x, &self.product(&self.packed(&up, wide), &layer.down, d)?, &layer.norm);
        Ok(())
    }

    fn packed(&self, x: &[f32], depth: usize) -> Strips {
        let mut strips = Strips::new(self.kernel, x.len() / depth, depth);
        self.workshop.pack(&mut strips, |row, out| out.copy_from_slice(&x[row * depth..][..depth]));
        strips
    }

    /// `x·Wᵀ + b` in blocks of `width` columns: `[columns/width][rows][width]`.
    fn product(&self, x: &Strips, linear: &Linear, width: usize) -> Result<Vec<f32>, ModelError> {
        let columns = linear.weight.rows;
        let mut out = vec![0.0; x.rows() * columns];
        let part = Part { columns, width, bias: Some(&linear.bias), out: &mut out };
        self.workshop.multiply(self.kernel, x, &linear.weight, Target::Store(vec![part]))?;
        Ok(out)
    }

    /// softmax(q·kᵀ / √width)·v of every head within every stretch: `[heads][tokens][width]`.
    fn attention(&self, stretches: &[&[u32]], [q, k, v]: [&[f32]; 3]) -> Vec<f32> {
        let (arch, width) = (self.workshop.arch(), self.identity.width as usize / self.heads);
        let scale = (width as f32).sqrt().recip();
        let mut out = vec![0.0; q.len()];
        let mut tasks = Vec::with_capacity(self.heads * stretches.len());
        let (mut rest, mut from) = (out.as_mut_slice(), 0);
        for stretch in (0..self.heads).flat_map(|_| stretches) {
            let (now, after) = rest.split_at_mut(stretch.len() * width);
            tasks.push((from, now));
            (rest, from) = (after, from + stretch.len() * width);
        }
        tasks.into_par_iter().for_each(|(from, out)| {
            let here = from..from + out.len();
            let (q, k, v) = (&q[here.clone()], &k[here.clone()], &v[here]);
            let mut scores = vec![0.0; out.len() / width];
            for (q, out) in q.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
                for (score, k) in scores.iter_mut().zip(k.chunks_exact(width)) {
                    *score = dot(arch, q, k) * scale;
                }
                softmax(arch, &mut scores);
                for (score, v) in scores.iter().zip(v.chunks_exact(width)) {
                    scaled_add(arch, out, v, *score);
                }
            }
        });
        out
    }

    /// x ← norm(x + branch)
    fn add_and_norm(&self, x: &mut [f32], branch: &[f32], norm: &LayerNorm) {
        let (d, arch) = (self.identity.width as usize, self.workshop.arch());
        x.par_chunks_exact_mut(d).zip(branch.par_chunks_exact(d)).for_each(|(x, branch)| {
            add(arch, x, branch);
            norm.apply(x);
        });
    }
}
