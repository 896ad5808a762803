//! A folder in which the command runs as a user types it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The embedded teacher as a file.
    pub fn copy_teacher(&self, name: &str) {
        let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
        fs::copy(teacher, self.path(name)).unwrap();
    }

    /// `probes.jsonl`: so many prompts that are answered with a letter.
    pub fn ask_letters(&self, prompts: usize) {
        let prompt = |i| {
            serde_json::json!({
                "id": format!("p{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "prompt", "max_tokens": 1,
                "prompt": format!("Letter {i}?"), "answer": ["letter"], "check": {"choice": "A"},
            })
        };
        let lines: Vec<String> = (0..prompts).map(|i| prompt(i).to_string()).collect();
        self.write("probes.jsonl", &lines.join("\n"));
    }

    /// The command in this folder, with nothing typed. Its answer store is its own: tests run side by side, and nobody's cache
    /// is touched.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        command.current_dir(self.root()).args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Runs a command that must exit with `code`: what it printed as data, and as talk.
    pub fn run(&self, code: i32, arguments: &[&str]) -> [String; 2] {
        ended(code, arguments, self.command(arguments).output().unwrap())
    }

    /// The same, with this typed.
    pub fn run_typed(&self, code: i32, typed: &str, arguments: &[&str]) -> [String; 2] {
        let mut command = self.command(arguments);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        ended(code, arguments, child.wait_with_output().unwrap())
    }
}

/// Without line breaks, which stand elsewhere on another terminal.
pub fn in_one_line(texts: [String; 2]) -> [String; 2] {
    texts.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What a command that must have exited with `code` printed as data, and as talk.
pub fn ended(code: i32, arguments: &[&str], output: Output) -> [String; 2] {
    let [data, talk] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {talk}");
    assert!(!talk.contains("bug in hydrometer"), "{talk}");
    [data, talk]
}
