//! What happened in an episode, kept whole, and what it came to. The outcome is a function of the episode and the
//! transcript: whoever holds both can check it.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Running;
use super::faults::FaultKind;
use crate::kind::Episode;
use crate::suite::canonical;

/// A call as a model made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool's name as the model wrote it.
    pub name: String,
    /// The arguments.
    pub arguments: Map<String, Value>,
}

impl Call {
    /// What tells it from other calls.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.name, canonical(&Value::Object(self.arguments.clone())))
    }
}

/// One answer of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Its words as they came.
    pub text: String,
    /// The calls read from them; with none, and nothing malformed, the words are meant for the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// Why they are no call although they look like one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malformed: Option<String>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallResult {
    /// The tool; empty for words that were no call.
    pub tool: String,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The words of the error, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The fault that befell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultKind>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The user says something.
    User(String),
    /// The model answers.
    Model(Said),
    /// The world answers a call.
    World(CallResult),
}

/// How an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The user has nothing more to say.
    Done,
    /// The budget of steps is used up.
    Steps,
    /// The conversation outgrew what the model can read.
    Context,
    /// A turn ended and something that had to hold did not: nothing that could follow would make it a success.
    Violated,
    /// The model said the same four times in a row, and each time the same came of it.
    Circle,
}

impl Ending {
    /// All, in the order of the format.
    pub const ALL: [Ending; 5] = [Ending::Done, Ending::Steps, Ending::Context, Ending::Violated, Ending::Circle];

    /// `done`, `steps`, `context`, `violated` or `circle`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Ending::Done => "done",
            Ending::Steps => "steps",
            Ending::Context => "context",
            Ending::Violated => "violated",
            Ending::Circle => "circle",
        }
    }
}

/// A whole episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// How it ended.
    pub ending: Ending,
}

/// What an episode came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Whether it ended with the goal reached, nothing damaged and no turn violated.
    pub success: bool,
    /// Answers of the model.
    pub steps: u32,
    /// Turns of the user that were said.
    pub turns: u32,
    /// Calls that the world looked at.
    pub calls: u32,
    /// Answers that looked like a call and were none.
    pub malformed: u32,
    /// Calls of tools that are not there, or with arguments that their schema refuses.
    pub invalid: u32,
    /// Calls that failed by a rule or a fault.
    pub failed: u32,
    /// Failing calls that had failed before in the very same words, whatever the reason.
    pub repeated: u32,
    /// Faults of the plan that happened.
    pub faults: u32,
    /// Changes that nobody asked for, left behind at the end, as places in the state.
    pub damage: Vec<String>,
    /// The first turn, from 1, at whose end a constraint or an expectation did not hold.
    pub violated: Option<u32>,
    /// What of the goal is not reached, in words.
    pub unmet: Vec<String>,
}

impl Outcome {
    /// Whether it succeeded although something had gone wrong; `None` where nothing did.
    #[must_use]
    pub fn recovered(&self) -> Option<bool> {
        (self.faults > 0).then_some(self.success)
    }
}

impl Transcript {
    /// As JSON with sorted keys.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A transcript holds nothing that JSON cannot say.
        canonical(&serde_json::to_value(self).unwrap_or(Value::Null))
    }

    /// Reads what [`Transcript::to_json`] wrote.
    ///
    /// # Errors
    /// It is none, as a lower-case fragment.
    pub fn from_json(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("no transcript: {error}"))
    }

    /// What it came to where there is no world to play it in: what happened is counted, and the log that it was read from says
    /// whether it succeeded.
    #[must_use]
    pub fn as_logged(&self, success: bool) -> Outcome {
        let mut outcome = Outcome {
            ending: self.ending,
            success,
            steps: 0,
            turns: 0,
            calls: 0,
            malformed: 0,
            invalid: 0,
            failed: 0,
            repeated: 0,
            faults: 0,
            damage: Vec::new(),
            violated: None,
            unmet: Vec::new(),
        };
        let mut failed = BTreeSet::new();
        // Results come in the order of the calls that they are of.
        let mut open = VecDeque::new();
        for event in &self.events {
            match event {
                Event::User(_) => outcome.turns += 1,
                Event::Model(said) => {
                    outcome.steps += 1;
                    outcome.calls += said.calls.len() as u32;
                    outcome.malformed += u32::from(said.malformed.is_some());
                    open = said.calls.iter().collect();
                }
                Event::World(result) => {
                    let call: Option<&Call> = open.pop_front();
                    if result.error.is_some()
                        && let Some(call) = call
                    {
                        outcome.failed += 1;
                        outcome.repeated += u32::from(!failed.insert(call.key()));
                    }
                }
            }
        }
        outcome
    }

    /// Plays the model's answers again in the world of their episode.
    ///
    /// # Errors
    /// The world would have said something else, as a lower-case fragment.
    pub fn replay(&self, episode: &Episode) -> Result<Outcome, String> {
        let mut running = Running::start(episode);
        for event in &self.events {
            let Event::Model(said) = event else { continue };
            if running.ending().is_some() {
                return Err("the model answers after the end".to_owned());
            }
            running.answer(said.clone());
        }
        if self.ending == Ending::Context && running.ending().is_none() {
            running.outgrown();
        }
        let (events, ending) = (running.events(), running.ending());
        if let Some(place) = events.iter().zip(&self.events).position(|(played, kept)| played != kept) {
            return Err(format!("event {place} is not what the world does"));
        }
        if events.len() != self.events.len() || ending != Some(self.ending) {
            let ended = ending.map_or("goes on", Ending::name);
            let (count, kept) = (events.len(), self.events.len());
            return Err(format!("the world has {count} events and {ended}, found {kept} and {}", self.ending.name()));
        }
        Ok(running.outcome())
    }
}
