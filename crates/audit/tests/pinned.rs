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
        ("answers/tests/samples/run-v1", "c8469a3f2de164464df457715f762d2fa3dc22cf9f1739e8354bafac5534246a"),
        ("answers/tests/samples/run-v1-samples", "459d8a791af3f8ff951ad856c52ac6516fec4cbf8987450356b9fbbf1698ca07"),
        ("audit/tests/samples/demo-student", "2c5c826d701dbbc47a733c880b67a6facafca5e28fc98dfa3f516258c44fcf54"),
    ];
    assert_eq!(
        expected.map(|(run, _)| hash(run)),
        expected.map(|(run, expected)| (run.to_owned(), expected.to_owned()))
    );
}
