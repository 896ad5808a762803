//! Expressions: JSON in which `{name}` stands for an argument and an object with one key that begins with `$` reads the
//! state or counts. Whole numbers only, no loops, no code; what is made is bounded.

use serde_json::{Map, Value};

use super::{STATE_LIMIT, contains, deeper_than, pointer};
use crate::suite::canonical;

/// The operations.
const OPERATIONS: [&str; 7] = ["$get", "$keys", "$count", "$where", "$add", "$subtract", "$multiply"];

/// What an expression may read.
pub(super) struct Scope<'a> {
    pub state: &'a Value,
    pub arguments: &'a Map<String, Value>,
    /// Bytes that may still be made.
    left: usize,
}

impl<'a> Scope<'a> {
    pub fn new(state: &'a Value, arguments: &'a Map<String, Value>) -> Self {
        Self { state, arguments, left: STATE_LIMIT }
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// A place that is not there, something that is no whole number where one is needed, or too large a value.
    pub fn value(&mut self, expression: &Value) -> Result<Value, String> {
        match expression {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                items.iter().map(|item| self.value(item)).collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(fields) => match operation(fields) {
                Some((name, operand)) => self.operate(name, operand),
                None => {
                    let field = |(key, value): (&String, &Value)| Ok((key.clone(), self.value(value)?));
                    fields.iter().map(field).collect::<Result<_, String>>().map(Value::Object)
                }
            },
            other => Ok(other.clone()),
        }
    }

    fn made(&mut self, value: Value) -> Result<Value, String> {
        let large = || "the result is too large".to_owned();
        if deeper_than(&value, super::DEPTH_LIMIT) {
            return Err(large());
        }
        self.left = self.left.checked_sub(canonical(&value).len()).ok_or_else(large)?;
        Ok(value)
    }

    /// A text with its arguments; a text that is one argument and nothing else is the argument itself.
    fn text(&mut self, text: &str) -> Result<Value, String> {
        if let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
            && !name.contains(['{', '}'])
        {
            let argument = self.arguments.get(name).cloned();
            return self.made(argument.unwrap_or(Value::Null));
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, (name, after))) = rest.split_once('{').and_then(|(b, r)| Some((b, r.split_once('}')?)))
        {
            out.push_str(before);
            match self.arguments.get(name) {
                Some(Value::String(text)) => out.push_str(text),
                Some(other) => out.push_str(&canonical(other)),
                None => {}
            }
            if out.len() > self.left {
                return Err("the result is too large".to_owned());
            }
            rest = after;
        }
        out.push_str(rest);
        self.made(Value::String(out))
    }

    fn operate(&mut self, name: &str, operand: &Value) -> Result<Value, String> {
        match name {
            "$get" => self.at(operand).cloned().and_then(|value| self.made(value)),
            "$keys" => {
                let mut keys: Vec<_> = self.entries(operand)?.keys().map(String::as_str).collect();
                keys.sort_unstable();
                self.made(Value::from(keys))
            }
            "$count" => match self.at(operand)? {
                Value::Object(fields) => Ok(fields.len().into()),
                Value::Array(items) => Ok(items.len().into()),
                _ => Err("there is nothing to count".to_owned()),
            },
            "$where" => {
                let part = |key: &str| operand.get(key).ok_or_else(|| format!("`$where` without `{key}`"));
                let (at, has) = (part("at")?, self.value(part("has")?)?);
                let found = self.entries(at)?.iter().filter(|(_, entry)| contains(entry, &has));
                let found = found.map(|(key, entry)| (key.clone(), entry.clone())).collect();
                self.made(Value::Object(found))
            }
            "$add" => self.fold(operand, i64::checked_add),
            "$subtract" => self.fold(operand, i64::checked_sub),
            "$multiply" => self.fold(operand, i64::checked_mul),
            _ => Err(format!("there is no operation `{name}`")),
        }
    }

    fn at(&self, operand: &Value) -> Result<&'a Value, String> {
        let place = operand.as_str().ok_or("a place is a text")?;
        let steps = pointer::steps(place, self.arguments)?;
        pointer::get(self.state, &steps).ok_or_else(|| format!("there is no {}", steps.join(" ")))
    }

    fn entries(&self, operand: &Value) -> Result<&'a Map<String, Value>, String> {
        self.at(operand)?.as_object().ok_or_else(|| "the place holds no entries".to_owned())
    }

    fn fold(&mut self, operand: &Value, step: fn(i64, i64) -> Option<i64>) -> Result<Value, String> {
        let operands = operand.as_array().ok_or("numbers to combine are a list")?;
        let mut numbers = Vec::with_capacity(operands.len());
        for operand in operands {
            numbers.push(self.value(operand)?.as_i64().ok_or("a number is not whole")?);
        }
        let first = *numbers.first().ok_or("there are no numbers to combine")?;
        let all = numbers[1..].iter().try_fold(first, |sum, number| step(sum, *number));
        all.map(Value::from).ok_or_else(|| "the number is too large".to_owned())
    }
}

fn operation(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut all = fields.iter();
    let (name, operand) = all.next()?;
    (all.next().is_none() && name.starts_with('$')).then_some((name.as_str(), operand))
}

/// What is wrong with an expression of a tool with these parameters, before it is ever used.
pub(super) fn fault(expression: &Value, parameters: &[&str]) -> Option<String> {
    match expression {
        Value::Array(items) => items.iter().find_map(|item| fault(item, parameters)),
        Value::Object(fields) => match operation(fields) {
            None if fields.keys().any(|key| key.starts_with('$')) => {
                Some("an operation that is not the only key of its object".to_owned())
            }
            None => fields.values().find_map(|value| fault(value, parameters)),
            Some((name, _)) if !OPERATIONS.contains(&name) => {
                Some(format!("the operation {}; there are {}", crate::quote(name), OPERATIONS.join(", ")))
            }
            Some(("$add" | "$subtract" | "$multiply", operand)) => match operand.as_array() {
                Some(operands) if !operands.is_empty() => operands.iter().find_map(|of| fault(of, parameters)),
                _ => Some("an operation on numbers without a list of them".to_owned()),
            },
            Some(("$where", operand)) => {
                let whole = operand.as_object().is_some_and(|of| of.len() == 2 && of.contains_key("has"));
                let at = operand.get("at").and_then(Value::as_str).filter(|_| whole);
                let Some(at) = at else { return Some("`$where` without `at` and `has`".to_owned()) };
                place_fault(at, parameters).or_else(|| fault(&operand["has"], parameters))
            }
            Some((_, operand)) => match operand.as_str() {
                Some(place) => place_fault(place, parameters),
                None => Some("an operation without a place".to_owned()),
            },
        },
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// What is wrong with a place of a tool with these parameters.
pub(super) fn place_fault(place: &str, parameters: &[&str]) -> Option<String> {
    if let Err(fault) = pointer::raw_steps(place) {
        return Some(fault);
    }
    let strange = pointer::names(place).find(|name| !parameters.contains(name))?;
    Some(format!("the place {} with {}, no parameter", crate::quote(place), crate::quote(strange)))
}
