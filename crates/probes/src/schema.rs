//! The JSON Schema of one line of a probe file; the copy in `docs/schema/probe.schema.json` is checked by a test.

use serde_json::Value;

use crate::Probe;

/// JSON Schema (2020-12) of one probe.
#[must_use]
pub fn probe_schema() -> Value {
    let mut schema = schemars::schema_for!(Probe);
    schema.insert("title".to_owned(), "hydrometer probe: one line of a .jsonl probe file".into());
    // The kinds bring their own fields, so only the whole line can say that there are no others.
    schema.insert("unevaluatedProperties".to_owned(), false.into());
    schema.to_value()
}
