//! Hostile and unlucky input at the command line: nothing acts on the terminal, nothing waits for ever, every end has
//! its exit code.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TEACHER: &str = r#"
vocabulary = "bytes"
context_length = 256
[default]
probabilities = { a = 0.5, b = 0.25 }
"#;

const PROMPT: &str =
    r#"{"id":"p","family":"f","axis":"x","kind":"prompt","prompt":"hello","check":{"regex":"a"},"max_tokens":4}"#;
const POEM: &str = "a text of some words, long enough to score\n";

/// A folder with two models, a prompt, a text, and a run of them.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write("t.toml", TEACHER);
        home.write("s.toml", &TEACHER.replace("0.25", "0.3"));
        home.write("p.jsonl", PROMPT);
        home.write("poem.txt", POEM);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        command.current_dir(self.0.path()).args(arguments).env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    fn audit(&self, more: &[&str]) -> Output {
        let models = ["audit", "--teacher", "scripted:t.toml", "--student", "scripted:s.toml", "--quiet"];
        self.run(&[&models, more].concat())
    }

    /// A finished run of the text.
    fn finished(&self) -> PathBuf {
        let output = self.audit(&["--text", "poem.txt", "--out", "run"]);
        assert!(output.status.success(), "{}", words(&output));
        self.path("run")
    }

    #[track_caller]
    fn refused(&self, output: &Output, expected: &str) {
        assert_eq!(output.status.code(), Some(2), "{}", words(output));
        assert!(words(output).contains(expected), "{expected}: {}", words(output));
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Nothing in either stream acts on a terminal.
#[track_caller]
fn harmless(output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(stream);
        let acts =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!text.contains(acts), "{text:?}");
    }
}

const EVIL: &str = "\\u001b]0;x\\u0007\\u009b31m\\u202eevil";

/// Changes a file of a folder as text.
fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn nothing_in_a_folder_acts_on_the_terminal() {
    let home = Home::new();
    let run = home.finished();
    let statement = run.join("statement.json");
    edit(&statement, "\"name\": \"s\"", &format!("\"name\": \"{EVIL}\""));
    for format in ["text", "html", "md", "json", "junit", "csv"] {
        let output = home.run(&["report", "run/statement.json", "--format", format]);
        assert!(output.status.success(), "{format}: {}", words(&output));
        harmless(&output);
    }
    harmless(&home.run(&["compare", "run/statement.json", "run/statement.json"]));
    edit(&statement, "hydrometer.statement", &format!("hydrometer.{EVIL}"));
    let output = home.run(&["report", "run/statement.json"]);
    home.refused(&output, "evil");
    harmless(&output);
    edit(&run.join("manifest.json"), "\"format\"", &format!("\"{EVIL}\": 1, \"format\""));
    let output = home.run(&["gate", "run"]);
    home.refused(&output, "evil");
    harmless(&output);
    home.write("evil.jsonl", &PROMPT.replace("hello", EVIL));
    harmless(&home.run(&["probes", "show", "p", "--probes", "evil.jsonl"]));
    let output = home.run(&["probes", "import", "evil.jsonl"]);
    harmless(&output);
    assert!(String::from_utf8(output.stdout).unwrap().contains("\\u202e"));
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let home = Home::new();
    let run = home.finished();
    edit(&run.join("statement.json"), "\"format\"", "\"format\": \"other\", \"format\"");
    home.refused(&home.run(&["report", "run/statement.json"]), "the key \"format\" stands twice");
    edit(&run.join("manifest.json"), "\"format\"", "\"format\": \"other\", \"format\"");
    home.refused(&home.run(&["gate", "run"]), "the key \"format\" stands twice");
    home.write("twice.jsonl", &PROMPT.replace("\"id\"", "\"id\":\"q\",\"id\""));
    home.refused(&home.run(&["probes", "lint", "twice.jsonl"]), "the key \"id\" stands twice");
}

#[test]
fn a_finished_run_takes_no_output() {
    let home = Home::new();
    let run = home.finished();
    let manifest = fs::read(run.join("manifest.json")).unwrap();
    for out in ["run/manifest.json", "run/new.html", "run/parts/x", "./run/../run/x"] {
        home.refused(&home.run(&["report", "run", "-o", out]), "finished run");
    }
    home.refused(&home.audit(&["--text", "poem.txt", "--out", "run/inner"]), "finished run");
    assert_eq!(fs::read(run.join("manifest.json")).unwrap(), manifest);
    assert!(home.run(&["report", "run", "-o", "page.txt"]).status.success());
}

#[test]
fn a_policy_is_named_with_what_is_wrong_in_it() {
    let home = Home::new();
    home.finished();
    home.write("mine.toml", "[[gate]]\nmetric = \"charm\"\n");
    home.refused(&home.run(&["gate", "run", "--policy", "mine.toml"]), "mine.toml: ");
}

#[test]
fn a_run_without_a_gate_is_not_enough_evidence_everywhere() {
    let home = Home::new();
    home.finished();
    home.write("none.toml", "gate = []\n");
    let gate = home.run(&["gate", "run", "--policy", "none.toml"]);
    assert_eq!(gate.status.code(), Some(3), "{}", words(&gate));
    assert!(words(&gate).contains("no gate that this run can answer"), "{}", words(&gate));
    let junit = home.run(&["report", "run", "--policy", "none.toml", "--format", "junit"]);
    let junit = String::from_utf8(junit.stdout).unwrap();
    assert!(junit.contains("tests=\"1\" skipped=\"1\" failures=\"0\"") && junit.contains("<skipped"), "{junit}");
}

#[test]
fn a_store_is_looked_at_before_texts_are_scored() {
    let home = Home::new();
    let asked = ["--text", "poem.txt", "--probes", "p.jsonl", "--samples", "1", "--store", "store"];
    let first = home.audit(&[&asked[..], &["--out", "first"]].concat());
    assert!(first.status.success(), "{}", words(&first));
    let lock = fs::File::options().write(true).open(home.path("store/hydrometer.lock")).unwrap();
    lock.lock().unwrap();
    // It holds every answer.
    let second = home.audit(&[&asked[..], &["--out", "second"]].concat());
    assert!(second.status.success(), "{}", words(&second));
    // It lacks some.
    let third = home.audit(&[&asked[..], &["--seed", "9", "--out", "third"]].concat());
    home.refused(&third, "is being written by another process");
    assert_eq!(fs::read_dir(home.path("third/parts")).unwrap().count(), 0, "texts were scored first");
}

#[test]
fn a_store_with_a_typing_error_is_not_made() {
    let home = Home::new();
    for command in [&["answers", "compact"][..], &["answers", "gc", "--yes", "--model", "m"]] {
        home.refused(&home.run(&[command, &["--store", "TYPO"]].concat()), "holds no answer store");
        assert!(!home.path("TYPO").exists());
    }
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        let home = Home::new();
        home.finished();
        let made = Command::new("mkfifo").arg(home.path("pipe")).status().unwrap();
        assert!(made.success());
        for file in ["pipe", "/dev/zero"] {
            let models = ["audit", "--teacher", "scripted:t.toml", "--student", "scripted:s.toml"];
            for read in [
                &[&models[..], &["--text", file]].concat()[..],
                &[&models[..], &["--probes", file]].concat(),
                &[&models[..], &["--text", "poem.txt", "--policy", file]].concat(),
                &["audit", "--teacher", file, "--student", "scripted:s.toml", "--text", "poem.txt"],
                &["audit", "--teacher", &format!("scripted:{file}"), "--student", "scripted:s.toml"],
                &["report", file],
                &["gate", "run", "--policy", file],
                &["probes", "import", file],
                &["answers", "import", file, "--teacher", "a", "--student", "b", "--out", "o"],
                &["import", "llama-kld", file, "--student", "scripted:s.toml"],
                &["export", "llama-kld", "--teacher", "scripted:t.toml", "--text", file, "-o", "x"],
            ] {
                let output = home.run(read);
                // What has no known ending is refused by its name.
                let by_name = words(&output).contains("found no extension");
                home.refused(&output, if by_name { "" } else { "it is no regular file" });
            }
        }
    }

    #[test]
    fn paths_need_not_be_unicode() {
        let home = Home::new();
        let text = OsStr::from_bytes(b"po\xffem.txt");
        fs::write(home.0.path().join(text), POEM).unwrap();
        let out = OsStr::from_bytes(b"ru\xffn");
        let mut command = home.command(&["audit", "--teacher", "scripted:t.toml", "--student", "scripted:s.toml"]);
        let output = command.arg("--text").arg(text).arg("--out").arg(out).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        assert!(home.0.path().join(out).join("statement.json").exists());
    }

    /// The process has not begun to look at signals, or stands in a read: it ends, and does not wait for a second one.
    #[test]
    fn the_first_signal_ends_what_does_not_look() {
        // Under `nohup` the tests' processes ignore SIGHUP, and so does the binary.
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map_or("0", str::trim);
        let hup = (u64::from_str_radix(ignored, 16).unwrap() & 1 == 0).then_some("HUP");
        for signal in ["TERM", "QUIT", "INT"].into_iter().chain(hup) {
            let home = Home::new();
            let mut child = home
                .command(&[
                    "audit",
                    "--teacher",
                    "scripted:t.toml",
                    "--student",
                    "scripted:s.toml",
                    "--profile",
                    "full",
                    "--ctx",
                    "128",
                ])
                .stderr(std::process::Stdio::piped())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let mut begun = String::new();
            // Open until the end: it may say more.
            let mut talk = std::io::BufReader::new(child.stderr.take().unwrap());
            std::io::BufRead::read_line(&mut talk, &mut begun).unwrap();
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
            let ended = child.wait().unwrap();
            assert!(ended.code() == Some(130) && ended.signal().is_none(), "{signal}: {ended:?} after {begun}");
        }
    }
}
