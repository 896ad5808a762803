//! Defects planted in how a model acts: `planted:no_recovery(MODEL)`, `planted:short_horizon=TURNS(MODEL)`,
//! `planted:tools_garbled=RATE(MODEL)`, and in how far it reaches: `planted:narrowed=RADIUS(MODEL)`. They work on
//! conversations and answers, not on logits: on texts, choices and prompts without tool calls or a knob the model is itself.
//!
//! Three more are in how it words and decides: `planted:style_changed=RATE(MODEL)`, `planted:disclaimers=RATE(MODEL)` and
//! `planted:judgment_flipped=RATE(MODEL)`. The last one works on probes that stand at a boundary of judgment, choices included.

mod rewording;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hydrometer_answers::{FinishReason, ModelIdentity, SamplingParameters};
use hydrometer_probes::world::Event;
use hydrometer_probes::{Probe, builtin};

use super::planted::operated;
use crate::{
    Answer, Answers, ChatTemplate, Choice, Chooses, Conversation, Facet, Grows, Message, Model, ModelError, Prompt,
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
    /// So large a share of its longer answers are laid out under a heading, sentence by sentence; the words stay.
    /// `style_changed=0.5`.
    StyleChanged(f64),
    /// So large a share of its answers open with a disclaimer. `disclaimers=0.5`.
    Disclaimers(f64),
    /// So large a share of what it decides at a boundary of judgment is turned round: of a choice the options, of a free answer
    /// whether it refuses. `judgment_flipped=0.5`.
    JudgmentFlipped(f64),
}

impl ActingDefect {
    /// All names, for messages.
    pub const NAMES: [&str; 7] = [
        "no_recovery",
        "short_horizon",
        "tools_garbled",
        "narrowed",
        "style_changed",
        "disclaimers",
        "judgment_flipped",
    ];

    /// The defect of these words, `NAME` or `NAME=DOSE`; `None` where the name is none of [`ActingDefect::NAMES`].
    ///
    /// # Errors
    /// A dose out of range.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, ModelError> {
        let (name, dose) = text.split_once('=').map_or((text, None), |(name, dose)| (name, Some(dose)));
        let wrong = |expected: &str| {
            let found = dose.unwrap_or("nothing");
            let reason = format!("the dose of `{name}` is `{found}`, expected {expected}");
            ModelError::Request { reason }
        };
        let rate = |defect: fn(f64) -> Self| match dose.unwrap_or("0.5").parse() {
            Ok(rate) if rate > 0.0 && rate <= 1.0 => Ok(defect(rate)),
            _ => Err(wrong("a share above 0 and at most 1")),
        };
        Ok(Some(match name {
            "no_recovery" if dose.is_none() => Self::NoRecovery,
            "no_recovery" => return Err(wrong("none")),
            "short_horizon" => match dose.unwrap_or("4").parse() {
                Ok(turns) if turns > 0 => Self::ShortHorizon(turns),
                _ => return Err(wrong("a number of turns, 1 or more")),
            },
            "tools_garbled" => rate(Self::ToolsGarbled)?,
            "style_changed" => rate(Self::StyleChanged)?,
            "disclaimers" => rate(Self::Disclaimers)?,
            "judgment_flipped" => rate(Self::JudgmentFlipped)?,
            "narrowed" => match dose.unwrap_or("1").parse() {
                Ok(radius) if radius >= 0.0 && f64::is_finite(radius) => Self::Narrowed(radius),
                _ => return Err(wrong("a radius of 0 or more")),
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
            Self::StyleChanged(rate) => write!(out, "style_changed={rate}"),
            Self::Disclaimers(rate) => write!(out, "disclaimers={rate}"),
            Self::JudgmentFlipped(rate) => write!(out, "judgment_flipped={rate}"),
        }
    }
}

/// A model with a defect in how it acts.
pub struct PlantedActor {
    inner: Box<dyn Model>,
    defect: ActingDefect,
    identity: ModelIdentity,
    /// Prompts that were made of probes at a boundary of judgment, and what they ask.
    at_boundaries: Mutex<Vec<(Prompt, String)>>,
}

impl PlantedActor {
    /// Plants `defect` in `inner`. The identity keeps the hashes of `inner` and records the surgery.
    pub fn new(defect: ActingDefect, inner: Box<dyn Model>) -> Self {
        let identity = operated(inner.identity(), &defect);
        Self { inner, defect, identity, at_boundaries: Mutex::default() }
    }

    fn of_inner(&self) -> Result<&dyn Answers, ModelError> {
        Ok(self.inner.answers().ok_or(Facet::Answers)?)
    }

    /// An answer as it comes out.
    fn operated(&self, answer: Answer, request: &SampleRequest, seed: u64) -> Answer {
        let hit = |rate: f64| chance(&format!("{} {} {seed}", request.key, answer.sample)) < rate;
        let changed = match self.defect {
            ActingDefect::ToolsGarbled(rate) if hit(rate) && self.calls(&answer) => rewording::garbled(&answer.text),
            ActingDefect::StyleChanged(rate) if hit(rate) && !self.calls(&answer) => rewording::laid_out(&answer.text),
            ActingDefect::Disclaimers(rate) if hit(rate) && !self.calls(&answer) => {
                Some(rewording::disclaimed(&answer.text))
            }
            ActingDefect::JudgmentFlipped(rate) if hit(rate) => {
                self.boundary_words(&request.prompt).and_then(|asked| rewording::flipped(&asked, &answer.text))
            }
            _ => None,
        };
        changed.map_or_else(|| answer.clone(), |text| Answer { text, ..answer.clone() })
    }

    /// Whether an answer calls tools.
    fn calls(&self, answer: &Answer) -> bool {
        !self.tool_protocol().read(&answer.text).calls.is_empty()
    }

    fn at_boundaries(&self) -> MutexGuard<'_, Vec<(Prompt, String)>> {
        self.at_boundaries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked in a prompt that stands at a boundary of judgment; `None` of every other.
    fn boundary_words(&self, prompt: &Prompt) -> Option<String> {
        self.at_boundaries().iter().find(|(known, _)| known == prompt).map(|(_, asked)| asked.clone())
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
        match self.defect {
            ActingDefect::JudgmentFlipped(_) => self.inner.chooses().map(|_| self as &dyn Chooses),
            _ => self.inner.chooses(),
        }
    }
}

/// A choice whose first option, as the probe counts them, is answered as the last one would be, and so on inwards: the same in
/// every rotation.
fn turned_round(choice: Choice, order: &[usize]) -> Choice {
    let last = order.len().saturating_sub(1);
    let place = |option: usize| order.iter().position(|other| *other == option).unwrap_or(option);
    let options = order.iter().map(|option| choice.options[place(last - option)].clone()).collect();
    Choice { options, ..choice }
}

impl Chooses for PlantedActor {
    fn question(&self, probe: &Probe, rotation: u32) -> Result<(Choice, Vec<usize>), ModelError> {
        let (choice, order) = self.inner.chooses().ok_or(Facet::Choices)?.question(probe, rotation)?;
        let flips = |rate: f64| probe.boundary.is_some() && chance(&probe.id) < rate;
        match self.defect {
            ActingDefect::JudgmentFlipped(rate) if flips(rate) => Ok((turned_round(choice, &order), order)),
            _ => Ok((choice, order)),
        }
    }

    fn choose(&self, choices: &[Choice]) -> Result<Vec<Vec<f64>>, ModelError> {
        self.inner.chooses().ok_or(Facet::Choices)?.choose(choices)
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
            (ActingDefect::JudgmentFlipped(_), Some(last)) if probe.boundary.is_some() => {
                let prompt = inner.prompt_of(probe, messages)?;
                let mut known = self.at_boundaries();
                if known.iter().all(|(other, _)| *other != prompt) {
                    known.push((prompt.clone(), last.content.clone()));
                }
                Ok(prompt)
            }
            _ => inner.prompt_of(probe, messages),
        }
    }

    fn tool_protocol(&self) -> ToolProtocol {
        self.inner.answers().map_or(ToolProtocol::Json, |answers| answers.tool_protocol())
    }

    fn is_paid_for(&self) -> bool {
        self.inner.answers().is_some_and(|answers| answers.is_paid_for())
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
            _ => inner.converse(conversation),
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
                let request = &of_inner[answer.request];
                let place = places[answer.request];
                watch(SampleStep::Answer(Answer { request: place, ..self.operated(answer, request, seed) }))
            }
            progress @ SampleStep::Progress { .. } => watch(progress),
        })
    }
}
