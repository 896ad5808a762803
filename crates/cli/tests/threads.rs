//! `--threads`: one bound for everything that computes, and no influence on any number.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

const BIN: &str = env!("CARGO_BIN_EXE_hydrometer");

const TEACHER: &str = r#"
vocabulary = "bytes"
[default]
probabilities = { " " = 0.3, e = 0.2, t = 0.1, a = 0.1, A = 0.05, B = 0.03 }
"#;

const STUDENT: &str = r#"
vocabulary = "bytes"
[default]
probabilities = { " " = 0.5, e = 0.3, t = 0.1, B = 0.04 }
"#;

fn bench() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("teacher.toml"), TEACHER).unwrap();
    fs::write(folder.path().join("student.toml"), STUDENT).unwrap();
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BIN);
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// An audit with so many threads, in a folder and with an answer store of its own: nothing is taken from another one.
fn audit(folder: &Path, threads: &str) -> Command {
    let models = ["--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
    let mut command = command(folder, &["audit", "--out", threads, "--json", "--threads", threads]);
    command.args(models).env("XDG_CACHE_HOME", folder.join(format!("cache-{threads}")));
    command
}

#[test]
fn no_number_depends_on_the_threads() {
    let folder = bench();
    let statement = |threads| {
        let output = audit(folder.path(), threads).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let one = statement("1");
    assert!(one.starts_with(b"{"));
    assert!(statement("2") == one && statement("4") == one);
}

#[test]
fn a_number_that_makes_no_sense_is_refused_by_every_command() {
    let folder = bench();
    for threads in ["0", "-1", "5000", "many"] {
        for command_line in [&["gate", "run"][..], &["policy"], &["audit", "--teacher", "a", "--student", "b"]] {
            let output = command(folder.path(), &[command_line, &["--threads", threads]].concat()).output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(stderr.contains("expected 1 to ") && stderr.contains(" cores"), "{stderr}");
        }
    }
}

/// After an audit, models, comparisons and bootstraps included, there is the main thread and one pool.
///
/// The statement is longer than a pipe holds: once its first byte is there, all is computed, and the process waits for us.
#[test]
#[cfg(target_os = "linux")]
fn all_of_an_audit_runs_in_one_pool_of_that_size() {
    let folder = bench();
    let alive = |threads| {
        let mut child = audit(folder.path(), threads).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        let alive = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap().count();
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).unwrap();
        assert!(rest.len() > 1 << 16, "{} bytes do not fill a pipe", rest.len());
        assert!(child.wait().unwrap().success());
        alive
    };
    assert_eq!(alive("1"), 2);
    assert_eq!(alive("3"), 4);
}
