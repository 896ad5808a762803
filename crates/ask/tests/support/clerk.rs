//! A model for tests that has nothing but answers and solves the generated episodes, each time or not always.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;
use std::sync::Mutex;

use hydrometer_answers::{ModelIdentity, SamplingParameters};
use hydrometer_models::{Answers, Message, Model, ModelError, Prompt, SampleLimits, SampleRequest, SampleStep};
use hydrometer_probes::Ask;
use hydrometer_probes::builtin::episodes::Solved;
use hydrometer_probes::world::{Call, protocol};
use serde_json::Value;

use crate::support::{endpoint, say};

/// What it does with an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Solves it, and makes a call again when something went wrong with it.
    Right,
    /// The same, but gives up when something goes wrong.
    GivesUp,
    /// The same, but once something went wrong it does the thing to an entry that nobody spoke of.
    Strays,
    /// The same call again and again once one has failed.
    Stubborn,
    /// Forgets the rule of a ledger after so many turns.
    Forgets(usize),
    /// Fails so many of a hundred runs, by the number of the run and the episode.
    Fails(u8),
}

/// The model.
pub struct Clerk {
    identity: ModelIdentity,
    solved: Vec<Solved>,
    manner: Manner,
    /// Conversations that it was asked, for tests of what is asked twice.
    pub asked: Mutex<Vec<String>>,
    /// Fails after so many answers.
    pub breaks_after: Option<usize>,
}

impl Clerk {
    pub fn new(name: &str, solved: &[Solved], manner: Manner) -> Self {
        let identity = endpoint(name);
        let asked = Mutex::default();
        Self { identity, solved: solved.to_vec(), manner, asked, breaks_after: None }
    }

    /// The next answer in a conversation.
    fn says(&self, messages: &[Message], sample: u32) -> String {
        let is_result =
            |message: &&Message| message.content.starts_with("Result:") || message.content.starts_with("Error:");
        let users: Vec<&Message> = messages.iter().filter(|message| message.role == "user").collect();
        let turns: Vec<&str> =
            users.iter().filter(|message| !is_result(message)).map(|message| message.content.as_str()).collect();
        let fits = |solved: &&Solved| {
            let Ask::Episode(episode) = &solved.probe.ask else { return false };
            let said = turns.iter().enumerate();
            let same = said.into_iter().all(|(place, turn)| episode.turns.get(place).is_some_and(|of| of.say == *turn));
            same && messages[0].content == protocol::instructions(episode.system.as_deref(), &episode.world)
        };
        // The longest that begins so: the shorter rungs of a ledger are its beginnings.
        let Some(solved) = self.solved.iter().filter(fits).max_by_key(|solved| solved.calls.len()) else {
            return "I do not know.".to_owned();
        };
        let begun = messages.iter().rposition(|message| message.role == "user" && !is_result(&message)).unwrap_or(0);
        let results: Vec<&str> = messages[begun..]
            .iter()
            .filter(|of| of.role == "user" && is_result(of))
            .map(|of| of.content.as_str())
            .collect();
        let wrong = |result: &&&str| {
            result.starts_with("Error:")
                || ["Result:", "Result: [0]"].contains(*result)
                || result.contains("\"current\":false")
                || result.contains("\"complete\":false")
        };
        let failed = results.iter().filter(wrong).count();
        let calls = &solved.calls[turns.len() - 1];
        let done = results.len() - failed;
        match self.manner {
            Manner::GivesUp if failed > 0 => return "I give up.".to_owned(),
            Manner::Stubborn if failed > 0 => return r#"{"name": "undo", "arguments": {}}"#.to_owned(),
            Manner::Fails(percent) if done + 1 == calls.len() => {
                let name = format!("{} {sample}", turns.concat());
                if blake3::hash(name.as_bytes()).as_bytes()[0] % 100 < percent {
                    return "It is done.".to_owned();
                }
            }
            _ => {}
        }
        let Some(call) = calls.get(done) else { return "It is done.".to_owned() };
        let mut call = call.clone();
        if let Manner::Forgets(after) = self.manner
            && turns.len() > after
            && call.arguments.contains_key("category")
        {
            call.arguments.insert("category".to_owned(), "other".into());
        }
        if self.manner == Manner::Strays && failed > 0 {
            stray(&mut call, solved);
        }
        protocol::written(&call)
    }
}

/// To an entry that nobody spoke of.
fn stray(call: &mut Call, solved: &Solved) {
    let Ask::Episode(episode) = &solved.probe.ask else { return };
    let Some(entries) = episode.world.state.values().next().and_then(Value::as_object) else { return };
    let spoken = |id: &&String| {
        solved
            .calls
            .iter()
            .flatten()
            .any(|call| call.arguments.values().any(|value| value.as_str() == Some(id.as_str())))
    };
    let free = entries.keys().find(|id| !spoken(id)).unwrap();
    let target = call.arguments.values_mut().find(|value| value.as_str().is_some_and(|id| entries.contains_key(id)));
    *target.unwrap() = free.as_str().into();
}

impl Model for Clerk {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }
}

impl Answers for Clerk {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        Ok(Prompt::Messages(messages.to_vec()))
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        _: &SamplingParameters,
        _: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        say(requests, watch, |messages, request, sample| {
            let count = {
                let mut asked = self.asked.lock().unwrap();
                asked.push(format!("{} {sample}", request.key));
                asked.len()
            };
            if self.breaks_after.is_some_and(|most| count > most) {
                return Err(ModelError::Request { reason: "out of breath".into() });
            }
            Ok(self.says(messages, sample))
        })
    }
}
