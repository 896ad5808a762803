//! Defects planted in how a model acts, not in its logits: [`ActingDefect`] lists them. They work on conversations, answers and
//! choices; on whatever a defect does not name the model is itself.
//!
//! What a defect needs to know of the suite a model is told before it is asked ([`Model::told`]); which prompts and choices it
//! acts on it learns from the probes that they are made of.

mod careful;
mod defect;
mod letters;
mod rewording;
mod told;
mod voice;

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hydrometer_answers::{FinishReason, ModelIdentity, SamplingParameters};
use hydrometer_probes::world::Event;
use hydrometer_probes::{Ask, Decision, Probe, Suite};

use self::told::Told;
use super::planted::operated;
use crate::part::Part;
use crate::{
    Answer, Answers, ChatTemplate, Choice, Chooses, Conversation, Facet, Grows, Letters, Message, Model, ModelError,
    Prompt, SampleLimits, SampleRequest, SampleStep, Scores, Tokenizer, ToolProtocol,
};
pub use defect::ActingDefect;

/// What a model says that does not recover.
const GIVES_UP: &str = "I cannot do that.";
/// What a model says that has forgotten how.
const FORGOT: &str = "I do not know how to do that.";

/// A model with a defect in how it acts.
pub struct PlantedActor {
    inner: Box<dyn Model>,
    defect: ActingDefect,
    identity: ModelIdentity,
    told: Mutex<Told>,
    /// Prompts whose answers are changed, and what they ask.
    changed: Mutex<HashMap<Prompt, String>>,
    /// Choices that are decided otherwise.
    decided: Mutex<HashMap<Choice, Decides>>,
}

/// How a choice is decided.
#[derive(Clone)]
enum Decides {
    /// With these log-probabilities.
    As(Vec<f64>),
    /// With those of the options at these places.
    AsAt(Vec<usize>),
}

impl PlantedActor {
    /// Plants `defect` in `inner`. The identity keeps the hashes of `inner` and records the surgery.
    pub fn new(defect: ActingDefect, inner: Box<dyn Model>) -> Self {
        let identity = operated(inner.identity(), &defect);
        let (told, changed, decided) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { inner, defect, identity, told, changed, decided }
    }

    fn of_inner(&self) -> Result<&dyn Answers, ModelError> {
        Ok(self.inner.answers().ok_or(Facet::Answers)?)
    }

    /// An answer as it comes out.
    fn operated(&self, answer: Answer, request: &SampleRequest, seed: u64) -> Answer {
        let hit = |rate: f64| self.draw(request, answer.sample, seed) < rate;
        let asked = || locked(&self.changed).get(&request.prompt).cloned();
        let changed = match self.defect {
            ActingDefect::ToolsGarbled(rate) if hit(rate) && self.calls(&answer) => rewording::garbled(&answer.text),
            ActingDefect::StyleChanged(rate) if hit(rate) => asked().and_then(|_| rewording::laid_out(&answer.text)),
            ActingDefect::Disclaimers(rate) if hit(rate) => asked().map(|_| rewording::disclaimed(&answer.text)),
            ActingDefect::JudgmentFlipped(rate) if hit(rate) => {
                asked().and_then(|asked| rewording::flipped(&asked, &answer.text))
            }
            _ => None,
        };
        changed.map_or_else(|| answer.clone(), |text| Answer { text, ..answer.clone() })
    }

    /// Whether an answer calls tools.
    fn calls(&self, answer: &Answer) -> bool {
        self.tool_protocol().is_ok_and(|way| !way.read(&answer.text).calls.is_empty())
    }

    /// Remembers that the answers to a prompt are changed.
    fn changes(&self, prompt: Prompt, asked: &str) -> Prompt {
        locked(&self.changed).entry(prompt.clone()).or_insert_with(|| asked.to_owned());
        prompt
    }

    /// A conversation that the wrapper answers itself: by its first message it is known, which says what is answered.
    fn own(&self, answered: &str, said: impl IntoIterator<Item = Message>) -> Prompt {
        let mark = Message { role: self.mark(), content: answered.to_owned() };
        Prompt::Messages(std::iter::once(mark).chain(said).collect())
    }

    /// The role of such a message: no other defect takes it for its own.
    fn mark(&self) -> String {
        format!("planted:{}", self.defect)
    }

    /// What is said to such a conversation; `None` where the model is asked.
    fn own_answer(&self, request: &SampleRequest, sample: u32, seed: u64) -> Option<String> {
        let Prompt::Messages(said) = &request.prompt else { return None };
        let first = said.first().filter(|first| first.role == self.mark())?;
        Some(match self.defect {
            ActingDefect::Careful => {
                let expected = Decision::ALL.into_iter().find(|decision| decision.word() == first.content)?;
                let asked = said.last().map_or("", |last| last.content.as_str());
                voice::say(careful::decides(expected, self.draw(request, sample, seed)), asked)
            }
            _ => first.content.clone(),
        })
    }

    /// A number in [0, 1) of one answer: a defect in another one draws its own.
    fn draw(&self, request: &SampleRequest, sample: u32, seed: u64) -> f64 {
        chance(&format!("{} {sample} {seed} {}", request.key, self.mark()))
    }

    /// Whether it has forgotten how to do this.
    fn forgot(&self, rate: f64, probe: &Probe) -> bool {
        locked(&self.told).is_uncovered(probe) && chance(&format!("forgotten {}", probe.id)) < rate
    }

    /// Whether a probe lies beyond a reach.
    fn is_beyond(&self, reach: f64, probe: &Probe) -> bool {
        locked(&self.told).radius(probe).is_some_and(|radius| radius > reach)
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number in [0, 1) that depends on all of a text.
fn chance(name: &str) -> f64 {
    let hash = blake3::hash(name.as_bytes());
    let bytes = hash.as_bytes();
    let number = u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]);
    (number >> 11) as f64 / (1u64 << 53) as f64
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
        self.inner.chooses().map(|_| self as &dyn Chooses)
    }

    fn letters(&self) -> Option<&dyn Letters> {
        self.of_letters().map(|_| self as &dyn Letters)
    }

    fn told(&self, suite: &Suite, trained_to: &BTreeMap<String, f64>) {
        self.inner.told(suite, trained_to);
        *locked(&self.told) = Told::of(suite, trained_to);
    }
}

/// Where each place of a displayed order reads its log-probability so that the first option, as the probe counts them, is decided
/// as the last one would be, and so on inwards: the same in every rotation.
fn turned_round(order: &[usize]) -> Vec<usize> {
    let last = order.len().saturating_sub(1);
    let place = |option: usize| order.iter().position(|other| *other == option).unwrap_or(option);
    order.iter().map(|option| place(last - option)).collect()
}

/// The log-probabilities of somebody who guesses, and holds what is guessed for all but certain.
fn guessed(probe: &Probe, options: usize) -> Vec<f64> {
    const SURE: f64 = 0.99;
    let guess = (chance(&format!("guess {}", probe.id)) * options as f64) as usize;
    let rest = (1.0 - SURE) / options.saturating_sub(1).max(1) as f64;
    (0..options).map(|option| if option == guess { SURE } else { rest }.ln()).collect()
}

impl Chooses for PlantedActor {
    fn question(&self, probe: &Probe, rotation: u32) -> Result<(Choice, Vec<usize>), ModelError> {
        let inner = self.inner.chooses().ok_or(Facet::Choices)?;
        let (choice, order) = match self.defect {
            ActingDefect::BoundaryMoved(rungs) => match locked(&self.told).moved(probe, rungs) {
                Some(other) => inner.question(other, rotation)?,
                None => inner.question(probe, rotation)?,
            },
            _ => inner.question(probe, rotation)?,
        };
        let shown = |of_options: Vec<f64>| Decides::As(order.iter().map(|option| of_options[*option]).collect());
        let decides = match self.defect {
            ActingDefect::JudgmentFlipped(rate) if probe.boundary.is_some() && chance(&probe.id) < rate => {
                Some(Decides::AsAt(turned_round(&order)))
            }
            ActingDefect::Careful if probe.boundary.is_some() => careful::log_probs(probe).map(shown),
            ActingDefect::Forgetting(rate) if self.forgot(rate, probe) => Some(shown(guessed(probe, order.len()))),
            _ => None,
        };
        if let Some(decides) = decides {
            locked(&self.decided).insert(choice.clone(), decides);
        }
        Ok((choice, order))
    }

    fn choose(&self, choices: &[Choice]) -> Result<Vec<Vec<f64>>, ModelError> {
        let decided: Vec<Option<Decides>> = {
            let decided = locked(&self.decided);
            choices.iter().map(|choice| decided.get(choice).cloned()).collect()
        };
        let asks = |of: &Option<Decides>| !matches!(of, Some(Decides::As(_)));
        let asked: Vec<Choice> =
            choices.iter().zip(&decided).filter(|(_, of)| asks(of)).map(|(choice, _)| choice.clone()).collect();
        let mut said = self.inner.chooses().ok_or(Facet::Choices)?.choose(&asked)?.into_iter();
        let lacks = || ModelError::Request { reason: "a choice was not answered".to_owned() };
        let answer = |of: Option<Decides>| match of {
            Some(Decides::As(given)) => Ok(given),
            Some(Decides::AsAt(places)) => {
                let said = said.next().ok_or_else(lacks)?;
                Ok(places.into_iter().map(|place| said[place]).collect())
            }
            None => said.next().ok_or_else(lacks),
        };
        decided.into_iter().map(answer).collect()
    }
}

impl Answers for PlantedActor {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        self.of_inner()?.prompt(messages)
    }

    fn prompt_of(&self, probe: &Probe, messages: &[Message]) -> Result<Prompt, ModelError> {
        let inner = self.of_inner()?;
        let Some(last) = messages.last() else { return inner.prompt_of(probe, messages) };
        if let Ask::Choice(choice) = &probe.ask {
            return inner.prompt_of(probe, &self.lettered(probe, choice, messages));
        }
        let with_last = |content: &str| {
            let before = messages.len() - 1;
            let last = Message { content: content.to_owned(), ..last.clone() };
            messages[..before].iter().cloned().chain([last]).collect::<Vec<_>>()
        };
        match self.defect {
            ActingDefect::Narrowed(reach) if self.is_beyond(reach, probe) => {
                let line = last.content.trim_end().lines().last().unwrap_or_default();
                inner.prompt_of(probe, &[Message { content: line.to_owned(), ..last.clone() }])
            }
            ActingDefect::Forgetting(rate) if self.forgot(rate, probe) => {
                Ok(self.own(FORGOT, messages.iter().cloned()))
            }
            ActingDefect::Careful if probe.boundary.is_some() => {
                Ok(self.own(careful::expected(probe).word(), messages.iter().cloned()))
            }
            ActingDefect::BoundaryMoved(rungs) => {
                let told = locked(&self.told);
                match told.moved(probe, rungs).map(|other| (other, &other.ask)) {
                    Some((other, Ask::Prompt(asked))) => inner.prompt_of(other, &with_last(&asked.prompt)),
                    _ => inner.prompt_of(probe, messages),
                }
            }
            ActingDefect::StyleChanged(_) | ActingDefect::Disclaimers(_) if probe.is_free() => {
                Ok(self.changes(inner.prompt_of(probe, messages)?, &last.content))
            }
            ActingDefect::JudgmentFlipped(_) if probe.boundary.is_some() => {
                Ok(self.changes(inner.prompt_of(probe, messages)?, &last.content))
            }
            _ => inner.prompt_of(probe, messages),
        }
    }

    fn tool_protocol(&self) -> Result<ToolProtocol, ModelError> {
        self.inner.answers().map_or(Ok(ToolProtocol::Json), |answers| answers.tool_protocol())
    }

    fn draws_by_number(&self) -> bool {
        self.inner.answers().is_some_and(|answers| answers.draws_by_number())
    }

    fn is_paid_for(&self) -> bool {
        self.inner.answers().is_some_and(|answers| answers.is_paid_for())
    }

    fn cost(&self, read: u64, drawn: u64) -> Option<f64> {
        self.inner.answers()?.cost(read, drawn)
    }

    fn converse(&self, conversation: &Conversation<'_>) -> Result<Prompt, ModelError> {
        let inner = self.of_inner()?;
        match self.defect {
            ActingDefect::NoRecovery if went_wrong(conversation.events) => Ok(self.own(GIVES_UP, conversation.plain())),
            ActingDefect::Forgetting(rate) if self.forgot(rate, conversation.probe) => {
                Ok(self.own(FORGOT, conversation.plain()))
            }
            ActingDefect::ShortHorizon(turns) => {
                let events = last_turns(conversation.events, turns);
                inner.converse(&Conversation { events, ..*conversation })
            }
            ActingDefect::Narrowed(reach) if self.is_beyond(reach, conversation.probe) => {
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
        let mut of_inner = Part::default();
        let seed = parameters.seed;
        for (place, request) in requests.iter().enumerate() {
            let own = request.samples.iter().map(|&sample| Some((sample, self.own_answer(request, sample, seed)?)));
            let Some(own) = own.collect::<Option<Vec<_>>>() else {
                of_inner.push(place, request.clone());
                continue;
            };
            for (sample, text) in own {
                let answer = Answer { request: place, sample, text, tokens: Vec::new(), finish: FinishReason::Stop };
                if watch(SampleStep::Answer(answer)).is_break() {
                    return Ok(());
                }
            }
        }
        of_inner.answer(self.of_inner()?, parameters, limits, &mut |step| match step {
            SampleStep::Answer(answer) => {
                let request = &requests[answer.request];
                watch(SampleStep::Answer(self.operated(answer, request, seed)))
            }
            progress @ SampleStep::Progress { .. } => watch(progress),
        })
    }
}
