//! What an argument of a wanted call may be: a value, or one of several, in words that need not be spelled alike, or left out.

use serde_json::{Map, Value};

/// What can stand in a pattern: objects with one of these keys alone.
const ONE_OF: &str = "$one_of";
const LIKE: &str = "$like";
const OPTIONAL: &str = "$optional";

/// What a pattern asks for.
enum Asked<'p> {
    OneOf(&'p [Value]),
    Like(&'p str),
    Optional(&'p Value),
    Fields(&'p Map<String, Value>),
    Items(&'p [Value]),
    Value(&'p Value),
}

impl<'p> Asked<'p> {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What cannot be read of it, as a lower-case fragment.
    fn of(pattern: &'p Value) -> Result<Self, String> {
        let (key, of) = match pattern {
            Value::Array(items) => return Ok(Asked::Items(items)),
            Value::Object(fields) => match fields.iter().next() {
                Some((key, of)) if fields.len() == 1 && key.starts_with('$') => (key.as_str(), of),
                _ => return Ok(Asked::Fields(fields)),
            },
            value => return Ok(Asked::Value(value)),
        };
        match (key, of) {
            (ONE_OF, Value::Array(values)) if !values.is_empty() => Ok(Asked::OneOf(values)),
            (ONE_OF, _) => Err(format!("`{ONE_OF}` without a list of values")),
            (LIKE, Value::String(text)) => Ok(Asked::Like(text)),
            (LIKE, _) => Err(format!("`{LIKE}` without a text")),
            (OPTIONAL, pattern) => Ok(Asked::Optional(pattern)),
            (other, _) => Err(format!("the unknown {}", crate::quote(other))),
        }
    }
}

/// What cannot be read of a pattern; `None` where all of it can.
pub(super) fn fault(pattern: &Value) -> Option<String> {
    match Asked::of(pattern) {
        Err(found) => Some(found),
        Ok(Asked::OneOf(items) | Asked::Items(items)) => items.iter().find_map(fault),
        Ok(Asked::Fields(fields)) => fields.values().find_map(fault),
        Ok(Asked::Optional(pattern)) => fault(pattern),
        Ok(Asked::Like(_) | Asked::Value(_)) => None,
    }
}

/// Whether it may be left out.
pub(super) fn may_lack(pattern: &Value) -> bool {
    matches!(Asked::of(pattern), Ok(Asked::Optional(_)))
}

/// Whether a value is what a pattern asks for. What says nothing but a value is that value and no other; within a pattern
/// numbers are equal by what they count.
pub(crate) fn fits(pattern: &Value, value: &Value) -> bool {
    pattern == value || (asks(pattern) && is(pattern, value))
}

/// Whether a pattern asks for more than a value.
fn asks(pattern: &Value) -> bool {
    match Asked::of(pattern) {
        Ok(Asked::OneOf(_) | Asked::Like(_) | Asked::Optional(_)) => true,
        Ok(Asked::Items(items)) => items.iter().any(asks),
        Ok(Asked::Fields(fields)) => fields.values().any(asks),
        Ok(Asked::Value(_)) | Err(_) => false,
    }
}

fn is(pattern: &Value, value: &Value) -> bool {
    match (Asked::of(pattern), value) {
        (Ok(Asked::OneOf(patterns)), _) => patterns.iter().any(|pattern| is(pattern, value)),
        (Ok(Asked::Optional(pattern)), _) => is(pattern, value),
        (Ok(Asked::Like(text)), Value::String(found)) => plain(text) == plain(found),
        (Ok(Asked::Items(patterns)), Value::Array(items)) => {
            patterns.len() == items.len() && patterns.iter().zip(items).all(|(pattern, item)| is(pattern, item))
        }
        (Ok(Asked::Fields(patterns)), Value::Object(fields)) => all(patterns, fields),
        (Ok(Asked::Value(Value::Number(wanted))), Value::Number(found)) => {
            wanted == found || wanted.as_f64() == found.as_f64()
        }
        (Ok(Asked::Value(wanted)), found) => wanted == found,
        _ => false,
    }
}

/// Whether these fields, and no others, are what the patterns ask for.
fn all(patterns: &Map<String, Value>, fields: &Map<String, Value>) -> bool {
    fields.keys().all(|key| patterns.contains_key(key))
        && patterns.iter().all(|(key, pattern)| match fields.get(key) {
            Some(value) => is(pattern, value),
            None => may_lack(pattern),
        })
}

/// A text without what two people write differently: case, spaces, `,./-_*^`, one kind of quotation mark for another.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(|c| !" ,./-_*^".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == '\'' { '"' } else { c }).collect()
}
