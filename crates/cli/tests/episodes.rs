//! Episodes from the command line, on scripted models: a suite written by hand, a run that is killed and goes on, the report.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use hydrometer_answers::RunFolder;
use hydrometer_answers::part::Episodes;
use tempfile::TempDir;

const BIN: &str = env!("CARGO_BIN_EXE_hydrometer");
const CALL: &str = r#"{"name": "close", "arguments": {"door": "north"}}"#;

/// Rules of a model of bytes that goes on from `after` with `say`.
fn rules(after: &str, say: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let rule = |at: usize| {
        let (said, next) = (&say[..at], &say[at..=at]);
        format!(
            "[[rule]]\nafter = {}\nprobabilities = {{ {} = 1.0 }}\n",
            quoted(&format!("{after}{said}")),
            quoted(next)
        )
    };
    (0..say.len()).map(rule).collect()
}

/// A model that says this when it is asked, and `Done.` after a result.
fn model(first: &str) -> String {
    let head = "vocabulary = \"bytes\"\ncontext_length = 8192\n[default]\nprobabilities = { \"\\n\" = 1.0 }\n";
    [head, &rules("Go.", &format!("{first}\n")), &rules("Result: \"done\"", "Done.\n")].concat()
}

/// A suite of so many doors to close.
fn suite(episodes: usize) -> String {
    let world = r#"
[world]
state = { doors = { north = "open", south = "open" } }
[[world.tools]]
name = "close"
description = "closes a door"
parameters = { type = "object", properties = { door = { type = "string" } }, required = ["door"] }
rules = [{ set = { at = "/doors/{door}", to = "closed" } }]
"#;
    let probe = |number: usize| {
        format!(
            "[[probe]]\nid = \"door/{number}\"\nfamily = \"door/{number}\"\naxis = \"tool_use\"\nsteps = 4\nmax_tokens = 64\n\
             turns = [{{ say = \"This is house {number}. Close its north door. Go.\" }}]\n\
             goal = {{ state = {{ doors = {{ north = \"closed\" }} }} }}\n"
        )
    };
    [world.to_owned(), (0..episodes).map(probe).collect()].concat()
}

fn bench() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("teacher.toml", model(CALL));
    write("student.toml", model("No."));
    write("doors.toml", suite(40));
    folder
}

/// An audit with so many runs of each episode.
fn audit(folder: &Path, out: &str, runs: &str) -> Command {
    let mut command = Command::new(BIN);
    let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
    let asked = ["--probes", "doors.toml", "--samples", runs, "--reruns", "1", "--stop", "\n", "--out", out];
    command.current_dir(folder).args(models).args(asked).args(["--store", &format!("{out}-store")]);
    command.env("XDG_CACHE_HOME", folder.join("cache")).stdin(Stdio::null());
    command
}

#[test]
fn a_suite_of_episodes_is_audited_and_shown() {
    let folder = bench();
    let run = |arguments: &[&str]| {
        let output = Command::new(BIN).current_dir(folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["probes", "ls", "doors.toml"]).contains("40 families"));
    let shown = run(&["probes", "show", "door/7", "doors.toml"]);
    assert!(shown.contains("close(door: string): closes a door") && shown.contains("house 7"), "{shown}");
    let imported = run(&["probes", "import", "doors.toml"]);
    assert_eq!(imported.lines().count(), 40);

    let output = audit(folder.path(), "run", "2").output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("Episode success"), "{stdout}\n{stderr}");
    let statement = fs::read_to_string(folder.path().join("run/statement.json")).unwrap();
    let statement: serde_json::Value = serde_json::from_str(&statement).unwrap();
    let axis = &statement["episodes"]["axes"][0];
    assert_eq!((axis["teacher"].as_f64(), axis["student"].as_f64()), (Some(1.0), Some(0.0)));
    assert_eq!(statement["episode_cases"][0]["student"][0]["text"], "No.");
    let page = fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(page.contains("here they part") && page.contains("Side by side"));
    let manifest = fs::read_to_string(folder.path().join("run/manifest.json")).unwrap();
    assert!(manifest.contains("\"student\": \"json/1\""), "{manifest}");
}

#[test]
#[cfg(unix)]
fn a_run_that_is_killed_goes_on_to_the_same_bytes() {
    let folder = bench();
    let mut child = audit(folder.path(), "killed", "2").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let segments = folder.path().join("killed-store/segments");
    // As soon as a turn is kept; a run that ends before it is seen goes on all the same.
    while fs::read_dir(&segments).map_or(0, Iterator::count) == 0 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for out in ["killed", "whole"] {
        audit(folder.path(), out, "2").output().unwrap();
    }
    let read = |out: &str, file: &str| fs::read(folder.path().join(out).join(file)).unwrap();
    for file in ["statement.json", "parts/episodes-00000.parquet", "manifest.json"] {
        let (killed, whole) = (read("killed", file), read("whole", file));
        // The manifest keeps the command line, which names the folder.
        let same = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace("killed", "whole");
        assert_eq!(same(killed), same(whole), "{file}");
    }
}

/// A model that closes the door in every second run.
fn wavering(call: &str) -> String {
    let close = model(call);
    let first = "after = \"Go.\"\nprobabilities = { \"{\" = 1.0 }";
    assert!(close.contains(first), "{close}");
    let either = first.replace("{ \"{\" = 1.0 }", "{ \"{\" = 0.5, \"N\" = 0.5 }");
    let no = ["o", "."]
        .iter()
        .zip(["Go.N", "Go.No"])
        .map(|(next, after)| format!("[[rule]]\nafter = \"{after}\"\nprobabilities = {{ \"{next}\" = 1.0 }}\n"));
    close.replace(first, &either) + &no.collect::<String>()
}

#[test]
fn several_runs_say_how_often_runs_in_a_row_succeed() {
    let folder = bench();
    fs::write(folder.path().join("student.toml"), wavering(CALL)).unwrap();
    let output = audit(folder.path(), "run", "4").arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let statement: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let axis = &statement["episodes"]["axes"][0];
    let of = |whose: &str| -> Vec<f64> {
        axis["pass"].as_array().unwrap().iter().map(|of| of[whose].as_f64().unwrap()).collect()
    };
    assert_eq!(of("teacher"), [1.0; 4]);
    let student = of("student");
    assert_eq!(student[0], axis["student"].as_f64().unwrap());
    // A half, a quarter, an eighth, a sixteenth, of 40 episodes with four runs each.
    let expected = [0.5, 0.25, 0.125, 0.0625];
    assert!(student.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 0.12), "{student:?}");
    assert!(student.is_sorted_by(|a, b| a > b), "{student:?}");
    let metric = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == "pass_k").unwrap();
    assert_eq!(metric["estimate"]["value"].as_f64(), Some(student[1]));
    let shown = Command::new(BIN).current_dir(folder.path()).args(["report", "run"]).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("RUNS IN A ROW"), "{shown:?}");
}

#[test]
fn episodes_of_a_finished_run_are_played_again_without_their_models() {
    let folder = bench();
    // Arguments in an order of the model's own.
    let both = r#"{"door": "north", "by": "hand"}"#;
    let takes = |suite: String| suite.replace("{ door = { type", "{ by = { type = \"string\" }, door = { type");
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("teacher.toml", wavering(&CALL.replace(r#"{"door": "north"}"#, both)));
    write("doors.toml", takes(suite(40)));
    assert!(audit(folder.path(), "first", "3").output().unwrap().status.code().is_some());
    let rows = |out: &str| RunFolder::open(&folder.path().join(out)).unwrap().rows::<Episodes>().unwrap();
    let replayed = |out: &str, student: &str, suite: &str| {
        let mut command = Command::new(BIN);
        let models = ["audit", "--teacher", "answers:first#teacher", "--student", student];
        let asked = ["--probes", suite, "--samples", "3", "--reruns", "1", "--stop", "\n", "--out", out];
        command.current_dir(folder.path()).args(models).args(asked).args(["--store", &format!("{out}-store")]);
        command.env("XDG_CACHE_HOME", folder.path().join("cache")).stdin(Stdio::null());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (out, student) in [("again", "answers:first#student"), ("beside", "scripted:student.toml")] {
        let (_, talk) = replayed(out, student, "doors.toml");
        assert!(folder.path().join(out).join("statement.json").exists(), "{talk}");
        assert!(rows(out) == rows("first"), "{out}: {talk}");
    }
    // An episode that was not played is missing, and its beginning is shown.
    write("more.toml", takes(suite(41)));
    let (code, talk) = replayed("more", "scripted:student.toml", "more.toml");
    let talk = talk.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code, Some(2), "{talk}");
    assert!(talk.contains("wanted are not there; the first is answer 1 to `This is house 40."), "{talk}");
}
