//! Sequences that grow: the decoder with a memory of keys and values.

use super::cache::{Cache, PageShape};
use super::forward::{KeptWeights, Rotations, advance};
use super::{Decoder, logits};
use crate::{Feed, Logits, ModelError, Session};

/// Growing sequences of one decoder.
pub(super) struct Growing<'a> {
    decoder: &'a Decoder,
    sequences: Vec<Option<Cache>>,
    rotations: Rotations,
    kept: KeptWeights,
}

impl<'a> Growing<'a> {
    /// No sequence yet; unpacked weights may take `spare` bytes.
    pub(super) fn new(decoder: &'a Decoder, spare: u64) -> Growing<'a> {
        let (rotations, kept) = (Rotations::new(decoder, 0), KeptWeights::new(decoder, spare));
        Growing { decoder, sequences: Vec::new(), rotations, kept }
    }

    fn put(&mut self, cache: Cache) -> usize {
        match self.sequences.iter().position(Option::is_none) {
            Some(free) => {
                self.sequences[free] = Some(cache);
                free
            }
            None => {
                self.sequences.push(Some(cache));
                self.sequences.len() - 1
            }
        }
    }

    fn check(&self, feed: &Feed<'_>) -> Result<usize, ModelError> {
        let config = &self.decoder.config;
        let Some(Some(cache)) = self.sequences.get(feed.sequence) else {
            return Err(ModelError::Request { reason: format!("no sequence {} is open", feed.sequence) });
        };
        if feed.tokens.is_empty() {
            return Err(ModelError::Request { reason: format!("sequence {} is fed nothing", feed.sequence) });
        }
        let tokens = cache.len + feed.tokens.len();
        if tokens > config.context {
            return Err(ModelError::TooLong { tokens, context: config.context });
        }
        match feed.tokens.iter().position(|&id| id as usize >= config.vocab) {
            Some(at) => Err(ModelError::Token { id: feed.tokens[at], position: cache.len + at, vocab: config.vocab }),
            None => Ok(tokens),
        }
    }
}

impl Session for Growing<'_> {
    fn open(&mut self) -> usize {
        self.put(Cache::new(PageShape::of(&self.decoder.config), self.decoder.config.layers))
    }

    fn fork(&mut self, sequence: usize) -> Result<usize, ModelError> {
        match self.sequences.get(sequence) {
            Some(Some(cache)) => {
                let cache = cache.clone();
                Ok(self.put(cache))
            }
            _ => Err(ModelError::Request { reason: format!("no sequence {sequence} is open") }),
        }
    }

    fn cut(&mut self, sequence: usize, tokens: usize) -> bool {
        self.sequences.get_mut(sequence).and_then(Option::as_mut).is_some_and(|cache| cache.cut(tokens))
    }

    fn close(&mut self, sequence: usize) {
        if let Some(place) = self.sequences.get_mut(sequence) {
            *place = None;
        }
    }

    fn advance(&mut self, feeds: &[Feed<'_>], logits: &mut [f32]) -> Result<(), ModelError> {
        if feeds.is_empty() {
            return Err(ModelError::Request { reason: "no sequence is fed".to_owned() });
        }
        let mut longest = 0;
        for feed in feeds {
            longest = longest.max(self.check(feed)?);
        }
        if self.rotations.positions < longest {
            self.rotations = Rotations::new(self.decoder, longest.next_multiple_of(256));
        }
        let inputs: Vec<_> = feeds.iter().map(|feed| feed.tokens).collect();
        let mut caches = Vec::with_capacity(feeds.len());
        for feed in feeds {
            let Some(cache) = self.sequences[feed.sequence].take() else {
                return Err(ModelError::Request { reason: format!("sequence {} is fed twice", feed.sequence) });
            };
            caches.push(cache);
        }
        let hidden = advance(self.decoder, &inputs, &mut caches, &self.rotations, &self.kept);
        for (feed, cache) in feeds.iter().zip(caches) {
            self.sequences[feed.sequence] = Some(cache);
        }
        let rows = logits::Rows::new(self.decoder, self.decoder.kernels, hidden?);
        rows.keeping(self.kept.head()).read(0..feeds.len(), logits)
    }
}
