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
    check("answers/tests/samples/run-v1", "6741906a6df492b628c3fbe24fd80a7a08aa923d708bccd280425e0e4be8a938");
    check("answers/tests/samples/run-v1-samples", "2cd185997a3e27c7f3ede981ee47ef2307674948c6f7be8f89e157421354421e");
    check("audit/tests/samples/demo-student", "0b95ffd92e5e1b8f90c06e2f466bd82620a384cb2a158f7c6799008f33775a00");
}
