//! A Hugging Face folder: `config.json`, `generation_config.json`, `model.safetensors` in f32 (or its parts and their index), and the
//! tokenizer's files.

use std::fs;
use std::path::Path;

use hydrometer_answers::{RunError, durable};
use hydrometer_models::{Architecture, Checkpoint, DecoderConfig, RopeScaling, Tokenizer, safetensors::in_file};
use serde_json::{Map, Value, json};

use super::safetensors::{self, Tensor};
use crate::DistillError;
use crate::network::{Network, Weights, is_aid};

/// Bytes of tensors in a file at most, as transformers writes them ("5GB").
const MOST_BYTES: u64 = 5_000_000_000;

/// Writes the student, its adapters merged, with the tokenizer and template of `origin`, and reads it again: one tensor after the
/// other, so that they are never all in f32 at once. `config.json` comes last: a folder
/// without it is not whole.
///
/// # Errors
/// A file or a tokenizer that cannot be written, or weights that are others when they are read again.
pub fn hugging_face(folder: &Path, network: &Network, origin: &Checkpoint) -> Result<(), DistillError> {
    hugging_face_in_parts(folder, network, origin, MOST_BYTES)
}

/// As [`hugging_face`], with at most so many bytes of tensors in a file, as long as no single tensor has more.
///
/// # Errors
/// As [`hugging_face`].
pub fn hugging_face_in_parts(
    folder: &Path,
    network: &Network,
    origin: &Checkpoint,
    most_bytes: u64,
) -> Result<(), DistillError> {
    let config = &network.config;
    let tokenizer = origin.tokenizer()?;
    let tokenizer_files = origin.tokenizer_files()?;
    fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
    for (name, content) in tokenizer_files {
        durable::replace(&folder.join(name), &content)?;
    }
    let names = names(network);
    let tensors = names.iter().map(|name| {
        let len = network.weights.get(name).map_or(0, Weights::count);
        let there = in_file(name, config.architecture).unwrap_or_else(|| name.clone());
        Tensor::later(there, shape(name, len, config), || network.merged_tensor(name))
    });
    let tensors: Vec<_> = tensors.collect();
    write_weights(folder, &tensors, most_bytes)?;
    let generation = json!({"bos_token_id": tokenizer.bos(), "eos_token_id": ends(&tokenizer), "do_sample": true});
    write_json(&folder.join("generation_config.json"), &generation)?;
    write_json(&folder.join("config.json"), &config_json(config, &tokenizer))?;
    same_weights(folder, network)
}

/// Writes `model.safetensors`, or its parts with the index that says which tensor is in which. Tensors keep their order.
fn write_weights(folder: &Path, tensors: &[Tensor<'_>], most_bytes: u64) -> Result<(), DistillError> {
    let about = Map::from_iter([("format".to_owned(), Value::from("pt"))]);
    let (mut starts, mut held) = (vec![0], 0);
    for (at, tensor) in tensors.iter().enumerate() {
        if held > 0 && held + tensor.bytes() > most_bytes {
            (held, starts) = (0, [starts, vec![at]].concat());
        }
        held += tensor.bytes();
    }
    let count = starts.len();
    let mut places = Map::new();
    for (part, &start) in starts.iter().enumerate() {
        let end = starts.get(part + 1).copied().unwrap_or(tensors.len());
        let name = match count {
            1 => "model.safetensors".to_owned(),
            _ => format!("model-{:05}-of-{count:05}.safetensors", part + 1),
        };
        let tensors = &tensors[start..end];
        durable::replace_with(&folder.join(&name), |file| safetensors::write(file, &about, tensors))?;
        places.extend(tensors.iter().map(|tensor| (tensor.name.clone(), Value::from(name.clone()))));
    }
    if count > 1 {
        let total: u64 = tensors.iter().map(Tensor::bytes).sum();
        let index = json!({"metadata": {"total_size": total}, "weight_map": places});
        write_json(&folder.join("model.safetensors.index.json"), &index)?;
    }
    Ok(())
}

/// What ends an answer: every token that the student may have been taught to end with, its own end of a text first. One token
/// stands alone, as transformers writes it.
fn ends(tokenizer: &Tokenizer) -> Value {
    let mut ends = tokenizer.ends();
    ends.sort_by_key(|end| Some(*end) != tokenizer.eos());
    match ends[..] {
        [] => Value::Null,
        [end] => end.into(),
        _ => ends.into(),
    }
}

/// Refuses a folder that does not hold the network's weights bit for bit.
fn same_weights(folder: &Path, network: &Network) -> Result<(), DistillError> {
    let checkpoint = Checkpoint::open(folder)?;
    let mut read = Vec::new();
    for name in names(network) {
        let tensor = checkpoint.tensor(&name)?;
        read.resize(tensor.rows * tensor.cols, 0.0);
        tensor.dequantize(0..tensor.rows, &mut read)?;
        let written = network.merged_tensor(&name);
        if written.len() != read.len() || written.iter().zip(&read).any(|(a, b)| a.to_bits() != b.to_bits()) {
            return Err(DistillError::data(folder, name, "the weights that were trained", "others"));
        }
    }
    Ok(())
}

/// Canonical names of all tensors of the model: no adapters, no projectors.
fn names(network: &Network) -> Vec<String> {
    let all = network.weights.all().into_iter().map(|tensor| tensor.0);
    all.filter(|name| !is_aid(name)).collect()
}

fn write_json(path: &Path, value: &Value) -> Result<(), DistillError> {
    Ok(durable::replace(path, format!("{value:#}\n").as_bytes())?)
}

/// Rows and columns; a vector has one dimension.
fn shape(name: &str, len: usize, config: &DecoderConfig) -> Vec<usize> {
    if name.contains("norm") || name.ends_with("bias") {
        return vec![len];
    }
    let columns = match name {
        name if name.ends_with("ffn_down.weight") => config.d_ff,
        name if name.ends_with("attn_output.weight") => config.heads * config.head_dim,
        _ => config.d_model,
    };
    vec![len / columns, columns]
}

fn config_json(config: &DecoderConfig, tokenizer: &Tokenizer) -> Value {
    let (class, kind) = match config.architecture {
        Architecture::Llama => ("LlamaForCausalLM", "llama"),
        Architecture::Qwen2 => ("Qwen2ForCausalLM", "qwen2"),
        Architecture::Qwen3 => ("Qwen3ForCausalLM", "qwen3"),
        Architecture::Gemma3 => ("Gemma3ForCausalLM", "gemma3_text"),
    };
    let mut fields = json!({
        "architectures": [class],
        "model_type": kind,
        "vocab_size": config.vocab,
        "hidden_size": config.d_model,
        "intermediate_size": config.d_ff,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": config.context,
        "rms_norm_eps": shortest(config.norm_eps),
        "rope_theta": shortest(config.rope.theta),
        "rope_scaling": scaling(&config.rope.scaling),
        "tie_word_embeddings": config.tied,
        "bos_token_id": tokenizer.bos(),
        "eos_token_id": tokenizer.eos(),
        "initializer_range": 0.02,
        "torch_dtype": "float32",
    });
    match config.architecture {
        Architecture::Qwen2 => fields["use_sliding_window"] = false.into(),
        Architecture::Qwen3 => {
            fields["attention_bias"] = false.into();
            fields["use_sliding_window"] = false.into();
        }
        Architecture::Llama => {
            fields["attention_bias"] = false.into();
            fields["mlp_bias"] = false.into();
        }
        Architecture::Gemma3 => gemma(config, &mut fields),
    }
    if config.rope.dims != config.head_dim {
        fields["partial_rotary_factor"] = json!(config.rope.dims as f64 / config.head_dim as f64);
    }
    fields
}

/// What Gemma's configuration says beside what all say.
fn gemma(config: &DecoderConfig, fields: &mut Value) {
    fields["attention_bias"] = false.into();
    fields["hidden_act"] = "gelu_pytorch_tanh".into();
    fields["hidden_activation"] = "gelu_pytorch_tanh".into();
    fields["query_pre_attn_scalar"] = json!(scalar_of(config.attn_scale));
    fields["rope_local_base_freq"] = json!(config.rope.local_theta.map(shortest));
    fields["attn_logit_softcapping"] = json!(config.attn_softcap.map(shortest));
    fields["final_logit_softcapping"] = json!(config.logit_softcap.map(shortest));
    if let Some(sliding) = config.sliding_window {
        let kind = |layer| if sliding.is_local(layer) { "sliding_attention" } else { "full_attention" };
        fields["sliding_window"] = sliding.window.into();
        fields["sliding_window_pattern"] = sliding.pattern.into();
        fields["layer_types"] = (0..config.layers).map(kind).collect();
    }
}

/// s of a scale 1/√s: the whole number that gives it, where there is one.
fn scalar_of(scale: f32) -> Value {
    let exact = f64::from(scale).powi(-2);
    let whole = exact.round();
    if (whole as f32).sqrt().recip() == scale { json!(whole as u64) } else { json!(exact) }
}

fn scaling(scaling: &RopeScaling) -> Value {
    match *scaling {
        RopeScaling::None | RopeScaling::FactorsTensor => Value::Null,
        RopeScaling::Linear { factor } => json!({"rope_type": "linear", "factor": shortest(factor)}),
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => json!({
            "rope_type": "llama3",
            "factor": shortest(factor),
            "low_freq_factor": shortest(low_freq_factor),
            "high_freq_factor": shortest(high_freq_factor),
            "original_max_position_embeddings": original_context,
        }),
        RopeScaling::Yarn { factor, original_context, beta_fast, beta_slow, attention_factor } => json!({
            "rope_type": "yarn",
            "factor": shortest(factor),
            "original_max_position_embeddings": original_context,
            "beta_fast": shortest(beta_fast),
            "beta_slow": shortest(beta_slow),
            "attention_factor": shortest(attention_factor),
        }),
    }
}

/// The shortest number in f64 that is this one in f32: 0.00001, not 0.000009999999747378752.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}
