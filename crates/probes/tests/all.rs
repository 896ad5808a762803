//! Tests of probes and suites. One program: linking one for each file took longer than the tests.

mod asking;
mod bfcl;
mod builtin;
mod decisions;
mod edges;
mod episodes;
mod format;
mod import;
mod import_boundary;
mod judgment;
#[path = "support/labelled.rs"]
#[allow(dead_code, reason = "shared with the example that writes the tables")]
mod labelled;
mod same_content;
mod schema;
mod small_world;
