//! What a sentence-transformers folder holds: configuration, pooling, tokenizer, tensors by name.

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_probes::strangers::contained;
use serde::Deserialize;
use serde_json::Value;
use tokenizers::{PostProcessorWrapper, Tokenizer};

use super::{LayerNorm, Linear};
use crate::error::shown;
use crate::safetensors::{LARGEST_JSON, LARGEST_TOKENIZER, parse_json, read_json, read_limited};
use crate::tokenizer::growth;
use crate::{ModelError, RawTensor};

/// What `config.json` says of a BERT model. Names and defaults are those of Hugging Face transformers.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) model_type: String,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    pub(super) vocab_size: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) type_vocab_size: usize,
    #[serde(default = "gelu")]
    pub(super) hidden_act: String,
    #[serde(default = "epsilon")]
    pub(super) layer_norm_eps: f64,
    #[serde(default = "absolute")]
    pub(super) position_embedding_type: String,
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
pub(super) enum Pooling {
    Mean,
    /// That of the first token.
    Cls,
}

impl Pooling {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
        }
    }
}

/// The configuration and the hash of its file.
pub(super) fn read_config(path: &Path) -> Result<(Config, String), ModelError> {
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
pub(super) fn pooling(folder: &Path) -> Result<Pooling, ModelError> {
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
pub(super) fn longest(folder: &Path, positions: usize) -> Result<usize, ModelError> {
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
pub(super) fn tokenizer(path: &Path, vocab: usize) -> Result<(Tokenizer, [u32; 2], String), ModelError> {
    let bytes = read_limited(path, LARGEST_TOKENIZER)?;
    let read = contained(|| Tokenizer::from_bytes(&bytes));
    let fails = || ModelError::malformed(path, "file", "a tokenizer", "settings that make the tokenizers library fail");
    let mut tokenizer =
        read.ok_or_else(fails)?.map_err(|e| ModelError::malformed(path, "file", "a tokenizer.json", e.to_string()))?;
    growth::check(path, &parse_json(path, &bytes)?["normalizer"])?;
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
pub(super) struct Tensors<'a> {
    pub(super) path: &'a Path,
    pub(super) tensors: BTreeMap<String, RawTensor>,
    pub(super) epsilon: f64,
}

impl Tensors<'_> {
    /// A tensor of that shape without numbers that are not finite.
    pub(super) fn get(&self, name: &str, rows: usize, cols: usize) -> Result<RawTensor, ModelError> {
        let tensor = self.find(name, rows, cols)?;
        tensor.dequantize(0..rows, &mut vec![0.0; rows * cols])?;
        Ok(tensor.clone())
    }

    /// The numbers of a tensor: `[rows · cols]`.
    pub(super) fn values(&self, name: &str, rows: usize, cols: usize) -> Result<Vec<f32>, ModelError> {
        let mut values = vec![0.0; rows * cols];
        self.find(name, rows, cols)?.dequantize(0..rows, &mut values)?;
        Ok(values)
    }

    fn find(&self, name: &str, rows: usize, cols: usize) -> Result<&RawTensor, ModelError> {
        let at = || format!("tensor {}", shown(name));
        // Models with a head keep the encoder one level deeper.
        let found = self.tensors.get(name).or_else(|| self.tensors.get(&format!("bert.{name}")));
        let found = found.ok_or_else(|| ModelError::missing(self.path, at()))?;
        if (found.rows, found.cols) != (rows, cols) {
            let expected = format!("{rows} rows of {cols} values, as config.json says");
            return Err(ModelError::malformed(self.path, at(), expected, format!("{} of {}", found.rows, found.cols)));
        }
        Ok(found)
    }

    pub(super) fn linear(&self, name: &str, out: usize, input: usize) -> Result<Linear, ModelError> {
        let weight = self.get(&format!("{name}.weight"), out, input)?;
        Ok(Linear { weight, bias: self.values(&format!("{name}.bias"), 1, out)? })
    }

    pub(super) fn norm(&self, name: &str, len: usize) -> Result<LayerNorm, ModelError> {
        let weight = self.values(&format!("{name}.weight"), 1, len)?;
        Ok(LayerNorm { weight, bias: self.values(&format!("{name}.bias"), 1, len)?, epsilon: self.epsilon })
    }
}
