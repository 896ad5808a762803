//! Rules of a tool: what must hold, and what changes. Applied in order; a call that fails changes nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::expression::{Scope, fault, place_fault};
use super::{contains, pointer};

/// Something about a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A place in the state: a JSON Pointer, `/orders/{order}/status`.
    pub at: String,
    /// Whether something stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// What stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// The least whole number that may stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Value>,
    /// The greatest whole number that may stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Value>,
    /// What every entry there has; holds where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_has: Option<Value>,
}

impl Condition {
    /// A condition of that place that says nothing of it yet.
    #[must_use]
    pub fn at(place: String) -> Self {
        Self { at: place, exists: None, equals: None, at_least: None, at_most: None, each_has: None }
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// An expression of it has no value.
    pub(super) fn holds(&self, state: &Value, arguments: &Map<String, Value>) -> Result<bool, String> {
        let there = pointer::get(state, &pointer::steps(&self.at, arguments)?);
        let mut scope = Scope::new(state, arguments);
        if let Some(exists) = self.exists {
            return Ok(there.is_some() == exists);
        }
        if let Some(equals) = &self.equals {
            return Ok(there == Some(&scope.value(equals)?));
        }
        if let Some(wanted) = &self.each_has {
            let wanted = scope.value(wanted)?;
            return Ok(match there {
                Some(Value::Object(fields)) => fields.values().all(|entry| contains(entry, &wanted)),
                Some(Value::Array(items)) => items.iter().all(|entry| contains(entry, &wanted)),
                _ => true,
            });
        }
        let mut bound = |bound: &Option<Value>| match bound {
            None => Ok(None),
            Some(bound) => scope.value(bound)?.as_i64().map(Some).ok_or_else(|| "a bound is not whole".to_owned()),
        };
        let (least, most) = (bound(&self.at_least)?, bound(&self.at_most)?);
        let Some(number) = there.and_then(Value::as_i64) else { return Ok(false) };
        Ok(least.is_none_or(|least| least <= number) && most.is_none_or(|most| number <= most))
    }

    /// What is wrong with it, for a tool with these parameters.
    pub(crate) fn fault(&self, parameters: &[&str]) -> Option<String> {
        let alone = [self.exists.is_some(), self.equals.is_some(), self.each_has.is_some()];
        let bounded = self.at_least.is_some() || self.at_most.is_some();
        let said = alone.iter().filter(|said| **said).count() + usize::from(bounded);
        if said != 1 {
            let at = crate::quote(&self.at);
            return Some(format!("a condition at {at} that says {said} things"));
        }
        let values = [&self.equals, &self.at_least, &self.at_most, &self.each_has];
        place_fault(&self.at, parameters)
            .or_else(|| values.into_iter().flatten().find_map(|value| fault(value, parameters)))
    }
}

/// One rule of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(clippy::large_enum_variant, reason = "a tool has a handful of rules")]
pub enum Rule {
    /// What must hold; otherwise the call fails with these words.
    Require {
        /// What.
        that: Condition,
        /// The words of the error.
        #[serde(rename = "else")]
        otherwise: String,
    },
    /// Puts a value at a place.
    Set {
        /// The place.
        at: String,
        /// The value, an expression.
        to: Value,
    },
    /// Adds to the whole number at a place.
    Add {
        /// The place.
        at: String,
        /// How much, an expression; may be negative.
        by: Value,
    },
    /// Adds an entry to the end of the list at a place.
    Push {
        /// The place.
        at: String,
        /// The entry, an expression.
        value: Value,
    },
    /// Takes away what stands at a place.
    Remove {
        /// The place.
        at: String,
    },
}

impl Rule {
    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        !matches!(self, Rule::Require { .. })
    }

    /// Applies it to a state.
    ///
    /// # Errors
    /// What must hold does not, or the change cannot be made: the words of the error.
    pub(super) fn apply(&self, state: &mut Value, arguments: &Map<String, Value>) -> Result<(), String> {
        let value = |expression: &Value, state: &Value| Scope::new(state, arguments).value(expression);
        match self {
            Rule::Require { that, otherwise } => match that.holds(state, arguments)? {
                true => Ok(()),
                false => {
                    let words = value(&Value::from(otherwise.as_str()), state)?;
                    Err(words.as_str().map_or_else(|| otherwise.clone(), str::to_owned))
                }
            },
            Rule::Set { at, to } => {
                let to = value(to, state)?;
                pointer::set(state, &pointer::steps(at, arguments)?, to)
            }
            Rule::Add { at, by } => {
                let (by, steps) = (value(by, state)?, pointer::steps(at, arguments)?);
                let number = pointer::get(state, &steps).and_then(Value::as_i64);
                let sum = number.zip(by.as_i64()).and_then(|(number, by)| number.checked_add(by));
                pointer::set(state, &steps, sum.ok_or("there is no whole number to add to")?.into())
            }
            Rule::Push { at, value: entry } => {
                let (entry, steps) = (value(entry, state)?, pointer::steps(at, arguments)?);
                let list = pointer::get(state, &steps).and_then(Value::as_array);
                let mut list = list.cloned().ok_or("there is no list to add to")?;
                list.push(entry);
                pointer::set(state, &steps, Value::Array(list))
            }
            Rule::Remove { at } => pointer::remove(state, &pointer::steps(at, arguments)?),
        }
    }

    /// What is wrong with it, for a tool with these parameters.
    pub(crate) fn fault(&self, parameters: &[&str]) -> Option<String> {
        match self {
            Rule::Require { that, .. } => that.fault(parameters),
            Rule::Set { at, to: value } | Rule::Add { at, by: value } | Rule::Push { at, value } => {
                place_fault(at, parameters).or_else(|| fault(value, parameters))
            }
            Rule::Remove { at } => place_fault(at, parameters),
        }
    }
}
