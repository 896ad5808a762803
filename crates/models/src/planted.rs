//! Planted defects: a model whose logits are changed on the way out, by a known dose.
//!
//! `planted:DEFECT[=DOSE](MODEL)`, for example `planted:tail_permuted(teacher.gguf)`. The truth about such a student
//! is exact, so an audit of it against the untouched model shows what the instrument detects and what it does not.

mod defect;
mod surgery;

use hydrometer_answers::ModelIdentity;
use rayon::prelude::*;

use crate::{Block, Capabilities, ChatTemplate, Logits, Model, ModelError, Tokenizer};
pub use defect::Defect;
use surgery::Surgeon;

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
        let mut identity = inner.identity().clone();
        identity.name = format!("{} with {defect}", identity.name);
        identity.spec = format!("planted:{defect}({})", identity.spec);
        identity.surgery = Some(match identity.surgery {
            Some(before) => format!("{before}, then {defect}"),
            None => defect.to_string(),
        });
        Planted { inner, defect, identity }
    }

    fn operate<'a>(&self, block: &Block, logits: Box<dyn Logits + 'a>) -> Box<dyn Logits + 'a> {
        let surgeon = Surgeon::new(self.defect);
        let vocab = self.identity.vocab_size as usize;
        Box::new(Operated { inner: logits, keys: keys(block), surgeon, vocab })
    }
}

impl Model for Planted {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn tokenizer(&self) -> &Tokenizer {
        self.inner.tokenizer()
    }

    fn template(&self) -> Option<&ChatTemplate> {
        self.inner.template()
    }

    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        Ok(self.operate(block, self.inner.score(block)?))
    }

    fn rerun<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        Ok(self.operate(block, self.inner.rerun(block)?))
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
            key = mix(key ^ u64::from(*token));
            while wanted.next_if(|row| **row as usize == position).is_some() {
                keys.push(key);
            }
        }
    }
    keys
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
