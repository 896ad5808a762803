//! A real statement, edited, in every format: nothing of it acts.
#![no_main]

mod edits;

use std::path::Path;
use std::sync::LazyLock;

use edits::{Edit, edited, harmless};
use hydrometer_answers::RunFolder;
use hydrometer_audit::{Policy, Statement};
use hydrometer_report::{Color, TerminalOptions};
use libfuzzer_sys::fuzz_target;

static SAMPLE: LazyLock<String> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/audit/tests/samples/demo-student");
    let run = RunFolder::open(&folder).expect("a sample");
    let statement = hydrometer_audit::statement(&run, &Policy::default()).expect("a statement");
    hydrometer_report::json(&statement)
});

fuzz_target!(|edits: Vec<Edit>| {
    let Ok(statement) = serde_json::from_slice::<Statement>(&edited(SAMPLE.as_bytes(), &edits)) else { return };
    let options = TerminalOptions { width: 80, color: Color::Never, files: &[], measured: None };
    harmless(&hydrometer_report::terminal(&statement, &options));
    harmless(&hydrometer_report::html(&statement, None));
    harmless(&hydrometer_report::markdown(&statement));
    harmless(&hydrometer_report::junit(&statement));
    harmless(&hydrometer_report::csv(&statement));
    harmless(&hydrometer_report::json(&statement));
});
