//! `tokenizer.json` of Hugging Face folders, through the `tokenizers` crate.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use hydrometer_probes::strangers::contained;
use tokenizers::Tokenizer as Json;

use super::vocabulary::{Kind, Vocabulary};
use super::{Method, Recognise, Rules, Tokenizer, byte_level, from_gguf, growth, pairing};
use crate::ModelError;
use crate::error::shown;
use crate::safetensors::parse_json;

#[derive(Clone)]
pub(super) struct Hf {
    /// Where it was read, for errors.
    path: PathBuf,
    /// Takes special tokens in a text for text.
    plain: Arc<Json>,
    /// Recognises them; made when the first chat template is encoded.
    rendered: Arc<OnceLock<Json>>,
    adds_space: bool,
    byte_level: bool,
}

impl std::fmt::Debug for Hf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hf").field("adds_space", &self.adds_space).finish_non_exhaustive()
    }
}

impl Hf {
    pub(super) fn adds_space(&self) -> bool {
        self.adds_space
    }

    /// Whether the vocabulary is written in GPT-2's alphabet.
    pub(super) fn is_byte_level(&self) -> bool {
        self.byte_level
    }

    pub(super) fn encode(&self, text: &str, recognise: Recognise) -> Result<Vec<u32>, ModelError> {
        let json = match recognise {
            Recognise::UserDefined => self.plain.as_ref(),
            Recognise::All => self.rendered.get_or_init(|| {
                let mut json = self.plain.as_ref().clone();
                json.set_encode_special_tokens(false);
                json
            }),
        };
        let encoding = contained(|| json.encode_fast(text, false)).ok_or_else(|| chokes(&self.path))?;
        let encoding = encoding
            .map_err(|e| ModelError::tokenizer(format!("{}: {}", self.path.display(), shown(&e.to_string()))))?;
        Ok(encoding.get_ids().to_vec())
    }
}

/// BOS and EOS as the folder's other files name them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    pub(crate) bos: Option<String>,
    pub(crate) eos: Option<String>,
    /// What `tokenizer_config.json` says; `None` leaves it to the post-processor of `tokenizer.json`.
    pub(crate) adds_bos: Option<bool>,
}

pub(crate) fn read(path: &Path, bytes: &[u8], named: &Named) -> Result<Tokenizer, ModelError> {
    let value = parse_json(path, bytes)?;
    growth::check(path, &value["normalizer"])?;
    let read = contained(|| Json::from_bytes(bytes)).ok_or_else(|| chokes(path))?;
    let mut json = read.map_err(|e| ModelError::malformed(path, "file", "a tokenizer.json", shown(&e.to_string())))?;
    // Padding and truncation belong to training scripts.
    json.with_padding(None);
    json.with_truncation(None).map_err(|e| ModelError::tokenizer(e.to_string()))?;
    json.set_encode_special_tokens(true);
    let vocabulary = vocabulary(path, &json, &value)?;
    let id = |text: &Option<String>, what: &str| -> Result<Option<u32>, ModelError> {
        let Some(text) = text else { return Ok(None) };
        let id = json.token_to_id(text);
        id.map(Some).ok_or_else(|| ModelError::missing_because(path, format!("token {}", shown(text)), what))
    };
    let bos = id(&named.bos, "bos_token of tokenizer_config.json")?;
    let eos = id(&named.eos, "eos_token of tokenizer_config.json")?;
    // A tokenizer that chokes on any text does so here, before a run has begun.
    let tried = contained(|| json.encode_fast("a A1\n.", true).map(|_| puts_first(&json, bos)));
    let tried = tried.ok_or_else(|| chokes(path))?.unwrap_or_else(|_| puts_first(&json, bos));
    let adds_bos = named.adds_bos.unwrap_or(tried);
    let tokenizer = Tokenizer {
        rules: rules(&value),
        method: Method::Hf(Box::new(Hf {
            adds_space: prepends_space(&value),
            byte_level: is_byte_level(&value),
            path: path.to_owned(),
            plain: Arc::new(json),
            rendered: Arc::new(OnceLock::new()),
        })),
        vocabulary,
        bos,
        eos,
        adds_bos,
        hash: String::new(),
    };
    let parts = ["normalizer", "pre_tokenizer", "post_processor"].map(|part| value[part].to_string());
    Ok(pairing::with_hash(tokenizer, &format!("tokenizer.json {}", parts.join(" "))))
}

/// The `tokenizers` crate gave up on a file in a way that only a program's mistake should.
fn chokes(path: &Path) -> ModelError {
    let found = "settings that make the tokenizers library fail, such as a pattern that matches nothing";
    ModelError::malformed(path, "file", "a tokenizer that can encode text", found)
}

/// Whether the post-processor of the file puts BOS in front of an empty text.
fn puts_first(json: &Json, bos: Option<u32>) -> bool {
    let encoded = json.encode_fast("", true);
    bos.is_some() && encoded.is_ok_and(|e| e.get_ids().first().copied() == bos)
}

fn vocabulary(path: &Path, json: &Json, value: &serde_json::Value) -> Result<Vocabulary, ModelError> {
    let entries = json.get_vocab(true);
    let len = entries.values().max().map_or(0, |&id| id as usize + 1);
    // Ids may have gaps, but a hostile file must not make us allocate by the largest id.
    if len == 0 || len > entries.len() * 2 + 1024 {
        let expected = format!("ids up to about the number of entries, {}", entries.len());
        return Err(ModelError::malformed(path, "vocabulary", expected, len.to_string()));
    }
    let mut texts = vec![String::new(); len];
    let mut kinds = vec![Kind::Unused; len];
    for (text, id) in entries {
        let written = from_gguf::byte_token(&text).is_some() && !is_byte_level(value);
        kinds[id as usize] = if written { Kind::Byte } else { Kind::Normal };
        texts[id as usize] = text;
    }
    for (&id, token) in json.get_added_tokens_decoder().iter() {
        if let Some(kind) = kinds.get_mut(id as usize) {
            *kind = if token.special { Kind::Control } else { Kind::UserDefined };
        }
    }
    let byte_level = is_byte_level(value);
    Vocabulary::new(texts, kinds, |text, kind| match (kind, byte_level) {
        (Kind::Normal, true) => byte_level::decode(text),
        (Kind::Normal, false) => text.replace('▁', " ").into_bytes(),
        (Kind::Byte, _) => from_gguf::byte_token(text).into_iter().collect(),
        _ => text.as_bytes().to_vec(),
    })
}

/// Whether the vocabulary is written in GPT-2's alphabet: somewhere in decoder or pre-tokenizer stands `ByteLevel`.
fn is_byte_level(value: &serde_json::Value) -> bool {
    mentions(&value["decoder"], "ByteLevel") || mentions(&value["pre_tokenizer"], "ByteLevel")
}

/// Whether a space is put in front of the text: a `Prepend` normaliser, or `Metaspace` that prepends.
fn prepends_space(value: &serde_json::Value) -> bool {
    let metaspace = &value["pre_tokenizer"];
    mentions(&value["normalizer"], "Prepend")
        || (mentions(metaspace, "Metaspace")
            && metaspace["prepend_scheme"].as_str().is_none_or(|scheme| scheme != "never"))
}

fn mentions(value: &serde_json::Value, kind: &str) -> bool {
    match value {
        serde_json::Value::Object(fields) => {
            fields.get("type").and_then(|t| t.as_str()) == Some(kind) || fields.values().any(|v| mentions(v, kind))
        }
        serde_json::Value::Array(items) => items.iter().any(|v| mentions(v, kind)),
        _ => false,
    }
}

/// Identity of the merge list.
fn rules(value: &serde_json::Value) -> Option<Rules> {
    Some(Rules::Merges(pairing::hash_merges(merges(&value["model"])?.into_iter())))
}

/// The merge list of a model, written `"a b"` in older files and `["a", "b"]` in newer ones.
pub(super) fn merges(model: &serde_json::Value) -> Option<Vec<(&str, &str)>> {
    fn pair(merge: &serde_json::Value) -> Option<(&str, &str)> {
        match merge {
            serde_json::Value::String(line) => line.split_once(' '),
            serde_json::Value::Array(parts) => Some((parts.first()?.as_str()?, parts.get(1)?.as_str()?)),
            _ => None,
        }
    }
    model["merges"].as_array()?.iter().map(pair).collect()
}
