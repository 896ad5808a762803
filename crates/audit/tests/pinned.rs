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
    check("answers/tests/samples/run-v1", "4dc2bde97b7cd3609c98541bc060e0c4f6044089cbff486475a1a17d38b812a5");
    check("answers/tests/samples/run-v1-samples", "daa305f693f0d4b24951a397ab2460b5192842c2194efb7358c10d5586db730b");
    check("audit/tests/samples/demo-student", "48aa17497f3ca0ded4ceda748cd796024d05099fc1e8adb831566332d5ba476e");
}
