//! Planted defects: a model whose logits are changed on the way out, by a known dose.
//!
//! `planted:DEFECT[=DOSE](MODEL)`, for example `planted:tail_permuted(teacher.gguf)`. The truth about such a student
//! is exact, so an audit of it against the untouched model shows what the instrument detects and what it does not.

mod defect;
mod surgery;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use hydrometer_answers::ModelIdentity;
use hydrometer_probes::Suite;
use rayon::prelude::*;

use crate::{
    Answers, Block, ChatTemplate, Chooses, Facet, Feed, Grows, Logits, Model, ModelError, Scores, Session, Tokenizer,
};
pub use defect::Defect;
use surgery::Surgeon;

/// Who a model is after a surgery: the hashes stay, the defect is told.
pub(super) fn operated(of: &ModelIdentity, defect: &dyn Display) -> ModelIdentity {
    ModelIdentity {
        name: format!("{} with {defect}", of.name),
        spec: format!("planted:{defect}({})", of.spec),
        surgery: Some(match &of.surgery {
            Some(before) => format!("{before}, then {defect}"),
            None => defect.to_string(),
        }),
        ..of.clone()
    }
}

/// A model with a planted defect.
pub struct Planted {
    inner: Box<dyn Model>,
    defect: Defect,
    identity: ModelIdentity,
}

impl Planted {
    /// Plants `defect` in `inner`. Surgeries add up: the defect works on the logits as `inner` gives them.
    ///
    /// The identity keeps the hashes of `inner` and records the surgery.
    pub fn new(defect: Defect, inner: Box<dyn Model>) -> Planted {
        let identity = operated(inner.identity(), &defect);
        Planted { inner, defect, identity }
    }

    fn operate<'a>(&self, block: &Block, logits: Box<dyn Logits + 'a>) -> Box<dyn Logits + 'a> {
        let surgeon = Surgeon::new(self.defect);
        let vocab = self.identity.logit_width() as usize;
        Box::new(Operated { inner: logits, keys: keys(block), surgeon, vocab })
    }
}

impl Model for Planted {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn scores(&self) -> Option<&dyn Scores> {
        self.inner.scores().map(|_| self as &dyn Scores)
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        self.inner.tokens()
    }

    fn renders(&self) -> Option<&ChatTemplate> {
        self.inner.renders()
    }

    fn grows(&self) -> Option<&dyn Grows> {
        self.inner.grows().map(|_| self as &dyn Grows)
    }

    // Answers and choices pass under the knife too, so there are none where there are no logits to cut.
    fn answers(&self) -> Option<&dyn Answers> {
        match self.defect {
            // Nothing is cut: they are the model's own.
            Defect::Null => self.inner.answers().filter(|_| self.inner.grows().is_some()),
            _ => self.inner.grows().map(|_| self as &dyn Answers),
        }
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        self.inner.scores().map(|_| self as &dyn Chooses)
    }

    fn told(&self, suite: &Suite, trained_to: &BTreeMap<String, f64>) {
        self.inner.told(suite, trained_to);
    }
}

impl Scores for Planted {
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        Ok(self.operate(block, self.inner.scores().ok_or(Facet::Logits)?.score(block)?))
    }

    fn rerun<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        Ok(self.operate(block, self.inner.scores().ok_or(Facet::Logits)?.rerun(block)?))
    }
}

impl Grows for Planted {
    fn session<'a>(&'a self, spare: u64) -> Result<Box<dyn Session + 'a>, ModelError> {
        let inner = self.inner.grows().ok_or(Facet::Sequences)?.session(spare)?;
        let surgeon = Surgeon::new(self.defect);
        Ok(Box::new(OperatedSession { inner, surgeon, contexts: HashMap::new() }))
    }

    fn position_bytes(&self) -> u64 {
        self.inner.grows().map_or(0, |grows| grows.position_bytes())
    }
}

/// One number per row of the block that names its context: the tokens up to and including the row's position.
///
/// Neither the rest of the sequence nor the other sequences enter, so surgery does not depend on batching.
fn keys(block: &Block) -> Vec<u64> {
    let mut keys = Vec::with_capacity(block.rows());
    for sequence in &block.sequences {
        let mut key = 0;
        let mut wanted = sequence.rows.iter().peekable();
        for (position, token) in sequence.tokens.iter().enumerate() {
            key = follow(key, *token);
            while wanted.next_if(|row| **row as usize == position).is_some() {
                keys.push(key);
            }
        }
    }
    keys
}

/// The key of a context with one more token.
fn follow(key: u64, token: u32) -> u64 {
    mix(key ^ u64::from(token))
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that scatters close inputs.
fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Logits that pass under the knife when they are read.
struct Operated<'a> {
    inner: Box<dyn Logits + 'a>,
    keys: Vec<u64>,
    surgeon: Surgeon,
    vocab: usize,
}

impl Logits for Operated<'_> {
    fn read(&mut self, rows: std::ops::Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        self.inner.read(rows.clone(), out)?;
        let known = self.keys.len();
        let keys = self
            .keys
            .get(rows.clone())
            .ok_or_else(|| ModelError::Request { reason: format!("rows {rows:?} of a block of {known}") })?;
        let surgeon = &self.surgeon;
        out.par_chunks_mut(self.vocab).zip(keys).for_each(|(row, key)| surgeon.operate(row, *key));
        Ok(())
    }
}

/// Growing sequences whose logits pass under the knife.
struct OperatedSession<'a> {
    inner: Box<dyn Session + 'a>,
    surgeon: Surgeon,
    /// The key of what each sequence holds.
    contexts: HashMap<usize, u64>,
}

impl Session for OperatedSession<'_> {
    fn open(&mut self) -> usize {
        let sequence = self.inner.open();
        self.contexts.insert(sequence, 0);
        sequence
    }

    fn fork(&mut self, sequence: usize) -> Result<usize, ModelError> {
        let forked = self.inner.fork(sequence)?;
        self.contexts.insert(forked, self.contexts.get(&sequence).copied().unwrap_or_default());
        Ok(forked)
    }

    fn close(&mut self, sequence: usize) {
        self.contexts.remove(&sequence);
        self.inner.close(sequence);
    }

    fn advance(&mut self, feeds: &[Feed<'_>], logits: &mut [f32]) -> Result<(), ModelError> {
        self.inner.advance(feeds, logits)?;
        let mut keys = Vec::with_capacity(feeds.len());
        for feed in feeds {
            let key = self.contexts.entry(feed.sequence).or_default();
            *key = feed.tokens.iter().fold(*key, |key, token| follow(key, *token));
            keys.push(*key);
        }
        let width = logits.len() / feeds.len().max(1);
        let surgeon = &self.surgeon;
        logits.par_chunks_mut(width.max(1)).zip(keys).for_each(|(row, key)| surgeon.operate(row, key));
        Ok(())
    }
}
