//! Kept answers in the place of a model: from an answer store, a finished run, and logs of other tools.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;
use std::path::PathBuf;

use hydrometer_models::{ScriptedServer, Served};
use serde_json::{Value, json};
use support::Desk;

const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.3, B = 0.3, C = 0.4 }\n";
const PROMPTS: usize = 12;

/// A folder with two students and a suite of prompts.
struct Bench(Desk);

impl Bench {
    fn new() -> Self {
        let bench = Self(Desk::new());
        fs::write(bench.path("a.toml"), STUDENT).unwrap();
        fs::write(bench.path("b.toml"), STUDENT.replace("A = 0.3", "A = 0.5").replace("B = 0.3", "B = 0.1")).unwrap();
        bench.suite("probes.jsonl", PROMPTS);
        bench
    }

    fn suite(&self, name: &str, prompts: usize) {
        let prompt = |i| {
            json!({
                "id": format!("p{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "prompt", "max_tokens": 1,
                "prompt": format!("Letter {i}?"), "answer": ["letter"], "check": {"choice": "A"},
                "decoding": if i % 4 == 0 { "greedy" } else { "sampled" },
            })
        };
        let lines: Vec<String> = (0..prompts).map(|i| prompt(i).to_string()).collect();
        fs::write(self.path(name), lines.join("\n")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    /// What came to stdout and stderr.
    fn run(&self, code: i32, arguments: &[&str]) -> [String; 2] {
        self.0.run(code, arguments)
    }

    fn audit(&self, code: i32, teacher: &str, student: &str, out: &str, more: &[&str]) -> String {
        let both = ["audit", "--teacher", teacher, "--student", student, "--out", out];
        let asked = ["--probes", "probes.jsonl", "--samples", "3", "--reruns", "2"];
        let more = if more.is_empty() { &asked } else { more };
        let [_, talk] = self.run(code, &[&both, more].concat());
        talk.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The numbers of a run's statement.
    fn metrics(&self, out: &str) -> Value {
        let text = fs::read_to_string(self.path(out).join("statement.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["metrics"].take()
    }
}

fn served() -> ScriptedServer {
    ScriptedServer::start(|asked| {
        let letters = ["A", "B", "C"];
        Served::chat("big-2025", letters[asked.number % 3], "stop")
    })
    .unwrap()
}

#[test]
fn a_finished_run_serves_as_teacher_and_student_without_a_model() {
    let bench = Bench::new();
    let server = served();
    bench.audit(0, &format!("openai:{}#big", server.address()), "scripted:a.toml", "first", &[]);
    drop(server);
    fs::remove_dir_all(bench.path("cache")).unwrap();
    bench.audit(0, "answers:first#teacher", "scripted:a.toml", "again", &[]);
    assert_eq!(bench.metrics("again"), bench.metrics("first"), "the same answers, the same numbers");
    // By the model's own name, for another student; and the first student as the other's model before distillation.
    bench.audit(0, "answers:first#big-2025", "scripted:b.toml", "second", &[]);
    bench.audit(
        0,
        "answers:first#teacher",
        "answers:second#student",
        "replayed",
        &["--base", "answers:first#student", "--probes", "probes.jsonl", "--samples", "3", "--reruns", "2"],
    );
    let [comparison, _] = bench.run(0, &["compare", "first", "second"]);
    assert!(comparison.contains("answer"), "one teacher for both: {comparison}");
    // Answers of a model that had another role then.
    bench.audit(
        0,
        "answers:first#student",
        "answers:second#student",
        "students",
        &["--probes", "probes.jsonl", "--samples", "3", "--reruns", "0"],
    );
}

#[test]
fn a_store_serves_what_an_endpoint_answered() {
    let bench = Bench::new();
    let server = served();
    let model = format!("openai:{}#big", server.address());
    bench.run(
        0,
        &[
            "collect",
            "--model",
            &model,
            "--probes",
            "probes.jsonl",
            "--store",
            "kept",
            "--samples",
            "3",
            "--reruns",
            "2",
        ],
    );
    drop(server);
    bench.audit(0, "answers:kept#big-2025", "scripted:a.toml", "first", &[]);
    // One model is there: it need not be named.
    bench.audit(0, "answers:kept", "scripted:b.toml", "second", &[]);
    bench.run(0, &["compare", "first", "second"]);
}

#[test]
fn logs_of_other_tools_serve_as_they_are() {
    let bench = Bench::new();
    let line = |i: usize| {
        json!({
            "prompt": format!("Letter {i}?"), "big": "A", "small": if i.is_multiple_of(2) { "A" } else { "B" },
        })
    };
    let rows: Vec<String> = (0..PROMPTS)
        .map(|i| {
            let mut row = line(i);
            row["answer"] = row["big"].take();
            json!({"prompt": row["prompt"], "answer": row["answer"], "model": "big"}).to_string()
        })
        .collect();
    fs::write(bench.path("log.jsonl"), rows.join("\n")).unwrap();
    let asked = ["--probes", "probes.jsonl", "--samples", "1", "--reruns", "0"];
    bench.audit(0, "answers:log.jsonl", "scripted:a.toml", "run", &asked);
    let talk = bench.audit(
        2,
        "answers:log.jsonl",
        "scripted:a.toml",
        "more",
        &["--probes", "probes.jsonl", "--samples", "2", "--reruns", "0"],
    );
    assert!(talk.contains("9 of 9 answers wanted are not there"), "{talk}");
    assert!(talk.contains("answer 2 to `Letter 1?`, of which the log has fewer"), "{talk}");
}

#[test]
fn what_is_not_there_is_counted_before_anything_is_asked() {
    let bench = Bench::new();
    let server = served();
    bench.audit(0, &format!("openai:{}#big", server.address()), "scripted:a.toml", "first", &[]);
    bench.suite("probes.jsonl", PROMPTS + 2);
    let talk = bench.audit(2, "answers:first#teacher", "scripted:a.toml", "again", &[]);
    // The answer store has the others by now; letter 12 is asked greedily, letter 13 three times and twice again.
    assert!(talk.contains("teacher: answers:first#teacher: 6 of 6 answers wanted are not there"), "{talk}");
    assert!(
        talk.contains("the first is answer 1 to `Letter 12?` at temperature 0, top_p 1, at most 1 tokens"),
        "{talk}"
    );
    bench.suite("probes.jsonl", PROMPTS);
    let talk = bench.audit(
        2,
        "answers:first#teacher",
        "scripted:a.toml",
        "more",
        &["--probes", "probes.jsonl", "--samples", "3", "--reruns", "4"],
    );
    assert!(talk.contains("18 of 18 answers wanted are not there; the first is answer of the rerun 3 to"), "{talk}");
    let talk = bench.audit(
        2,
        "answers:first#teacher",
        "scripted:a.toml",
        "seed",
        &["--probes", "probes.jsonl", "--samples", "3", "--reruns", "2", "--seed", "9"],
    );
    assert!(talk.contains("48 of 48 answers wanted are not there") && talk.contains("seed 9"), "{talk}");
}

#[test]
fn a_place_that_serves_nobody_says_what_is_there() {
    let bench = Bench::new();
    let server = served();
    bench.audit(0, &format!("openai:{}#big", server.address()), "scripted:a.toml", "first", &[]);
    let check = |teacher: &str, expected: &str| {
        let talk = bench.audit(2, teacher, "scripted:a.toml", "none", &[]);
        assert!(talk.contains(expected), "{talk}");
    };
    check(
        "answers:first",
        "expected whose answers, as answers:first#MODEL; there are those of `teacher` (big-2025), `student`",
    );
    check("answers:first#large", "no answers of `large` are there; there are those of `teacher`");
    check("answers:nowhere", "there is nothing of that name");
    check("answers:cache/hydrometer/answers", "expected whose answers");
    // Folders, and chats that nobody answered.
    fs::create_dir_all(bench.path("fa/x")).unwrap();
    fs::write(bench.path("fa/x/out.jsonl"), r#"{"messages": [{"role": "user", "content": "Letter 1?"}]}"#).unwrap();
    check(
        "fa",
        "fa holds no model (config.json is missing); where fa/x/out.jsonl are answers that were logged, answers:fa/x/out.jsonl replays",
    );
    check("first", "first holds no model, but answers that are kept: answers:first replays them");
    check("answers:fa", "found `x/out.jsonl`; name the file itself: fa/x/out.jsonl");
    check(
        "answers:fa/x/out.jsonl",
        "hold no answer in words beside the words of its question; conversations that end with a message of the user: 1, of 1",
    );
    fs::write(bench.path("empty.jsonl"), "{\"a\": 1}\n").unwrap();
    check("answers:empty.jsonl", "empty.jsonl");
    let talk = bench.audit(2, "answers:first#teacher", "answers:first#teacher", "none", &[]);
    assert!(talk.contains("teacher and student are the same kept answers"), "{talk}");
}
