//! A tokenizer made of a list of pieces, for scripted models and tests: the longest piece that fits is taken.

use std::collections::HashMap;

use super::vocabulary::{Kind, Vocabulary};
use super::{Method, Tokenizer, pairing};
use crate::ModelError;

/// Special tokens of a [`Tokenizer::from_pieces`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Specials {
    /// Token that begins a text; put in front by [`Tokenizer::begin`] when there is one.
    pub bos: Option<u32>,
    /// Token that ends a text.
    pub eos: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Pieces {
    ids: HashMap<Vec<u8>, u32>,
    longest: usize,
}

impl Pieces {
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let mut ids = Vec::new();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let fitting = |len: &usize| self.ids.get(&rest[..*len]).map(|&id| (id, *len));
            let longest = (1..=self.longest.min(rest.len())).rev().find_map(|len| fitting(&len));
            let Some((id, len)) = longest else {
                let at = text.len() - rest.len();
                return Err(ModelError::tokenizer(format!("no piece for byte {at} (0x{:02x})", rest[0])));
            };
            ids.push(id);
            rest = &rest[len..];
        }
        Ok(ids)
    }
}

impl Tokenizer {
    /// A tokenizer whose entry `i` is `pieces[i]`; texts are cut greedily, the longest piece first.
    ///
    /// # Errors
    /// No pieces, or specials outside the list.
    pub fn from_pieces(pieces: &[&str], specials: Specials) -> Result<Self, ModelError> {
        let in_range = |id: Option<u32>| id.is_none_or(|id| (id as usize) < pieces.len());
        if pieces.is_empty() || !in_range(specials.bos) || !in_range(specials.eos) {
            let reason = format!("{} pieces with special tokens {specials:?}", pieces.len());
            return Err(ModelError::tokenizer(reason));
        }
        let is_special = |id: usize| [specials.bos, specials.eos].contains(&Some(id as u32));
        let kind = |id| if is_special(id) { Kind::Control } else { Kind::Normal };
        let kinds = (0..pieces.len()).map(kind).collect();
        let texts = pieces.iter().map(|&p| p.to_owned()).collect();
        Self::of_pieces(Vocabulary::new(texts, kinds, |text, _| text.as_bytes().to_vec())?, specials)
    }

    /// 256 tokens, one for each byte.
    ///
    /// # Errors
    /// None in practice; the constructor is shared with [`Tokenizer::from_pieces`].
    pub fn bytes() -> Result<Self, ModelError> {
        let texts = (0..=255u8).map(|b| format!("<0x{b:02X}>")).collect();
        let byte_of = |text: &str, _| super::from_gguf::byte_token(text).into_iter().collect();
        Self::of_pieces(Vocabulary::new(texts, vec![Kind::Byte; 256], byte_of)?, Specials::default())
    }

    fn of_pieces(vocabulary: Vocabulary, specials: Specials) -> Result<Self, ModelError> {
        let mut ids = HashMap::new();
        for id in 0..vocabulary.len() as u32 {
            let piece = vocabulary.bytes(id).to_vec();
            if !piece.is_empty() {
                ids.entry(piece).or_insert(id);
            }
        }
        let longest = ids.keys().map(Vec::len).max().unwrap_or(0);
        let tokenizer = Self {
            vocabulary,
            method: Method::Pieces(Box::new(Pieces { ids, longest })),
            bos: specials.bos,
            eos: specials.eos,
            adds_bos: specials.bos.is_some(),
            hash: String::new(),
            rules: None,
        };
        Ok(pairing::with_hash(tokenizer, "pieces"))
    }
}
