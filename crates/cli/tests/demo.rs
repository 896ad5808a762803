//! The demo: embedded models, every planted defect, one table.

#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn the_demo_needs_nothing_and_finds_what_was_planted() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_hydrometer")).current_dir(folder.path()).arg("demo").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    let verdict_of = |student: &str| {
        let line = text.lines().find(|line| line.starts_with(student)).unwrap_or_else(|| panic!("{student}: {text}"));
        line.rsplit("  ").next().unwrap().to_owned()
    };
    assert_eq!(verdict_of("the teacher itself"), "PASS");
    assert_eq!(verdict_of("a little noise"), "PASS");
    for planted in ["sharpened", "tail cut off", "tail shuffled", "distilled on the centre only"] {
        assert_eq!(verdict_of(planted), "FAIL", "{planted}");
    }
    for run in ["student", "null", "temperature", "tail_truncated", "tail_permuted", "noise"] {
        let report = folder.path().join("hydrometer-demo").join(run).join("report.html");
        assert!(report.is_file(), "{}", report.display());
    }
}
