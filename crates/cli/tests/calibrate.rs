//! `hydrometer calibrate` on the teacher that ships and a suite of a few lines.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// More families than a gate on a number without a worst value needs.
const FAMILIES: usize = 60;
const DEFECTS: [&str; 4] = ["--defect", "temperature=0.95", "--defect", "temperature=0.5"];

fn bench() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let words = ["harbour", "lantern", "meadow", "kettle", "ribbon", "orchard"];
    let line = |family: usize| {
        let (a, b) = (words[family % words.len()], words[family / words.len() % words.len()]);
        let text = format!("Mara walked to the {a} and took the {b} with her. She counted {family} steps on the way.");
        serde_json::json!({ "id": format!("walk-{family}"), "family": format!("walk-{family}"), "axis": "prose", "kind": "text", "text": text })
    };
    let lines: String = (0..FAMILIES).map(|family| format!("{}\n", line(family))).collect();
    fs::write(folder.path().join("walks.jsonl"), lines).unwrap();
    folder
}

fn command(folder: &Path, out: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    let fixed = ["calibrate", "--probes", "walks.jsonl", "--out", out];
    command.current_dir(folder).args(fixed).args(DEFECTS).args(more).stdin(Stdio::null());
    command.env("XDG_CACHE_HOME", folder.join("cache")).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn calibrate(folder: &Path, out: &str, more: &[&str]) -> (Output, String) {
    let output = command(folder, out, more).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, talk)
}

#[test]
fn a_dose_is_found_and_a_null_is_left_alone() {
    let folder = bench();
    let folder = folder.path();
    let (output, talk) = calibrate(folder, "c", &["--seeds", "5", "--nulls", "5", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{talk}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["accepted"], true);
    assert_eq!(fs::read_dir(folder.join("c/cells")).unwrap().count(), 15);
    // Texts of a file depend on no draw: five audits are one trial.
    assert_eq!((&found["nulls"]["any"]["of"], &found["nulls"]["any"]["trials"]), (&0.into(), &1.into()));
    let row = &found["defects"][0];
    assert_eq!(row["smallest"]["entropy_ratio"], "temperature=0.5");
    let gate = |dose: usize| {
        let gates = row["doses"][dose]["gates"].as_array().unwrap();
        let gate = gates.iter().find(|gate| gate["metric"] == "entropy_ratio").unwrap();
        (gate["failed"]["of"].as_u64().unwrap(), gate["failed"]["trials"].as_u64().unwrap())
    };
    assert_eq!((gate(0), gate(1)), ((0, 1), (1, 1)));
    // The loss is smallest where the gate does not fail yet.
    assert_eq!(row["found"]["entropy_ratio"]["defect"], "temperature=0.95");
    let known = row["doses"][1]["numbers"].as_array().unwrap().iter().find(|of| of["metric"] == "top1_agreement");
    let known = known.unwrap();
    assert_eq!((&known["truth"], &known["covered"]["of"]), (&1.0.into(), &1.into()));
    for file in ["calibration.html", "calibration.md"] {
        let text = fs::read_to_string(folder.join("c").join(file)).unwrap();
        assert!(text.contains("CALIBRATED") && text.contains("temperature"), "{file}");
        assert!(text.contains("Smallest losses found") && text.contains("Held by its interval"), "{file}");
    }
    assert!(!folder.join("c/work").exists(), "nothing is left of what was under way");

    // The declared dose is too small to be found: a control that fails is no success.
    let (output, _) = calibrate(folder, "c", &["--seeds", "5", "--nulls", "5", "--defect", "temperature=0.96"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("NOT CALIBRATED"), "{text}");
    let figures = text.lines().skip_while(|line| !line.starts_with("FIGURES OF ACCEPTANCE")).skip(1);
    let first = figures.take(2).collect::<String>();
    assert!(first.contains("temperature=0.96") && first.contains("DOES NOT HOLD"), "{text}");

    let (output, talk) = calibrate(folder, "c", &["--ctx", "128"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(talk.contains("settings.n_ctx: 128 here, 256 there"), "{talk}");
    let (output, talk) = calibrate(folder, "d", &["--defect", "melted"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(talk.contains("unknown defect `melted`"), "{talk}");
}

/// Runs any command in the folder.
fn hydrometer(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(folder).args(arguments).env("XDG_CACHE_HOME", folder.join("cache")).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_calibration_stands_beside_a_verdict() {
    let folder = bench();
    let folder = folder.path();
    // One audit of each holds nothing.
    let (output, talk) = calibrate(folder, "c", &["--seeds", "1", "--nulls", "1"]);
    assert_eq!(output.status.code(), Some(3), "{talk}");
    let text = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.starts_with("NOT CALIBRATED none of ") && text.contains("too few runs to say: 1 of 5"), "{text}");
    assert_eq!(calibrate(folder, "c", &["--seeds", "5", "--nulls", "5"]).0.status.code(), Some(0));
    let teacher = "planted:careful(c/models/teacher.gguf)";
    let audit = |more: &[&str]| {
        let fixed = ["audit", "--teacher", teacher, "--student", teacher, "--probes", "walks.jsonl"];
        let beside = ["--calibration", "c/calibration.json", "--gate"];
        hydrometer(folder, &[&fixed[..], &beside, more].concat())
    };
    let (code, _, talk) = audit(&["--out", "run", "--ctx", "256"]);
    assert_eq!(code, Some(0), "{talk}");
    let statement: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("run/statement.json")).unwrap()).unwrap();
    let gates = statement["gates"].as_array().unwrap();
    let gate = gates.iter().find(|gate| gate["metric"] == "entropy_ratio").unwrap();
    assert_eq!(gate["caught"][0]["defect"], "temperature=0.5");
    assert_eq!(gate["resolution"]["smallest"]["defect"], "temperature=0.95");
    assert!(statement["calibrated_by"]["other_teacher"].is_null() && statement["calibrated_by"]["accepted"] == true);
    let (code, text, _) = hydrometer(folder, &["gate", "run", "--calibration", "c/calibration.json"]);
    assert!(code == Some(0) && text.contains("this suite caught temperature=0.5"), "{text}");
    for format in ["text", "html", "md"] {
        let (_, text, _) =
            hydrometer(folder, &["report", "run", "--format", format, "--calibration", "c/calibration.json"]);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("suite caught"), "{format}: {words}");
    }

    // Had a loss beyond the margin been missed, a PASS would rest on a suite that may not see so much.
    let mut missed: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("c/calibration.json")).unwrap()).unwrap();
    let numbers = missed["defects"][0]["doses"][0]["numbers"].as_array_mut().unwrap();
    let tail = numbers.iter_mut().find(|number| number["metric"] == "tail_kept").unwrap();
    tail["told"]["of"] = 0.into();
    fs::write(folder.join("missed.json"), missed.to_string()).unwrap();
    let (code, text, _) = hydrometer(folder, &["gate", "run", "--calibration", "missed.json"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(
        text.starts_with("no gate fails, but 1 of 7 ask for less loss than this suite resolves: Tail kept"),
        "{text}"
    );
    assert!(text.contains("is finer than what this suite resolves: its calibration missed a loss of 0.2287"), "{text}");

    // Another budget is refused before anything is asked, another teacher is said.
    let (code, _, talk) = audit(&["--out", "other", "--ctx", "128"]);
    assert!(code == Some(2) && talk.contains("n_ctx: 128 here, 256 there"), "{talk}");
    let (_, _, talk) = audit(&["--out", "other", "--rotations", "2", "--chunks", "1"]);
    assert!(talk.contains("hint: an audit with its budget takes --ctx 256 --rotations 4\n"), "{talk}");
    let (code, _, talk) = hydrometer(
        folder,
        &[
            &["audit", "--teacher", "c/models/teacher.gguf", "--student", "c/models/teacher.gguf", "--out", "bare"][..],
            &["--probes", "walks.jsonl", "--ctx", "256", "--calibration", "c/calibration.json"],
        ]
        .concat(),
    );
    assert!(code == Some(0) && talk.contains("made with another teacher"), "{talk}");
}

#[test]
fn a_killed_calibration_continues() {
    let folder = bench();
    let folder = folder.path();
    let sizes = ["--seeds", "2", "--nulls", "2"];
    let whole = calibrate(folder, "whole", &sizes).0;
    let mut child = command(folder, "killed", &sizes).spawn().unwrap();
    let cells = folder.join("killed/cells");
    let has_some = || fs::read_dir(&cells).is_ok_and(|mut cells| cells.next().is_some());
    while !has_some() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (output, _) = calibrate(folder, "killed", &sizes);
    assert_eq!(output.status.code(), whole.status.code());
    let numbers = |out: &str| fs::read_to_string(folder.join(out).join("calibration.json")).unwrap();
    assert_eq!(numbers("killed"), numbers("whole"));

    // A cell that is lost is made again, one that is damaged is named.
    let lost = cells.join("temperature=0.5-2.json");
    fs::remove_file(&lost).unwrap();
    let (_, talk) = calibrate(folder, "killed", &sizes);
    assert!(talk.contains("resuming: 5 of 6 audits are there"), "{talk}");
    assert_eq!(numbers("killed"), numbers("whole"));
    fs::write(&lost, "{").unwrap();
    let (output, talk) = calibrate(folder, "killed", &sizes);
    assert!(output.status.code() == Some(2) && talk.contains("temperature=0.5-2.json is damaged"), "{talk}");
}
