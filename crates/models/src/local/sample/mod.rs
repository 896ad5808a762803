//! Sampled answers: many sequences of one model at once.
//!
//! Finished sequences free their place for the next at once (continuous batching); the samples of one prompt share what
//! the prompt costs, and prompts with a common beginning share that. An answer is a function of model, prompt, parameters, the request's key and the sample's number:
//! every token has a random number of its own, so batching, order, threads and interruptions change nothing.

mod conversations;
mod draw;
mod prompt;
mod sampler;

use std::ops::ControlFlow;

use hydrometer_answers::{FinishReason, SamplingParameters};
use hydrometer_probes::Decoding;

use crate::{
    Answers, ChatTemplate, Conversation, Conversations, Facet, GenerationPrompt, Grows, Message, Model, ModelError,
    Tokenizer, ToolProtocol,
};
pub use draw::Draw;
pub use prompt::Prompt;
use sampler::{prompt_tokens, run};

/// A prompt and the samples wanted of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SampleRequest {
    /// Names the prompt in the seeds of its draws: requests with equal keys get equal random numbers.
    pub key: String,
    /// The prompt as the model made it of a conversation ([`Answers::prompt`]).
    pub prompt: Prompt,
    /// Numbers of the samples wanted.
    pub samples: Vec<u32>,
    /// Longest answer in tokens, where it differs from the parameters' own.
    pub max_tokens: Option<u32>,
    /// Texts that end an answer, besides those of the parameters.
    pub stop: Vec<String>,
    /// [`Decoding::Greedy`] takes the most probable token always, whatever the parameters say.
    pub decoding: Decoding,
}

/// How much is sampled at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleLimits {
    /// Sequences at once. At least 1.
    pub width: usize,
    /// Memory beside the weights, in bytes: for what the sequences hold, and for unpacked weights where some is left.
    /// One sequence is always allowed.
    pub memory: u64,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Index of its request.
    pub request: usize,
    /// Number of the sample.
    pub sample: u32,
    /// The text; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// The tokens drawn, the one that ended the answer included; none where the model shows none.
    pub tokens: Vec<Draw>,
    /// Why it ended.
    pub finish: FinishReason,
}

/// What happens while answers are sampled.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleStep {
    /// So many tokens were read and so many drawn.
    Progress {
        /// Tokens of prompts.
        read: u64,
        /// Tokens of answers.
        drawn: u64,
    },
    /// An answer is complete.
    Answer(Answer),
}

/// Whoever grows sequences of tokens answers by drawing them.
impl<T: Model + Grows> Answers for T {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        let tokenizer = self.tokens().ok_or(Facet::Tokens)?;
        let tokens = match self.renders() {
            Some(template) => template.encode(tokenizer, messages, GenerationPrompt::Add)?,
            // A model without a template continues a text.
            None => {
                let texts: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
                tokenizer.begin(tokenizer.encode(&texts.join("\n\n"))?)
            }
        };
        something(tokenizer, tokens, self.renders())
    }

    fn draws_by_number(&self) -> bool {
        true
    }

    fn tool_protocol(&self) -> Result<ToolProtocol, ModelError> {
        Ok(self.renders().map_or(ToolProtocol::Json, ChatTemplate::tool_protocol))
    }

    fn converse(&self, conversation: &Conversation<'_>) -> Result<Prompt, ModelError> {
        let tokenizer = self.tokens().ok_or(Facet::Tokens)?;
        match self.renders() {
            Some(template) => match conversation.encode(tokenizer, template)? {
                Prompt::Tokens(tokens) => something(tokenizer, tokens, Some(template)),
                messages => Ok(messages),
            },
            None => self.prompt(&conversation.plain()),
        }
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        limits: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        sample(self, requests, parameters, limits, watch)
    }

    fn conversations<'a>(&'a self, limits: &SampleLimits) -> Result<Option<Box<dyn Conversations + 'a>>, ModelError> {
        Ok(Some(Box::new(conversations::Growing::of(self, limits)?)))
    }
}

/// A prompt of which more is left than what begins every text: to nothing no model answers.
fn something(tokenizer: &Tokenizer, tokens: Vec<u32>, template: Option<&ChatTemplate>) -> Result<Prompt, ModelError> {
    match template {
        _ if tokens.iter().any(|token| tokenizer.bos() != Some(*token)) => Ok(Prompt::Tokens(tokens)),
        Some(_) => Err(ModelError::template("it makes an empty text of the question")),
        None => Err(ModelError::tokenizer("no token is left of the question")),
    }
}

/// Samples every request; answers come as they are complete, in no particular order. `Break` ends early. Whatever ends
/// it, every answer that is complete has been handed out.
///
/// # Errors
/// A model without tokens or without sequences that grow; an empty prompt, a prompt and answer longer than the context, parameters without meaning, or the model fails.
pub fn sample(
    model: &dyn Model,
    requests: &[SampleRequest],
    parameters: &SamplingParameters,
    limits: &SampleLimits,
    watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let grows = model.grows().ok_or(Facet::Sequences)?;
    let longest = requests.iter().map(|request| {
        let prompt = prompt_tokens(request).map_or(0, <[u32]>::len);
        prompt + request.max_tokens.unwrap_or(parameters.max_tokens) as usize
    });
    let samples: usize = requests.iter().map(|request| request.samples.len()).sum();
    let sequences = (limits.width.min(samples) * longest.max().unwrap_or(0)) as u64;
    let spare = limits.memory.saturating_sub(grows.position_bytes().saturating_mul(sequences));
    let session = &mut *grows.session(spare)?;
    run(model, session, requests.to_vec(), parameters, limits, &mut |step| watch(step).map_continue(|()| Vec::new()))
}
