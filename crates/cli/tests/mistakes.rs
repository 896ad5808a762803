//! Wrong usage and bad input: exit code 2, one `error:` line that says what was expected and found, hints that say what
//! to do; nothing on stdout, no panic, no Debug print.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use std::process::Command;

/// What the user sees, with the temporary folder taken out.
fn mistake(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    let output = command.current_dir(folder).args(arguments).env("COLUMNS", "100").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote data: {}", String::from_utf8_lossy(&output.stdout));
    for trace in ["panicked", "RUST_BACKTRACE", "Error {", "Os {", "None", "Some("] {
        assert!(!stderr.contains(trace), "{arguments:?}: {stderr}");
    }
    stderr.replace(&folder.display().to_string(), "[folder]")
}

#[test]
fn every_mistake_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    write("latin1.txt", b"caf\xe9");
    write("policy.toml", b"[[gate]]\nmetric = \"charm\"\nat_least = 1.0\n");
    write(
        "bad.jsonl",
        b"{\"id\":\"a\",\"family\":\"f\",\"axis\":\"x\",\"kind\":\"choice\",\"prompt\":\"?\",\"options\":[\"yes\"]}\n",
    );
    write("other.json", b"{\"format\":\"somebody.else/7\"}");
    write("broken.gguf", b"GGUF\x03\x00\x00\x00");
    write("base.kld", b"not a base file at all");
    fs::create_dir(folder.path().join("empty")).unwrap();

    let mistakes: &[(&str, &[&str])] = &[
        ("no-command", &[]),
        ("unknown-command", &["adit"]),
        ("audit-without-student", &["audit", "--teacher", "a.gguf"]),
        ("unknown-profile", &["audit", "--teacher", "a.gguf", "--student", "b.gguf", "--profile", "huge"]),
        ("no-answers-at-once", &["collect", "--model", "a.gguf", "--probes", "p.jsonl", "--parallel", "0"]),
        ("no-memory", &["audit", "--teacher", "a.gguf", "--student", "b.gguf", "--memory", "0"]),
        ("missing-model", &["audit", "--teacher", "a.gguf", "--student", "b.gguf", "--quiet"]),
        ("broken-model", &["audit", "--teacher", "broken.gguf", "--student", "b.gguf", "--quiet"]),
        ("missing-probes", &["audit", "--teacher", "a.gguf", "--student", "b.gguf", "--probes", "nothing.jsonl"]),
        ("bad-probe", &["probes", "lint", "bad.jsonl"]),
        ("not-utf8", &["export", "llama-kld", "--teacher", "a.gguf", "--text", "latin1.txt", "-o", "x"]),
        ("bad-policy", &["gate", "empty", "--policy", "policy.toml"]),
        ("missing-policy", &["gate", "empty", "--policy", "none.toml"]),
        ("no-run", &["gate", "empty"]),
        ("missing-run", &["report", "nowhere"]),
        ("other-statement", &["report", "other.json"]),
        ("unknown-probe", &["probes", "show", "nobody"]),
        ("no-base-file", &["import", "llama-kld", "base.kld", "--student", "a.gguf"]),
        ("columns-with-fixed-shape", &["probes", "import", "bad.jsonl", "--shape", "gsm8k", "--text", "t"]),
    ];
    for (name, arguments) in mistakes {
        let seen = mistake(folder.path(), arguments);
        if *name != "no-command" {
            assert!(seen.starts_with("error: "), "{name}: {seen}");
        }
        insta::assert_snapshot!(*name, seen);
    }
}

#[test]
fn limits_that_allow_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |flag: &str, value: &str, expected: &str| {
        let seen = mistake(folder.path(), &["audit", "--teacher", "a.gguf", "--student", "b.gguf", flag, value]);
        assert!(
            seen.contains(&format!("'{value}' for '{flag} <")) && seen.contains(expected),
            "{flag} {value}: {seen}"
        );
    };
    for value in ["0", "-3", "many", "1.5"] {
        check("--parallel", value, "expected a whole number from 1 on");
    }
    for value in ["0", "-0.5", "-0", "NaN", "inf", "much"] {
        check("--memory", value, "expected a number of at least 0.001");
    }
}

#[test]
fn colour_is_for_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let never = mistake(folder.path(), &["report", "nowhere", "--color", "never"]);
    let auto = mistake(folder.path(), &["report", "nowhere"]);
    let always = mistake(folder.path(), &["report", "nowhere", "--color", "always"]);
    assert_eq!(never, auto, "a pipe is no terminal");
    assert!(!auto.contains('\u{1b}') && always.contains("\u{1b}[1;31merror:"), "{always}");
}
