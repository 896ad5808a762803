//! The trainer: batches of samples in, a student with less loss out.
//!
//! Everything is a function of the samples, the settings and their seeds: the same ones give the same weights bit for bit,
//! whatever the number of threads, on one processor.

use std::ops::Range;

mod checkpoint;
mod head;
mod hidden;
mod optimiser;
mod schedule;
mod teacher;
mod trainer;

pub use checkpoint::Progress;
pub use head::{RowSums, head_rows};
pub use hidden::HiddenStates;
pub use optimiser::{AdamW, AdamWSettings};
pub use schedule::{Decay, Schedule};
pub use teacher::{KeptTeacher, Teacher};
pub use trainer::{HeldOut, StepReport, Trainer, TrainerSettings};

/// A token sequence, and which of its tokens are learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Token ids, BOS included where the model wants one.
    pub tokens: Vec<u32>,
    /// For each token, whether it counts as a target. The first never does: nothing stands before it.
    pub learnt: Vec<bool>,
    /// What it comes from: samples of one family are not independent.
    pub family: String,
}

impl Sample {
    /// Positions whose next token is learnt, in order.
    pub fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        (1..self.tokens.len()).filter(|&at| self.learnt[at]).map(|at| at as u32 - 1)
    }

    /// The stretch that holds all those positions: a cache keeps it whole.
    #[must_use]
    pub fn positions(&self) -> Range<u32> {
        let (first, last) = (self.rows().next(), self.rows().last());
        first.zip(last).map_or(0..0, |(first, last)| first..last + 1)
    }

    /// Number of tokens that are learnt.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.rows().count()
    }
}
