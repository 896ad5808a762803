//! Answers that are kept, in the place of a model: nothing is computed and nobody is asked. A question that was not answered
//! then has no answer now.
//!
//! `place` finds out what stands at a place and whose answers it holds; this file gives them back.

mod episodes;
mod place;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use hydrometer_answers::store::{AnswerKey, Store};
use hydrometer_answers::{FinishReason, ModelIdentity, SampleSource, SamplingParameters};

use hydrometer_probes::world::{Ending, Transcript};

use crate::{
    Answer, Answers, Conversation, Message, Model, ModelError, Prompt, SampleLimits, SampleRequest, SampleStep,
    ToolProtocol, Turn,
};

/// What stands in front of a place.
pub(crate) const PREFIX: &str = "answers:";

/// A model that is known by its kept answers.
pub(crate) struct Replay {
    /// As it was named, with the prefix.
    place: String,
    identity: ModelIdentity,
    /// Of the model that answered.
    model_key: String,
    kept: Kept,
}

/// One answer.
#[derive(Clone, Debug)]
struct Said {
    text: String,
    finish: FinishReason,
}

/// Where the answers are.
enum Kept {
    /// In an answer store, which is read as they are wanted.
    Store(Mutex<Store>),
    /// In a run, under the keys that a store would have them under, and how the model called tools.
    Run(HashMap<AnswerKey, Said>, ToolProtocol),
    /// In logs that do not say how they were drawn: by prompt, in the order of the log.
    Log(HashMap<String, Vec<Said>>),
}

impl Replay {
    /// Opens what `place` names: an answer store, a finished run, or logs of another tool; behind a `#`, whose answers.
    ///
    /// # Errors
    /// Nothing of the kind is there, it is damaged, or it holds the answers of several models and none is named.
    pub(crate) fn open(place: &str) -> Result<Replay, ModelError> {
        place::open(place)
    }

    /// Numbers under which a sample may be kept: its own, or that of a model that had another role then. The teacher's second run
    /// is only ever its second run; a student may have drawn with its numbers ([`SampleSettings::draws_like`]).
    ///
    /// [`SampleSettings::draws_like`]: hydrometer_answers::SampleSettings::draws_like
    fn numbers(sample: u32) -> Vec<u32> {
        let mut numbers = vec![sample];
        if let Some((source, number)) = SampleSource::of_sample(sample)
            && source != SampleSource::Rerun
        {
            let others = SampleSource::ALL.into_iter().filter(|other| ![source, SampleSource::Rerun].contains(other));
            numbers.extend(others.map(|other| other.first_sample() + number));
            numbers.extend((source == SampleSource::Student).then(|| SampleSource::Rerun.first_sample() + number));
        }
        numbers
    }

    /// Keys that an answer may stand under.
    fn keys(&self, request: &SampleRequest, parameters: &SamplingParameters, sample: u32) -> Vec<AnswerKey> {
        let parameters = SamplingParameters { stop: Vec::new(), ..parameters.clone() };
        let parameters = parameters.of_question(request.decoding, request.max_tokens, &request.stop);
        let hash = request.prompt.hash();
        let key = |number| AnswerKey::new(&self.model_key, &hash, &parameters, number);
        Replay::numbers(sample).into_iter().map(key).collect()
    }

    /// The answer, where it is kept.
    fn find(
        &self,
        request: &SampleRequest,
        parameters: &SamplingParameters,
        sample: u32,
    ) -> Result<Option<Said>, ModelError> {
        match &self.kept {
            Kept::Store(store) => {
                let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
                let keys = self.keys(request, parameters, sample);
                let Some(key) = keys.iter().find(|key| store.contains(key)) else { return Ok(None) };
                let answer = store.get(key).map_err(|error| self.unreadable(&error))?;
                Ok(answer.map(|answer| Said { text: answer.text, finish: answer.finish }))
            }
            Kept::Run(answers, _) => {
                Ok(self.keys(request, parameters, sample).iter().find_map(|key| answers.get(key)).cloned())
            }
            Kept::Log(answers) => {
                let place = match SampleSource::of_sample(sample) {
                    None | Some((SampleSource::Rerun, _)) => None,
                    Some((_, number)) => Some(number as usize),
                };
                let of_prompt = answers.get(&request.prompt.hash());
                Ok(of_prompt.zip(place).and_then(|(answers, place)| answers.get(place)).cloned())
            }
        }
    }

    fn unreadable(&self, error: &dyn std::fmt::Display) -> ModelError {
        ModelError::Kept { place: self.place.clone(), reason: error.to_string() }
    }

    /// Whether anything is kept of a prompt; `None` where that cannot be told.
    fn knows(&self, prompt: &Prompt) -> Option<bool> {
        match &self.kept {
            Kept::Log(answers) => Some(answers.contains_key(&prompt.hash())),
            Kept::Store(_) | Kept::Run(..) => None,
        }
    }

    /// A sample of a question, in words.
    fn in_words(&self, request: &SampleRequest, parameters: &SamplingParameters, sample: u32) -> String {
        const LONGEST: usize = 60;
        let question = match &request.prompt {
            Prompt::Messages(messages) => messages.last().map_or("", |message| message.content.as_str()),
            Prompt::WithTools(conversation) => {
                let said = conversation.turns.iter().rev().find_map(|turn| match turn {
                    Turn::User(text) => Some(text.as_str()),
                    _ => None,
                });
                said.unwrap_or_default()
            }
            Prompt::Tokens(_) => "",
        };
        let mut shown: String = question.chars().take(LONGEST).flat_map(char::escape_debug).collect();
        if question.chars().nth(LONGEST).is_some() {
            shown.push('…');
        }
        let (source, number) = SampleSource::of_sample(sample).unwrap_or((SampleSource::Teacher, sample));
        let whose = if source == SampleSource::Rerun { "answer of the rerun" } else { "answer" };
        let drawn = match (&self.kept, self.knows(&request.prompt)) {
            (Kept::Log(_), Some(true)) => ", of which the log has fewer".to_owned(),
            (Kept::Log(_), _) => String::new(),
            _ => {
                let own = parameters.of_question(request.decoding, request.max_tokens, &[]);
                let SamplingParameters { temperature, top_p, max_tokens, seed, .. } = own;
                format!(" at temperature {temperature}, top_p {top_p}, at most {max_tokens} tokens, seed {seed}")
            }
        };
        format!("{whose} {} to `{shown}`{drawn}", u64::from(number) + 1)
    }
}

/// What names a point of an episode here, however its model was told of it. Transcripts keep the members of objects in the order of the
/// alphabet, and so they stand in the name.
fn as_kept(conversation: &Conversation<'_>) -> Prompt {
    let so_far = Transcript { events: conversation.events.to_vec(), ending: Ending::Done };
    let kept = Transcript::from_json(&so_far.to_json()).unwrap_or(so_far);
    Prompt::WithTools(Conversation { events: &kept.events, ..*conversation }.with_tools())
}

impl Model for Replay {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }
}

impl Answers for Replay {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        Ok(Prompt::Messages(messages.to_vec()))
    }

    fn tool_protocol(&self) -> Result<ToolProtocol, ModelError> {
        Ok(match self.kept {
            Kept::Run(_, way) => way,
            Kept::Store(_) | Kept::Log(_) => ToolProtocol::Json,
        })
    }

    fn converse(&self, conversation: &Conversation<'_>) -> Result<Prompt, ModelError> {
        match self.kept {
            Kept::Run(..) => Ok(as_kept(conversation)),
            Kept::Store(_) | Kept::Log(_) => self.prompt(&conversation.plain()),
        }
    }

    fn check(&self, requests: &[SampleRequest], parameters: &SamplingParameters) -> Result<(), ModelError> {
        let (mut wanted, mut missing, mut first) = (0, 0, None);
        for request in requests {
            for &sample in &request.samples {
                wanted += 1;
                if self.find(request, parameters, sample)?.is_none() {
                    missing += 1;
                    first.get_or_insert_with(|| self.in_words(request, parameters, sample));
                }
            }
        }
        first.map_or(Ok(()), |first| Err(ModelError::NotKept { place: self.place.clone(), missing, wanted, first }))
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        _: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        for (place, request) in requests.iter().enumerate() {
            for &sample in &request.samples {
                let Some(Said { text, finish }) = self.find(request, parameters, sample)? else { continue };
                let answer = Answer { request: place, sample, text, tokens: Vec::new(), finish };
                if watch(SampleStep::Answer(answer)).is_break() {
                    return Ok(());
                }
            }
        }
        // What is there was handed out; the rest is counted.
        self.check(requests, parameters)
    }
}
