//! The tokenizer of a GGUF file as the files that Hugging Face folders have, for students that are written as such.

use serde_json::{Value, json};

use super::from_gguf::byte_token;
use super::pretokenizer::Pretokenizer;
use super::vocabulary::Kind;
use super::{Method, Tokenizer};
use crate::ModelError;
use crate::error::shown;
use crate::gguf::Gguf;

/// `tokenizer.json`, `tokenizer_config.json` and, where the file has a template, `chat_template.jinja`: names and contents.
///
/// # Errors
/// A tokenizer that is not byte-level BPE, or is broken.
pub(crate) fn files(file: &Gguf) -> Result<Vec<(String, Vec<u8>)>, ModelError> {
    let (path, metadata) = (file.path(), file.metadata());
    let tokenizer = Tokenizer::from_gguf(file)?;
    let Method::Bpe(_) = &tokenizer.method else {
        let found = "SentencePiece from a GGUF file; its Hugging Face folder has a tokenizer.json to copy";
        return Err(ModelError::unsupported(path, "tokenizer to write", found, "byte-level BPE"));
    };
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
    let mut entries = serde_json::Map::new();
    let mut added = Vec::new();
    for (id, text) in (0u32..).zip(vocabulary.texts()) {
        let kind = vocabulary.kind(id);
        if matches!(kind, Kind::Control | Kind::UserDefined) {
            added.push(json!({
                "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": kind == Kind::Control,
            }));
        } else if kind == Kind::Byte && byte_token(text).is_some() {
            let found = format!("the byte token {} in a byte-level vocabulary", shown(text));
            return Err(ModelError::unsupported(path, "tokenizer to write", found, "byte-level BPE"));
        }
        entries.insert(text.clone(), id.into());
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
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": bos_first,
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": whole_words,
            "vocab": entries, "merges": merges,
        },
    });
    let settings = json!({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos,
        "add_bos_token": tokenizer.adds_bos, "clean_up_tokenization_spaces": false,
    });
    let mut files = vec![
        ("tokenizer.json".to_owned(), tokenizer_json.to_string().into_bytes()),
        ("tokenizer_config.json".to_owned(), format!("{settings:#}\n").into_bytes()),
    ];
    if let Some(template) = metadata.optional_str(path, "tokenizer.chat_template")? {
        files.push(("chat_template.jinja".to_owned(), template.as_bytes().to_vec()));
    }
    Ok(files)
}
