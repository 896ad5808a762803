//! What stands in the way of storing answers that are paid for: it is said before anything is, or loses nothing.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::{Command, Stdio};

use hydrometer_answers::store::{Access, Store};
use hydrometer_models::{ScriptedServer, Served};
use serde_json::json;
use tempfile::TempDir;

const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.3, B = 0.3, C = 0.4 }\n";
const PROMPTS: usize = 100;

fn bench() -> TempDir {
    let bench = tempfile::tempdir().unwrap();
    fs::write(bench.path().join("student.toml"), STUDENT).unwrap();
    let prompt = |i| {
        json!({"id": format!("p{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "prompt", "max_tokens": 1,
            "prompt": format!("Letter {i}?"), "answer": ["letter"], "check": {"choice": "A"}})
    };
    let lines: Vec<String> = (0..PROMPTS).map(|i| prompt(i).to_string()).collect();
    fs::write(bench.path().join("probes.jsonl"), lines.join("\n")).unwrap();
    bench
}

fn talk(bench: &TempDir, code: i32, command: &mut Command) -> String {
    let output = command.current_dir(bench.path()).stdin(Stdio::null()).output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{talk}");
    talk
}

#[test]
fn a_store_that_another_process_writes_is_said_before_an_endpoint_is_asked() {
    let bench = bench();
    let server = ScriptedServer::start(|_| Served::message("clever-1", "A", "end_turn")).unwrap();
    let model = format!("anthropic:{}#clever", server.address());
    let held = Store::open(&bench.path().join("store"), Access::Write).unwrap();
    let check = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        let talk = talk(&bench, 2, command.args(arguments).args(["--probes", "probes.jsonl", "--store", "store"]));
        assert!(talk.contains("another process") || talk.contains("(pid"), "{talk}");
        assert!(server.asked().is_empty(), "nothing is paid for");
    };
    check(&["collect", "--model", &model]);
    check(&["audit", "--teacher", &model, "--student", "scripted:student.toml", "--out", "run"]);
    drop(held);
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_with_a_code_of_its_own_and_the_same_command_goes_on() {
    let bench = bench();
    let server = ScriptedServer::start(|_| Served::message("clever-1", "A", "end_turn")).unwrap();
    let model = format!("anthropic:{}#clever", server.address());
    // A limit on the size of files, in blocks of 1,024 bytes, stands for a disk with no more room.
    let collect = |limit: &str| {
        let binary = env!("CARGO_BIN_EXE_hydrometer");
        let asked = "collect --probes probes.jsonl --store store --samples 4 --reruns 0 --parallel 1";
        let mut command = Command::new("bash");
        command.args(["-c", &format!("trap '' XFSZ; {limit} exec '{binary}' {asked} --model '{model}'")]);
        command
    };
    let said = talk(&bench, 4, &mut collect("ulimit -f 40;"));
    assert!(said.contains("cannot append to") && said.contains("raise it and repeat the command"), "{said}");
    let first = server.asked().len();
    assert!((10..4 * PROMPTS).contains(&first), "it ended on the way: {first}");
    talk(&bench, 0, &mut collect(""));
    // Two questions of each connection, and sixteen canaries; the answer that found no room is asked again, and the one that was under way.
    let all = server.asked().len();
    assert!((4 * PROMPTS + 36..=4 * PROMPTS + 38).contains(&all), "{all}");
}
