//! The entries of a vocabulary: text as the file has it, the bytes it stands for, what kind of token it is.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;

use super::Recognise;
use crate::ModelError;

/// Kind of a token, numbered as in `tokenizer.ggml.token_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

impl Kind {
    pub(super) fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            // llama.cpp takes 0 (undefined) for a normal token too.
            0 | 1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    texts: Vec<String>,
    kinds: Vec<Kind>,
    /// Bytes of all entries in a row, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    specials: Vec<Special>,
    finder: Option<AhoCorasick>,
}

#[derive(Clone, Debug)]
struct Special {
    id: u32,
    text: String,
    user_defined: bool,
}

/// A stretch of a text: ordinary, or one special token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fragment<'t> {
    Text(&'t str),
    Token(u32),
}

impl Vocabulary {
    /// `bytes_of` gives the bytes that an entry stands for.
    pub(super) fn new(
        texts: Vec<String>,
        kinds: Vec<Kind>,
        bytes_of: impl Fn(&str, Kind) -> Vec<u8>,
    ) -> Result<Self, ModelError> {
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(texts.len());
        let mut specials = Vec::new();
        for (id, (text, &kind)) in texts.iter().zip(&kinds).enumerate() {
            bytes.extend_from_slice(&bytes_of(text, kind));
            ends.push(bytes.len());
            if matches!(kind, Kind::Control | Kind::UserDefined | Kind::Unknown) && !text.is_empty() {
                specials.push(Special { id: id as u32, text: text.clone(), user_defined: kind == Kind::UserDefined });
            }
        }
        // Longest first, the lower id first among equals: the order in which llama.cpp cuts them out.
        specials.sort_by(|a, b| b.text.len().cmp(&a.text.len()).then(a.id.cmp(&b.id)));
        let finder = if specials.is_empty() {
            None
        } else {
            let finder = AhoCorasick::new(specials.iter().map(|s| s.text.as_bytes()));
            Some(finder.map_err(|e| ModelError::tokenizer(format!("special tokens: {e}")))?)
        };
        Ok(Self { texts, kinds, bytes, ends, specials, finder })
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", String::as_str)
    }

    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }

    pub(super) fn kind(&self, id: u32) -> Kind {
        self.kinds.get(id as usize).copied().unwrap_or(Kind::Unused)
    }

    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let Some(&end) = self.ends.get(id) else {
            return &[];
        };
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.bytes[start..end]
    }

    pub(super) fn special(&self, text: &str) -> Option<u32> {
        self.specials.iter().find(|s| s.text == text).map(|s| s.id)
    }

    /// The longest control token whose text stands in this one.
    pub(super) fn control_in(&self, text: &str) -> Option<&str> {
        let all = self.present(text, Recognise::All).into_iter().map(|at| &self.specials[at]);
        all.filter(|special| self.kind(special.id) == Kind::Control).map(|special| special.text.as_str()).next()
    }

    /// Ids by text; of entries with equal text the last wins, as in llama.cpp.
    pub(super) fn ids(&self) -> HashMap<&str, u32> {
        let mut ids = HashMap::with_capacity(self.len());
        for (id, text) in self.texts.iter().enumerate() {
            ids.insert(text.as_str(), id as u32);
        }
        ids
    }

    /// Cuts special tokens out of a text.
    pub(super) fn split<'t>(&self, text: &'t str, recognise: Recognise) -> Vec<Fragment<'t>> {
        let mut fragments = vec![Fragment::Text(text)];
        for special in self.present(text, recognise) {
            let special = &self.specials[special];
            let mut next = Vec::with_capacity(fragments.len());
            for fragment in fragments {
                match fragment {
                    Fragment::Text(text) => cut(text, special, &mut next),
                    token => next.push(token),
                }
            }
            fragments = next;
        }
        fragments
    }

    /// The specials that occur in the text at all, longest first: one pass instead of one per special token.
    fn present(&self, text: &str, recognise: Recognise) -> Vec<usize> {
        let Some(finder) = &self.finder else {
            return Vec::new();
        };
        let mut seen = vec![false; self.specials.len()];
        for found in finder.find_overlapping_iter(text) {
            seen[found.pattern().as_usize()] = true;
        }
        let wanted = |i: &usize| seen[*i] && (recognise == Recognise::All || self.specials[*i].user_defined);
        (0..self.specials.len()).filter(wanted).collect()
    }
}

fn cut<'t>(text: &'t str, special: &Special, out: &mut Vec<Fragment<'t>>) {
    let mut parts = text.split(special.text.as_str());
    if let Some(first) = parts.next().filter(|part| !part.is_empty()) {
        out.push(Fragment::Text(first));
    }
    for part in parts {
        out.push(Fragment::Token(special.id));
        if !part.is_empty() {
            out.push(Fragment::Text(part));
        }
    }
}
