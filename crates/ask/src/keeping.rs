//! Keeps answers as they come: in the store a few at a time, or one by one where they were paid for.

use std::ops::ControlFlow;

use hydrometer_answers::RunError;
use hydrometer_answers::store::{Store, StoredAnswer};
use hydrometer_models::{Answer, ModelError};

use crate::answering::{Asked, Asker};
use crate::observer::Keep;
use crate::{AskError, Observer};

/// Tokens of the complete answers that are written to the store together: what a process that is killed loses beside the
/// answers under way, and enough that writing costs little beside drawing them, however small the model. Answers that were
/// paid for are kept one by one.
const FLUSH: usize = 1024;

/// The answers of one model under way to the store.
pub(crate) struct Keeping<'k> {
    asker: &'k Asker<'k>,
    model_key: String,
    pub store: &'k mut Store,
    pub observer: &'k mut dyn Observer,
    one_by_one: bool,
    ready: Vec<StoredAnswer>,
    /// Of those.
    ready_tokens: usize,
    /// Of all that came.
    tokens: u64,
    written: Result<(), RunError>,
    stopped: bool,
}

impl<'k> Keeping<'k> {
    pub(crate) fn new(
        asker: &'k Asker<'k>,
        store: &'k mut Store,
        observer: &'k mut dyn Observer,
    ) -> Result<Keeping<'k>, AskError> {
        Ok(Keeping {
            asker,
            model_key: asker.model.identity().key(),
            store,
            observer,
            one_by_one: asker.answers()?.is_paid_for(),
            ready: Vec::new(),
            ready_tokens: 0,
            tokens: 0,
            written: Ok(()),
            stopped: false,
        })
    }

    /// Takes an answer.
    pub(crate) fn came(&mut self, asked: &Asked, answer: Answer) {
        let drawn = answer.tokens.len();
        self.tokens += drawn as u64;
        let answer = asked.stored(&self.model_key, self.asker.model.identity(), answer);
        if self.one_by_one && self.written.is_ok() {
            self.written = self.store.keep(answer);
        } else {
            self.ready_tokens += drawn;
            self.ready.push(answer);
        }
    }

    /// Writes what is ready where that is enough; goes on unless writing fails or somebody wants to stop.
    pub(crate) fn goes_on(&mut self) -> ControlFlow<()> {
        if self.written.is_ok() && self.ready_tokens >= FLUSH {
            self.ready_tokens = 0;
            self.written = self.store.put(&std::mem::take(&mut self.ready)).map(|_| ());
        }
        self.keep_costs(Keep::IfMuch);
        self.stopped = self.observer.interrupted();
        if self.stopped || self.written.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn keep_costs(&mut self, keep: Keep) {
        if let (Ok(()), Some(costs)) = (&self.written, self.asker.costs) {
            self.written = costs.keep(keep, self.observer);
        }
    }

    /// Keeps what is complete, whatever ended the sampling; goes on with the tokens of all answers.
    ///
    /// # Errors
    /// What ended it, or the store cannot be written.
    pub(crate) fn end(mut self, sampled: Result<(), ModelError>) -> Result<ControlFlow<(), u64>, AskError> {
        if self.written.is_ok() {
            self.written = self.store.put(&self.ready).map(|_| ());
        }
        if sampled.is_err() || self.stopped {
            self.keep_costs(Keep::Always);
        }
        sampled.map_err(self.asker.role.failed())?;
        self.written?;
        Ok(if self.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(self.tokens) })
    }
}
