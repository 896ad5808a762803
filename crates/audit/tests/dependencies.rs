//! What stands in manifests: judging compiles and links without an engine, and no file of tests is left out.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

/// The crate must never depend on models or on asking, even through others.

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

/// The tests of a crate are one program (and one more for those on real models): a file that neither names would not run.
#[test]
fn every_file_of_tests_is_compiled() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut files, mut left_out) = (0, Vec::new());
    for tests in crates.read_dir().unwrap().map(|of| of.unwrap().path().join("tests")).filter(|tests| tests.is_dir()) {
        let read = |program: &str| std::fs::read_to_string(tests.join(program)).unwrap_or_default();
        let programs = read("all.rs") + &read("real.rs");
        for file in tests.read_dir().unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            if file.extension().is_some_and(|is| is == "rs") && name != "all" && name != "real" {
                files += 1;
                left_out.extend((!programs.contains(&format!("\nmod {name};\n"))).then_some(file));
            }
        }
    }
    assert!(files > 100, "{files} files of tests were found");
    assert!(left_out.is_empty(), "in neither all.rs nor real.rs: {left_out:?}");
}
