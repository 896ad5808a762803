//! Defects planted in how a model acts: `planted:no_recovery(MODEL)`, `planted:short_horizon=TURNS(MODEL)`,
//! `planted:tools_garbled=RATE(MODEL)`, and in how far it reaches: `planted:narrowed=RADIUS(MODEL)`. They work on
//! conversations and answers, not on logits: on texts, choices and prompts without tool calls or a knob the model is itself.

use std::fmt;
use std::ops::ControlFlow;

use hydrometer_answers::{FinishReason, ModelIdentity, SamplingParameters};
use hydrometer_probes::world::Event;
use hydrometer_probes::{Probe, builtin};

use super::planted::operated;
use crate::{
    Answer, Answers, ChatTemplate, Chooses, Conversation, Facet, Grows, Message, Model, ModelError, Prompt,
    SampleLimits, SampleRequest, SampleStep, Scores, Tokenizer, ToolProtocol,
};

/// The role of the message by which a conversation is known that the wrapper answers itself.
const PLANTED: &str = "planted";
/// What a model says that does not recover.
const GIVES_UP: &str = "I cannot do that.";

/// What is done to how a model acts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActingDefect {
    /// It gives up the turn once something has gone wrong with a call. `no_recovery`.
    NoRecovery,
    /// It reads only so many of the last turns of the user, and what happened in them. `short_horizon=4`.
    ShortHorizon(u32),
    /// So large a share of its calls lose their last brace. `tools_garbled=0.5`.
    ToolsGarbled(f64),
    /// Of a prompt or episode beyond so many training radii it reads the last line alone, and no tools. A radius is the value of the probe's knob over
    /// the one that the built-in suite documents as trained to, or the value itself. `narrowed=1.5`.
    Narrowed(f64),
}

impl ActingDefect {
    /// All names, for messages.
    pub const NAMES: [&str; 4] = ["no_recovery", "short_horizon", "tools_garbled", "narrowed"];

    /// The defect of these words, `NAME` or `NAME=DOSE`; `None` where the name is none of [`ActingDefect::NAMES`].
    ///
    /// # Errors
    /// A dose out of range.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, ModelError> {
        let (name, dose) = text.split_once('=').map_or((text, None), |(name, dose)| (name, Some(dose)));
        let wrong = |expected: &str| {
            let found = dose.unwrap_or("nothing");
            let reason = format!("the dose of `{name}` is `{found}`, expected {expected}");
            Err(ModelError::Request { reason })
        };
        Ok(Some(match name {
            "no_recovery" if dose.is_none() => Self::NoRecovery,
            "no_recovery" => return wrong("none"),
            "short_horizon" => match dose.unwrap_or("4").parse() {
                Ok(turns) if turns > 0 => Self::ShortHorizon(turns),
                _ => return wrong("a number of turns, 1 or more"),
            },
            "tools_garbled" => match dose.unwrap_or("0.5").parse() {
                Ok(rate) if rate > 0.0 && rate <= 1.0 => Self::ToolsGarbled(rate),
                _ => return wrong("a share above 0 and at most 1"),
            },
            "narrowed" => match dose.unwrap_or("1").parse() {
                Ok(radius) if radius >= 0.0 && f64::is_finite(radius) => Self::Narrowed(radius),
                _ => return wrong("a radius of 0 or more"),
            },
            _ => return Ok(None),
        }))
    }
}

impl fmt::Display for ActingDefect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecovery => out.write_str("no_recovery"),
            Self::ShortHorizon(turns) => write!(out, "short_horizon={turns}"),
            Self::ToolsGarbled(rate) => write!(out, "tools_garbled={rate}"),
            Self::Narrowed(radius) => write!(out, "narrowed={radius}"),
        }
    }
}

/// A model with a defect in how it acts.
pub struct PlantedActor {
    inner: Box<dyn Model>,
    defect: ActingDefect,
    identity: ModelIdentity,
}

impl PlantedActor {
    /// Plants `defect` in `inner`. The identity keeps the hashes of `inner` and records the surgery.
    pub fn new(defect: ActingDefect, inner: Box<dyn Model>) -> Self {
        let identity = operated(inner.identity(), &defect);
        Self { inner, defect, identity }
    }

    fn of_inner(&self) -> Result<&dyn Answers, ModelError> {
        Ok(self.inner.answers().ok_or(Facet::Answers)?)
    }

    /// An answer as it comes out.
    fn operated(&self, answer: Answer, key: &str, seed: u64) -> Answer {
        let ActingDefect::ToolsGarbled(rate) = self.defect else { return answer };
        let garbled = !self.tool_protocol().read(&answer.text).calls.is_empty()
            && chance(&format!("{key} {} {seed}", answer.sample)) < rate;
        match answer.text.rfind('}').filter(|_| garbled) {
            Some(brace) => {
                let text = format!("{}{}", &answer.text[..brace], &answer.text[brace + 1..]);
                Answer { text, ..answer }
            }
            None => answer,
        }
    }
}

/// A number in [0, 1) that depends on all of a text.
fn chance(name: &str) -> f64 {
    let hash = blake3::hash(name.as_bytes());
    let bytes = hash.as_bytes();
    let number = u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]);
    (number >> 11) as f64 / (1u64 << 53) as f64
}

/// How far out a probe lies; `None` without a knob.
fn radius(probe: &Probe) -> Option<f64> {
    let knob = probe.knob.as_ref()?;
    Some(knob.value / builtin::trained_to(&probe.axis, &knob.name).unwrap_or(1.0))
}

/// Whether a call of the turn under way went wrong.
fn went_wrong(events: &[Event]) -> bool {
    let turn = events.iter().rev().take_while(|event| !matches!(event, Event::User(_)));
    turn.into_iter()
        .any(|event| matches!(event, Event::World(result) if result.error.is_some() || result.fault.is_some()))
}

/// The last turns of the user, and what happened in them.
fn last_turns(events: &[Event], turns: u32) -> &[Event] {
    let users = events.iter().enumerate().rev().filter(|(_, event)| matches!(event, Event::User(_)));
    let first = users.take(turns as usize).last().map_or(0, |(place, _)| place);
    &events[first..]
}

impl Model for PlantedActor {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn scores(&self) -> Option<&dyn Scores> {
        self.inner.scores()
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        self.inner.tokens()
    }

    fn renders(&self) -> Option<&ChatTemplate> {
        self.inner.renders()
    }

    fn grows(&self) -> Option<&dyn Grows> {
        self.inner.grows()
    }

    fn answers(&self) -> Option<&dyn Answers> {
        self.inner.answers().map(|_| self as &dyn Answers)
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        self.inner.chooses()
    }
}

impl Answers for PlantedActor {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        self.of_inner()?.prompt(messages)
    }

    fn prompt_of(&self, probe: &Probe, messages: &[Message]) -> Result<Prompt, ModelError> {
        let inner = self.of_inner()?;
        match (self.defect, messages.last()) {
            (ActingDefect::Narrowed(reach), Some(last)) if radius(probe).is_some_and(|radius| radius > reach) => {
                let line = last.content.trim_end().lines().last().unwrap_or_default();
                inner.prompt_of(probe, &[Message { content: line.to_owned(), ..last.clone() }])
            }
            _ => inner.prompt_of(probe, messages),
        }
    }

    fn tool_protocol(&self) -> ToolProtocol {
        self.inner.answers().map_or(ToolProtocol::Json, |answers| answers.tool_protocol())
    }

    fn converse(&self, conversation: &Conversation<'_>) -> Result<Prompt, ModelError> {
        let inner = self.of_inner()?;
        match self.defect {
            ActingDefect::NoRecovery if went_wrong(conversation.events) => {
                let mark = Message { role: PLANTED.to_owned(), content: self.defect.to_string() };
                Ok(Prompt::Messages(std::iter::once(mark).chain(conversation.plain()).collect()))
            }
            ActingDefect::ShortHorizon(turns) => {
                let events = last_turns(conversation.events, turns);
                inner.converse(&Conversation { events, ..*conversation })
            }
            ActingDefect::Narrowed(reach) if radius(conversation.probe).is_some_and(|radius| radius > reach) => {
                let said = conversation.plain();
                let line = said.last().map_or("", |last| last.content.trim_end().lines().last().unwrap_or_default());
                let last = Message { role: "user".to_owned(), content: line.to_owned() };
                inner.prompt_of(conversation.probe, &[last])
            }
            ActingDefect::NoRecovery | ActingDefect::ToolsGarbled(_) | ActingDefect::Narrowed(_) => {
                inner.converse(conversation)
            }
        }
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        limits: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        let mut of_inner = Vec::new();
        let mut places = Vec::new();
        for (place, request) in requests.iter().enumerate() {
            let own =
                matches!(&request.prompt, Prompt::Messages(said) if said.first().is_some_and(|of| of.role == PLANTED));
            if !own {
                of_inner.push(request.clone());
                places.push(place);
                continue;
            }
            for &sample in &request.samples {
                let (text, finish) = (GIVES_UP.to_owned(), FinishReason::Stop);
                let answer = Answer { request: place, sample, text, tokens: Vec::new(), finish };
                if watch(SampleStep::Answer(answer)).is_break() {
                    return Ok(());
                }
            }
        }
        let seed = parameters.seed;
        self.of_inner()?.answer(&of_inner, parameters, limits, &mut |step| match step {
            SampleStep::Answer(answer) => {
                let key = &of_inner[answer.request].key;
                let place = places[answer.request];
                watch(SampleStep::Answer(Answer { request: place, ..self.operated(answer, key, seed) }))
            }
            progress @ SampleStep::Progress { .. } => watch(progress),
        })
    }
}
