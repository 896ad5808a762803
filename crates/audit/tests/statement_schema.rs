//! The published JSON Schema of a statement is the schema of the types that write it.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use hydrometer_audit::Statement;

/// Run with `HYDROMETER_WRITE_SCHEMA=1` to write the file anew after a change that [docs/stability.md] allows.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/statement.schema.json");
    let mut schema = schemars::schema_for!(Statement);
    schema.insert("title".to_owned(), "hydrometer statement, format hydrometer.statement/1".into());
    let now = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("HYDROMETER_WRITE_SCHEMA").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(
        published == now,
        "docs/schema/statement.schema.json is not the schema of the types; \
         if the change is one that docs/stability.md allows, write it anew with HYDROMETER_WRITE_SCHEMA=1"
    );
}
