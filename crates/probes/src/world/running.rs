//! An episode under way: whose turn it is, what the world is like, what happened. It is asked nothing of clocks or chance:
//! the same answers give the same events.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::Value;

use super::goal::{Calls, Made};
use super::tool::Extent;
use super::transcript::{Call, CallResult, Ending, Event, Outcome, Said, Transcript};
use super::{RESULT_LIMIT, Tool, too_large};
use crate::kind::{Episode, UserTurn};

/// Most calls of one answer that are looked at.
const CALLS_LIMIT: usize = 16;
/// So often the same answer with the same results, one after the other, is a circle that nobody comes out of.
const CIRCLE: u32 = 4;

/// An episode under way.
pub struct Running<'e> {
    episode: &'e Episode,
    start: Value,
    state: Value,
    /// The schemas of the tools that were called: compiling one costs more than a call.
    schemas: BTreeMap<&'e str, Validator>,
    events: Vec<Event>,
    ending: Option<Ending>,
    /// The next turn of the user that may be said.
    next_turn: usize,
    /// The turn under way.
    turn: Option<&'e UserTurn>,
    /// Calls that had succeeded, and that had been refused, before it.
    before: (usize, u32),
    /// Calls so far by tool.
    of_tools: BTreeMap<String, u32>,
    succeeded: Vec<Call>,
    failed_calls: BTreeSet<String>,
    last_words: String,
    /// Where the last answer begins in the events, and how often it came in a row with the same results.
    again: (usize, u32),
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    steps: u32,
    turns: u32,
    calls: u32,
    malformed: u32,
    invalid: u32,
    failed: u32,
    repeated: u32,
    faults: u32,
    violated: Option<u32>,
}

impl<'e> Running<'e> {
    /// The beginning: the user has said the first turn.
    #[must_use]
    pub fn start(episode: &'e Episode) -> Self {
        let start = Value::Object(episode.world.state.clone());
        let mut running = Self {
            episode,
            state: start.clone(),
            start,
            schemas: BTreeMap::new(),
            events: Vec::new(),
            ending: None,
            next_turn: 0,
            turn: None,
            before: (0, 0),
            of_tools: BTreeMap::new(),
            succeeded: Vec::new(),
            failed_calls: BTreeSet::new(),
            last_words: String::new(),
            again: (0, 0),
            counts: Counts::default(),
        };
        running.user_speaks();
        running
    }

    /// What happened so far.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How it ended; `None` while the model is to answer.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The model answered; nothing happens after the end.
    pub fn answer(&mut self, said: Said) {
        if self.ending.is_some() {
            return;
        }
        self.counts.steps += 1;
        let begun = self.events.len();
        self.events.push(Event::Model(said.clone()));
        let Said { text, calls, malformed } = said;
        match malformed {
            Some(why) => {
                self.counts.malformed += 1;
                self.count_failure(text);
                self.result("", Err(format!("not a call: {why}")), None);
            }
            None if calls.is_empty() => {
                self.last_words = text;
                self.turn_ends();
                match self.counts.violated {
                    None => self.user_speaks(),
                    // Nothing that comes can mend it.
                    Some(_) => self.ending = Some(Ending::Violated),
                }
            }
            None => calls.iter().take(CALLS_LIMIT).for_each(|call| self.call(call)),
        }
        let circles = self.goes_in_circles(begun);
        if self.ending.is_none() && self.counts.steps >= self.episode.steps {
            self.ends(Ending::Steps);
        } else if self.ending.is_none() && circles {
            self.ends(Ending::Circle);
        }
    }

    /// Whether the answer that begins here has come, with the same results, too often in a row.
    fn goes_in_circles(&mut self, begun: usize) -> bool {
        let (last, times) = self.again;
        let spoken = matches!(self.events.last(), Some(Event::User(_)));
        let same = !spoken && self.events[last..begun] == self.events[begun..];
        self.again = (begun, if same { times + 1 } else { 1 });
        self.again.1 >= CIRCLE
    }

    /// The conversation is longer than the model can read.
    pub fn outgrown(&mut self) {
        if self.ending.is_none() {
            self.ends(Ending::Context);
        }
    }

    /// What it came to; of an episode that has not ended as it stands now.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let goal = &self.episode.goal;
        let unmet = goal.unmet(&self.state, self.made(), &self.last_words);
        let damage = goal.damage(&self.start, &self.state);
        let ending = self.ending.unwrap_or(Ending::Context);
        let Counts { steps, turns, calls, malformed, invalid, failed, repeated, faults, violated } = self.counts;
        let success = ending == Ending::Done && unmet.is_empty() && damage.is_empty() && violated.is_none();
        Outcome {
            ending,
            success,
            steps,
            turns,
            calls,
            malformed,
            invalid,
            failed,
            repeated,
            faults,
            damage,
            violated,
            unmet,
        }
    }

    /// What happened, of an episode that ended.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        Transcript { events: self.events.clone(), ending: self.ending.unwrap_or(Ending::Context) }
    }

    fn call(&mut self, call: &Call) {
        self.counts.calls += 1;
        let Some((tool, schema)) = self.tool(&call.name) else {
            self.counts.invalid += 1;
            let words = format!("there is no tool {}", crate::quote(&call.name));
            return self.fails(call, words, None);
        };
        if let Some(words) = refused(&tool.parameters(), schema, call) {
            self.counts.invalid += 1;
            return self.fails(call, words, None);
        }
        let nth = self.of_tools.entry(tool.name.clone()).or_default();
        *nth += 1;
        let nth = *nth;
        let number: u32 = self.of_tools.values().sum();
        let fault = self.episode.faults.iter().find(|fault| fault.befalls(&tool.name, number, nth));
        let fault = fault.map(|fault| fault.kind);
        let said = match fault {
            None => tool.call(&self.state, &call.arguments, Extent::Whole).map(|(next, said)| {
                self.state = next;
                self.succeeded.push(call.clone());
                said
            }),
            Some(kind) => {
                self.counts.faults += 1;
                let (next, said) = kind.befall(tool, call, &self.start, &self.state);
                self.state = next;
                said
            }
        };
        match said {
            Ok(value) => self.result(&call.name, Ok(value), fault),
            Err(words) => {
                self.counts.failed += 1;
                self.fails(call, words, fault);
            }
        }
    }

    /// A tool and the schema of its arguments. A schema of a suite that was validated compiles; without one the tool is
    /// not there.
    fn tool(&mut self, name: &str) -> Option<(&'e Tool, &Validator)> {
        let tool = self.episode.world.tool(name)?;
        let schema = match self.schemas.entry(&tool.name) {
            Entry::Occupied(compiled) => compiled.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(crate::check::validator(&tool.parameters).ok()?),
        };
        Some((tool, schema))
    }

    fn fails(&mut self, call: &Call, words: String, fault: Option<super::faults::FaultKind>) {
        self.count_failure(call.key());
        self.result(&call.name, Err(words), fault);
    }

    fn count_failure(&mut self, call: String) {
        self.counts.repeated += u32::from(!self.failed_calls.insert(call));
    }

    fn result(&mut self, tool: &str, said: Result<Value, String>, fault: Option<super::faults::FaultKind>) {
        let (value, error) = match said {
            // Null is nothing: so it is read again.
            Ok(value) => (Some(value).filter(|value| !value.is_null()), None),
            Err(words) => (None, Some(words)),
        };
        self.events.push(Event::World(CallResult { tool: tool.to_owned(), value, error, fault }));
    }

    /// The user says the next turn whose condition holds; without one the episode is over.
    fn user_speaks(&mut self) {
        let none = serde_json::Map::new();
        while let Some(turn) = self.episode.turns.get(self.next_turn) {
            self.next_turn += 1;
            let when = turn.when.as_ref();
            if when.is_none_or(|when| when.holds(&self.state, &none).unwrap_or(false)) {
                self.counts.turns += 1;
                self.turn = Some(turn);
                self.before = (self.succeeded.len(), self.counts.invalid);
                self.events.push(Event::User(turn.say.clone()));
                return;
            }
        }
        self.ending = Some(Ending::Done);
    }

    /// The first turn at whose end something does not hold is kept.
    fn turn_ends(&mut self) {
        let none = serde_json::Map::new();
        let expected = self.turn.is_none_or(|turn| {
            let state = turn.expect.as_ref().is_none_or(|expected| super::contains(&self.state, expected));
            // What was done before it was asked for need not be done again.
            let made = match turn.calls {
                Calls::AtLeast => self.made(),
                Calls::Exactly => {
                    Made { succeeded: &self.succeeded[self.before.0..], refused: self.counts.invalid - self.before.1 }
                }
            };
            state && turn.calls.unmet(&turn.called, made).is_empty()
        });
        let mut constraints = self.episode.constraints.iter();
        let kept = expected && constraints.all(|constraint| constraint.holds(&self.state, &none).unwrap_or(false));
        if !kept && self.counts.violated.is_none() {
            self.counts.violated = Some(self.counts.turns);
        }
    }

    fn made(&self) -> Made<'_> {
        Made { succeeded: &self.succeeded, refused: self.counts.invalid }
    }

    /// It ends in the middle of a turn, which is judged as it stands.
    fn ends(&mut self, ending: Ending) {
        self.turn_ends();
        self.ending = Some(ending);
    }
}

/// Why the arguments of a call are refused; `None` where they fit.
fn refused(parameters: &[&str], schema: &Validator, call: &Call) -> Option<String> {
    let arguments = Value::Object(call.arguments.clone());
    if too_large(&arguments, RESULT_LIMIT).is_some() {
        return Some("the arguments are too large".to_owned());
    }
    if let Some(strange) = call.arguments.keys().find(|key| !parameters.contains(&key.as_str())) {
        return Some(format!("there is no argument {}; expected {}", crate::quote(strange), parameters.join(", ")));
    }
    let error = schema.validate(&arguments).err()?;
    Some(crate::error::plain(&error.to_string()))
}
