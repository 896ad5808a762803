//! What a student learns from beside the text's own tokens: a model that runs here, or the distributions that a cache keeps of
//! one.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hydrometer_answers::cache::{SequenceKey, TeacherCache};
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{ModelIdentity, RunError};
use hydrometer_metrics::sparse::SparseDistribution;
use hydrometer_models::{Block, Logits, Model, Scorer, Scores};

use super::{Sample, hidden};
use crate::DistillError;
use crate::losses::Objective;
use crate::network::Network;

/// Whoever teaches.
#[derive(Clone, Copy)]
pub enum Teacher<'a> {
    /// A model that shows its logits while the student learns.
    Live(&'a dyn Scores),
    /// Distributions that were kept.
    Kept(&'a KeptTeacher),
    /// A frozen network that shows its logits and its hidden states.
    Network(&'a Network),
    /// One of whom only answers are there: of its distributions nothing is known.
    Text,
}

/// What is known of a teacher at the rows of a block, in their order.
pub(super) enum Rows<'a> {
    /// Nothing was asked for.
    Unknown,
    /// Its logits, computed when they are read.
    Live(Box<dyn Logits + 'a>),
    /// Its distributions.
    Kept(Vec<SparseDistribution>, Drawn),
}

/// Whether anything was drawn from what a cache does not keep of a distribution. Without it KL is bounded, not estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    /// At least one token at every position.
    Some,
    /// Nothing: the most probable tokens and the mass of all others are what is known.
    Nothing,
}

impl<'a> Teacher<'a> {
    /// The model, where its tokens and rows are the student's.
    ///
    /// # Errors
    /// A model without logits, or with a vocabulary of another size.
    pub fn of(model: &'a dyn Model, vocab: usize) -> Result<Teacher<'a>, DistillError> {
        let scorer = Scorer::of(model).map_err(hydrometer_models::ModelError::from)?;
        as_wide(scorer.identity.logit_width(), vocab)?;
        Ok(Teacher::Live(scorer.scores))
    }

    /// The cache, where its rows are the student's.
    ///
    /// # Errors
    /// A vocabulary of another size.
    pub fn kept(cache: &'a KeptTeacher, vocab: usize) -> Result<Teacher<'a>, DistillError> {
        as_wide(cache.codec.vocab, vocab)?;
        Ok(Teacher::Kept(cache))
    }

    /// The network, where its tokens and rows are the student's.
    ///
    /// # Errors
    /// A vocabulary of another size.
    pub fn network(network: &'a Network, vocab: usize) -> Result<Teacher<'a>, DistillError> {
        as_wide(network.config.vocab as u32, vocab)?;
        Ok(Teacher::Network(network))
    }

    /// What it has at the rows of a block, and the states behind `layers`.
    pub(super) fn states(self, block: &Block, layers: &[usize]) -> Result<hidden::Read<'a>, DistillError> {
        match self {
            Teacher::Network(network) => Ok(hidden::read(network, block, layers)),
            Teacher::Live(_) | Teacher::Kept(_) | Teacher::Text => Err(DistillError::Pair {
                reason: "the loss compares hidden states, and the teacher shows no more than distributions".to_owned(),
            }),
        }
    }

    pub(super) fn rows(self, block: &Block) -> Result<Rows<'a>, DistillError> {
        match self {
            _ if block.rows() == 0 => Ok(Rows::Unknown),
            Teacher::Text => Ok(Rows::Unknown),
            Teacher::Live(scores) => Ok(Rows::Live(scores.score(block)?)),
            Teacher::Kept(cache) => {
                let drawn = if cache.codec.truncation.draws > 0 { Drawn::Some } else { Drawn::Nothing };
                Ok(Rows::Kept(cache.rows(block)?, drawn))
            }
            Teacher::Network(network) => Ok(hidden::read(network, block, &[]).rows),
        }
    }
}

fn as_wide(width: u32, vocab: usize) -> Result<(), DistillError> {
    if width as usize == vocab {
        return Ok(());
    }
    let reason = format!("the teacher has {width} logits a position, the student {vocab}");
    Err(DistillError::Pair { reason })
}

/// A teacher's distributions over the samples of some data, found by their tokens: any order and any batch will do.
pub struct KeptTeacher {
    path: PathBuf,
    identity: ModelIdentity,
    /// Of the teacher, as keys of sequences contain it.
    key: String,
    codec: Codec,
    /// Reading moves a file's place.
    cache: Mutex<TeacherCache>,
}

impl KeptTeacher {
    /// Whether a path is that of a cache, and not of a model.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        path.join("cache.json").is_file()
    }

    /// Opens a cache for reading.
    ///
    /// # Errors
    /// No cache, or one that is damaged.
    pub fn open(path: &Path) -> Result<KeptTeacher, DistillError> {
        let cache = TeacherCache::open(path)?;
        let (identity, codec) = (cache.teacher().clone(), *cache.codec());
        Ok(KeptTeacher { path: path.to_owned(), key: identity.key(), identity, codec, cache: Mutex::new(cache) })
    }

    /// Whose distributions they are.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// How they are kept.
    #[must_use]
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Refuses what `objective` needs and is not kept of each position.
    ///
    /// # Errors
    /// The setting, with what is needed and what is there.
    pub fn serves(&self, objective: &Objective) -> Result<(), DistillError> {
        match objective.lacks(&self.codec) {
            None => Ok(()),
            Some((what, expected, found)) => {
                Err(DistillError::Cache { path: self.path.display().to_string(), what, expected, found })
            }
        }
    }

    /// Refuses data of which a sample has no distributions here.
    ///
    /// # Errors
    /// How many are missing.
    pub fn covers<'s>(&self, samples: impl Iterator<Item = &'s Sample>) -> Result<(), DistillError> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut missing, mut all) = (0, 0);
        for sample in samples {
            all += 1;
            let held = cache.covers(&SequenceKey::new(&self.key, &sample.tokens), &sample.positions())?;
            missing += u64::from(!held);
        }
        if missing == 0 {
            return Ok(());
        }
        Err(DistillError::NotCached { path: self.path.display().to_string(), missing, samples: all })
    }

    /// The distributions of all rows of a block.
    fn rows(&self, block: &Block) -> Result<Vec<SparseDistribution>, DistillError> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = Vec::with_capacity(block.rows());
        let damaged = |what: String| {
            let problems = vec![hydrometer_answers::Problem { file: "blocks".to_owned(), what }];
            RunError::StoreDamaged { path: self.path.clone(), problems }
        };
        for sequence in block.sequences.iter().filter(|sequence| !sequence.rows.is_empty()) {
            let positions = sequence.rows[0]..sequence.rows[sequence.rows.len() - 1] + 1;
            let kept = cache.get(&SequenceKey::new(&self.key, &sequence.tokens), &positions)?;
            let path = || self.path.display().to_string();
            let kept = kept.ok_or_else(|| DistillError::NotCached { path: path(), missing: 1, samples: 1 })?;
            for &row in &sequence.rows {
                // `get` has found all positions.
                let record = kept.record((row - kept.first) as usize).unwrap_or_default();
                rows.push(self.codec.decode(record).map_err(|error| damaged(error.to_string()))?);
            }
        }
        Ok(rows)
    }
}
