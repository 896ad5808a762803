//! Where two descriptions differ, field by field.

use std::fmt;

/// One field in which the plan of a folder differs from the plan asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Dotted name of the manifest field: `student.weights`, `settings.n_ctx`.
    pub field: String,
    /// What the folder holds.
    pub found: String,
    /// What was asked for.
    pub wanted: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: the folder has {}, asked for {}", self.field, self.found, self.wanted)
    }
}

/// The fields in which two JSON values differ, by their dotted names, in the order of the first.
pub(crate) fn compare(field: &str, found: &serde_json::Value, wanted: &serde_json::Value, out: &mut Vec<Difference>) {
    use serde_json::Value::{Null, Object};
    match (found, wanted) {
        (Object(a), Object(b)) => {
            let only_wanted = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(only_wanted) {
                let name = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
                compare(&name, a.get(key).unwrap_or(&Null), b.get(key).unwrap_or(&Null), out);
            }
        }
        (a, b) if a != b => out.push(Difference { field: field.to_owned(), found: plain(a), wanted: plain(b) }),
        _ => {}
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}
