//! Sequences that grow token by token: what sampling needs of a model.

use crate::{Block, ModelError, Scores, Sequence};

/// Tokens to read behind what a sequence of a session holds.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'a> {
    /// The sequence.
    pub sequence: usize,
    /// The tokens, at least one.
    pub tokens: &'a [u32],
}

/// Sequences of one model. What a sequence holds is read once; sequences with a common beginning share it.
pub trait Session {
    /// Begins an empty sequence.
    fn open(&mut self) -> usize;

    /// Begins a sequence that holds what `sequence` holds.
    ///
    /// # Errors
    /// `sequence` is not open.
    fn fork(&mut self, sequence: usize) -> Result<usize, ModelError>;

    /// Forgets what a sequence holds behind its first `tokens`, at least one. Whether it could: a session need not be able to.
    fn cut(&mut self, _sequence: usize, _tokens: usize) -> bool {
        false
    }

    /// Ends a sequence and frees its memory.
    fn close(&mut self, sequence: usize);

    /// Reads every feed, at least one, and writes the logits after its last token: `[feeds, vocab_size]`, raw, before softmax.
    ///
    /// The logits are exactly those of [`Scores::score`] for the same tokens, whatever else is fed. After an error the
    /// session is of no further use.
    ///
    /// # Errors
    /// No feed; a sequence that is not open, is fed nothing or is fed twice; a token outside the vocabulary; more tokens than the
    /// context; numbers that stopped being finite.
    fn advance(&mut self, feeds: &[Feed<'_>], logits: &mut [f32]) -> Result<(), ModelError>;
}

/// A session that reads everything again at every step: for models without a memory.
pub(crate) struct Rereading<'a> {
    model: &'a dyn Scores,
    sequences: Vec<Option<Vec<u32>>>,
}

impl<'a> Rereading<'a> {
    pub(crate) fn new(model: &'a dyn Scores) -> Rereading<'a> {
        Rereading { model, sequences: Vec::new() }
    }

    fn held(&self, sequence: usize) -> Result<&Vec<u32>, ModelError> {
        let held = self.sequences.get(sequence).and_then(Option::as_ref);
        held.ok_or_else(|| ModelError::Request { reason: format!("no sequence {sequence} is open") })
    }
}

impl Session for Rereading<'_> {
    fn open(&mut self) -> usize {
        self.sequences.push(Some(Vec::new()));
        self.sequences.len() - 1
    }

    fn fork(&mut self, sequence: usize) -> Result<usize, ModelError> {
        let held = self.held(sequence)?.clone();
        self.sequences.push(Some(held));
        Ok(self.sequences.len() - 1)
    }

    fn cut(&mut self, sequence: usize, tokens: usize) -> bool {
        let Some(Some(held)) = self.sequences.get_mut(sequence) else { return false };
        held.truncate(tokens);
        held.len() == tokens
    }

    fn close(&mut self, sequence: usize) {
        if let Some(place) = self.sequences.get_mut(sequence) {
            *place = None;
        }
    }

    fn advance(&mut self, feeds: &[Feed<'_>], logits: &mut [f32]) -> Result<(), ModelError> {
        let mut block = Block::default();
        for feed in feeds {
            let tokens = [self.held(feed.sequence)?.as_slice(), feed.tokens].concat();
            let last = tokens
                .len()
                .checked_sub(1)
                .ok_or_else(|| ModelError::Request { reason: format!("sequence {} is fed nothing", feed.sequence) })?;
            self.sequences[feed.sequence] = Some(tokens.clone());
            block.sequences.push(Sequence { tokens, rows: vec![last as u32] });
        }
        self.model.score(&block)?.read(0..feeds.len(), logits)
    }
}
