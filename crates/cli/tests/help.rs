//! What the command line says about itself, kept as snapshots: flags and their meaning are stable.

#![allow(clippy::unwrap_used)]

use std::process::Command;

fn help(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    let output = command.args(arguments).env("COLUMNS", "100").env_remove("NO_COLOR").output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    assert!(output.stderr.is_empty(), "help is data, it belongs on stdout");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_explains_itself() {
    let commands: &[&[&str]] = &[
        &["--help"],
        &["demo", "--help"],
        &["distill", "--help"],
        &["quantize", "--help"],
        &["audit", "--help"],
        &["check", "--help"],
        &["collect", "--help"],
        &["answers", "--help"],
        &["answers", "import", "--help"],
        &["answers", "gc", "--help"],
        &["distributions", "--help"],
        &["distributions", "collect", "--help"],
        &["plan", "--help"],
        &["calibrate", "--help"],
        &["gate", "--help"],
        &["label", "--help"],
        &["judge", "--help"],
        &["report", "--help"],
        &["compare", "--help"],
        &["probes", "--help"],
        &["probes", "import", "--help"],
        &["probes", "radius", "--help"],
        &["import", "llama-kld", "--help"],
        &["export", "llama-kld", "--help"],
        &["completions", "--help"],
    ];
    for arguments in commands {
        let name = arguments.join(" ").replace(" --help", "").replace("--help", "hydrometer").replace(' ', "-");
        insta::assert_snapshot!(name, help(arguments));
    }
}

#[test]
fn help_fits_a_hundred_columns() {
    for line in help(&["audit", "--help"]).lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn the_long_version_says_what_the_engine_found() {
    let text = help(&["--version"]);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(concat!("hydrometer ", env!("CARGO_PKG_VERSION"))));
    let engine = lines.next().unwrap();
    assert!(engine.contains(std::env::consts::ARCH) && engine.contains("cores"), "{engine}");
    assert_eq!(help(&["-V"]).lines().count(), 1);
}

#[test]
fn completions_know_the_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let script = help(&["completions", shell]);
        assert!(script.contains("teacher") && script.contains("llama-kld"), "{shell}");
    }
}

#[test]
fn the_printed_policy_is_one_that_gate_accepts() {
    let policy = help(&["policy"]);
    assert_eq!(hydrometer_audit::Policy::parse(&policy).unwrap(), hydrometer_audit::Policy::default());
}
