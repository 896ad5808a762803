//! SentencePiece-style tokenizers of GGUF files (`tokenizer.ggml.model = llama`): pieces with scores, spaces written
//! `▁`, bytes that have no piece written `<0xNN>`.

use std::collections::HashMap;

use super::Recognise;
use super::merge::{Merger, Symbol};
use super::vocabulary::{Fragment, Vocabulary};
use crate::ModelError;

#[derive(Clone, Debug)]
pub(super) struct SentencePiece {
    /// Token of each text, for single characters and for the results of joining.
    ids: HashMap<Box<str>, u32>,
    /// Scores as keys that sort best first.
    ranks: Vec<u32>,
    bytes: [Option<u32>; 256],
    unknown: Option<u32>,
    adds_space: bool,
}

impl SentencePiece {
    pub(super) fn new(vocabulary: &Vocabulary, scores: &[f32], unknown: Option<u32>, adds_space: bool) -> Self {
        let ids = vocabulary.ids();
        let bytes = std::array::from_fn(|byte| {
            let written = format!("<0x{byte:02X}>");
            ids.get(written.as_str()).copied()
        });
        Self {
            ids: ids.into_iter().map(|(text, id)| (text.into(), id)).collect(),
            ranks: scores.iter().map(|&score| rank(score)).collect(),
            bytes,
            unknown,
            adds_space,
        }
    }

    pub(super) fn adds_space(&self) -> bool {
        self.adds_space
    }

    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        recognise: Recognise,
    ) -> Result<Vec<u32>, ModelError> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut after_special = true;
        for fragment in vocabulary.split(text, recognise) {
            match fragment {
                Fragment::Token(id) => {
                    ids.push(id);
                    after_special = true;
                }
                Fragment::Text(text) => {
                    let mut written = String::with_capacity(text.len() * 2);
                    if self.adds_space && after_special {
                        written.push('▁');
                    }
                    written.extend(text.chars().map(|c| if c == ' ' { '▁' } else { c }));
                    self.encode_fragment(&written, &mut ids)?;
                    after_special = false;
                }
            }
        }
        Ok(ids)
    }

    fn encode_fragment(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), ModelError> {
        if u32::try_from(text.len()).is_err() {
            return Err(ModelError::tokenizer("a text of more than 4 GiB"));
        }
        let symbols = text.char_indices().map(|(start, c)| {
            let end = start + c.len_utf8();
            Symbol { id: self.id(&text[start..end]).unwrap_or(NONE), start: start as u32, end: end as u32 }
        });
        let rule = |a: Symbol, b: Symbol| {
            let id = self.id(&text[a.start as usize..b.end as usize])?;
            Some((self.ranks[id as usize], id))
        };
        let mut lacking = Ok(());
        Merger::new().merge(symbols, rule, |symbol| {
            if symbol.id == NONE {
                let bytes = &text.as_bytes()[symbol.start as usize..symbol.end as usize];
                if let Err(e) = self.fall_back(bytes, ids) {
                    lacking = Err(e);
                }
            } else {
                ids.push(symbol.id);
            }
        });
        lacking
    }

    fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// A character without a piece: its bytes, or the unknown token where the vocabulary has no bytes.
    fn fall_back(&self, bytes: &[u8], ids: &mut Vec<u32>) -> Result<(), ModelError> {
        for &byte in bytes {
            match (self.bytes[usize::from(byte)], self.unknown) {
                (Some(id), _) => ids.push(id),
                (None, Some(unknown)) => {
                    ids.push(unknown);
                    break;
                }
                (None, None) => {
                    let reason = format!("no token for byte 0x{byte:02x} and no unknown token");
                    return Err(ModelError::tokenizer(reason));
                }
            }
        }
        Ok(())
    }
}

/// Mark of a character that is no piece.
const NONE: u32 = u32::MAX;

/// A number that sorts like the score, highest first.
fn rank(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    let ascending = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    !ascending
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn ranks_sort_by_score_from_high_to_low() {
        let scores = [f32::INFINITY, 10.0, 1e-30, 0.0, -1e-30, -1.0, -262_144.0, f32::NEG_INFINITY];
        assert!(scores.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
        assert_eq!(rank(0.0), rank(-0.0));
    }
}
