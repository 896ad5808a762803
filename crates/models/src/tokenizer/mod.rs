//! Text to token ids and back, exactly as the model was trained: from GGUF metadata, from `tokenizer.json`, or from
//! a list of pieces for test doubles.

mod bpe;
mod byte_level;
mod check;
mod cuts;
mod from_gguf;
pub(crate) mod growth;
mod hf;
mod merge;
mod pairing;
mod pieces;
mod pretokenizer;
mod sentencepiece;
pub(crate) mod to_gguf;
pub(crate) mod to_json;
mod vocabulary;

use std::collections::HashMap;
use std::path::Path;

use crate::ModelError;
use crate::gguf::Gguf;
pub(crate) use hf::Named as HfNames;
pub use pairing::TokenizerPairing;
pub use pieces::Specials;
use vocabulary::{Kind, Vocabulary};

/// Special tokens with which models of the families that this crate reads end a turn or a text.
const ENDS: [&str; 8] =
    ["</s>", "<eos>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<end_of_turn>"];

/// A model's tokenizer.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    method: Method,
    bos: Option<u32>,
    eos: Option<u32>,
    adds_bos: bool,
    hash: String,
    /// Hash of the merge list where there is one, of the scores where there are those: what [`Tokenizer::pairing`]
    /// compares besides the vocabulary.
    rules: Option<Rules>,
}

/// Identity of what turns bytes into tokens, comparable only between equal variants.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rules {
    Merges(String),
    Scores(String),
}

#[derive(Clone, Debug)]
enum Method {
    Bpe(Box<bpe::Bpe>),
    SentencePiece(Box<sentencepiece::SentencePiece>),
    Hf(Box<hf::Hf>),
    Pieces(Box<pieces::Pieces>),
}

/// Which special tokens are recognised in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recognise {
    /// Those that belong to ordinary text (user-defined): `<|im_start|>` in a document stays text.
    UserDefined,
    /// All: the text comes from a chat template.
    All,
}

impl Tokenizer {
    /// Reads the tokenizer that a GGUF file carries.
    ///
    /// # Errors
    /// A model type or pre-tokenizer that is unknown, lists whose lengths differ, ids outside the vocabulary.
    pub fn from_gguf(file: &Gguf) -> Result<Self, ModelError> {
        from_gguf::read(file)
    }

    /// Reads a `tokenizer.json`; `path` stands in errors.
    pub(crate) fn from_json(path: &Path, bytes: &[u8], named: &HfNames) -> Result<Self, ModelError> {
        hf::read(path, bytes, named)
    }

    /// Token ids of ordinary text: control tokens are not recognised in it, nothing is put in front.
    ///
    /// # Errors
    /// A byte that the vocabulary cannot express.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.encode_with(text, Recognise::UserDefined)
    }

    /// Token ids of a rendered chat template: special tokens in the text become their ids; nothing is put in front
    /// (see [`Tokenizer::begin`]).
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_rendered(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.encode_with(text, Recognise::All)
    }

    fn encode_with(&self, text: &str, recognise: Recognise) -> Result<Vec<u32>, ModelError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        match &self.method {
            Method::Bpe(bpe) => bpe.encode(&self.vocabulary, text, recognise),
            Method::SentencePiece(sp) => sp.encode(&self.vocabulary, text, recognise),
            Method::Hf(hf) => hf.encode(text, recognise),
            Method::Pieces(pieces) => pieces.encode(text),
        }
    }

    /// Puts BOS in front, exactly once, when the model wants one.
    pub fn begin(&self, mut ids: Vec<u32>) -> Vec<u32> {
        if let Some(bos) = self.bos.filter(|_| self.adds_bos)
            && ids.first() != Some(&bos)
        {
            ids.insert(0, bos);
        }
        ids
    }

    /// Token that begins a text, where the model has one.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// Token that ends a text or a turn, where the model has one.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// Every token that ends a text or a turn: [`Tokenizer::eos`] and the special tokens that models use for it.
    pub fn ends(&self) -> Vec<u32> {
        let mut ends: Vec<u32> = ENDS.iter().filter_map(|text| self.special(text)).chain(self.eos).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// Whether the model was trained with BOS in front of every text.
    pub fn adds_bos(&self) -> bool {
        self.adds_bos
    }

    /// The bytes that the ids stand for; special tokens appear as their names. Ids outside the vocabulary are
    /// nothing. `decode(encode(text))` is `text`, except that SentencePiece cannot tell `▁` from a space.
    pub fn decode(&self, ids: &[u32]) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(ids.len() * 4);
        let mut drop_space = matches!(&self.method, Method::SentencePiece(sp) if sp.adds_space());
        drop_space |= matches!(&self.method, Method::Hf(hf) if hf.adds_space());
        for &id in ids {
            let piece = self.vocabulary.bytes(id);
            let special = matches!(self.vocabulary.kind(id), Kind::Control | Kind::UserDefined);
            match piece.strip_prefix(b" ").filter(|_| drop_space && !special) {
                Some(rest) => bytes.extend_from_slice(rest),
                None => bytes.extend_from_slice(piece),
            }
            // A space was put in front of the first fragment and of each that follows a special token.
            drop_space = special && self.puts_space_after_specials();
            drop_space |= special && bytes.is_empty();
        }
        bytes
    }

    fn puts_space_after_specials(&self) -> bool {
        matches!(&self.method, Method::SentencePiece(sp) if sp.adds_space())
    }

    /// The bytes of one token; empty for ids outside the vocabulary and for padding entries.
    pub fn piece(&self, id: u32) -> Vec<u8> {
        self.vocabulary.bytes(id).to_vec()
    }

    /// The id of every token by the bytes that it stands for; `None` where several tokens do, but for those of single bytes, which models
    /// fall back to where nothing else will do.
    pub fn ids_by_piece(&self) -> HashMap<Vec<u8>, Option<u32>> {
        let mut ids: HashMap<Vec<u8>, Option<u32>> = HashMap::with_capacity(self.len());
        let is_byte = |id: &u32| self.vocabulary.kind(*id) == Kind::Byte;
        let all = || (0..self.len() as u32).filter(|id| !self.vocabulary.bytes(*id).is_empty());
        for id in all().filter(|id| !is_byte(id)) {
            ids.entry(self.piece(id)).and_modify(|found| *found = None).or_insert(Some(id));
        }
        for id in all().filter(is_byte) {
            ids.entry(self.piece(id)).or_insert(Some(id));
        }
        ids
    }

    /// The id of the special token of this text, where there is one.
    pub fn special(&self, text: &str) -> Option<u32> {
        self.vocabulary.special(text)
    }

    /// The longest control token whose text stands in this one: what [`Tokenizer::encode`] reads as characters and
    /// [`Tokenizer::encode_rendered`] as that token.
    pub fn control_in(&self, text: &str) -> Option<&str> {
        self.vocabulary.control_in(text)
    }

    /// Number of entries, padding included.
    pub fn len(&self) -> usize {
        self.vocabulary.len()
    }

    /// Number of entries without the padding at their end.
    pub fn named_len(&self) -> usize {
        pairing::meaningful(&self.vocabulary)
    }

    /// Whether there are no entries at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `blake3:` hash of vocabulary, specials, merges or scores, pre-tokenizer and BOS behaviour.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether ids mean the same in both tokenizers.
    pub fn pairing(&self, other: &Self) -> TokenizerPairing {
        pairing::pair(self, other)
    }
}
