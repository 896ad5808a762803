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
    let check = |run: &str, expected: &str| {
        let issued = statement(&RunFolder::open(&folder.join(run)).unwrap(), &Policy::default()).unwrap();
        let json = serde_json::to_string_pretty(&issued).unwrap() + "\n";
        assert_eq!(blake3::hash(json.as_bytes()).to_hex().as_str(), expected, "{run}");
    };
    check("answers/tests/samples/run-v1", "093973156b0f207b1acefdb0c0cb7b6b1f255712dd8045be4feaf45144a081d2");
    check("answers/tests/samples/run-v1-samples", "0fa1bbe053388970a18784744e1ca5d6e79654378bc3b28e57071bdadb71fd41");
    check("audit/tests/samples/demo-student", "b7c3b97064a5ad73e114a9f4eada3315f5730b0a172d23c2315bc2ee00b062a6");
}
