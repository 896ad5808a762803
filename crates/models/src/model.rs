//! The one `Model` trait: what any model can be asked.

use std::ops::Range;

use hydrometer_answers::ModelIdentity;

use crate::{ChatTemplate, ModelError, Session, Tokenizer};

/// A token sequence and the positions whose next-token distribution is wanted.
///
/// Row `i` is the distribution of the token after `tokens[..=i]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Token ids, BOS included where the model wants one.
    pub tokens: Vec<u32>,
    /// Positions in `tokens`, increasing.
    pub rows: Vec<u32>,
}

/// Sequences that are computed together. The rows of a block are the rows of its sequences, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The sequences; they never attend to one another.
    pub sequences: Vec<Sequence>,
}

impl Block {
    /// Number of logit rows of the whole block.
    pub fn rows(&self) -> usize {
        self.sequences.iter().map(|s| s.rows.len()).sum()
    }

    /// Number of tokens of the whole block.
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(|s| s.tokens.len()).sum()
    }
}

/// The logit rows of one block, computed when they are read: never all at once.
pub trait Logits {
    /// Writes the rows `rows` of the block, row-major `[rows.len(), vocab_size]`, raw logits before softmax.
    ///
    /// # Errors
    /// A row that holds NaN or an infinity of the wrong sign is an error that names the row.
    fn read(&mut self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError>;
}

/// Anything that answers.
pub trait Model: Send + Sync {
    /// Who it is.
    fn identity(&self) -> &ModelIdentity;
    /// Its tokenizer.
    fn tokenizer(&self) -> &Tokenizer;
    /// Its chat template, where it has one.
    fn template(&self) -> Option<&ChatTemplate>;
    /// Runs the block through the model up to, but not including, the output head.
    ///
    /// # Errors
    /// A token id outside the vocabulary, a sequence longer than the context, or numbers that stopped being finite.
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError>;

    /// Scores the block again, as exactly as this model can: the noise floor of an audit compares the two.
    ///
    /// A model whose engine computes in reduced precision answers in full precision here.
    ///
    /// # Errors
    /// As [`Model::score`].
    fn rerun<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        self.score(block)
    }

    /// Sequences that grow token by token; see [`crate::sample`].
    ///
    /// Besides what the sequences need, the session may take `spare` bytes of memory to be faster.
    fn session<'a>(&'a self, spare: u64) -> Box<dyn Session + 'a>;

    /// Memory that one position of a growing sequence takes, in bytes; 0 where it hardly matters.
    fn position_bytes(&self) -> u64 {
        0
    }
}
