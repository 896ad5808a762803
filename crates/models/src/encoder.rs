//! Sentence encoders: BERT models in sentence-transformers folders (all-MiniLM, bge, e5, gte, …), which turn a text into a
//! vector whose direction is its meaning.
//!
//! Small beside the decoders, so the tensors are candle's; every text is computed on its own and its vector depends on
//! nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{D, Device, Result as TensorResult, Tensor};
use hydrometer_answers::EncoderIdentity;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tokenizers::{PostProcessorWrapper, Tokenizer};

use crate::error::shown;
use crate::safetensors::{LARGEST_JSON, LARGEST_TOKENIZER, all_tensors, parse_json, read_json, read_limited};
use crate::{ModelError, RawTensor};

/// What `config.json` says of a BERT model. Names and defaults are those of Hugging Face transformers.
#[derive(Debug, Deserialize)]
struct Config {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "epsilon")]
    layer_norm_eps: f64,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn epsilon() -> f64 {
    1e-12
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// How the vector of a text is made of those of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pooling {
    Mean,
    /// That of the first token.
    Cls,
}

impl Pooling {
    fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
        }
    }
}

/// `x·Wᵀ + b`
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn of(&self, x: &Tensor) -> TensorResult<Tensor> {
        x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}

/// `(x − mean) / √(variance + ε) · w + b`, over the last dimension.
struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl LayerNorm {
    fn of(&self, x: &Tensor) -> TensorResult<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        centred.broadcast_div(&deviation)?.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)
    }
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

impl Layer {
    /// Post-norm: x ← norm(x + attention(x)), x ← norm(x + W₂·gelu(W₁·x)).
    fn of(&self, x: &Tensor, heads: usize) -> TensorResult<Tensor> {
        let (tokens, d) = x.dims2()?;
        // [heads, tokens, d / heads]
        let split = |x: Tensor| x.reshape((tokens, heads, d / heads))?.transpose(0, 1)?.contiguous();
        let (q, k, v) = (split(self.query.of(x)?)?, split(self.key.of(x)?)?, split(self.value.of(x)?)?);
        let scores = (q.matmul(&k.t()?)? / ((d / heads) as f64).sqrt())?;
        let weights = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
        let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
        let mixed = weights.matmul(&v)?.transpose(0, 1)?.reshape((tokens, d))?;
        let x = self.attention_norm.of(&(x + self.output.of(&mixed)?)?)?;
        self.norm.of(&(&x + self.down.of(&self.up.of(&x)?.gelu_erf()?)?)?)
    }
}

/// An encoder with its weights, ready to read.
pub struct SentenceEncoder {
    words: Tensor,
    positions: Tensor,
    /// The type of a first (and here only) text.
    kind: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
    heads: usize,
    pooling: Pooling,
    tokenizer: Tokenizer,
    /// Tokens before and after a text.
    ends: [u32; 2],
    identity: EncoderIdentity,
}

impl std::fmt::Debug for SentenceEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentenceEncoder").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl SentenceEncoder {
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
        let types = tensors.get("embeddings.token_type_embeddings.weight", config.type_vocab_size, d)?;
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let name = whole.file_name().map_or_else(|| "encoder".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Self {
            words: tensors.get("embeddings.word_embeddings.weight", config.vocab_size, d)?,
            positions: tensors.get("embeddings.position_embeddings.weight", config.max_position_embeddings, d)?,
            kind: types.get(0).map_err(failed)?,
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
        texts.par_iter().map(|text| self.one(text)).collect()
    }

    fn one(&self, text: &str) -> Result<Vec<f32>, ModelError> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(|e| ModelError::tokenizer(e.to_string()))?;
        let inner = self.identity.max_tokens as usize - self.ends.len();
        let mut sum = vec![0.0f32; self.identity.width as usize];
        let none: &[u32] = &[];
        let stretches = encoding.get_ids().chunks(inner);
        for tokens in stretches.chain((encoding.is_empty()).then_some(none)) {
            let [first, last] = self.ends;
            let tokens: Vec<u32> = [&[first], tokens, &[last]].concat();
            let vector = self.vector(&tokens).map_err(failed)?;
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value * tokens.len() as f32);
        }
        let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            let reason = format!("the vector of {} has the length {length}; are the weights whole?", shown(text));
            return Err(ModelError::Request { reason });
        }
        Ok(sum.into_iter().map(|value| value / length).collect())
    }

    /// The pooled last layer over one stretch.
    fn vector(&self, tokens: &[u32]) -> TensorResult<Vec<f32>> {
        let words = self.words.index_select(&Tensor::new(tokens, &Device::Cpu)?, 0)?;
        let x = (words + self.positions.narrow(0, 0, tokens.len())?)?.broadcast_add(&self.kind)?;
        let x = self.layers.iter().try_fold(self.norm.of(&x)?, |x, layer| layer.of(&x, self.heads))?;
        match self.pooling {
            Pooling::Mean => x.mean(0)?,
            Pooling::Cls => x.get(0)?,
        }
        .to_vec1()
    }
}

fn failed(error: candle_core::Error) -> ModelError {
    ModelError::Request { reason: error.to_string() }
}

/// The configuration and the hash of its file.
fn read_config(path: &Path) -> Result<(Config, String), ModelError> {
    let bytes = read_limited(path, LARGEST_JSON)?;
    let value = parse_json(path, &bytes)?;
    let Some(architecture) = value["model_type"].as_str() else {
        return Err(ModelError::missing(path, "`model_type`"));
    };
    if architecture != "bert" {
        let supported = "bert (all-MiniLM, bge, e5, gte and the like)";
        return Err(ModelError::unsupported(path, "sentence encoder", shown(architecture), supported));
    }
    let config: Config = serde_json::from_value(value)
        .map_err(|e| ModelError::malformed(path, "file", "the configuration of a BERT model", e.to_string()))?;
    if config.hidden_act != "gelu" {
        return Err(ModelError::unsupported(path, "activation", shown(&config.hidden_act), "gelu"));
    }
    if config.position_embedding_type != "absolute" {
        return Err(ModelError::unsupported(path, "positions", shown(&config.position_embedding_type), "absolute"));
    }
    let (d, heads) = (config.hidden_size, config.num_attention_heads);
    if heads == 0 || d == 0 || !d.is_multiple_of(heads) {
        return Err(ModelError::malformed(
            path,
            "`hidden_size`",
            format!("a multiple of the {heads} heads"),
            d.to_string(),
        ));
    }
    if config.max_position_embeddings < 3 {
        let found = config.max_position_embeddings.to_string();
        return Err(ModelError::malformed(path, "`max_position_embeddings`", "at least 3", found));
    }
    Ok((config, format!("blake3:{}", blake3::hash(&bytes).to_hex())))
}

/// What the modules of the folder do with the vectors of tokens.
fn pooling(folder: &Path) -> Result<Pooling, ModelError> {
    let path = folder.join("modules.json");
    if !path.exists() {
        return Ok(Pooling::Mean);
    }
    let modules = read_json(&path)?;
    let Some(modules) = modules.as_array() else {
        return Err(ModelError::malformed(&path, "file", "a list of modules", "something else"));
    };
    let mut pooling = Pooling::Mean;
    for module in modules {
        match module["type"].as_str().and_then(|kind| kind.rsplit('.').next()).unwrap_or_default() {
            // Cosines do not depend on the length.
            "Transformer" | "Normalize" => {}
            "Pooling" => pooling = pooled(folder, module)?,
            other => {
                return Err(ModelError::unsupported(&path, "module", shown(other), "Transformer, Pooling, Normalize"));
            }
        }
    }
    Ok(pooling)
}

fn pooled(folder: &Path, module: &Value) -> Result<Pooling, ModelError> {
    let name = module["path"].as_str().unwrap_or_default();
    // The name of a folder in the folder, not a path out of it.
    if name.contains(['/', '\\', ':', '\0']) || name == ".." {
        let path = folder.join("modules.json");
        return Err(ModelError::malformed(&path, "`path`", "the name of a folder in the folder", shown(name)));
    }
    let path = folder.join(name).join("config.json");
    let config = read_json(&path)?;
    let modes = config.as_object().into_iter().flatten();
    let chosen: Vec<&str> = modes
        .filter(|(key, on)| key.starts_with("pooling_mode_") && **on == true)
        .map(|(key, _)| key.as_str())
        .collect();
    match chosen[..] {
        ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token"] => Ok(Pooling::Cls),
        [] => Err(ModelError::missing(&path, "`pooling_mode_mean_tokens` or `pooling_mode_cls_token`, set to true,")),
        _ => Err(ModelError::unsupported(&path, "pooling", shown(&chosen.join(", ")), "mean_tokens or cls_token")),
    }
}

/// Tokens that are read at once.
fn longest(folder: &Path, positions: usize) -> Result<usize, ModelError> {
    let path = folder.join("sentence_bert_config.json");
    if !path.exists() {
        return Ok(positions);
    }
    match &read_json(&path)?["max_seq_length"] {
        Value::Null => Ok(positions),
        given => match given.as_u64() {
            Some(tokens @ 3..) => Ok(positions.min(tokens as usize)),
            _ => Err(ModelError::malformed(&path, "`max_seq_length`", "a number from 3", given.to_string())),
        },
    }
}

/// The tokenizer without its post-processor, what that puts before and after a text, and the hash of the file.
fn tokenizer(path: &Path, vocab: usize) -> Result<(Tokenizer, [u32; 2], String), ModelError> {
    let bytes = read_limited(path, LARGEST_TOKENIZER)?;
    let mut tokenizer = Tokenizer::from_bytes(&bytes)
        .map_err(|e| ModelError::malformed(path, "file", "a tokenizer.json", e.to_string()))?;
    // Padding and truncation belong to training scripts.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|e| ModelError::tokenizer(e.to_string()))?;
    tokenizer.with_post_processor(None::<PostProcessorWrapper>);
    let Some(ends) = ends(&parse_json(path, &bytes)?["post_processor"]) else {
        let expected = "one token before a text and one after it, each with its id";
        return Err(ModelError::malformed(path, "`post_processor`", expected, "something else"));
    };
    let largest = tokenizer.get_vocab(true).into_values().chain(ends).max().unwrap_or(0);
    if largest as usize >= vocab {
        let expected = format!("ids below {vocab}, the `vocab_size` of config.json");
        return Err(ModelError::malformed(path, "vocabulary", expected, largest.to_string()));
    }
    Ok((tokenizer, ends, format!("blake3:{}", blake3::hash(&bytes).to_hex())))
}

/// The ids that a post-processor puts before and after a text. Read here, because the library takes it on trust that a
/// template names only tokens that it lists.
fn ends(processor: &Value) -> Option<[u32; 2]> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    if let (Some(first), Some(last)) = (processor["cls"].as_array(), processor["sep"].as_array()) {
        return Some([id(first.get(1)?)?, id(last.get(1)?)?]);
    }
    let [first, text, last] = processor["single"].as_array()?.as_slice() else { return None };
    text.get("Sequence")?;
    let special = |token: &Value| {
        let ids = processor["special_tokens"][token["SpecialToken"]["id"].as_str()?]["ids"].as_array()?;
        if let [one] = ids.as_slice() { id(one) } else { None }
    };
    Some([special(first)?, special(last)?])
}

/// The tensors of an encoder by their names in the file.
struct Tensors<'a> {
    path: &'a Path,
    tensors: BTreeMap<String, RawTensor>,
    epsilon: f64,
}

impl Tensors<'_> {
    /// `[rows, cols]`, or `[cols]` where there is one row.
    fn get(&self, name: &str, rows: usize, cols: usize) -> Result<Tensor, ModelError> {
        let at = || format!("tensor {}", shown(name));
        // Models with a head keep the encoder one level deeper.
        let found = self.tensors.get(name).or_else(|| self.tensors.get(&format!("bert.{name}")));
        let found = found.ok_or_else(|| ModelError::missing(self.path, at()))?;
        if (found.rows, found.cols) != (rows, cols) {
            let expected = format!("{rows} rows of {cols} values, as config.json says");
            return Err(ModelError::malformed(self.path, at(), expected, format!("{} of {}", found.rows, found.cols)));
        }
        let mut values = vec![0.0; rows * cols];
        found.dequantize(0..rows, &mut values)?;
        Tensor::from_vec(values, (rows, cols), &Device::Cpu).map_err(failed)
    }

    fn vector(&self, name: &str, len: usize) -> Result<Tensor, ModelError> {
        self.get(name, 1, len)?.get(0).map_err(failed)
    }

    fn linear(&self, name: &str, out: usize, input: usize) -> Result<Linear, ModelError> {
        let weight = self.get(&format!("{name}.weight"), out, input)?;
        Ok(Linear { weight, bias: self.vector(&format!("{name}.bias"), out)? })
    }

    fn norm(&self, name: &str, len: usize) -> Result<LayerNorm, ModelError> {
        let weight = self.vector(&format!("{name}.weight"), len)?;
        Ok(LayerNorm { weight, bias: self.vector(&format!("{name}.bias"), len)?, epsilon: self.epsilon })
    }
}
