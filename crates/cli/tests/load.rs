//! Load: 10,000 answers from a server on this machine, 64 at once, with a process that is killed again and again.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hydrometer_models::{ScriptedServer, Served};
use serde_json::json;

const PROMPTS: usize = 500;
const SAMPLES: usize = 20;
const KILLS: usize = 20;
const AT_ONCE: usize = 64;
/// Longest time between two answers of a process that works.
const LONGEST: Duration = Duration::from_secs(120);

fn collect(folder: &Path, address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (samples, at_once) = (SAMPLES.to_string(), AT_ONCE.to_string());
    command.args([
        "collect",
        "--model",
        &format!("openai:{address}#big"),
        "--probes",
        "probes.jsonl",
        "--store",
        "kept",
    ]);
    command.args(["--samples", &samples, "--reruns", "0", "--parallel", &at_once, "--max-tokens", "8"]);
    command
}

/// Resident memory of a process in megabytes, where the system tells it.
fn megabytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
}

#[test]
fn ten_thousand_answers_survive_twenty_kills_and_memory_stays_flat() {
    let home = tempfile::tempdir().unwrap();
    let probe = |i| json!({"id": format!("p{i}"), "family": format!("f{i}"), "axis": "numbers", "kind": "prompt", "prompt": format!("Number {i}?")});
    let lines: Vec<String> = (0..PROMPTS).map(|i| probe(i).to_string()).collect();
    fs::write(home.path().join("probes.jsonl"), lines.join("\n")).unwrap();
    // The server keeps no questions: it counts them.
    let served: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let (counted, (answered, all)) = (served.clone(), channel());
    let server = ScriptedServer::start(move |asked| {
        *counted.lock().unwrap().entry(asked.last_message().to_owned()).or_default() += 1;
        // Nobody listens at the end.
        let _ = answered.send(());
        Served::chat("big", "forty-two", "stop")
    })
    .unwrap();
    let total = PROMPTS * SAMPLES;
    let mut memory = Vec::new();
    for _ in 0..KILLS {
        let mut child = collect(home.path(), &server.address()).spawn().unwrap();
        for _ in 0..total / (KILLS + 2) {
            all.recv_timeout(LONGEST).unwrap();
        }
        memory.extend(megabytes(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let status = collect(home.path(), &server.address()).status().unwrap();
    assert_eq!(status.code(), Some(0));
    let asked: usize =
        served.lock().unwrap().iter().filter(|(text, _)| text.starts_with("Number")).map(|(_, n)| n).sum();
    let mut store = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    let verified =
        store.current_dir(home.path()).args(["answers", "verify", "--store", "kept", "--json"]).output().unwrap();
    let verified: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    let segments = fs::read_dir(home.path().join("kept/segments")).unwrap().count();
    println!(
        "{total} answers, {KILLS} kills: {asked} questions, {segments} segments, megabytes at the kills: {memory:?}"
    );
    println!("{verified}");
    assert_eq!(verified["answers"], total, "nothing is lost");
    assert_eq!(verified["problems"], json!([]));
    // What was under way when it was killed, and one that was being written.
    assert!(asked - total <= KILLS * (AT_ONCE + 1), "{asked}");
    assert!(segments <= KILLS + 2, "{segments}");
    if let (Some(first), Some(last)) = (memory.first(), memory.last()) {
        assert!(last - first.min(last) < 32, "memory grows: {memory:?}");
    }
}
