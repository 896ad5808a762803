//! Somebody's own prompts put in other words from the command line, read by a person, and asked: a curve of text shift.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use hydrometer_probes::builtin::small_world;
use hydrometer_probes::{Suite, write_jsonl};
use serde_json::Value;

const TEACHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/teacher.gguf");

fn hydrometer(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).args(arguments).output().unwrap()
}

/// What it says on stdout and on stderr.
fn done(folder: &Path, arguments: &[&str]) -> [String; 2] {
    let output = hydrometer(folder, arguments);
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(output.status.code(), Some(0), "{}", said[1]);
    said
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn prompts_of_a_table_become_ladders_and_pairs_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = [
        r#"{"q":"What is 12 + 7? Answer with the number only.","t":19}"#,
        r#"{"q":"Anna is the sister of Ben. Ben has a dog. Who is the sister of Ben?","t":"Anna"}"#,
        r#"{"q":"Write a poem about the sea.","t":null}"#,
        r#"{"q":"Repeat this message.","t":"Repeat this message."}"#,
    ];
    std::fs::write(folder.join("mine.jsonl"), rows.join("\n")).unwrap();
    done(folder, &["probes", "import", "mine.jsonl", "--prompt", "q", "--truth", "t", "--out", "probes.jsonl"]);
    let [suite, said] = done(folder, &["probes", "shift", "probes.jsonl"]);
    let suite = lines(&suite);
    let strengths: Vec<f64> = suite.iter().map(|probe| probe["knob"]["value"].as_f64().unwrap()).collect();
    assert_eq!(strengths, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].repeat(3));
    assert!(suite.iter().all(|probe| probe["axis"] == "text_shift" && probe["knob"]["name"] == "strength"));
    assert_eq!(suite.iter().filter(|probe| probe["check"].is_null()).count(), 6);
    assert!(said.contains("left out: 1 probe, first mine/00004") && said.contains("6 probes without a right answer"));
    for (probe, row) in suite.iter().step_by(6).zip(rows) {
        assert_eq!(
            probe["prompt"],
            serde_json::from_str::<Value>(row).unwrap()["q"],
            "strength 0 is the prompt itself"
        );
    }
    let other = lines(&done(folder, &["probes", "shift", "probes.jsonl", "--seed", "2"])[0]);
    assert_ne!(suite, other);
    assert_eq!(lines(&done(folder, &["probes", "shift", "probes.jsonl"])[0]), suite);

    // Pairs to read, and the suite beside them.
    let show = ["probes", "shift", "probes.jsonl", "--show", "20", "--out", "shifted.jsonl"];
    let [pairs, _] = done(folder, &show);
    assert_eq!((pairs.matches("before:\n").count(), pairs.matches("after:\n").count()), (15, 15), "{pairs}");
    assert_eq!(lines(&std::fs::read_to_string(folder.join("shifted.jsonl")).unwrap()), suite);
    let [three, _] = done(folder, &["probes", "shift", "probes.jsonl", "--show", "3"]);
    assert_eq!((three.matches("before:\n").count(), pairs.starts_with(&three)), (3, true), "{three}");

    std::fs::write(folder.join("text.txt"), "Once upon a time.").unwrap();
    let refused = hydrometer(folder, &["probes", "shift", "text.txt"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && said.contains("holds no prompt"), "{said}");
}

#[test]
fn an_audit_draws_the_curve_and_shows_where_a_student_falls() {
    const PROMPTS: usize = 12;
    const REACH: f64 = 2.0;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // One tool offered: what the demo's teacher does in its sleep.
    let easy = small_world(PROMPTS, 5).into_iter().filter(|probe| probe.axis == "tool_use" && probe.id.ends_with("/1"));
    let suite = Suite { name: "mine".to_owned(), probes: easy.collect() };
    assert_eq!(suite.probes.len(), PROMPTS);
    write_jsonl(&suite, std::fs::File::create(folder.join("mine.jsonl")).unwrap()).unwrap();
    done(folder, &["probes", "shift", "mine.jsonl", "--out", "shifted.jsonl"]);

    let student = format!("planted:narrowed={REACH}({TEACHER})");
    let audit = ["audit", "--teacher", TEACHER, "--student", &student, "--probes", "shifted.jsonl", "--out", "run"];
    let output = hydrometer(folder, &[&audit[..], &["--json"]].concat());
    let statement: Value = serde_json::from_slice(&output.stdout).unwrap();
    let curve = &statement["geometry"]["axes"][0];
    assert_eq!((&curve["axis"], &curve["knob"]), (&"text_shift".into(), &"strength".into()));
    let rings = curve["rings"].as_array().unwrap();
    let of = |ring: &Value, whose: &str| ring[whose]["value"].as_f64().unwrap();
    assert_eq!(rings.len(), 6);
    assert_eq!(of(&rings[0], "teacher"), 1.0);
    for ring in rings {
        assert_eq!(ring["probes"], PROMPTS);
        let inside = ring["outer"].as_f64().unwrap() <= REACH;
        assert!(of(ring, "teacher") > 0.5, "{ring}");
        assert_eq!(of(ring, "student"), if inside { of(ring, "teacher") } else { 0.0 }, "{ring}");
    }
    // These prompts are nobody's but the user's: more of them are made with this command, and none by `export`.
    let steps: BTreeSet<&str> =
        statement["findings"].as_array().unwrap().iter().filter_map(|found| found["next_step"].as_str()).collect();
    assert!(steps.iter().any(|step| step.contains("prompts like those of text_shift")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("probes export")), "{steps:?}");
}

#[test]
fn what_is_read_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = r#"{"q":"What is 12 + 7? Answer with the number only.","t":19,"mine":true}"#;
    std::fs::write(folder.join("mine.jsonl"), rows).unwrap();
    for arguments in [
        &["probes", "import", "mine.jsonl", "--prompt", "q", "--out", "./mine.jsonl"][..],
        &["probes", "shift", "mine.jsonl", "--out", "mine.jsonl"],
        &["collect", "--model", TEACHER, "--data", "mine.jsonl", "--documents", "mine.jsonl"],
    ] {
        let output = hydrometer(folder, arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("mine.jsonl is read, and would be lost"), "{said}");
        assert_eq!(std::fs::read_to_string(folder.join("mine.jsonl")).unwrap(), rows);
    }
}
