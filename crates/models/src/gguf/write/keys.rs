//! The metadata that say what a decoder looks like, as llama.cpp's loader reads them.

use crate::gguf::Value;
use crate::{Architecture, DecoderConfig, RopeScaling};

/// How often a layer of Gemma 3 sees everything, unless the file says otherwise.
const GEMMA3_PATTERN: usize = 6;

/// Pairs for `config`; `name` is what people call the model.
pub(super) fn of(config: &DecoderConfig, name: &str) -> Vec<(String, Value)> {
    let arch = config.architecture;
    let mut pairs = vec![
        ("general.architecture".to_owned(), Value::String(arch.name().to_owned())),
        ("general.type".to_owned(), Value::String("model".to_owned())),
        ("general.name".to_owned(), Value::String(name.to_owned())),
    ];
    let mut put = |key: &str, value: Value| pairs.push((format!("{}.{key}", arch.name()), value));
    let size = |value: usize| Value::U32(u32::try_from(value).unwrap_or(u32::MAX));
    put("vocab_size", size(config.vocab));
    put("context_length", size(config.context));
    put("embedding_length", size(config.d_model));
    put("block_count", size(config.layers));
    put("feed_forward_length", size(config.d_ff));
    put("attention.head_count", size(config.heads));
    put("attention.head_count_kv", size(config.kv_heads));
    put("attention.layer_norm_rms_epsilon", Value::F32(config.norm_eps));
    put("attention.key_length", size(config.head_dim));
    put("attention.value_length", size(config.head_dim));
    put("rope.dimension_count", size(config.rope.dims));
    put("rope.freq_base", Value::F32(config.rope.theta));
    if let Some(theta) = config.rope.local_theta {
        put("rope.freq_base_swa", Value::F32(theta));
    }
    if let Some(sliding) = config.sliding_window {
        put("attention.sliding_window", size(sliding.window));
        if arch != Architecture::Gemma3 || sliding.pattern != GEMMA3_PATTERN {
            put("attention.sliding_window_pattern", size(sliding.pattern));
        }
    }
    if let Some(cap) = config.attn_softcap {
        put("attn_logit_softcapping", Value::F32(cap));
    }
    if let Some(cap) = config.logit_softcap {
        put("final_logit_softcapping", Value::F32(cap));
    }
    match config.rope.scaling {
        // Llama 3's rule is a tensor in GGUF files.
        RopeScaling::None | RopeScaling::FactorsTensor | RopeScaling::Llama3 { .. } => {}
        RopeScaling::Linear { factor } => {
            put("rope.scaling.type", Value::String("linear".to_owned()));
            put("rope.scaling.factor", Value::F32(factor));
        }
        RopeScaling::Yarn { factor, original_context, beta_fast, beta_slow, attention_factor } => {
            put("rope.scaling.type", Value::String("yarn".to_owned()));
            put("rope.scaling.factor", Value::F32(factor));
            put("rope.scaling.original_context_length", size(original_context));
            put("rope.scaling.yarn_beta_fast", Value::F32(beta_fast));
            put("rope.scaling.yarn_beta_slow", Value::F32(beta_slow));
            let usual = 1.0 + 0.1 * factor.ln();
            if attention_factor != usual {
                put("rope.scaling.attn_factor", Value::F32(attention_factor / usual));
            }
        }
    }
    pairs
}
