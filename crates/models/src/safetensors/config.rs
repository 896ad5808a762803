//! `DecoderConfig` from `config.json`. Field names and defaults are those of Hugging Face transformers.

use std::path::Path;

use serde_json::Value;

use crate::ModelError;
use crate::config::{Activation, Architecture, DecoderConfig, Rope, RopeScaling, RopeStyle, SlidingWindow};
use crate::error::shown;

const SCALINGS: &str = "default, linear, llama3, yarn";

/// Fields of one JSON object.
#[derive(Clone, Copy)]
struct Fields<'a> {
    path: &'a Path,
    value: &'a Value,
    /// Where the object stands, for error messages: empty or `rope_scaling.`.
    place: &'a str,
}

impl<'a> Fields<'a> {
    fn wrong(&self, name: &str, expected: &str, found: &Value) -> ModelError {
        let found: String = found.to_string().chars().take(80).collect();
        ModelError::malformed(self.path, format!("`{}{name}`", self.place), expected, found)
    }

    fn missing(&self, name: &str) -> ModelError {
        ModelError::missing(self.path, format!("`{}{name}`", self.place))
    }

    /// The field, `None` when it is absent or null.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|v| !v.is_null())
    }

    fn optional_size(&self, name: &str) -> Result<Option<usize>, ModelError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let size = value.as_u64().and_then(|v| usize::try_from(v).ok());
        size.map(Some).ok_or_else(|| self.wrong(name, "a whole number from 0", value))
    }

    fn size(&self, name: &str) -> Result<usize, ModelError> {
        self.optional_size(name)?.ok_or_else(|| self.missing(name))
    }

    fn optional_f32(&self, name: &str) -> Result<Option<f32>, ModelError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = value.as_f64().map(|v| v as f32);
        number.map(Some).ok_or_else(|| self.wrong(name, "a number", value))
    }

    fn f32(&self, name: &str) -> Result<f32, ModelError> {
        self.optional_f32(name)?.ok_or_else(|| self.missing(name))
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, ModelError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(name, "true or false", value)),
        }
    }

    fn str(&self, name: &str) -> Result<Option<&'a str>, ModelError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        value.as_str().map(Some).ok_or_else(|| self.wrong(name, "a text", value))
    }

    fn object(&self, name: &str, place: &'a str) -> Result<Option<Fields<'a>>, ModelError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) if value.is_object() => Ok(Some(Fields { path: self.path, value, place })),
            Some(value) => Err(self.wrong(name, "an object", value)),
        }
    }
}

/// The family that the file names.
pub(super) fn architecture(path: &Path, value: &Value) -> Result<Architecture, ModelError> {
    let Some(name) = value["model_type"].as_str() else {
        return Err(ModelError::missing(path, "`model_type`"));
    };
    let known = Architecture::from_name(name);
    known.ok_or_else(|| ModelError::unsupported(path, "architecture", shown(name), Architecture::all()))
}

pub(super) fn read(path: &Path, value: &Value, has: impl Fn(&str) -> bool) -> Result<DecoderConfig, ModelError> {
    let architecture = architecture(path, value)?;
    let whole = Fields { path, value, place: "" };
    let fields = whole.object("text_config", "text_config.")?.unwrap_or(whole);
    let gemma = architecture == Architecture::Gemma3;
    if fields.get("quantization_config").or(whole.get("quantization_config")).is_some() {
        let supported = "F32, F16, BF16 weights";
        return Err(ModelError::unsupported(path, "weights", "`quantization_config`", supported));
    }
    let d_model = fields.size("hidden_size")?;
    let heads = fields.size("num_attention_heads")?;
    let layers = fields.size("num_hidden_layers")?;
    let head_dim = head_dim(&fields, d_model, heads, gemma)?;
    let attn_dim = match fields.optional_f32("query_pre_attn_scalar")? {
        Some(scalar) if gemma => scalar,
        _ => head_dim as f32,
    };
    let config = DecoderConfig {
        architecture,
        layers,
        d_model,
        heads,
        kv_heads: fields.optional_size("num_key_value_heads")?.unwrap_or(heads),
        head_dim,
        d_ff: fields.size("intermediate_size")?,
        vocab: fields.size("vocab_size")?,
        context: fields.optional_size("max_position_embeddings")?.unwrap_or(131_072),
        rope: rope(&fields, gemma, head_dim)?,
        norm_eps: fields.optional_f32("rms_norm_eps")?.unwrap_or(1e-6),
        norm_offset: if gemma { 1.0 } else { 0.0 },
        embed_scale: if gemma { (d_model as f32).sqrt() } else { 1.0 },
        activation: activation(&fields, gemma)?,
        qkv_bias: has("blk.0.attn_q.bias"),
        qk_norm: has("blk.0.attn_q_norm.weight"),
        post_norms: gemma,
        sliding_window: sliding_window(&fields, gemma, layers)?,
        attn_scale: attn_dim.sqrt().recip(),
        attn_softcap: fields.optional_f32("attn_logit_softcapping")?,
        logit_softcap: fields.optional_f32("final_logit_softcapping")?,
        tied: tied(&whole, &fields, gemma, &has)?,
    };
    config.check(path)?;
    Ok(config)
}

/// A head of its own wins only where the file says that it is not the embedding: some exports write both.
fn tied(whole: &Fields<'_>, fields: &Fields<'_>, gemma: bool, has: impl Fn(&str) -> bool) -> Result<bool, ModelError> {
    let default = gemma || !has("output.weight");
    let outer = whole.flag("tie_word_embeddings", default)?;
    fields.flag("tie_word_embeddings", outer)
}

fn head_dim(fields: &Fields<'_>, d_model: usize, heads: usize, gemma: bool) -> Result<usize, ModelError> {
    if let Some(head_dim) = fields.optional_size("head_dim")? {
        return Ok(head_dim);
    }
    if gemma {
        return Ok(256);
    }
    if heads == 0 || !d_model.is_multiple_of(heads) {
        let found = Value::from(d_model);
        let expected = format!("a multiple of the {heads} heads, or `head_dim`");
        return Err(fields.wrong("hidden_size", &expected, &found));
    }
    Ok(d_model / heads)
}

fn activation(fields: &Fields<'_>, gemma: bool) -> Result<Activation, ModelError> {
    let names = ["hidden_activation", "hidden_act"];
    let default = if gemma { "gelu_pytorch_tanh" } else { "silu" };
    let named = names.iter().find_map(|name| fields.str(name).transpose()).transpose()?;
    match named.unwrap_or(default) {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        other => {
            let supported = "silu, gelu_pytorch_tanh";
            Err(ModelError::unsupported(fields.path, "activation", shown(other), supported))
        }
    }
}

/// Since version 5, transformers writes θ and scaling into `rope_parameters`, for Gemma one object per kind of layer.
fn rope(fields: &Fields<'_>, gemma: bool, head_dim: usize) -> Result<Rope, ModelError> {
    let default_theta = if gemma { 1_000_000.0 } else { 10_000.0 };
    let parameters = fields.object("rope_parameters", "rope_parameters.")?;
    let [full, local] = match parameters {
        Some(of) => [
            of.object("full_attention", "rope_parameters.full_attention.")?,
            of.object("sliding_attention", "rope_parameters.sliding_attention.")?,
        ],
        None => [None; 2],
    };
    let global = full.or(parameters);
    let scaling = fields.object("rope_scaling", "rope_scaling.")?.or(global);
    let theta = match global {
        Some(global) => global.optional_f32("rope_theta")?,
        None => None,
    };
    let theta = match theta {
        Some(theta) => Some(theta),
        None => fields.optional_f32("rope_theta")?,
    };
    let local_theta = match (gemma, local) {
        (false, _) => None,
        (true, Some(local)) => {
            no_scaling(&local)?;
            local.optional_f32("rope_theta")?.or(Some(10_000.0))
        }
        (true, None) => fields.optional_f32("rope_local_base_freq")?.or(Some(10_000.0)),
    };
    let part = match global {
        Some(global) => global.optional_f32("partial_rotary_factor")?,
        None => None,
    };
    let part = match part {
        Some(part) => part,
        None => fields.optional_f32("partial_rotary_factor")?.unwrap_or(1.0),
    };
    Ok(Rope {
        theta: theta.unwrap_or(default_theta),
        local_theta,
        style: RopeStyle::Half,
        dims: (head_dim as f32 * part) as usize,
        scaling: match scaling {
            Some(scaling) => read_scaling(fields, &scaling)?,
            None => RopeScaling::None,
        },
    })
}

fn kind<'a>(scaling: &Fields<'a>) -> Result<&'a str, ModelError> {
    // Files before version 4.45 call it `type`.
    let kind = scaling.str("rope_type")?;
    Ok(kind.or(scaling.str("type")?).unwrap_or("default"))
}

fn no_scaling(local: &Fields<'_>) -> Result<(), ModelError> {
    match kind(local)? {
        "default" => Ok(()),
        other => {
            let found = format!("{} in sliding-window layers", shown(other));
            Err(ModelError::unsupported(local.path, "rope scaling", found, "default"))
        }
    }
}

fn read_scaling(fields: &Fields<'_>, scaling: &Fields<'_>) -> Result<RopeScaling, ModelError> {
    let original = || match scaling.optional_size("original_max_position_embeddings")? {
        Some(context) => Ok(context),
        None => fields.size("max_position_embeddings"),
    };
    match kind(scaling)? {
        "default" => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear { factor: scaling.f32("factor")? }),
        "llama3" => Ok(RopeScaling::Llama3 {
            factor: scaling.f32("factor")?,
            low_freq_factor: scaling.f32("low_freq_factor")?,
            high_freq_factor: scaling.f32("high_freq_factor")?,
            original_context: original()?,
        }),
        "yarn" => yarn(scaling, original()?),
        other => Err(ModelError::unsupported(scaling.path, "rope scaling", shown(other), SCALINGS)),
    }
}

fn yarn(scaling: &Fields<'_>, original_context: usize) -> Result<RopeScaling, ModelError> {
    for name in ["mscale", "mscale_all_dim"] {
        if scaling.get(name).is_some() {
            let found = format!("yarn with `{name}`");
            return Err(ModelError::unsupported(scaling.path, "rope scaling", found, SCALINGS));
        }
    }
    if !scaling.flag("truncate", true)? {
        let found = "yarn with `truncate` false";
        return Err(ModelError::unsupported(scaling.path, "rope scaling", found, SCALINGS));
    }
    let factor = scaling.f32("factor")?;
    Ok(RopeScaling::Yarn {
        factor,
        original_context,
        beta_fast: scaling.optional_f32("beta_fast")?.unwrap_or(32.0),
        beta_slow: scaling.optional_f32("beta_slow")?.unwrap_or(1.0),
        attention_factor: scaling.optional_f32("attention_factor")?.unwrap_or(if factor > 1.0 {
            1.0 + 0.1 * factor.ln()
        } else {
            1.0
        }),
    })
}

fn sliding_window(fields: &Fields<'_>, gemma: bool, layers: usize) -> Result<Option<SlidingWindow>, ModelError> {
    let window = fields.optional_size("sliding_window")?;
    if !gemma {
        // Mistral has no switch, Qwen has one that is off in every published file.
        let used = fields.flag("use_sliding_window", fields.value["model_type"] == "mistral")?;
        let context = fields.optional_size("max_position_embeddings")?.unwrap_or(usize::MAX);
        return match window.filter(|&w| used && w < context) {
            None => Ok(None),
            Some(window) => {
                let found = format!("{window} outside gemma3");
                Err(ModelError::unsupported(fields.path, "sliding window", found, "none, or gemma3's"))
            }
        };
    }
    let named = fields.optional_size("sliding_window_pattern")?;
    let pattern = named.or(fields.optional_size("_sliding_window_pattern")?).unwrap_or(6);
    let sliding = SlidingWindow { window: window.unwrap_or(4096), pattern: pattern.max(1) };
    match fields.get("layer_types").and_then(Value::as_array) {
        Some(types) => from_layer_types(fields, types, sliding, layers),
        None => Ok(Some(sliding)),
    }
}

/// Newer files list the kind of each layer; only a regular list can be expressed.
fn from_layer_types(
    fields: &Fields<'_>,
    types: &[Value],
    sliding: SlidingWindow,
    layers: usize,
) -> Result<Option<SlidingWindow>, ModelError> {
    let is_local: Vec<bool> = types.iter().map(|t| t == "sliding_attention").collect();
    if is_local.len() != layers {
        let expected = format!("{layers} entries, as many as layers");
        return Err(fields.wrong("layer_types", &expected, &Value::from(is_local.len())));
    }
    let pattern = is_local.iter().position(|local| !local).map_or(layers + 1, |first| first + 1);
    let sliding = SlidingWindow { pattern, ..sliding };
    if (0..layers).any(|layer| sliding.is_local(layer) != is_local[layer]) {
        let found = "an irregular `layer_types`";
        let supported = "every n-th layer seeing everything";
        return Err(ModelError::unsupported(fields.path, "sliding window", found, supported));
    }
    Ok(Some(sliding))
}
