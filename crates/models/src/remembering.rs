//! A model that remembers what it scored: audits of several students ask their teacher the same blocks.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hydrometer_answers::ModelIdentity;
use hydrometer_probes::Suite;

use crate::{Answers, Block, ChatTemplate, Chooses, Facet, Grows, Logits, Model, ModelError, Scores, Tokenizer};

/// A model whose logits of every block are kept in memory, 4 bytes each, for the life of all its clones or until they are
/// forgotten, as far as there is room.
///
/// Its answers are those of the model, to the bit; growing sequences are not remembered.
#[derive(Clone)]
pub struct Remembering(Arc<Inner>);

struct Inner {
    model: Box<dyn Model>,
    /// Most bytes of logits.
    room: usize,
    scored: Mutex<Vec<Scored>>,
}

/// A block and all its rows.
struct Scored {
    pass: Pass,
    block: Block,
    logits: Arc<Vec<f32>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Score,
    Rerun,
}

impl Remembering {
    /// A model that begins to remember, everything: for small models.
    pub fn new(model: Box<dyn Model>) -> Remembering {
        Remembering::up_to(usize::MAX, model)
    }

    /// A model that remembers at most so many bytes of logits; what does not fit is computed again.
    pub fn up_to(room: usize, model: Box<dyn Model>) -> Remembering {
        Remembering(Arc::new(Inner { model, room, scored: Mutex::default() }))
    }

    /// Forgets all logits.
    pub fn forget(&self) {
        self.scored().clear();
    }

    fn scored(&self) -> MutexGuard<'_, Vec<Scored>> {
        self.0.scored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, pass: Pass, block: &Block) -> Result<Box<dyn Logits>, ModelError> {
        let Inner { model, room, .. } = &*self.0;
        let vocab = model.identity().logit_width() as usize;
        let known =
            self.scored().iter().find(|known| known.pass == pass && known.block == *block).map(|k| k.logits.clone());
        if let Some(logits) = known {
            return Ok(Box::new(Remembered { logits, vocab }));
        }
        let mut rows = vec![0.0; block.rows() * vocab];
        let scores = model.scores().ok_or(Facet::Logits)?;
        match pass {
            Pass::Score => scores.score(block)?,
            Pass::Rerun => scores.rerun(block)?,
        }
        .read(0..block.rows(), &mut rows)?;
        let logits = Arc::new(rows);
        let mut scored = self.scored();
        let held: usize = scored.iter().map(|known| size_of_val(known.logits.as_slice())).sum();
        if held.saturating_add(size_of_val(logits.as_slice())) <= *room {
            scored.push(Scored { pass, block: block.clone(), logits: logits.clone() });
        }
        Ok(Box::new(Remembered { logits, vocab }))
    }
}

impl Model for Remembering {
    fn identity(&self) -> &ModelIdentity {
        self.0.model.identity()
    }

    fn scores(&self) -> Option<&dyn Scores> {
        self.0.model.scores().map(|_| self as &dyn Scores)
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        self.0.model.tokens()
    }

    fn renders(&self) -> Option<&ChatTemplate> {
        self.0.model.renders()
    }

    fn grows(&self) -> Option<&dyn Grows> {
        self.0.model.grows()
    }

    fn answers(&self) -> Option<&dyn Answers> {
        self.0.model.answers()
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        self.scores().map(|_| self as &dyn Chooses)
    }

    fn told(&self, suite: &Suite, trained_to: &BTreeMap<String, f64>) {
        self.0.model.told(suite, trained_to);
    }
}

impl Scores for Remembering {
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        self.recall(Pass::Score, block)
    }

    fn rerun<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        self.recall(Pass::Rerun, block)
    }
}

struct Remembered {
    logits: Arc<Vec<f32>>,
    vocab: usize,
}

impl Logits for Remembered {
    fn read(&mut self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        let known = self.logits.len() / self.vocab.max(1);
        let found = self.logits.get(rows.start * self.vocab..rows.end * self.vocab);
        let Some(found) = found.filter(|found| found.len() == out.len()) else {
            return Err(ModelError::Request { reason: format!("rows {rows:?} of a block of {known}") });
        };
        out.copy_from_slice(found);
        Ok(())
    }
}
