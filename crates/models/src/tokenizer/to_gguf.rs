//! The tokenizer of a Hugging Face folder as the metadata of a GGUF file.

use std::path::Path;

use serde_json::Value as Json;

use super::pretokenizer::Pretokenizer;
use super::vocabulary::Kind;
use super::{Method, Tokenizer, cuts, hf};
use crate::ModelError;
use crate::error::shown;
use crate::gguf::{Array, Value};
use crate::safetensors::token_text;

/// Tokens that end a turn; llama.cpp stops at them, too.
const TURN_ENDS: [&str; 3] = ["<|eot_id|>", "<|im_end|>", "<end_of_turn>"];

/// What the files of a folder say.
pub(crate) struct Folder<'a> {
    /// `tokenizer.json`.
    pub(crate) path: &'a Path,
    pub(crate) json: &'a Json,
    /// `tokenizer_config.json`, or null.
    pub(crate) settings: &'a Json,
    /// `config.json`.
    pub(crate) config: &'a Json,
    pub(crate) template: Option<String>,
}

/// Every `tokenizer.*` key; the lists have `vocab` entries, as many as the embedding has rows.
///
/// # Errors
/// A tokenizer that GGUF cannot say, or whose pre-tokenizer has no name there.
pub(crate) fn pairs(
    folder: &Folder<'_>,
    tokenizer: &Tokenizer,
    vocab: usize,
) -> Result<Vec<(String, Value)>, ModelError> {
    let unsupported = |found: String| {
        let supported = "byte-level BPE with a known pre-tokenizer, SentencePiece's BPE with bytes";
        ModelError::unsupported(folder.path, "tokenizer to write as GGUF", found, supported)
    };
    let Method::Hf(hf) = &tokenizer.method else { return Err(unsupported("none of a tokenizer.json".to_owned())) };
    let model = &folder.json["model"];
    if model["type"] != "BPE" {
        return Err(unsupported(format!("model type {}", shown(&model["type"].to_string()))));
    }
    let merges = hf::merges(model).ok_or_else(|| unsupported("merges that are no pairs".to_owned()))?;
    let mut pairs = Vec::new();
    let mut put = |key: &str, value: Value| pairs.push((format!("tokenizer.{key}"), value));
    let id_of =
        |text: &str| (0u32..).zip(tokenizer.vocabulary.texts()).find(|(_, entry)| *entry == text).map(|(id, _)| id);
    let unknown = token_text(&folder.settings["unk_token"]).or_else(|| token_text(&model["unk_token"]));
    let unknown = unknown.and_then(|text| id_of(&text));
    let (texts, kinds) = entries(tokenizer, vocab, unknown.filter(|_| !hf.is_byte_level()));
    if hf.is_byte_level() {
        let patterns = patterns(&folder.json["pre_tokenizer"]).map_err(&unsupported)?;
        let whole_words = model["ignore_merges"].as_bool().unwrap_or(false);
        let name = Pretokenizer::name_of(&patterns, whole_words).ok_or_else(|| {
            unsupported(format!("a pre-tokenizer that has no name: {}", shown(&patterns.join(" then "))))
        })?;
        put("ggml.model", Value::String("gpt2".to_owned()));
        put("ggml.pre", Value::String(name.to_owned()));
        let lines = merges.iter().map(|(left, right)| format!("{left} {right}"));
        put("ggml.merges", Value::Array(Array::String(lines.collect())));
    } else {
        let bytes = (0..=255u8).all(|byte| id_of(&format!("<0x{byte:02X}>")).is_some());
        if model["byte_fallback"] != true || !bytes {
            return Err(unsupported("characters that are no bytes, and none to fall back to".to_owned()));
        }
        let mut scores = cuts::scores(&tokenizer.vocabulary, &merges).map_err(&unsupported)?;
        scores.resize(texts.len(), 0.0);
        put("ggml.model", Value::String("llama".to_owned()));
        put("ggml.pre", Value::String("default".to_owned()));
        put("ggml.scores", Value::Array(Array::F32(scores)));
        put("ggml.add_space_prefix", Value::Bool(hf.adds_space()));
    }
    put("ggml.tokens", Value::Array(Array::String(texts)));
    put("ggml.token_type", Value::Array(Array::I32(kinds)));
    // Some folders name these tokens in `config.json` alone; one that several end a text names the first.
    let numbered = |key: &str| {
        let value = &folder.config[key];
        value.as_u64().or_else(|| value[0].as_u64()).and_then(|id| u32::try_from(id).ok())
    };
    let eos = tokenizer.eos().or_else(|| numbered("eos_token_id"));
    let turn_end = TURN_ENDS.iter().find_map(|text| tokenizer.special(text)).filter(|&id| Some(id) != eos);
    let ids = [
        ("bos", tokenizer.bos().or_else(|| numbered("bos_token_id"))),
        ("eos", eos),
        ("eot", turn_end),
        ("unknown", unknown),
        ("padding", token_text(&folder.settings["pad_token"]).and_then(|text| id_of(&text))),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            put(&format!("ggml.{name}_token_id"), Value::U32(id));
        }
    }
    put("ggml.add_bos_token", Value::Bool(tokenizer.adds_bos()));
    if let Some(template) = &folder.template {
        put("chat_template", Value::String(template.clone()));
    }
    Ok(pairs)
}

/// Texts and kinds of all entries. Rows of the embedding without a token are unused entries.
fn entries(tokenizer: &Tokenizer, vocab: usize, unknown: Option<u32>) -> (Vec<String>, Vec<i32>) {
    let vocabulary = &tokenizer.vocabulary;
    let entry = |id: u32| match vocabulary.text(id) {
        "" => (format!("[PAD{id}]"), Kind::Unused as i32),
        // What a folder made of a GGUF file has there.
        text if text.starts_with("[PAD") && text == format!("[PAD{id}]") => (text.to_owned(), Kind::Unused as i32),
        text if Some(id) == unknown => (text.to_owned(), Kind::Unknown as i32),
        text => (text.to_owned(), vocabulary.kind(id) as i32),
    };
    (0..vocab.max(vocabulary.len()) as u32).map(entry).unzip()
}

/// The patterns by which a pre-tokenizer cuts, one after the other; what it does besides, in words.
fn patterns(pre_tokenizer: &Json) -> Result<Vec<String>, String> {
    let steps = match pre_tokenizer["pretokenizers"].as_array() {
        Some(steps) => steps.iter().collect(),
        None => vec![pre_tokenizer],
    };
    let mut patterns = Vec::new();
    for step in steps {
        match (step["type"].as_str(), step["pattern"]["Regex"].as_str()) {
            (Some("Split"), Some(pattern)) if step["behavior"] == "Isolated" && step["invert"] != true => {
                patterns.push(pattern.to_owned());
            }
            (Some("Digits"), _) if step["individual_digits"] == true => patterns.push(Pretokenizer::DIGIT.to_owned()),
            (Some("ByteLevel"), _) if step["add_prefix_space"] != true => {
                if step["use_regex"].as_bool().unwrap_or(true) {
                    patterns.push(Pretokenizer::WORDS.to_owned());
                }
            }
            _ => return Err(format!("the pre-tokenizer {}", shown(&step.to_string()))),
        }
    }
    Ok(patterns)
}
