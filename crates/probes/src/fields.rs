//! The fields of a probe in a file: their names and types, checked before serde reads them, so that a message can name the
//! field and the way out.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Fault, FaultKind, plain, quote};

/// The type that a field of a probe has.
#[derive(Clone, Copy)]
pub(crate) enum Type {
    Text,
    Texts,
    Index,
    Word(&'static [&'static str]),
    /// What it is called, and whether it can be read.
    Of(&'static str, fn(&Value) -> serde_json::Result<()>),
}

/// A field: name, whether it must be there, type.
pub(crate) type Field = (&'static str, bool, Type);

/// That serde can read a value as this type.
pub(crate) fn reads<T: DeserializeOwned>(value: &Value) -> serde_json::Result<()> {
    T::deserialize(value).map(drop)
}

/// Checks that the fields are there and of their types.
pub(crate) fn require(fields: &Map<String, Value>, wanted: &[Field]) -> Result<(), Fault> {
    for &(name, required, kind) in wanted {
        match fields.get(name) {
            None if required => {
                let present: Vec<_> = fields.keys().map(|key| quote(key)).take(12).collect();
                return Err(Fault::new(
                    FaultKind::MissingField,
                    format!("a field `{name}`"),
                    if present.is_empty() { "no field".to_owned() } else { present.join(", ") },
                    "add it, or name your own columns with `probes import`",
                ));
            }
            None => {}
            Some(Value::Null) if !required => {}
            Some(value) => typed(name, value, kind)?,
        }
    }
    Ok(())
}

fn typed(name: &str, value: &Value, kind: Type) -> Result<(), Fault> {
    let (fits, expected) = match kind {
        Type::Of(expected, read) => match read(value) {
            Ok(()) => return Ok(()),
            Err(error) => {
                let expected = format!("{expected} in `{name}`");
                return Err(Fault::new(FaultKind::WrongType, expected, plain(&error.to_string()), "correct the field"));
            }
        },
        Type::Text => (value.is_string(), "a string".to_owned()),
        Type::Texts => {
            let fits = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            (fits, "an array of strings".to_owned())
        }
        Type::Index => {
            let fits = value.as_u64().is_some_and(|index| u32::try_from(index).is_ok());
            (fits, "a whole number from 0".to_owned())
        }
        Type::Word(words) => {
            let fits = value.as_str().is_some_and(|word| words.contains(&word));
            (fits, format!("one of {}", words.join(", ")))
        }
    };
    if fits {
        return Ok(());
    }
    let expected = format!("{expected} in `{name}`");
    Err(Fault::new(FaultKind::WrongType, expected, shown(value), "correct the field"))
}

/// A JSON value as a message names it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => quote(text),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}
