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
    check("answers/tests/samples/run-v1", "15ed3231c7e93b38a8c25e727456b34248599b85abeedd4791847bcf144323ba");
    check("answers/tests/samples/run-v1-samples", "5cd8cd2993511390c7dd03e71409a487bd7429cf0fc8c6c5555bd75e8e35ef86");
    check("audit/tests/samples/demo-student", "a95715a994125ffbe8b9ca680763b721c4bce84109071d8633c9ad7dec721b87");
}
