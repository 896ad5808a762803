//! The statements of checked-in runs stay byte for byte the same. Where a mended fault changes one, the commit that changes
//! its hash here says which number and why.
//!
//! The hashes are of x86-64 Linux: elsewhere logarithms may differ in their last bit.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used)]

use std::path::Path;

use hydrometer_answers::RunFolder;
use hydrometer_audit::{Policy, statement};

#[test]
fn statements_of_known_runs_do_not_change() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let hash = |run: &str| {
        let issued = statement(&RunFolder::open(&folder.join(run)).unwrap(), &Policy::default()).unwrap();
        let json = serde_json::to_string_pretty(&issued).unwrap() + "\n";
        (run.to_owned(), blake3::hash(json.as_bytes()).to_hex().to_string())
    };
    let expected = [
        ("answers/tests/samples/run-v1", "a77692e8e8a48615826205e78e529599dd422c7d10de6c72395f8d3306e53529"),
        ("answers/tests/samples/run-v1-samples", "4bdc8ca829ca1389ed29d40e6a2834864b9bc36e5eb06e3b644b35089d6b591b"),
        ("audit/tests/samples/demo-student", "8b50b2eb679e191eedff79f9f4ca332ee878ed44b77c343ae81b08ecea107646"),
    ];
    assert_eq!(
        expected.map(|(run, _)| hash(run)),
        expected.map(|(run, expected)| (run.to_owned(), expected.to_owned()))
    );
}
