//! Builds a tokenizer from `tokenizer.ggml.*` metadata. Defaults are llama.cpp's.

use std::path::Path;

use super::bpe::Bpe;
use super::byte_level;
use super::pretokenizer::Pretokenizer;
use super::sentencepiece::SentencePiece;
use super::vocabulary::{Kind, Vocabulary};
use super::{Method, Rules, Tokenizer, pairing};
use crate::ModelError;
use crate::error::shown;
use crate::gguf::{Array, Gguf, Metadata, Value};

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const SCORES: &str = "tokenizer.ggml.scores";
const KINDS: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";

pub(super) fn read(file: &Gguf) -> Result<Tokenizer, ModelError> {
    let (path, metadata) = (file.path(), file.metadata());
    match metadata.str(path, MODEL)? {
        "gpt2" => read_bpe(path, metadata),
        "llama" => read_sentencepiece(path, metadata),
        other => Err(ModelError::unsupported(
            path,
            "tokenizer model",
            shown(other),
            "gpt2 (byte-level BPE), llama (SentencePiece)",
        )),
    }
}

fn read_bpe(path: &Path, metadata: &Metadata) -> Result<Tokenizer, ModelError> {
    // Files from before April 2024 do not name their pre-tokenizer; llama.cpp then takes `default` and warns that
    // ids may be wrong. An instrument refuses instead.
    let name = metadata.str(path, PRE)?;
    let pretokenizer = Pretokenizer::named(name)?
        .ok_or_else(|| ModelError::unsupported(path, "pre-tokenizer", shown(name), Pretokenizer::names()))?;
    let vocabulary = vocabulary(path, metadata, |text, kind| match kind {
        Kind::Normal | Kind::Byte => byte_level::decode(text),
        _ => text.as_bytes().to_vec(),
    })?;
    let lines = metadata
        .optional_strings(path, MERGES)?
        .ok_or_else(|| ModelError::missing(path, format!("metadata key {}", shown(MERGES))))?;
    let mut merges = Vec::with_capacity(lines.len());
    for (i, line) in lines.iter().enumerate() {
        // Neither part can be empty, and the first character of the left part may be any but a space.
        let cut = line.char_indices().skip(1).find(|&(_, c)| c == ' ');
        let parts = cut.map(|(at, _)| (&line[..at], &line[at + 1..]));
        match parts.filter(|(_, right)| !right.is_empty()) {
            Some(parts) => merges.push(parts),
            None => {
                let at = format!("metadata key {}, entry {i}", shown(MERGES));
                let expected = "two parts with a space between";
                return Err(ModelError::malformed(path, at, expected, shown(line)));
            }
        }
    }
    let rules = Some(Rules::Merges(pairing::hash_merges(merges.iter().copied())));
    let adds_bos = metadata.optional_bool(path, "tokenizer.ggml.add_bos_token")?;
    let tokenizer = Tokenizer {
        bos: special(path, metadata, "tokenizer.ggml.bos_token_id", vocabulary.len())?,
        eos: special(path, metadata, "tokenizer.ggml.eos_token_id", vocabulary.len())?,
        adds_bos: adds_bos.unwrap_or(pretokenizer.takes_whole_words()),
        method: Method::Bpe(Box::new(Bpe::new(&vocabulary, &merges, pretokenizer.clone()))),
        vocabulary,
        hash: String::new(),
        rules,
    };
    Ok(pairing::with_hash(tokenizer, &format!("bpe {}", pretokenizer.name())))
}

fn read_sentencepiece(path: &Path, metadata: &Metadata) -> Result<Tokenizer, ModelError> {
    let vocabulary = vocabulary(path, metadata, |text, kind| match (kind, byte_token(text)) {
        (Kind::Byte, Some(byte)) => vec![byte],
        (Kind::Normal, _) => text.replace('▁', " ").into_bytes(),
        _ => text.as_bytes().to_vec(),
    })?;
    let scores = match metadata.required(path, SCORES)? {
        Value::Array(Array::F32(scores)) => scores,
        other => {
            let at = format!("metadata key {}", shown(SCORES));
            return Err(ModelError::malformed(path, at, "an array of f32", other.describe()));
        }
    };
    same_length(path, SCORES, scores.len(), vocabulary.len())?;
    if let Some(i) = scores.iter().position(|s| s.is_nan()) {
        let at = format!("metadata key {}, entry {i}", shown(SCORES));
        return Err(ModelError::malformed(path, at, "a number", "NaN"));
    }
    let len = vocabulary.len();
    let unknown = special(path, metadata, "tokenizer.ggml.unknown_token_id", len)?;
    let adds_space = metadata.optional_bool(path, "tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let adds_bos = metadata.optional_bool(path, "tokenizer.ggml.add_bos_token")?.unwrap_or(true);
    let tokenizer = Tokenizer {
        bos: special(path, metadata, "tokenizer.ggml.bos_token_id", len)?.or(Some(1).filter(|_| len > 1)),
        eos: special(path, metadata, "tokenizer.ggml.eos_token_id", len)?.or(Some(2).filter(|_| len > 2)),
        adds_bos,
        method: Method::SentencePiece(Box::new(SentencePiece::new(&vocabulary, scores, unknown, adds_space))),
        rules: Some(Rules::Scores(pairing::hash_scores(scores))),
        vocabulary,
        hash: String::new(),
    };
    let space = if adds_space { "space" } else { "no space" };
    Ok(pairing::with_hash(tokenizer, &format!("sentencepiece {space}")))
}

fn vocabulary(
    path: &Path,
    metadata: &Metadata,
    bytes_of: impl Fn(&str, Kind) -> Vec<u8>,
) -> Result<Vocabulary, ModelError> {
    let texts = metadata
        .optional_strings(path, TOKENS)?
        .ok_or_else(|| ModelError::missing(path, format!("metadata key {}", shown(TOKENS))))?;
    if texts.is_empty() || u32::try_from(texts.len()).is_err() {
        let at = format!("metadata key {}", shown(TOKENS));
        return Err(ModelError::malformed(path, at, "1 to 2^32 − 1 entries", texts.len().to_string()));
    }
    let kinds = kinds(path, metadata, texts.len())?;
    Vocabulary::new(texts.to_vec(), kinds, bytes_of)
}

fn kinds(path: &Path, metadata: &Metadata, len: usize) -> Result<Vec<Kind>, ModelError> {
    let at = format!("metadata key {}", shown(KINDS));
    let numbers: Vec<i32> = match metadata.get(KINDS) {
        None => return Ok(vec![Kind::Normal; len]),
        Some(Value::Array(Array::I32(numbers))) => numbers.clone(),
        Some(Value::Array(Array::U32(numbers))) => numbers.iter().map(|&n| i32::try_from(n).unwrap_or(-1)).collect(),
        Some(other) => {
            return Err(ModelError::malformed(path, at, "an array of i32", other.describe()));
        }
    };
    same_length(path, KINDS, numbers.len(), len)?;
    let kind = |(i, &number): (usize, &i32)| {
        Kind::from_number(number).ok_or_else(|| {
            let at = format!("{at}, entry {i}");
            ModelError::malformed(path, at, "a number from 0 to 6", number.to_string())
        })
    };
    numbers.iter().enumerate().map(kind).collect()
}

fn same_length(path: &Path, key: &str, found: usize, tokens: usize) -> Result<(), ModelError> {
    if found == tokens {
        return Ok(());
    }
    let at = format!("metadata key {}", shown(key));
    let expected = format!("{tokens} entries, as many as {}", shown(TOKENS));
    Err(ModelError::malformed(path, at, expected, found.to_string()))
}

fn special(path: &Path, metadata: &Metadata, key: &str, len: usize) -> Result<Option<u32>, ModelError> {
    let Some(id) = metadata.optional_size(path, key)? else {
        return Ok(None);
    };
    if id >= len {
        let at = format!("metadata key {}", shown(key));
        let expected = format!("an id below {len}, the number of tokens");
        return Err(ModelError::malformed(path, at, expected, id.to_string()));
    }
    Ok(u32::try_from(id).ok())
}

/// The byte of `<0xNN>`.
pub(super) fn byte_token(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() != 2 {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}
