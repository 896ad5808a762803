//! Faults on the way: what goes wrong with a call although it is right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tool::Extent;
use super::{Tool, transcript::Call};

/// One fault of a plan; it happens once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// Which call it befalls.
    pub at: At,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// Which call a fault befalls. Calls that the world refuses to look at (no such tool, wrong arguments) do not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum At {
    /// The call of this number, whatever the tool; from 1.
    Call(u32),
    /// The nth call of a tool; from 1.
    Tool {
        /// Name of the tool.
        name: String,
        /// Its number among the calls of the tool.
        nth: u32,
    },
}

/// What goes wrong. All but `partial` leave the world as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An error: the service is not there.
    Error,
    /// No result at all.
    Empty,
    /// What the tool would have said at the start, marked as old.
    Stale,
    /// A result of another type than the tool's.
    WrongType,
    /// No reply in time.
    Timeout,
    /// Half of the changes are made, and the result says so.
    Partial,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 6] = [
        FaultKind::Error,
        FaultKind::Empty,
        FaultKind::Stale,
        FaultKind::WrongType,
        FaultKind::Timeout,
        FaultKind::Partial,
    ];

    /// Its name in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Error => "error",
            FaultKind::Empty => "empty",
            FaultKind::Stale => "stale",
            FaultKind::WrongType => "wrong_type",
            FaultKind::Timeout => "timeout",
            FaultKind::Partial => "partial",
        }
    }

    /// The state after a call that it befell, and what the tool says.
    ///
    /// # Errors
    /// The words of an error.
    pub(super) fn befall(
        self,
        tool: &Tool,
        call: &Call,
        start: &Value,
        state: &Value,
    ) -> (Value, Result<Value, String>) {
        let unchanged = |said| (state.clone(), said);
        match self {
            FaultKind::Error => unchanged(Err("the service is unavailable, try again".to_owned())),
            FaultKind::Timeout => unchanged(Err("no reply in time; nothing was done".to_owned())),
            FaultKind::Empty => unchanged(Ok(Value::Null)),
            FaultKind::WrongType => unchanged(Ok(json!([0]))),
            FaultKind::Stale => {
                let before = tool.call(start, &call.arguments, Extent::Whole);
                unchanged(before.map(|(_, result)| json!({"old_copy": result, "current": false})))
            }
            FaultKind::Partial => match tool.call(state, &call.arguments, Extent::Half) {
                Ok((next, _)) => (next, Ok(json!({"complete": false, "done": "in part"}))),
                Err(words) => unchanged(Err(words)),
            },
        }
    }
}

impl PlannedFault {
    /// Whether it befalls the call of this number, the nth of its tool.
    pub(super) fn befalls(&self, tool: &str, call: u32, nth: u32) -> bool {
        match &self.at {
            At::Call(number) => *number == call,
            At::Tool { name, nth: number } => name == tool && *number == nth,
        }
    }
}
