//! A tool: how it is declared to a model, and what a call does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::expression::{Scope, fault};
use super::{RESULT_LIMIT, RULES_LIMIT, Rule, STATE_LIMIT, bad, bounds, too_large};
use crate::error::Fault;

/// What can be done in a world: a function declaration as JSON Schema, the rules of a call, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name: letters, digits and `_`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments: an object with `properties`, complete in itself. Arguments that it does not name are
    /// refused.
    pub parameters: Value,
    /// What must hold and what changes, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// What a call that succeeded says, an expression over the new state; `"done"` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// How much of a call is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// Only the first half of its changes, rounded down.
    Half,
}

impl Tool {
    /// Names of its arguments.
    #[must_use]
    pub fn parameters(&self) -> Vec<&str> {
        let properties = self.parameters.get("properties").and_then(Value::as_object);
        properties.map(|of| of.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Applies a call to a state: the new state, and what the tool says.
    ///
    /// # Errors
    /// The words of the error; the state is as it was.
    pub(super) fn call(
        &self,
        state: &Value,
        arguments: &Map<String, Value>,
        extent: Extent,
    ) -> Result<(Value, Value), String> {
        let mut next = state.clone();
        let changes = self.rules.iter().filter(|rule| rule.changes()).count();
        let mut left = if extent == Extent::Whole { changes } else { changes / 2 };
        for rule in &self.rules {
            if rule.changes() {
                if left == 0 {
                    break;
                }
                left -= 1;
            }
            rule.apply(&mut next, arguments)?;
        }
        if too_large(&next, STATE_LIMIT).is_some() {
            return Err("there is no room for that".to_owned());
        }
        let result = match &self.result {
            Some(result) if extent == Extent::Whole => Scope::new(&next, arguments).value(result)?,
            _ => Value::from("done"),
        };
        if too_large(&result, RESULT_LIMIT).is_some() {
            return Err("the result is too large".to_owned());
        }
        Ok((next, result))
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        let named = !self.name.is_empty() && self.name.len() <= 64;
        if !named || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let expected = "a tool `name` of 1 to 64 letters, digits and `_`";
            return Err(bad(expected, crate::quote(&self.name), "rename the tool"));
        }
        let of = |what: &str| format!("{what} of the tool `{}`", self.name);
        let is_object = self.parameters.get("type").and_then(Value::as_str) == Some("object")
            && self.parameters.get("properties").is_some_and(Value::is_object);
        if !is_object || too_large(&self.parameters, RESULT_LIMIT).is_some() {
            let expected = of(&format!("`parameters` of type `object` with `properties`, {},", bounds(RESULT_LIMIT)));
            let found = crate::quote(&crate::suite::canonical(&self.parameters));
            return Err(bad(expected, found, "write a JSON Schema of the arguments"));
        }
        crate::check::validator(&self.parameters)?;
        if self.rules.len() > RULES_LIMIT {
            let found = format!("{} rules", self.rules.len());
            return Err(bad(of(&format!("at most {RULES_LIMIT} rules")), found, "make two tools of it"));
        }
        let parameters = self.parameters();
        let in_rules = self.rules.iter().find_map(|rule| rule.fault(&parameters));
        let found = in_rules.or_else(|| self.result.as_ref().and_then(|result| fault(result, &parameters)));
        match found {
            Some(found) => Err(bad(of("rules and a result that can be applied"), found, "correct the rule")),
            None => Ok(()),
        }
    }
}
