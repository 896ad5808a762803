//! Questions that are answered together, later and for less: what a model offers that has batches.

use std::ops::ControlFlow;

use hydrometer_answers::SamplingParameters;
use hydrometer_answers::store::BatchRecords;

use crate::{FirstTokens, ModelError, Prompt, SampleRequest, SampleStep};

/// How a batch stands, as its provider says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchState {
    /// The provider's name for it.
    pub id: String,
    /// In the provider's words.
    pub said: String,
    /// Questions that are answered.
    pub answered: u64,
    /// Questions without an answer that will get none.
    pub failed: u64,
    /// All of them; 0 where the provider does not say yet.
    pub questions: u64,
}

/// What happens while batches are waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchStep<T> {
    /// As when it comes one by one.
    Came(T),
    /// A batch was looked at.
    Looked(BatchState),
    /// Something that somebody should know.
    Says(String),
}

/// The first tokens of the answer to the prompt at this place; nothing from time to time.
pub type ListCame = Option<(usize, FirstTokens)>;

/// A model whose provider takes questions together.
pub trait AnswersTogether: Send + Sync {
    /// What so many tokens of prompts and answers cost in batches, where the price is known.
    fn cost(&self, read: u64, drawn: u64) -> Option<f64>;

    /// Answers every request in batches; those that are under way (`records`) are waited for first. Answers come when a batch has
    /// ended, in no particular order. `Break` ends early; batches under way stay so, and the next call waits for them.
    ///
    /// # Errors
    /// A prompt that is not of this model's making, parameters without meaning, the provider refuses, or a record cannot be kept.
    fn answer_together(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        records: &BatchRecords,
        watch: &mut dyn FnMut(BatchStep<SampleStep>) -> ControlFlow<()>,
    ) -> Result<(), ModelError>;

    /// The same for the most probable first tokens of the answer to each prompt: as [`Letters::first_tokens`](crate::Letters::first_tokens).
    ///
    /// # Errors
    /// As [`AnswersTogether::answer_together`].
    fn first_tokens_together(
        &self,
        prompts: &[&Prompt],
        records: &BatchRecords,
        watch: &mut dyn FnMut(BatchStep<ListCame>) -> ControlFlow<()>,
    ) -> Result<(), ModelError>;
}
