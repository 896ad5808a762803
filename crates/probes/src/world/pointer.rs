//! Places in a state: JSON Pointers (RFC 6901) whose steps may name an argument of the call in braces.

use serde_json::{Map, Value};

/// Steps of a pointer, arguments put in. A slash within an argument is no new step.
///
/// # Errors
/// No pointer, or an argument that is missing or neither text nor a whole number.
pub(super) fn steps(pointer: &str, arguments: &Map<String, Value>) -> Result<Vec<String>, String> {
    raw_steps(pointer)?.into_iter().map(|step| filled(&step, arguments)).collect()
}

/// Steps of a pointer as they are written.
///
/// # Errors
/// It does not begin with a slash.
pub(super) fn raw_steps(pointer: &str) -> Result<Vec<String>, String> {
    match pointer.strip_prefix('/') {
        Some(rest) => Ok(rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()),
        None => Err(format!("the place {} does not begin with `/`", crate::quote(pointer))),
    }
}

/// Names in braces within a text.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

fn filled(step: &str, arguments: &Map<String, Value>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = step;
    while let Some((before, (name, after))) = rest.split_once('{').and_then(|(b, r)| Some((b, r.split_once('}')?))) {
        out.push_str(before);
        match arguments.get(name) {
            Some(Value::String(text)) => out.push_str(text),
            Some(Value::Number(number)) => out.push_str(&number.to_string()),
            Some(_) => return Err(format!("the argument `{name}` cannot name a place")),
            None => return Err(format!("the argument `{name}` is missing")),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What stands at a place.
pub(super) fn get<'v>(value: &'v Value, steps: &[String]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Puts a value at a place; objects on the way that are not there are made.
///
/// # Errors
/// The way leads through something that has no such place.
pub(super) fn set(root: &mut Value, steps: &[String], value: Value) -> Result<(), String> {
    let mut at = root;
    for step in steps {
        at = match at {
            Value::Object(fields) => fields.entry(step).or_insert_with(|| Value::Object(Map::new())),
            Value::Array(items) => {
                let place = step.parse::<usize>().ok().and_then(|place| items.get_mut(place));
                place.ok_or_else(|| format!("there is no entry {}", crate::quote(step)))?
            }
            _ => return Err(format!("there is no place {}", crate::quote(step))),
        };
    }
    *at = value;
    Ok(())
}

/// Takes a value away.
///
/// # Errors
/// It is not there.
pub(super) fn remove(root: &mut Value, steps: &[String]) -> Result<(), String> {
    let missing = || "there is nothing to remove".to_owned();
    let (last, way) = steps.split_last().ok_or_else(missing)?;
    let mut at = root;
    for step in way {
        at = match at {
            Value::Object(fields) => fields.get_mut(step),
            Value::Array(items) => step.parse::<usize>().ok().and_then(|place| items.get_mut(place)),
            _ => None,
        }
        .ok_or_else(missing)?;
    }
    match at {
        Value::Object(fields) => fields.remove(last).map(drop),
        Value::Array(items) => {
            let place = last.parse::<usize>().ok().filter(|place| *place < items.len());
            place.map(|place| drop(items.remove(place)))
        }
        _ => None,
    }
    .ok_or_else(missing)
}
