//! Whether ids mean the same in two tokenizers, and the hash that names one.

use super::vocabulary::{Kind, Vocabulary};
use super::{Rules, Tokenizer};
use crate::error::shown;

/// How the ids of two tokenizers relate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenizerPairing {
    /// Every id means the same in both.
    Same,
    /// Ids below `shared` mean the same in both; what stands above is padding.
    Padded {
        /// Number of ids that both have.
        shared: u32,
    },
    /// Every id that both have means the same in both, but for some special tokens.
    Shared {
        /// Ids that are a special token in one and something else, or nothing, in the other; in order.
        without: Vec<u32>,
        /// The first of them, in words.
        reason: String,
    },
    /// Some id means something else, or texts are cut by other rules.
    Different {
        /// The first difference.
        reason: String,
    },
}

pub(super) fn pair(a: &Tokenizer, b: &Tokenizer) -> TokenizerPairing {
    let (va, vb) = (&a.vocabulary, &b.vocabulary);
    let meaningful = meaningful(va).max(meaningful(vb)) as u32;
    let differs = |&id: &u32| va.bytes(id) != vb.bytes(id) && !(is_padding(va, id) && is_padding(vb, id));
    let without: Vec<u32> = (0..meaningful).filter(differs).collect();
    let in_words = |id: u32| format!("token {id} is {} in one and {} in the other", name(va, id), name(vb, id));
    // No text is cut into special tokens, so the ids of all others can be compared without them.
    let only_special = |id: u32| [va, vb].iter().all(|v| is_special(v, id) || is_padding(v, id));
    if let Some(id) = without.iter().copied().find(|&id| !only_special(id)) {
        return TokenizerPairing::Different { reason: in_words(id) };
    }
    if let (Some(ra), Some(rb)) = (&a.rules, &b.rules)
        && std::mem::discriminant(ra) == std::mem::discriminant(rb)
        && ra != rb
    {
        let what = match ra {
            Rules::Merges(_) => "merge rules",
            Rules::Scores(_) => "scores",
        };
        return TokenizerPairing::Different { reason: format!("the vocabularies are equal, their {what} are not") };
    }
    if let Some(&first) = without.first() {
        return TokenizerPairing::Shared { reason: in_words(first), without };
    }
    if va.len() == vb.len() {
        return TokenizerPairing::Same;
    }
    TokenizerPairing::Padded { shared: va.len().min(vb.len()) as u32 }
}

/// A control token, one that was added, or one that is written like them.
fn is_special(vocabulary: &Vocabulary, id: u32) -> bool {
    let text = vocabulary.text(id);
    let written_so = text.len() > 2 && text.starts_with('<') && text.ends_with('>');
    match vocabulary.kind(id) {
        Kind::Control | Kind::UserDefined => true,
        Kind::Normal => written_so,
        _ => false,
    }
}

/// Number of entries without the padding at the end.
pub(super) fn meaningful(vocabulary: &Vocabulary) -> usize {
    let last = (0..vocabulary.len() as u32).rev().find(|&id| !is_padding(vocabulary, id));
    last.map_or(0, |id| id as usize + 1)
}

/// An entry that stands for no text: absent, unused, or a numbered placeholder.
fn is_padding(vocabulary: &Vocabulary, id: u32) -> bool {
    let text = vocabulary.text(id);
    let numbered = |prefix: &str, suffix: &str| {
        let middle = text.strip_prefix(prefix).and_then(|t| t.strip_suffix(suffix));
        middle.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    text.is_empty()
        || vocabulary.kind(id) == Kind::Unused
        || numbered("[PAD", "]")
        || numbered("<unused", ">")
        || numbered("<|dummy_", "|>")
}

fn name(vocabulary: &Vocabulary, id: u32) -> String {
    if id as usize >= vocabulary.len() {
        return "absent".to_owned();
    }
    shown(&String::from_utf8_lossy(vocabulary.bytes(id)))
}

pub(super) fn hash_merges<'m>(merges: impl Iterator<Item = (&'m str, &'m str)>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (left, right) in merges {
        put(&mut hasher, left);
        put(&mut hasher, right);
    }
    hasher.finalize().to_hex().to_string()
}

pub(super) fn hash_scores(scores: &[f32]) -> String {
    let mut hasher = blake3::Hasher::new();
    for score in scores {
        hasher.update(&score.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Every text goes in with its length in front, so that two lists never run together to the same bytes.
fn put(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// Sets the hash; `method` names the way texts are cut, pre-tokenizer included.
pub(super) fn with_hash(mut tokenizer: Tokenizer, method: &str) -> Tokenizer {
    let mut hasher = blake3::Hasher::new();
    put(&mut hasher, method);
    for (id, text) in (0..).zip(tokenizer.vocabulary.texts()) {
        put(&mut hasher, text);
        hasher.update(&[tokenizer.vocabulary.kind(id) as u8]);
    }
    let rules = match &tokenizer.rules {
        Some(Rules::Merges(hash)) => format!("merges {hash}"),
        Some(Rules::Scores(hash)) => format!("scores {hash}"),
        None => String::new(),
    };
    put(&mut hasher, &rules);
    let specials = (tokenizer.bos, tokenizer.eos, tokenizer.adds_bos);
    put(&mut hasher, &format!("{specials:?}"));
    tokenizer.hash = format!("blake3:{}", hasher.finalize().to_hex());
    tokenizer
}
