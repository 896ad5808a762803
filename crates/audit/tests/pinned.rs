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
        ("answers/tests/samples/run-v1", "8963f0a3e107b31face4ec10eb07022cf99e410fa396ef8d6b27feb194d2902b"),
        ("answers/tests/samples/run-v1-samples", "4bdc8ca829ca1389ed29d40e6a2834864b9bc36e5eb06e3b644b35089d6b591b"),
        ("audit/tests/samples/demo-student", "5f83e59f6cf371fcc1a03762fcc3dcd8b1b93cb7fdbeb6199207b712ec3cbbe4"),
    ];
    assert_eq!(
        expected.map(|(run, _)| hash(run)),
        expected.map(|(run, expected)| (run.to_owned(), expected.to_owned()))
    );
}
