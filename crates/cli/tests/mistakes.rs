//! Wrong usage and bad input: exit code 2, one `error:` line that says what was expected and found, hints that say what
//! to do; nothing on stdout, no panic, no Debug print.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use std::process::Command;

use crate::support::{Desk, in_one_line};

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
    write("typed.toml", b"[[gate]]\nmetric = \"kl_divergence\"\nat_most = \"low\"\n");
    write(
        "cut.jsonl",
        b"{\"id\":\"a\",\"family\":\"f\",\"axis\":\"x\",\"kind\":\"text\",\"text\":\"words\"}\n{\"id\":\"b\",\"fam",
    );
    write("both.jsonl", b"{\"prompt\":\"1+1?\",\"big\":\"2\",\"small\":\"3\"}\n");
    write("prompts.jsonl", b"{\"id\":\"a\",\"family\":\"f\",\"axis\":\"x\",\"kind\":\"prompt\",\"prompt\":\"?\"}\n");
    write("toy.toml", b"vocabulary = \"bytes\"\ncontext_length = 64\n[default]\nprobabilities = { a = 0.5 }\n");
    write("long.txt", "a few words ".repeat(20).as_bytes());
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
        ("policy-is-a-folder", &["gate", "empty", "--policy", "empty"]),
        ("policy-with-words", &["gate", "empty", "--policy", "typed.toml"]),
        ("no-run", &["gate", "empty"]),
        ("no-such-run", &["gate", "nowhere"]),
        ("no-such-store", &["answers", "ls", "--store", "nowhere"]),
        ("no-such-cache", &["distributions", "ls", "--cache", "nowhere"]),
        ("cut-line", &["probes", "lint", "cut.jsonl"]),
        (
            "model-without-a-column",
            &["answers", "import", "both.jsonl", "--teacher", "big", "--student", "tiny", "--out", "r"],
        ),
        (
            "prompts-left-out",
            &["audit", "--teacher", "a.gguf", "--student", "b.gguf", "--probes", "prompts.jsonl", "--samples", "0"],
        ),
        (
            "window-beyond-the-context",
            &[
                "audit",
                "--teacher",
                "scripted:toy.toml",
                "--student",
                "scripted:toy.toml",
                "--text",
                "long.txt",
                "--quiet",
            ],
        ),
        (
            "out-is-a-file",
            &[
                "audit",
                "--teacher",
                "scripted:toy.toml",
                "--student",
                "scripted:toy.toml",
                "--text",
                "long.txt",
                "--ctx",
                "32",
                "--out",
                "long.txt",
                "--quiet",
            ],
        ),
        ("out-is-a-folder", &["probes", "import", "long.txt", "-o", "empty"]),
        ("out-in-no-folder", &["probes", "import", "long.txt", "-o", "no/such/probes.jsonl"]),
        ("no-free-prompts", &["collect", "--model", "scripted:toy.toml", "--probes", "long.txt", "--quiet"]),
        ("missing-run", &["report", "nowhere"]),
        ("other-statement", &["report", "other.json"]),
        ("unknown-probe", &["probes", "show", "nobody"]),
        ("no-base-file", &["import", "llama-kld", "base.kld", "--student", "a.gguf"]),
        ("columns-with-fixed-shape", &["probes", "import", "bad.jsonl", "--shape", "gsm8k", "--text", "t"]),
    ];
    for (name, arguments) in mistakes {
        let seen = mistake(folder.path(), arguments);
        if *name != "no-command" {
            // A warning about the suite may stand in front of it.
            assert!(seen.lines().any(|line| line.starts_with("error: ")), "{name}: {seen}");
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
    for flag in ["--chunks", "--rotations", "--max-tokens", "--block-tokens"] {
        for value in ["0", "-1", "some", "0.5"] {
            check(flag, value, "expected a whole number from 1 on");
        }
        check(flag, "4294967296", "expected a whole number below 2^32");
    }
    check("--ctx", "7", "expected a whole number from 8 on");
    for flag in ["--samples", "--reruns", "--seed", "--floor-windows"] {
        check(flag, "-1", "expected a whole number from 0 on");
    }
    for value in ["-1", "warm", "NaN"] {
        check("--temperature", value, "expected a number of at least 0");
    }
    for value in ["0", "-1", "2", "all"] {
        check("--top-p", value, "expected a number above 0 and at most 1");
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_not_replaced_by_a_file() {
    use std::os::unix::fs::FileTypeExt;

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long.txt"), "a few words").unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for arguments in [
        &["probes", "import", "long.txt", "-o", "pipe"][..],
        &["export", "llama-kld", "--teacher", "a.gguf", "--text", "long.txt", "-o", "pipe"],
    ] {
        let seen = mistake(folder.path(), arguments);
        assert!(seen.contains("pipe: it is a device or a pipe, expected a file"), "{seen}");
    }
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
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

#[test]
fn a_weight_that_is_no_number_is_bad_input() {
    let desk = Desk::new();
    desk.copy_teacher("teacher.gguf");
    desk.run(0, &["quantize", "teacher.gguf", "--to", "f32", "--out", "whole.gguf"]);
    let mut bytes = fs::read(desk.path("whole.gguf")).unwrap();
    // In a matrix, which is read while the model runs.
    let middle = bytes.len() - bytes.len() / 8 * 4;
    bytes[middle..middle + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(desk.path("broken.gguf"), bytes).unwrap();
    desk.write("text.txt", "A line of text, and another one.");
    let audit = ["audit", "--teacher", "broken.gguf", "--student", "whole.gguf", "--text", "text.txt"];
    let [_, talk] = in_one_line(desk.run(2, &audit));
    assert!(talk.contains("error: teacher: tensor ") && talk.contains(" is NaN, expected a finite number"), "{talk}");
    assert!(talk.contains("compare its size and checksum with the publisher's"), "{talk}");
}
