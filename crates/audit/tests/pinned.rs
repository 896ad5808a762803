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
        ("answers/tests/samples/run-v1", "9c1370f795b1a7685e9aa6b7c1ab1f6e59eb18ae4ee4377f403b0e5def9c42eb"),
        ("answers/tests/samples/run-v1-samples", "928fc882df30de3fcccb7aad7abf25f73c7ee277a5268a64bd6dd83b0cd208dc"),
        ("audit/tests/samples/demo-student", "5163c1885f8d1fa3096d2d2d8b209ae9b55d0da63167a11fd8b7c69808e67755"),
    ];
    assert_eq!(
        expected.map(|(run, _)| hash(run)),
        expected.map(|(run, expected)| (run.to_owned(), expected.to_owned()))
    );
}
