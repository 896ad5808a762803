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
    check("answers/tests/samples/run-v1", "13b0ca8490a9cab4a93556ba8e32f300bc4644290206adbdf02b0d171a022b18");
    check("answers/tests/samples/run-v1-samples", "dab4c01c4be1b10414829b69dbffea3f6051874825f7f555e125037efb07b829");
    check("audit/tests/samples/demo-student", "a3517be4f7203fd10de34babe5399d54d731c482eed4fa523398e35666d7ffb4");
}
