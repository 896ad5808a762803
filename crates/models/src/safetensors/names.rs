//! Names of tensors: Hugging Face's on the left, the canonical ones (GGUF's) on the right.

use crate::config::Architecture;

const WHOLE: [(&str, &str); 3] = [
    ("model.embed_tokens.weight", "token_embd.weight"),
    ("model.norm.weight", "output_norm.weight"),
    ("lm_head.weight", "output.weight"),
];

const LAYER: [(&str, &str); 11] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];

/// Llama and Qwen call the norm before the feed-forward what Gemma calls the norm after attention.
const NORMS: [(&str, &str); 1] = [("post_attention_layernorm", "ffn_norm")];
const GEMMA_NORMS: [(&str, &str); 2] =
    [("post_attention_layernorm", "post_attention_norm"), ("pre_feedforward_layernorm", "ffn_norm")];

fn layer_names(architecture: Architecture) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let norms: &[(&str, &str)] = match architecture {
        Architecture::Gemma3 => &GEMMA_NORMS,
        _ => &NORMS,
    };
    LAYER.iter().chain(norms)
}

/// The canonical name of a tensor; `None` for one that no decoder here reads.
pub(super) fn canonical(name: &str, architecture: Architecture) -> Option<String> {
    // Gemma 3 with eyes keeps its decoder one level deeper, under one of two names.
    let inner = name
        .strip_prefix("language_model.")
        .or_else(|| name.strip_prefix("model.language_model.").map(|_| &name["model.language_model.".len()..]));
    let deeper = inner.map(|inner| {
        if inner.starts_with("model.") || inner.starts_with("lm_head.") {
            inner.to_owned()
        } else {
            format!("model.{inner}")
        }
    });
    let name = deeper.as_deref().unwrap_or(name);
    if let Some((_, canonical)) = WHOLE.iter().find(|(hf, _)| *hf == name) {
        return Some((*canonical).to_owned());
    }
    let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
    let layer: u32 = layer.parse().ok()?;
    let (part, kind) = rest.rsplit_once('.')?;
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    let (_, canonical) = layer_names(architecture).find(|(hf, _)| *hf == part)?;
    Some(format!("blk.{layer}.{canonical}.{kind}"))
}

/// Whether a tensor says nothing that a decoder of text would need: caches, and what sees and hears.
pub(super) fn is_beside_decoder(name: &str) -> bool {
    const TOWERS: [&str; 6] =
        ["vision_tower.", "vision_model.", "visual.", "audio_tower.", "multi_modal_projector.", "embed_vision."];
    let inner = name.strip_prefix("model.").unwrap_or(name);
    let caches = ["rotary_emb.inv_freq", "rotary_emb.cos_cached", "rotary_emb.sin_cached", "attn.masked_bias"];
    caches.iter().any(|cache| name.ends_with(cache)) || TOWERS.iter().any(|tower| inner.starts_with(tower))
}

/// The Hugging Face name of a canonical one: for error messages, and for those who write such files.
#[must_use]
pub fn in_file(name: &str, architecture: Architecture) -> Option<String> {
    if let Some((hf, _)) = WHOLE.iter().find(|(_, canonical)| *canonical == name) {
        return Some((*hf).to_owned());
    }
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    let (hf, _) = layer_names(architecture).find(|(_, canonical)| *canonical == part)?;
    Some(format!("model.layers.{layer}.{hf}.{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mapped_there_and_back() {
        let check = |architecture, hf: &str, canonical_name: Option<&str>| {
            assert_eq!(canonical(hf, architecture).as_deref(), canonical_name, "{hf}");
        };
        let llama = Architecture::Llama;
        check(llama, "model.embed_tokens.weight", Some("token_embd.weight"));
        check(llama, "model.layers.7.self_attn.q_proj.bias", Some("blk.7.attn_q.bias"));
        check(llama, "model.layers.0.post_attention_layernorm.weight", Some("blk.0.ffn_norm.weight"));
        check(llama, "model.layers.0.self_attn.rotary_emb.inv_freq", None);
        check(llama, "model.layers.x.mlp.up_proj.weight", None);
        let gemma = Architecture::Gemma3;
        check(gemma, "model.layers.0.post_attention_layernorm.weight", Some("blk.0.post_attention_norm.weight"));
        check(gemma, "language_model.model.norm.weight", Some("output_norm.weight"));
        check(gemma, "model.language_model.layers.3.mlp.down_proj.weight", Some("blk.3.ffn_down.weight"));
        check(gemma, "vision_tower.encoder.weight", None);
        for (name, beside) in [
            ("vision_tower.encoder.weight", true),
            ("model.visual.blocks.0.attn.qkv.weight", true),
            ("model.layers.0.self_attn.rotary_emb.inv_freq", true),
            ("model.layers.0.self_attn.q_proj.lora_A.weight", false),
            ("rotary_emb.inv_freq", true),
            ("lm_head.bias", false),
        ] {
            assert_eq!(is_beside_decoder(name), beside, "{name}");
        }
        for architecture in Architecture::ALL {
            for (hf, _) in layer_names(architecture) {
                let name = format!("model.layers.12.{hf}.weight");
                let there = canonical(&name, architecture);
                assert_eq!(there.and_then(|c| in_file(&c, architecture)).as_deref(), Some(name.as_str()));
            }
        }
    }
}
