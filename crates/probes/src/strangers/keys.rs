//! JSON objects that name a key twice: readers disagree about which one counts, so that a file could show one thing and
//! be judged by another.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Checks that no object of a JSON text names a key twice.
///
/// # Errors
/// One does, or the text is no JSON; with the line.
pub fn check_keys(json: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<Checked>(json).map(|_| ())
}

/// Any value whose objects have every key once.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Checked;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Checked, A::Error> {
        while items.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Checked, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            entries.next_value::<Checked>()?;
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format_args!("the key {twice:?} stands twice in one object")));
            }
        }
        Ok(Checked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_once() {
        let check = |json: &str, twice: Option<&str>| {
            let error = check_keys(json.as_bytes()).err().map(|error| error.to_string());
            let expected = twice.map(|key| format!("the key {key:?} stands twice in one object"));
            let fits =
                expected.as_ref().is_none_or(|e| error.as_ref().is_some_and(|error| error.starts_with(e.as_str())));
            assert!(fits && expected.is_some() == error.is_some(), "{json}: {error:?}");
        };
        check(r#"{"a": 1, "b": [{"a": 2}, {"a": null}], "c": {"a": "x", "b": -1.5e3}}"#, None);
        check(r#"[true, 18446744073709551615, "é"]"#, None);
        check(r#"{"a": 1, "a": 1}"#, Some("a"));
        check(r#"{"a": 1, "\u0061": 1}"#, Some("a"));
        check(r#"{"b": [{"k": {}, "k": 2}]}"#, Some("k"));
    }
}
