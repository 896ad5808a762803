//! Full distributions of an endpoint: asked behind token ids for the log-probability of every token, it shows its logits.

use std::ops::Range;

use super::positions::FIRST_TEXT;
use super::remote::Remote;
use crate::{Block, Logits, Model, ModelError, Scores, ShownPosition, Shows, Tokenizer};

/// Mass that a list of every token may lack for being rounded.
const ROUNDED: f64 = 1e-3;

/// How texts are read, and how wide rows of logits are.
pub(super) struct Full {
    pub tokenizer: Tokenizer,
    pub width: u32,
}

impl Remote {
    /// The same, showing its logits of texts that this tokenizer reads.
    ///
    /// # Errors
    /// It does not list every token.
    pub(super) fn in_full(mut self, tokenizer: Tokenizer) -> Result<Remote, ModelError> {
        // A run that goes on knows it.
        let width = match self.identity.vocab_size {
            Some(width) => width,
            None => self.widest(tokenizer.len() as u32)?,
        };
        self.identity.vocab_size = Some(width);
        self.full = Some(Full { tokenizer, width });
        Ok(self)
    }

    /// The width of a row in which each listed token and the tokenizer's have a place.
    fn widest(&self, named: u32) -> Result<u32, ModelError> {
        let context = Shows::ids(self, FIRST_TEXT)?;
        let listed = self.listed_in_full(&[&context], named)?;
        let beyond = listed.iter().flat_map(|shown| &shown.listed).map(|(token, _)| token.saturating_add(1)).max();
        Ok(named.max(beyond.unwrap_or(0)))
    }

    /// Every token behind each of these contexts.
    fn listed_in_full(&self, contexts: &[&[u32]], width: u32) -> Result<Vec<ShownPosition>, ModelError> {
        let unknown = |reason| self.not_found_out().unwrap_or_else(|| self.refused(reason));
        let all = self.positions().map_err(unknown)?.in_full(&self.line, contexts, width)?;
        for ShownPosition { listed, .. } in &all {
            let mass: f64 = listed.iter().map(|(_, logprob)| f64::from(*logprob).exp()).sum();
            if mass < 1.0 - ROUNDED {
                return Err(self.refused(format!(
                    "expected the log-probability of every token, found {} tokens that have {mass:.4} of the probability",
                    listed.len()
                )));
            }
        }
        Ok(all)
    }
}

impl Scores for Remote {
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        let contexts = block
            .sequences
            .iter()
            .flat_map(|sequence| sequence.rows.iter().map(|&row| sequence.tokens[..=row as usize].to_vec()));
        Ok(Box::new(Rows { remote: self, contexts: contexts.collect() }))
    }
}

/// The rows of a block, asked for when they are read.
struct Rows<'a> {
    remote: &'a Remote,
    /// What stands before each.
    contexts: Vec<Vec<u32>>,
}

impl Logits for Rows<'_> {
    fn read(&mut self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        let width = self.remote.full.as_ref().map_or(0, |full| full.width);
        let contexts: Vec<&[u32]> = self.contexts[rows].iter().map(Vec::as_slice).collect();
        let all = self.remote.listed_in_full(&contexts, width)?;
        // A token that is not listed has a probability of 0 in 32 bits.
        out.fill(f32::NEG_INFINITY);
        for (row, ShownPosition { listed, .. }) in out.chunks_exact_mut(width as usize).zip(all) {
            for (token, logprob) in listed {
                *row.get_mut(token as usize).ok_or_else(|| {
                    self.remote.refused(format!("expected tokens below {width}, found token {token}"))
                })? = logprob;
            }
        }
        Ok(())
    }
}
