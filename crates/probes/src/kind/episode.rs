//! Episodes: a conversation with a world, in which a model acts by calling tools. Judged by the state of the world at the
//! end, never by wording.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Decoding, Description, Kind, check_visible};
use crate::error::Fault;
use crate::fields::{Field, Type, reads};
use crate::suite::canonical;
use crate::world::{At, Calls, Condition, Goal, PlannedFault, WantedCall, World, bad, check_calls, protocol};

pub(super) const NAME: &str = "episode";
pub(super) const FIELDS: &[Field] = &[
    (
        "turns",
        true,
        Type::Of("an array of `say` and perhaps `when`, `expect`, `called` and `calls`", reads::<Vec<UserTurn>>),
    ),
    ("system", false, Type::Text),
    ("world", true, Type::Of("an object of `state` and `tools`", reads::<World>)),
    ("goal", true, Type::Of("a goal", reads::<Goal>)),
    ("steps", true, Type::Index),
    ("faults", false, Type::Of("an array of `at` and `kind`", reads::<Vec<PlannedFault>>)),
    ("constraints", false, Type::Of("an array of conditions", reads::<Vec<Condition>>)),
    ("max_tokens", false, Type::Index),
    ("decoding", false, Type::Word(&["sampled", "greedy"])),
];

/// Most turns of the user.
const TURNS_LIMIT: usize = 64;
/// Most answers of the model.
const STEPS_LIMIT: u32 = 256;

/// A conversation with a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    /// What the user says, in order. Each turn is said when the model has answered the one before in words.
    pub turns: Vec<UserTurn>,
    /// System message in front of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// What the model acts on.
    pub world: World,
    /// What makes the episode a success.
    pub goal: Goal,
    /// Most answers of the model, calls included.
    #[schemars(range(min = 1, max = 256))]
    pub steps: u32,
    /// What goes wrong on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<PlannedFault>,
    /// What must hold at the end of every turn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Condition>,
    /// Longest answer in tokens; the run's own limit where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
    /// How answers in it are made.
    #[serde(default, skip_serializing_if = "Decoding::is_sampled")]
    pub decoding: Decoding,
}

/// One turn of the user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserTurn {
    /// What is said.
    pub say: String,
    /// When it is said; without it always. A turn whose condition does not hold is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// What the state must have at the end of the turn: objects may have more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Value>,
    /// Calls that must have succeeded when the turn ends: in it, or before it was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub called: Vec<WantedCall>,
    /// Which other calls there may be in the turn.
    #[serde(default, skip_serializing_if = "Calls::is_at_least")]
    pub calls: Calls,
}

impl UserTurn {
    /// A turn that is always said and expects nothing.
    #[must_use]
    pub fn new(say: impl Into<String>) -> Self {
        Self { say: say.into(), when: None, expect: None, called: Vec::new(), calls: Calls::AtLeast }
    }
}

impl Episode {
    /// Whether it says when a constraint is violated first: it has something that is looked at turn by turn.
    #[must_use]
    pub fn has_constraints(&self) -> bool {
        let looked_at =
            |turn: &UserTurn| turn.expect.is_some() || !turn.called.is_empty() || turn.calls == Calls::Exactly;
        !self.constraints.is_empty() || self.turns.iter().any(looked_at)
    }
}

impl Kind for Episode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &str {
        self.turns.first().map_or("", |turn| turn.say.as_str())
    }

    /// Of its first answer; what comes later depends on the model.
    fn asked_bytes(&self) -> usize {
        protocol::instructions(self.system.as_deref(), &self.world).len() + self.question().len()
    }

    fn texts(&self) -> Vec<&str> {
        let said = self.turns.iter().map(|turn| turn.say.as_str());
        [self.system.as_deref().unwrap_or("")].into_iter().chain(said).collect()
    }

    fn has_truth(&self) -> Option<bool> {
        Some(true)
    }

    fn described(&self) -> Description {
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
        let json = |value: serde_json::Result<Value>| value.map(|value| pretty(&value)).unwrap_or_default();
        let mut facts = vec![("steps", self.steps.to_string()), ("goal", json(serde_json::to_value(&self.goal)))];
        if !self.faults.is_empty() {
            facts.push(("faults", json(serde_json::to_value(&self.faults))));
        }
        let system = ("system".to_owned(), protocol::instructions(self.system.as_deref(), &self.world));
        let state = ("world at the start".to_owned(), pretty(&Value::Object(self.world.state.clone())));
        let said = self.turns.iter().enumerate();
        let said = said.map(|(place, turn)| (format!("user, turn {}", place + 1), turn.say.clone()));
        Description { facts, texts: [system, state].into_iter().chain(said).collect() }
    }

    fn check(&self) -> Result<(), Fault> {
        if self.turns.is_empty() || self.turns.len() > TURNS_LIMIT {
            let found = format!("{} turns", self.turns.len());
            return Err(bad(format!("1 to {TURNS_LIMIT} turns"), found, "add or remove turns"));
        }
        if self.turns[0].when.is_some() {
            return Err(bad("a first turn that is always said", "one with `when`", "remove its `when`"));
        }
        self.turns.iter().try_for_each(|turn| check_visible("say", &turn.say))?;
        self.system.iter().try_for_each(|text| check_visible("system", text))?;
        if self.steps == 0 || self.steps > STEPS_LIMIT {
            return Err(bad(format!("1 to {STEPS_LIMIT} `steps`"), self.steps.to_string(), "correct the budget"));
        }
        if self.max_tokens == Some(0) {
            return Err(bad("a `max_tokens` of 1 or more", "0", "leave it out to use the limit of the run"));
        }
        self.world.check()?;
        let tools: BTreeSet<&str> = self.world.tools.iter().map(|tool| tool.name.as_str()).collect();
        let conditions = self.turns.iter().filter_map(|turn| turn.when.as_ref()).chain(&self.constraints);
        if let Some(found) = conditions.filter_map(|condition| condition.fault(&[])).next() {
            return Err(bad("conditions that can be looked at", found, "correct the condition"));
        }
        for fault in &self.faults {
            match &fault.at {
                At::Tool { name, .. } if !tools.contains(name.as_str()) => {
                    let found = format!("a fault of {}", crate::quote(name));
                    return Err(bad("faults of tools of the world", found, "correct the name"));
                }
                At::Call(0) | At::Tool { nth: 0, .. } => {
                    return Err(bad("calls counted from 1 in `faults`", "0", "correct the number"));
                }
                _ => {}
            }
        }
        check_calls(self.turns.iter().flat_map(|turn| &turn.called), &tools)?;
        self.goal.check(&tools)
    }
}

/// What tells it from other episodes, but for faults and budget: what is said, and in which world.
pub(crate) fn words(episode: &Episode) -> Vec<String> {
    let said = episode.turns.iter().map(|turn| turn.say.clone());
    said.chain([canonical(&Value::Object(episode.world.state.clone()))]).collect()
}
