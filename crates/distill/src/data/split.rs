//! Which documents are held out, and in which order the others come.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::chance::seed_of;
use crate::train::Sample;

/// Whether a document is held out: by its hash, never by its position, so that it stays so in every mix of data.
#[must_use]
pub fn held_out(document: &Document, share: f64) -> bool {
    let mut first = [0; 8];
    first.copy_from_slice(&document.hash[..8]);
    (u64::from_be_bytes(first) as f64) < share * 2f64.powi(64)
}

/// Where the data stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Passes over all samples that are done.
    pub epoch: u64,
    /// Samples of this pass that are done.
    pub sample: usize,
}

/// Batches without end: every pass has an order of its own, which depends on the seed and the pass alone.
pub struct Batches<'a> {
    samples: &'a [Sample],
    tokens: usize,
    seed: u64,
    order: Vec<u32>,
    /// What comes next.
    pub position: Position,
}

impl<'a> Batches<'a> {
    /// Batches of `tokens` tokens at least, but for the last sample's.
    ///
    /// # Panics
    /// Without a sample: the pre-flight has refused that.
    #[must_use]
    pub fn new(samples: &'a [Sample], tokens: usize, seed: u64, position: Position) -> Batches<'a> {
        assert!(!samples.is_empty(), "there is a sample");
        let order = order(samples.len(), seed, position.epoch);
        Batches { samples, tokens, seed, order, position }
    }

    /// The next batch.
    pub fn next_batch(&mut self) -> Vec<&'a Sample> {
        let (mut batch, mut tokens) = (Vec::new(), 0);
        while tokens < self.tokens {
            if self.position.sample == self.samples.len() {
                self.position = Position { epoch: self.position.epoch + 1, sample: 0 };
                self.order = order(self.samples.len(), self.seed, self.position.epoch);
            }
            let sample = &self.samples[self.order[self.position.sample] as usize];
            self.position.sample += 1;
            tokens += sample.tokens.len();
            batch.push(sample);
        }
        batch
    }
}

fn order(count: usize, seed: u64, epoch: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed_of("order", &[seed, epoch])));
    order
}
