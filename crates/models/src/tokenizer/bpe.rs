//! Byte-level byte-pair encoding (GPT-2's scheme), as GGUF files describe it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::merge::{Merger, Symbol};
use super::pretokenizer::Pretokenizer;
use super::vocabulary::{Fragment, Vocabulary};
use super::{Recognise, byte_level};
use crate::ModelError;

/// Words whose ids are remembered during one call.
const REMEMBERED: usize = 1 << 16;

#[derive(Clone, Debug)]
pub(super) struct Bpe {
    pretokenizer: Pretokenizer,
    /// Symbol of each byte: a token id, or a number from `first_virtual` where the vocabulary lacks the byte.
    bytes: [u32; 256],
    /// Rank and result of each pair of symbols.
    merges: HashMap<(u32, u32), (u32, u32)>,
    /// Symbols from here on are no tokens: texts that occur in merges but not in the vocabulary.
    first_virtual: u32,
    /// Bytes of those, to name them.
    virtuals: Vec<Vec<u8>>,
    /// Llama 3: a word that is a token is taken whole, even where merges would not lead to it.
    whole_words: Option<HashMap<Vec<u8>, u32>>,
}

impl Bpe {
    pub(super) fn new(vocabulary: &Vocabulary, merges: &[(&str, &str)], pretokenizer: Pretokenizer) -> Self {
        let ids = vocabulary.ids();
        let first_virtual = vocabulary.len() as u32;
        let mut virtuals: Vec<Vec<u8>> = Vec::new();
        let mut virtual_ids: HashMap<String, u32> = HashMap::new();
        let mut symbol = |text: &str| match ids.get(text) {
            Some(&id) => id,
            None => match virtual_ids.entry(text.to_owned()) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    virtuals.push(byte_level::decode(text));
                    *new.insert(first_virtual + virtuals.len() as u32 - 1)
                }
            },
        };
        let bytes = byte_level::alphabet().map(|c| symbol(c.encode_utf8(&mut [0; 4])));
        let mut rules = HashMap::with_capacity(merges.len());
        let mut joined = String::new();
        for (rank, (left, right)) in merges.iter().enumerate() {
            joined.clear();
            joined.push_str(left);
            joined.push_str(right);
            let rule = (rank as u32, symbol(&joined));
            rules.entry((symbol(left), symbol(right))).or_insert(rule);
        }
        let whole_words = pretokenizer.takes_whole_words().then(|| {
            let ids = ids.values().map(|&id| (vocabulary.bytes(id).to_vec(), id));
            ids.collect()
        });
        Self { pretokenizer, bytes, merges: rules, first_virtual, virtuals, whole_words }
    }

    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        recognise: Recognise,
    ) -> Result<Vec<u32>, ModelError> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut words = Words { bpe: self, merger: Merger::new(), known: HashMap::new() };
        for fragment in vocabulary.split(text, recognise) {
            match fragment {
                Fragment::Token(id) => ids.push(id),
                Fragment::Text(text) => {
                    self.pretokenizer.split(text, |word| words.encode(word.as_bytes(), &mut ids))?;
                }
            }
        }
        Ok(ids)
    }
}

/// Encodes words and remembers them: natural text repeats its words.
struct Words<'a, 't> {
    bpe: &'a Bpe,
    merger: Merger<u32>,
    known: HashMap<&'t [u8], Range<usize>>,
}

impl<'t> Words<'_, 't> {
    fn encode(&mut self, word: &'t [u8], ids: &mut Vec<u32>) -> Result<(), ModelError> {
        if let Some(range) = self.known.get(word) {
            ids.extend_from_within(range.clone());
            return Ok(());
        }
        let start = ids.len();
        if let Some(&id) = self.bpe.whole_words.as_ref().and_then(|words| words.get(word)) {
            ids.push(id);
        } else {
            let symbols = word.iter().zip(0..).map(|(&byte, start)| Symbol {
                id: self.bpe.bytes[usize::from(byte)],
                start,
                end: start + 1,
            });
            let rule = |a: Symbol, b: Symbol| self.bpe.merges.get(&(a.id, b.id)).copied();
            self.merger.merge(symbols, rule, |symbol| ids.push(symbol.id));
            if ids[start..].iter().any(|&id| id >= self.bpe.first_virtual) {
                self.bpe.break_up(start, ids)?;
            }
        }
        if self.known.len() < REMEMBERED {
            self.known.insert(word, start..ids.len());
        }
        Ok(())
    }
}

impl Bpe {
    /// Replaces what merges made but the vocabulary lacks by its bytes.
    fn break_up(&self, start: usize, ids: &mut Vec<u32>) -> Result<(), ModelError> {
        let made: Vec<u32> = ids.drain(start..).collect();
        for id in made {
            if id < self.first_virtual {
                ids.push(id);
                continue;
            }
            for &byte in &self.virtuals[(id - self.first_virtual) as usize] {
                let id = self.bytes[usize::from(byte)];
                if id >= self.first_virtual {
                    let reason = format!("no token for byte 0x{byte:02x}");
                    return Err(ModelError::tokenizer(reason));
                }
                ids.push(id);
            }
        }
        Ok(())
    }
}
