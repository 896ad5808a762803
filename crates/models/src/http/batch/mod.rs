//! Batches: many questions that a provider is given together, and answers within a day for less. One file for each provider's way;
//! `questions` is what is asked so, `together` what becomes of the questions of a model.
//!
//! What a batch is, is on disk before it is created (`BatchRecords` of the answer store), and its answers are handed over before that
//! goes: whenever a process ends, the next one goes on with the same batch.

mod anthropic;
mod openai;
mod questions;
mod together;

use hydrometer_answers::store::BatchRecord;
use serde_json::Value;

use super::address::Address;
use super::asking::{Call, Failed, Line, Once};
use super::gate::Gate;

/// How often it is tried to create a batch, and to read its results as a whole.
const ATTEMPTS: u32 = 4;

/// What a provider takes at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub questions: usize,
    pub bytes: usize,
}

/// A provider's way with batches: puts questions into JSON and reads what comes back.
pub(super) trait Provider: Sync {
    /// What one batch holds at most.
    fn limits(&self) -> Limits;

    /// Where batches are created and listed; one of them is below, under its id.
    fn url(&self, address: &Address) -> String;

    /// A question with its name in the batch.
    fn question(&self, name: &str, body: &Value) -> Value;

    /// What creates a batch of these questions. Whatever has to be sent before is sent; it costs nothing.
    fn creation(&self, line: &Line, gate: &Gate, questions: &[Value], mark: &str) -> Result<Value, Failed>;

    /// How a batch stands.
    ///
    /// # Errors
    /// It is none: what was expected, and what was found.
    fn state(&self, batch: &Value) -> Result<State, String>;

    /// Whether a listed batch is the one of this mark, begun then with so many questions.
    fn is_ours(&self, listed: &Value, mark: &str, of: (f64, usize)) -> bool;

    /// Whether [`Provider::is_ours`] is never wrong.
    fn is_sure(&self) -> bool;

    /// Where the results of a batch are that has ended.
    fn results(&self, address: &Address, state: &State) -> Vec<String>;

    /// What a line of the results says: the name of the question and what became of it; `None` where it says neither.
    fn outcome(&self, line: &Value) -> Option<(String, Outcome)>;
}

/// The way of a scheme; `None` where it has none.
pub(super) fn provider(scheme: &str) -> Option<&'static dyn Provider> {
    match scheme {
        "openai" => Some(&openai::OpenAi),
        "anthropic" => Some(&anthropic::Anthropic),
        _ => None,
    }
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// There will be results.
    #[default]
    Waits,
    /// Whatever there will be is there.
    Ended,
    /// The same, because somebody cancelled it.
    Cancelled,
    /// Nothing of it was asked.
    Refused,
    /// Nothing is there any more.
    Lost,
}

/// What a provider says of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub id: String,
    pub phase: Phase,
    /// In the provider's words.
    pub said: String,
    pub answered: u64,
    pub failed: u64,
    pub questions: u64,
    /// Why it was refused.
    pub reason: String,
    /// Files with its results.
    pub files: Vec<String>,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It was answered or refused, as it would have been by itself.
    Came { status: u16, body: Value },
    /// It was not asked, in the provider's words.
    NotAsked(String),
}

/// The lines of the results of a batch.
pub(super) struct Results {
    pub outcomes: Vec<(String, Outcome)>,
    /// Lines that are none.
    pub torn: usize,
}

/// A connection and the way of its provider.
pub(super) struct Batches<'l> {
    pub line: &'l Line,
    pub provider: &'static dyn Provider,
    pub gate: Gate,
}

impl Batches<'_> {
    /// Creates the batch of a record; `None` where the server did not say so, and has one in its list that may be it. `others` are known
    /// not to be.
    ///
    /// # Errors
    /// The server refuses, or does not answer. It may have created it all the same: that is looked for before it is tried again.
    pub(super) fn create(
        &self,
        record: &BatchRecord,
        questions: &[Value],
        others: &[String],
    ) -> Result<Option<State>, Failed> {
        let body = self.provider.creation(self.line, &self.gate, questions, &record.mark)?;
        let url = self.provider.url(&self.line.address);
        let call = Call { url: &url, body: Some(&body) };
        let mut attempts = 0;
        loop {
            attempts += 1;
            let reason = match self.line.once(&call, &|answer| self.provider.state(answer))? {
                Once::Answer(state) => return Ok(Some(state)),
                Once::Again(reason) => reason,
            };
            self.line.pause(attempts, &self.gate);
            if self.find(record, others)?.is_some() {
                return Ok(None);
            }
            if attempts == ATTEMPTS {
                return Err(Failed::NoAnswer { reason, attempts });
            }
        }
    }

    /// The batch of a record whose id is not known, where the provider has it. `others` are known not to be it.
    pub(super) fn find(&self, record: &BatchRecord, others: &[String]) -> Result<Option<State>, Failed> {
        let url = format!("{}?limit=100", self.provider.url(&self.line.address));
        let of = (record.begun, record.questions.len());
        self.line.unpaid(&Call { url: &url, body: None }, &self.gate, &|answer| {
            let listed = answer["data"].as_array().ok_or("expected a list of batches in `data`")?;
            let ours = listed.iter().filter(|batch| self.provider.is_ours(batch, &record.mark, of));
            let states = ours.map(|batch| self.provider.state(batch)).collect::<Result<Vec<_>, String>>()?;
            Ok(states.into_iter().find(|state| !others.contains(&state.id)))
        })
    }

    /// How a batch stands; `None` where the provider does not know it.
    pub(super) fn look(&self, id: &str) -> Result<Option<State>, Failed> {
        let url = format!("{}/{id}", self.provider.url(&self.line.address));
        let call = Call { url: &url, body: None };
        match self.line.unpaid(&call, &self.gate, &|answer| self.provider.state(answer)) {
            Ok(state) => Ok(Some(state)),
            Err(Failed::Refused { status: Some(404), .. }) => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// What became of the questions of a batch that has ended.
    pub(super) fn results(&self, state: &State) -> Result<Results, Failed> {
        let mut results = Results { outcomes: Vec::new(), torn: 0 };
        for url in self.provider.results(&self.line.address, state) {
            for line in self.line.lines(&url, &self.gate)? {
                match line.and_then(|line| self.provider.outcome(&line)) {
                    Some(outcome) => results.outcomes.push(outcome),
                    None => results.torn += 1,
                }
            }
        }
        Ok(results)
    }
}

/// A text that is not empty.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
