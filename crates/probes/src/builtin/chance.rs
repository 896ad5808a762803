//! Random draws for the generator: ChaCha8, integers only, so that a seed gives the same bytes on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of draws.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream named by a purpose, a seed and a number: streams of different names are unrelated, so that adding
    /// one probe does not change the others.
    pub(super) fn new(purpose: &str, seed: u64, number: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"hydrometer probes/1\n");
        hasher.update(&seed.to_le_bytes());
        hasher.update(&number.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number from 0 to `count` − 1; 0 for a count of 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        // Multiply and shift: the bias is below count / 2^64.
        let wide = u128::from(self.0.next_u64()) * count as u128;
        (wide >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    /// True `percent` times in a hundred.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Fisher–Yates.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// `count` different items, in random order.
    pub(super) fn sample<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut copy = items.to_vec();
        self.shuffle(&mut copy);
        copy.truncate(count);
        copy
    }
}
