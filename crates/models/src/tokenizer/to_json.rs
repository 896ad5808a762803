//! The tokenizer of a GGUF file as the files that Hugging Face folders have, for students that are written as such.

use serde_json::{Value, json};

use super::from_gguf::byte_token;
use super::pretokenizer::Pretokenizer;
use super::vocabulary::Kind;
use super::{HfNames, Method, Tokenizer, cuts};
use crate::ModelError;
use crate::error::shown;
use crate::gguf::{Array, Gguf, Value as Metadata};

const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";

/// `tokenizer.json`, `tokenizer_config.json` and, where the file has a template, `chat_template.jinja`: names and contents.
///
/// # Errors
/// A tokenizer that is broken, or that a `tokenizer.json` cannot say: what was written is read again and must give the same
/// tokens.
pub(crate) fn files(file: &Gguf) -> Result<Vec<(String, Vec<u8>)>, ModelError> {
    let (path, metadata) = (file.path(), file.metadata());
    let tokenizer = Tokenizer::from_gguf(file)?;
    let parts = match &tokenizer.method {
        Method::SentencePiece(pieces) => sentencepiece(file, &tokenizer, pieces.adds_space())?,
        _ => byte_level(file, &tokenizer)?,
    };
    let (vocabulary, spoken) = (&tokenizer.vocabulary, |kind| matches!(kind, Kind::Control | Kind::UserDefined));
    let mut added = Vec::new();
    for (id, text) in (0u32..).zip(vocabulary.texts()) {
        let kind = vocabulary.kind(id);
        if spoken(kind) || (kind == Kind::Unknown && parts.unknown.as_ref() == Some(text)) {
            added.push(json!({
                "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": kind != Kind::UserDefined,
            }));
        }
    }
    let text = |id: Option<u32>| id.map(|id| vocabulary.text(id).to_owned());
    let (bos, eos) = (text(tokenizer.bos), text(tokenizer.eos));
    let bos_first = match (&bos, tokenizer.bos) {
        (Some(bos), Some(id)) if tokenizer.adds_bos => json!({
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                     {"SpecialToken": {"id": bos, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {bos: {"id": bos, "ids": [id], "tokens": [bos]}},
        }),
        _ => Value::Null,
    };
    let tokenizer_json = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": parts.normalizer,
        "pre_tokenizer": parts.pre_tokenizer,
        "post_processor": bos_first,
        "decoder": parts.decoder,
        "model": parts.model,
    });
    let mut settings = json!({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos,
        "add_bos_token": tokenizer.adds_bos, "clean_up_tokenization_spaces": false,
    });
    for (name, key) in [("unk_token", UNKNOWN), ("pad_token", "tokenizer.ggml.padding_token_id")] {
        let id = metadata.optional_size(path, key)?.and_then(|id| u32::try_from(id).ok());
        if let Some(text) = text(id) {
            settings[name] = text.into();
        }
    }
    let written = tokenizer_json.to_string().into_bytes();
    let named = HfNames { bos, eos, adds_bos: Some(tokenizer.adds_bos) };
    tokenizer.check_written(path, "tokenizer.json", &Tokenizer::from_json(path, &written, &named)?)?;
    let mut files = vec![
        ("tokenizer.json".to_owned(), written),
        ("tokenizer_config.json".to_owned(), format!("{settings:#}\n").into_bytes()),
    ];
    if let Some(template) = metadata.optional_str(path, "tokenizer.chat_template")? {
        files.push(("chat_template.jinja".to_owned(), template.as_bytes().to_vec()));
    }
    Ok(files)
}

/// What differs between the two methods.
struct Parts {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    model: Value,
    /// What stands for characters without an entry.
    unknown: Option<String>,
}

fn byte_level(file: &Gguf, tokenizer: &Tokenizer) -> Result<Parts, ModelError> {
    let (path, metadata) = (file.path(), file.metadata());
    let name = metadata.str(path, "tokenizer.ggml.pre")?;
    let split = Pretokenizer::patterns(name)
        .ok_or_else(|| ModelError::unsupported(path, "pre-tokenizer", shown(name), Pretokenizer::names()))?;
    let whole_words = Pretokenizer::named(name)?.is_some_and(|pre| pre.takes_whole_words());
    let mut steps: Vec<Value> = split
        .iter()
        .map(|pattern| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false}))
        .collect();
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    steps.push(byte_level.clone());
    let merges = metadata.optional_strings(path, "tokenizer.ggml.merges")?.unwrap_or_default();
    let merges: Vec<Value> = merges
        .iter()
        .filter_map(|line| {
            let cut = line.char_indices().skip(1).find(|&(_, c)| c == ' ')?.0;
            Some(json!([&line[..cut], &line[cut + 1..]]))
        })
        .collect();
    let vocabulary = &tokenizer.vocabulary;
    let byte_entry = |id: &u32| vocabulary.kind(*id) == Kind::Byte && byte_token(vocabulary.text(*id)).is_some();
    if let Some(id) = (0..vocabulary.len() as u32).find(byte_entry) {
        let found = format!("the byte token {} in a byte-level vocabulary", shown(vocabulary.text(id)));
        return Err(ModelError::unsupported(path, "tokenizer to write", found, "byte-level BPE"));
    }
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": whole_words,
        "vocab": entries(tokenizer), "merges": merges,
    });
    let pre_tokenizer = json!({"type": "Sequence", "pretokenizers": steps});
    Ok(Parts { normalizer: Value::Null, pre_tokenizer, decoder: byte_level, model, unknown: None })
}

fn sentencepiece(file: &Gguf, tokenizer: &Tokenizer, adds_space: bool) -> Result<Parts, ModelError> {
    let (path, metadata, vocabulary) = (file.path(), file.metadata(), &tokenizer.vocabulary);
    let unsupported = |found: String| {
        let supported = "SentencePiece's BPE with scores that differ and an entry for every byte";
        ModelError::unsupported(path, "tokenizer to write", found, supported)
    };
    let Some(Metadata::Array(Array::F32(scores))) = metadata.get("tokenizer.ggml.scores") else {
        return Err(unsupported("no scores".to_owned()));
    };
    let ids = vocabulary.ids();
    if let Some(byte) = (0..=255u8).find(|byte| !ids.contains_key(format!("<0x{byte:02X}>").as_str())) {
        return Err(unsupported(format!("no entry for byte 0x{byte:02X}")));
    }
    let merges = cuts::merges(vocabulary, scores).map_err(unsupported)?;
    let unknown = metadata.optional_size(path, UNKNOWN)?;
    let unknown = unknown.and_then(|id| vocabulary.texts().get(id)).cloned();
    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let mut back = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    let normalizer = if adds_space {
        back.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
        json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, spaces]})
    } else {
        spaces
    };
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": entries(tokenizer), "merges": merges.iter().map(|(left, right)| json!([left, right])).collect::<Vec<_>>(),
    });
    let decoder = json!({"type": "Sequence", "decoders": back});
    Ok(Parts { normalizer, pre_tokenizer: Value::Null, decoder, model, unknown })
}

fn entries(tokenizer: &Tokenizer) -> serde_json::Map<String, Value> {
    let texts = tokenizer.vocabulary.texts();
    (0u32..).zip(texts).map(|(id, text)| (text.clone(), id.into())).collect()
}
