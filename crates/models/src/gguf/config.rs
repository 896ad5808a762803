//! `DecoderConfig` from GGUF metadata. Keys and defaults are those that llama.cpp's loader uses.

use std::path::Path;

use super::{Gguf, Metadata};
use crate::ModelError;
use crate::config::{Activation, Architecture, DecoderConfig, Rope, RopeScaling, RopeStyle, SlidingWindow};
use crate::error::shown;

/// GGUF files of Gemma 3 do not say how often a layer sees everything, nor the base of the others.
const GEMMA3_PATTERN: usize = 6;
const GEMMA3_LOCAL_THETA: f32 = 10_000.0;
/// Gemma 3 27B alone scales attention by its width per head instead of its head dimension.
const GEMMA3_27B_LAYERS: usize = 62;

/// Metadata keys of one architecture.
struct Keys<'a> {
    path: &'a Path,
    metadata: &'a Metadata,
    prefix: &'static str,
}

impl Keys<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    fn size(&self, name: &str) -> Result<usize, ModelError> {
        self.metadata.size(self.path, &self.key(name))
    }

    fn size_or(&self, name: &str, default: usize) -> Result<usize, ModelError> {
        let found = self.metadata.optional_size(self.path, &self.key(name))?;
        Ok(found.unwrap_or(default))
    }

    fn f32(&self, name: &str) -> Result<Option<f32>, ModelError> {
        self.metadata.optional_f32(self.path, &self.key(name))
    }

    fn str(&self, name: &str) -> Result<Option<&str>, ModelError> {
        self.metadata.optional_str(self.path, &self.key(name))
    }
}

pub(super) fn read(file: &Gguf) -> Result<DecoderConfig, ModelError> {
    let path = file.path();
    let name = file.metadata().str(path, "general.architecture")?;
    let Some(architecture) = Architecture::from_name(name) else {
        let supported = Architecture::all();
        return Err(ModelError::unsupported(path, "architecture", shown(name), supported));
    };
    let keys = Keys { path, metadata: file.metadata(), prefix: architecture.name() };
    let experts = keys.size_or("expert_count", 0)?;
    if experts != 0 {
        let found = format!("{name} with {experts} experts");
        return Err(ModelError::unsupported(path, "architecture", found, Architecture::all()));
    }
    let gemma = architecture == Architecture::Gemma3;
    let d_model = keys.size("embedding_length")?;
    let heads = keys.size("attention.head_count")?;
    let head_dim = head_dim(&keys, d_model, heads)?;
    let layers = keys.size("block_count")?;
    let config = DecoderConfig {
        architecture,
        layers,
        d_model,
        heads,
        kv_heads: keys.size_or("attention.head_count_kv", heads)?,
        head_dim,
        d_ff: keys.size("feed_forward_length")?,
        vocab: vocab(file)?,
        context: keys.size("context_length")?,
        rope: rope(file, &keys, architecture, head_dim)?,
        norm_eps: keys.f32("attention.layer_norm_rms_epsilon")?.ok_or_else(|| {
            ModelError::missing(path, super::metadata::at(&keys.key("attention.layer_norm_rms_epsilon")))
        })?,
        norm_offset: 0.0,
        embed_scale: if gemma { (d_model as f32).sqrt() } else { 1.0 },
        activation: if gemma { Activation::GeluTanh } else { Activation::Silu },
        qkv_bias: file.info("blk.0.attn_q.bias").is_some(),
        qk_norm: file.info("blk.0.attn_q_norm.weight").is_some(),
        post_norms: gemma,
        sliding_window: sliding_window(&keys, gemma)?,
        attn_scale: if gemma && layers == GEMMA3_27B_LAYERS {
            (d_model as f32 / heads as f32).sqrt().recip()
        } else {
            (head_dim as f32).sqrt().recip()
        },
        attn_softcap: keys.f32("attn_logit_softcapping")?,
        logit_softcap: keys.f32("final_logit_softcapping")?,
        tied: file.info("output.weight").is_none(),
    };
    config.check(path)?;
    Ok(config)
}

fn head_dim(keys: &Keys<'_>, d_model: usize, heads: usize) -> Result<usize, ModelError> {
    let malformed = |name: &str, expected: String, found: usize| {
        ModelError::malformed(keys.path, super::metadata::at(&keys.key(name)), expected, found.to_string())
    };
    if heads == 0 {
        return Err(malformed("attention.head_count", "a positive number".to_owned(), 0));
    }
    let named = keys.metadata.optional_size(keys.path, &keys.key("attention.key_length"))?;
    let head_dim = match named {
        Some(head_dim) => head_dim,
        None if d_model.is_multiple_of(heads) => d_model / heads,
        None => {
            let expected = format!("a multiple of the {heads} heads");
            return Err(malformed("embedding_length", expected, d_model));
        }
    };
    let values = keys.size_or("attention.value_length", head_dim)?;
    if values != head_dim {
        let expected = format!("the key length {head_dim}");
        return Err(malformed("attention.value_length", expected, values));
    }
    Ok(head_dim)
}

fn vocab(file: &Gguf) -> Result<usize, ModelError> {
    const NAME: &str = "token_embd.weight";
    let info = file.info(NAME).ok_or_else(|| ModelError::missing(file.path(), format!("tensor {}", shown(NAME))))?;
    Ok(file.shape(info)?.1)
}

fn rope(file: &Gguf, keys: &Keys<'_>, architecture: Architecture, head_dim: usize) -> Result<Rope, ModelError> {
    let gemma = architecture == Architecture::Gemma3;
    Ok(Rope {
        theta: keys.f32("rope.freq_base")?.unwrap_or(10_000.0),
        local_theta: gemma
            .then(|| keys.f32("rope.freq_base_swa"))
            .transpose()?
            .map(|theta| theta.unwrap_or(GEMMA3_LOCAL_THETA)),
        style: if architecture == Architecture::Llama { RopeStyle::Interleaved } else { RopeStyle::Half },
        dims: keys.size_or("rope.dimension_count", head_dim)?,
        scaling: scaling(file, keys)?,
    })
}

fn scaling(file: &Gguf, keys: &Keys<'_>) -> Result<RopeScaling, ModelError> {
    if file.info("rope_freqs.weight").is_some() {
        return Ok(RopeScaling::FactorsTensor);
    }
    for name in ["rope_factors_long.weight", "rope_factors_short.weight"] {
        if file.info(name).is_some() {
            let found = format!("longrope (tensor {})", shown(name));
            return Err(ModelError::unsupported(keys.path, "rope scaling", found, SCALINGS));
        }
    }
    // Files before autumn 2023 have `rope.scale_linear` alone.
    let factor = match keys.f32("rope.scaling.factor")? {
        Some(factor) => Some(factor),
        None => keys.f32("rope.scale_linear")?,
    }
    .filter(|&factor| factor != 0.0);
    let kind = keys.str("rope.scaling.type")?.unwrap_or("linear");
    match (kind, factor) {
        ("none", _) | ("linear", None) => Ok(RopeScaling::None),
        ("linear", Some(1.0)) => Ok(RopeScaling::None),
        ("linear", Some(factor)) => Ok(RopeScaling::Linear { factor }),
        ("yarn", factor) => {
            let factor = factor.unwrap_or(1.0);
            Ok(RopeScaling::Yarn {
                factor,
                original_context: keys.size("rope.scaling.original_context_length")?,
                beta_fast: keys.f32("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
                beta_slow: keys.f32("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
                attention_factor: (1.0 + 0.1 * factor.ln()) * keys.f32("rope.scaling.attn_factor")?.unwrap_or(1.0),
            })
        }
        (other, _) => Err(ModelError::unsupported(keys.path, "rope scaling", shown(other), SCALINGS)),
    }
}

const SCALINGS: &str = "none, linear, yarn, llama3 (tensor rope_freqs.weight)";

fn sliding_window(keys: &Keys<'_>, gemma: bool) -> Result<Option<SlidingWindow>, ModelError> {
    let window = keys.metadata.optional_size(keys.path, &keys.key("attention.sliding_window"))?;
    match (window, gemma) {
        (Some(window), true) => Ok(Some(SlidingWindow {
            window,
            pattern: keys.size_or("attention.sliding_window_pattern", GEMMA3_PATTERN)?,
        })),
        (None, true) => Err(ModelError::missing(keys.path, super::metadata::at(&keys.key("attention.sliding_window")))),
        // A window that covers the whole context changes nothing; another one would be ignored silently.
        (Some(window), false) if window != 0 && window < keys.size("context_length")? => {
            let found = format!("{window} in every layer of {}", keys.prefix);
            Err(ModelError::unsupported(keys.path, "sliding window", found, "none, or gemma3's"))
        }
        (_, false) => Ok(None),
    }
}
