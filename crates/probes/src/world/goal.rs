//! The goal of an episode: what the world must be like at the end, and what must not have happened to it on the way.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::transcript::Call;
use super::{bad, contains, pattern, pointer};
use crate::error::Fault;
use crate::{Check, Checked, Checker, Normal};

/// What makes an episode a success. What the goal does not name must be at the end as it was at the start: everything
/// else that changed is damage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// What the state must have: objects may have more, everything else is equal.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub state: Map<String, Value>,
    /// Places where nothing may stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// Places that may have changed in any way: logs, counters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_change: Vec<String>,
    /// Calls that must have succeeded, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub called: Vec<WantedCall>,
    /// Which other calls there may be.
    #[serde(default, skip_serializing_if = "Calls::is_at_least")]
    pub calls: Calls,
    /// Calls that must not have succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_called: Vec<WantedCall>,
    /// What makes the model's last words to the user right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Checker>,
}

/// Which calls there may be beside those that are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// Any, with whatever other arguments.
    #[default]
    AtLeast,
    /// None: the calls that succeeded are those that are wanted, each once and without an argument that is not named, and none
    /// was refused by a schema.
    Exactly,
}

impl Calls {
    // serde hands `skip_serializing_if` a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(crate) fn is_at_least(&self) -> bool {
        *self == Calls::AtLeast
    }
}

/// The calls of an episode, or of one turn.
#[derive(Clone, Copy)]
pub(super) struct Made<'c> {
    /// Those that succeeded.
    pub succeeded: &'c [Call],
    /// How many named no tool, or had arguments that its schema refuses.
    pub refused: u32,
}

/// A call, by its tool and the arguments that matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedCall {
    /// The tool.
    pub name: String,
    /// Arguments that it must have: values, or what they may be (`$one_of`, `$like`, `$optional`). It may have others, unless
    /// exactly these calls are wanted.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
}

impl WantedCall {
    fn is(&self, call: &Call) -> bool {
        let has = |(key, wanted): (&String, &Value)| match call.arguments.get(key) {
            Some(value) => pattern::fits(wanted, value),
            None => pattern::may_lack(wanted),
        };
        self.name == call.name && self.arguments.iter().all(has)
    }

    /// Whether it is this call and has no argument that is not named.
    fn is_exactly(&self, call: &Call) -> bool {
        self.is(call) && call.arguments.keys().all(|key| self.arguments.contains_key(key))
    }
}

impl Calls {
    /// Which of the wanted calls were not made, and how many were made that were not wanted, in words.
    pub(super) fn unmet(self, wanted: &[WantedCall], made: Made<'_>) -> Vec<String> {
        let missing = |wanted: &WantedCall| format!("no such call of {} succeeded", wanted.name);
        if self == Calls::AtLeast {
            let called = |wanted: &&WantedCall| made.succeeded.iter().any(|call| wanted.is(call));
            return wanted.iter().filter(|wanted| !called(wanted)).map(missing).collect();
        }
        let served = matched(wanted, made.succeeded);
        let unserved = wanted.iter().zip(&served).filter(|(_, by)| by.is_none());
        let mut unmet: Vec<String> = unserved.map(|(wanted, _)| missing(wanted)).collect();
        let others = made.succeeded.iter().enumerate().filter(|(place, _)| !served.contains(&Some(*place)));
        unmet.extend(others.map(|(_, call)| format!("a call of {} that is not wanted", call.name)));
        if made.refused > 0 {
            unmet.push(format!("{} refused", crate::counted::counted(made.refused.into(), "call")));
        }
        unmet
    }
}

/// A call of its own for every wanted one, as many as can be served: by augmenting paths.
fn matched(wanted: &[WantedCall], calls: &[Call]) -> Vec<Option<usize>> {
    fn serve(at: usize, can: &[Vec<usize>], tried: &mut [bool], serves: &mut [Option<usize>]) -> bool {
        for &call in &can[at] {
            if std::mem::replace(&mut tried[call], true) {
                continue;
            }
            if serves[call].is_none_or(|other| serve(other, can, tried, serves)) {
                serves[call] = Some(at);
                return true;
            }
        }
        false
    }
    let can: Vec<Vec<usize>> = wanted
        .iter()
        .map(|wanted| (0..calls.len()).filter(|&call| wanted.is_exactly(&calls[call])).collect())
        .collect();
    let mut serves = vec![None; calls.len()];
    for at in 0..wanted.len() {
        serve(at, &can, &mut vec![false; calls.len()], &mut serves);
    }
    let by = |at: usize| serves.iter().position(|serves| *serves == Some(at));
    (0..wanted.len()).map(by).collect()
}

impl Goal {
    /// What of it is not reached, in words.
    pub(super) fn unmet(&self, state: &Value, made: Made<'_>, last_words: &str) -> Vec<String> {
        let mut unmet = Vec::new();
        for (place, wanted) in leaves(&Value::Object(self.state.clone())) {
            let found = pointer::get(state, &place);
            if !found.is_some_and(|found| contains(found, &wanted)) {
                let found = found.map_or("nothing".to_owned(), crate::suite::canonical);
                unmet.push(format!("{} is {found}, expected {wanted}", written(&place)));
            }
        }
        for place in &self.absent {
            let steps = pointer::raw_steps(place).unwrap_or_default();
            if pointer::get(state, &steps).is_some() {
                unmet.push(format!("{place} is still there"));
            }
        }
        unmet.extend(self.calls.unmet(&self.called, made));
        let called = |wanted: &&WantedCall| made.succeeded.iter().any(|call| wanted.is(call));
        let forbidden = self.not_called.iter().filter(called);
        unmet.extend(forbidden.map(|wanted| format!("a call of {} that was not to be made", wanted.name)));
        // A checker of a suite that was validated compiles.
        let check = self.answer.as_ref().and_then(|checker| Check::new(&[Normal::Whitespace], checker).ok());
        if check.is_some_and(|check| check.check(last_words) != Checked::Right) {
            unmet.push("the last words to the user are not right".to_owned());
        }
        unmet
    }

    /// Places that changed and that it does not name.
    pub(super) fn damage(&self, start: &Value, end: &Value) -> Vec<String> {
        let mut named: Vec<Vec<String>> =
            leaves(&Value::Object(self.state.clone())).into_iter().map(|(place, _)| place).collect();
        let places = self.absent.iter().chain(&self.may_change);
        named.extend(places.filter_map(|place| pointer::raw_steps(place).ok()));
        let mut changed = Vec::new();
        changes(&mut Vec::new(), Some(start), Some(end), &mut changed);
        changed.retain(|place| !named.iter().any(|named| place.starts_with(named)));
        changed.iter().map(|place| written(place)).collect()
    }

    pub(crate) fn check(&self, tools: &BTreeSet<&str>) -> Result<(), Fault> {
        if self == &Goal::default() {
            return Err(bad("something in `goal`", "an empty one", "say what the world must be like at the end"));
        }
        for place in self.absent.iter().chain(&self.may_change) {
            if let Err(found) = pointer::raw_steps(place) {
                return Err(bad("places in `goal` as JSON Pointers", found, "write `/orders/17`"));
            }
        }
        check_calls(self.called.iter().chain(&self.not_called), tools)?;
        self.answer.as_ref().map_or(Ok(()), |checker| Check::new(&[Normal::Whitespace], checker).map(drop))
    }
}

/// That wanted calls are of tools that are there, and ask for arguments that can be compared.
pub(crate) fn check_calls<'w>(
    mut wanted: impl Iterator<Item = &'w WantedCall>,
    tools: &BTreeSet<&str>,
) -> Result<(), Fault> {
    wanted.try_for_each(|wanted| {
        if !tools.contains(wanted.name.as_str()) {
            let found = format!("the call of {}", crate::quote(&wanted.name));
            return Err(bad("calls of tools of the world in `called` and `not_called`", found, "correct the name"));
        }
        match wanted.arguments.values().find_map(pattern::fault) {
            Some(found) => {
                let expected = format!("values, `$one_of`, `$like` or `$optional` as arguments of {}", wanted.name);
                Err(bad(expected, found, "correct the argument"))
            }
            None => Ok(()),
        }
    })
}

fn written(place: &[String]) -> String {
    place.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}

/// The values of a state that are no objects with fields, with their places.
fn leaves(value: &Value) -> Vec<(Vec<String>, Value)> {
    fn walk(place: &mut Vec<String>, value: &Value, out: &mut Vec<(Vec<String>, Value)>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (key, value) in fields {
                    place.push(key.clone());
                    walk(place, value, out);
                    place.pop();
                }
            }
            // An empty object asks that something is there; whatever it holds is not named by it.
            other => out.push((place.clone(), other.clone())),
        }
    }
    let mut out = Vec::new();
    match value {
        Value::Object(fields) if fields.is_empty() => {}
        _ => walk(&mut Vec::new(), value, &mut out),
    }
    out
}

/// The places whose values differ: down to what is no object.
fn changes(place: &mut Vec<String>, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<Vec<String>>) {
    if before == after {
        return;
    }
    let fields = |value: Option<&Value>| match value {
        None => Some(Map::new()),
        Some(Value::Object(fields)) => Some(fields.clone()),
        Some(_) => None,
    };
    match (fields(before), fields(after)) {
        (Some(before), Some(after)) if !(before.is_empty() && after.is_empty()) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                place.push(key.clone());
                changes(place, before.get(key), after.get(key), out);
                place.pop();
            }
        }
        _ => out.push(place.clone()),
    }
}
