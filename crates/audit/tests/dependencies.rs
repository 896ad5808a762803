//! Judging compiles and links without an engine: the crate must never depend on models or on asking, even through
//! others.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn judging_needs_no_model() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"]);
    let output = cargo.args(["--package", env!("CARGO_PKG_NAME")]).output().unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tree.contains("hydrometer-answers"), "{tree}");
    for absent in ["hydrometer-models", "hydrometer-ask", "tokenizers", "minijinja"] {
        assert!(!tree.lines().any(|line| line.starts_with(&format!("{absent} "))), "{absent} is in\n{tree}");
    }
}
