//! Small deterministic worlds: a state of JSON, tools that change it by rules, faults on the way, a goal that judges the
//! end. Everything is data: a world of one's own is a file, and no code runs. The language is written down in
//! `docs/episodes.md`.
//!
//! Everything is bounded, because worlds and the calls put to them are other people's: states, results, rules, steps.

mod expression;
mod faults;
mod goal;
mod pattern;
mod pointer;
pub mod protocol;
mod rule;
mod running;
mod tool;
mod transcript;

pub use faults::{At, FaultKind as WorldFault, PlannedFault};
pub(crate) use goal::check_calls;
pub use goal::{Calls, Goal, WantedCall};
pub(crate) use pattern::fits as pattern_fits;
pub use rule::{Condition, Rule};
pub use running::Running;
pub use tool::Tool;
pub use transcript::{Call, CallResult, Ending, Event, Outcome, Said, Transcript};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Fault, FaultKind};
use crate::suite::canonical;

/// Most bytes of a state, as JSON without spaces.
pub const STATE_LIMIT: usize = 64 << 10;
/// Most bytes of what a tool says, and of the arguments of one call.
pub const RESULT_LIMIT: usize = 8 << 10;
/// Deepest nesting of a state, a result or arguments.
pub const DEPTH_LIMIT: usize = 32;
/// Most tools of a world.
pub const TOOLS_LIMIT: usize = 64;
/// Most rules of a tool.
pub const RULES_LIMIT: usize = 32;

/// What a model acts on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// The state at the start.
    pub state: Map<String, Value>,
    /// What can be done.
    pub tools: Vec<Tool>,
}

impl World {
    /// The tool of a name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        let state = Value::Object(self.state.clone());
        if let Some(found) = too_large(&state, STATE_LIMIT) {
            return Err(bad(format!("a `state` {}", bounds(STATE_LIMIT)), found, "make the world smaller"));
        }
        if self.tools.is_empty() || self.tools.len() > TOOLS_LIMIT {
            let found = format!("{} tools", self.tools.len());
            return Err(bad(format!("1 to {TOOLS_LIMIT} tools in `world`"), found, "add or remove tools"));
        }
        for (place, tool) in self.tools.iter().enumerate() {
            if self.tools[..place].iter().any(|other| other.name == tool.name) {
                let found = format!("the tool {} twice", crate::quote(&tool.name));
                return Err(bad("tools of different names", found, "rename one of them"));
            }
            tool.check()?;
        }
        Ok(())
    }
}

/// The fault of an episode.
pub(crate) fn bad(expected: impl Into<String>, found: impl Into<String>, next: &str) -> Fault {
    Fault::new(FaultKind::BadEpisode, expected, found, next)
}

fn bounds(bytes: usize) -> String {
    format!("of at most {} KiB, nested at most {DEPTH_LIMIT} deep", bytes >> 10)
}

/// What is too much of a value; `None` where it is within bounds.
fn too_large(value: &Value, bytes: usize) -> Option<String> {
    if deeper_than(value, DEPTH_LIMIT) {
        return Some("a deeper one".to_owned());
    }
    let length = canonical(value).len();
    (length > bytes).then(|| format!("{length} bytes"))
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    let inner = |value: &Value| levels == 0 || deeper_than(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(inner),
        Value::Object(fields) => fields.values().any(inner),
        _ => false,
    }
}

/// Whether `value` has all that `wanted` says: an object has the fields of `wanted` and perhaps others, anything else is
/// equal.
pub(crate) fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(fields), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| fields.get(key).is_some_and(|value| contains(value, wanted)))
        }
        _ => value == wanted,
    }
}
