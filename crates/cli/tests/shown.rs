//! Audits of texts in regime R1: a model behind a server that shows its most probable tokens, against the same model run here.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use hydrometer_models::{AskedServer, ScriptedServer, Served};
use serde_json::{Value, json};
use tempfile::TempDir;

const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.3, B = 0.3, C = 0.4 }\n";
/// p of the teacher everywhere.
const TEACHER: [(char, f64); 3] = [('A', 0.6), ('B', 0.35), ('C', 0.05)];
const TEXT: &str = "ABCABBACABCACBABCAABCBA";

fn bench() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let teacher: Vec<String> = TEACHER.iter().map(|(letter, p)| format!("{letter} = {p}")).collect();
    let teacher = format!("vocabulary = \"bytes\"\n[default]\nprobabilities = {{ {} }}\n", teacher.join(", "));
    fs::write(folder.path().join("teacher.toml"), teacher).unwrap();
    fs::write(folder.path().join("student.toml"), STUDENT).unwrap();
    let text = |i: usize| json!({"id": format!("t{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "text", "text": &TEXT[i % 3..]});
    let lines: Vec<String> = (0..6).map(|i| text(i).to_string()).collect();
    fs::write(folder.path().join("texts.jsonl"), lines.join("\n")).unwrap();
    folder
}

/// A server of llama.cpp's kind with the teacher's distribution, which draws as often as it says; `ids` numbers its tokens.
fn serve(asked: &AskedServer, ids: fn(u8) -> u32) -> Served {
    serve_list(asked, ids, &TEACHER, TEACHER.len())
}

/// The same with another distribution, of which no more than so many tokens are listed.
fn serve_list(asked: &AskedServer, ids: fn(u8) -> u32, of: &[(char, f64)], listed: usize) -> Served {
    match asked.path.as_str() {
        "/v1/chat/completions" => Served::chat("letters", "yes", "stop"),
        "/tokenize" => {
            let tokens: Vec<u32> = asked.body["content"].as_str().unwrap().bytes().map(ids).collect();
            Served::json(200, &json!({ "tokens": tokens }))
        }
        "/completion" => {
            let entry = |(letter, p): &(char, f64)| json!({"id": ids(*letter as u8), "logprob": p.ln()});
            // Every twentieth question stands for a twentieth of the mass.
            let at = (asked.number * 7 % 20) as f64 / 20.0;
            let mut up_to = 0.0;
            let reaches = |(_, p): &&(char, f64)| {
                up_to += p;
                at < up_to - 1e-9
            };
            let mut token = entry(of.iter().find(reaches).unwrap());
            token["top_logprobs"] = of.iter().take(listed).map(entry).collect::<Vec<_>>().into();
            Served::json(200, &json!({"completion_probabilities": [token]}))
        }
        _ => Served::json(404, &json!({"error": {"message": "not here"}})),
    }
}

/// Audits a teacher on the texts: its statement, and beside it what was said.
fn auditing(folder: &TempDir) -> impl Fn(&str) -> Value {
    let path = folder.path().to_owned();
    move |teacher: &str| audited(&path, teacher, "scripted:student.toml")
}

/// The statement of an audit of two models on the texts, and beside it what was said.
fn audited(path: &Path, teacher: &str, student: &str) -> Value {
    audited_with(path, teacher, student, &["--floor-windows", "0"])
}

fn audited_with(path: &Path, teacher: &str, student: &str, more: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(path).stdin(Stdio::null()).env("XDG_CACHE_HOME", path.join("cache"));
    command.args(["audit", "--teacher", teacher, "--student", student, "--probes", "texts.jsonl"]);
    let output = command.args(more).arg("--json").output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{talk}");
    let mut statement: Value = serde_json::from_slice(&output.stdout).unwrap();
    statement["talk"] = talk.split_whitespace().collect::<Vec<_>>().join(" ").into();
    statement
}

/// What each model holds most probable at every position that is shown: tokens are named after the model that prefers them.
#[track_caller]
fn favourites(statement: &Value, teacher: &str, student: &str) {
    let documents = statement["worst_documents"].as_array().unwrap().iter();
    let tokens: Vec<&Value> = documents.flat_map(|document| document["tokens"].as_array().unwrap()).collect();
    assert!(!tokens.is_empty(), "no position is shown");
    for token in tokens {
        assert_eq!((&token["teacher"], &token["student"]), (&json!(teacher), &json!(student)), "{token}");
    }
}

fn value(statement: &Value, id: &str) -> Option<f64> {
    let metric = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap();
    metric["estimate"]["value"].as_f64()
}

#[test]
fn a_server_that_shows_all_that_has_mass_gives_the_numbers_of_the_model_itself() {
    let folder = bench();
    let audit = auditing(&folder);
    let server = ScriptedServer::start(|asked| serve(asked, u32::from)).unwrap();
    let there = audit(&format!("llama-server:{}", server.address()));
    let here = audit("scripted:teacher.toml");
    favourites(&there, "A", "C");
    favourites(&here, "A", "C");
    assert_eq!((&there["regime"]["id"], &here["regime"]["id"]), (&json!("R1"), &json!("R0")));
    let talk = there["talk"].as_str().unwrap();
    assert!(talk.contains("evidence R1: the teacher's most probable tokens and one drawn token"), "{talk}");
    assert!(talk.contains("Not said: reverse KL, the teacher's bits per byte"), "{talk}");
    for id in ["kl_divergence", "jensen_shannon", "token_overlap", "tail_kept", "top1_agreement", "entropy_ratio"] {
        let (there, here) = (value(&there, id), value(&here, id));
        assert!(there.zip(here).is_some_and(|(there, here)| (there - here).abs() < 1e-5), "{id}: {there:?} {here:?}");
    }
    for id in ["reverse_kl", "bits_per_byte_teacher"] {
        assert_eq!(value(&there, id), None, "{id}");
    }
    let regime = |id: &str| {
        let metric = there["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap();
        (metric["regime"]["id"].clone(), metric["regime"]["known"].clone())
    };
    assert_eq!(regime("kl_divergence"), (json!("R1"), json!("estimated")));
    assert_eq!(regime("top1_agreement"), (json!("R1"), json!("exact")));
    let reverse = there["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == "reverse_kl").unwrap();
    assert!(reverse["missing"].as_str().unwrap().contains("its server shows the most probable ones"), "{reverse}");
    assert!(there["notes"].to_string().contains("one token drawn from all of the distribution"), "{}", there["notes"]);
}

/// The same with every token: whatever is said of a model that runs here is said of one behind a server, to the digits of 32 bits.
#[test]
fn a_server_that_is_asked_for_every_token_gives_every_number_of_the_model_itself() {
    let folder = bench();
    let of_teacher = ScriptedServer::start(|asked| serve(asked, u32::from)).unwrap();
    let of_student = ScriptedServer::start(|asked| serve_list(asked, u32::from, &SHOWN_STUDENT, 3)).unwrap();
    let [teacher, student] = [&of_teacher, &of_student].map(|server| format!("llama-server:{}", server.address()));
    let full = |teacher: &str, student: &str, more: &[&str]| {
        let arguments = ["--full-logprobs", "--floor-windows", "1"];
        audited_with(folder.path(), teacher, student, &[&arguments[..], more].concat())
    };
    let here = audited_with(folder.path(), "scripted:teacher.toml", "scripted:student.toml", &["--floor-windows", "1"]);
    let pairs = [
        full(&teacher, "scripted:student.toml", &[]),
        full("scripted:teacher.toml", &student, &[]),
        full(&teacher, &student, &["--tokenizer", "scripted:student.toml"]),
    ];
    for there in pairs {
        assert_eq!(there["regime"]["id"], "R0");
        favourites(&there, "A", "C");
        let of = |statement: &Value| statement["metrics"].as_array().unwrap().clone();
        let (mut compared, mut floors) = (0, 0);
        for (there, here) in of(&there).iter().zip(&of(&here)) {
            assert_eq!((&there["id"], &there["regime"]), (&here["id"], &here["regime"]));
            let [found, expected] = [there, here].map(|metric| metric["estimate"]["value"].as_f64());
            compared += u64::from(expected.is_some());
            let same = found.zip(expected).is_none_or(|(found, expected)| (found - expected).abs() < 1e-5);
            assert!(found.is_some() == expected.is_some() && same, "{there} {here}");
            assert_eq!(there["estimate"]["floor"], here["estimate"]["floor"]);
            floors += u64::from(here["estimate"]["floor"].is_f64());
        }
        assert!(compared > 15 && floors > 5, "{compared} numbers, {floors} floors");
    }
}

#[test]
fn every_token_is_paid_for() {
    let folder = bench();
    let server = ScriptedServer::start(|asked| serve(asked, u32::from)).unwrap();
    let run = |tokens: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        command.current_dir(folder.path()).stdin(Stdio::null()).env("XDG_CACHE_HOME", folder.path().join("cache"));
        command.args(["audit", "--teacher", &format!("llama-server:{}", server.address()), "--full-logprobs"]);
        command.args(["--student", "scripted:student.toml", "--probes", "texts.jsonl", "--floor-windows", "1"]);
        let output = command.args(["--out", "run", "--budget-tokens", tokens]).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        (output.status.code(), talk)
    };
    // Two texts each of 23, 22 and 21 tokens, and one of the longest twice more.
    let (code, talk) = run("1000");
    assert_eq!(code, Some(4), "{talk}");
    assert!(talk.contains("teacher: 170 positions to be paid for: about 1,894 tokens read"), "{talk}");
    assert!(talk.contains("the budget is spent"), "{talk}");
    let (code, talk) = run("100k");
    assert_eq!(code, Some(0), "{talk}");
}

#[test]
fn every_token_is_asked_of_servers_that_can_be_read_to() {
    let folder = bench();
    let server = ScriptedServer::start(|asked| serve(asked, |byte| u32::from(byte ^ 1))).unwrap();
    let there = format!("llama-server:{}", server.address());
    let refused = |teacher: &str, student: &str, expected: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        command.current_dir(folder.path()).stdin(Stdio::null()).env("XDG_CACHE_HOME", folder.path().join("cache"));
        command.args([
            "audit",
            "--teacher",
            teacher,
            "--student",
            student,
            "--probes",
            "texts.jsonl",
            "--full-logprobs",
        ]);
        let output = command.output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{talk}");
        assert!(talk.contains(expected), "{talk}");
    };
    refused("scripted:teacher.toml", "scripted:student.toml", "--full-logprobs is for models behind servers");
    refused(&format!("planted:null({there})"), "scripted:student.toml", "expected an endpoint by itself");
    refused(&there, &there, "nobody here says how they read a text");
    refused(&there, "scripted:student.toml", "the teacher's server reads");
    let half = ScriptedServer::start(|asked| serve_list(asked, u32::from, &TEACHER, 1)).unwrap();
    refused(
        &format!("llama-server:{}", half.address()),
        "scripted:student.toml",
        "expected the log-probability of every token",
    );
}

#[test]
fn texts_that_the_server_reads_otherwise_are_excluded() {
    let folder = bench();
    let server = ScriptedServer::start(|asked| serve(asked, |byte| u32::from(byte ^ 1))).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(folder.path()).stdin(Stdio::null()).env("XDG_CACHE_HOME", folder.path().join("cache"));
    command.args(["audit", "--teacher", &format!("llama-server:{}", server.address())]);
    let output = command.args(["--student", "scripted:student.toml", "--probes", "texts.jsonl"]).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{talk}");
    assert!(talk.contains("the teacher's server and the student's tokenizer disagree on it from byte 0 on"), "{talk}");
}

/// q of a student everywhere, as [`STUDENT`] says.
const SHOWN_STUDENT: [(char, f64); 3] = [('C', 0.4), ('A', 0.3), ('B', 0.3)];

#[test]
fn a_student_whose_server_shows_all_that_has_mass_gets_the_numbers_of_the_model_itself() {
    let folder = bench();
    let server = ScriptedServer::start(|asked| serve_list(asked, u32::from, &SHOWN_STUDENT, 3)).unwrap();
    let student = format!("llama-server:{}", server.address());
    let there = audited(folder.path(), "scripted:teacher.toml", &student);
    let here = audited(folder.path(), "scripted:teacher.toml", "scripted:student.toml");
    favourites(&there, "A", "C");
    assert_eq!((&there["regime"]["id"], &here["regime"]["id"]), (&json!("R1"), &json!("R0")));
    let talk = there["talk"].as_str().unwrap();
    assert!(talk.contains("evidence R1: the student's most probable tokens and one drawn token"), "{talk}");
    assert!(talk.contains("and what KL is at least. Not said: KL itself, temperature"), "{talk}");
    let same = [
        "kl_divergence",
        "reverse_kl",
        "jensen_shannon",
        "token_overlap",
        "tail_kept",
        "tail_invented",
        "fork_tail_kept",
        "top1_agreement",
        "entropy_ratio",
        "bits_per_byte_teacher",
    ];
    for id in same {
        let (there, here) = (value(&there, id), value(&here, id));
        assert!(there.zip(here).is_some_and(|(there, here)| (there - here).abs() < 1e-5), "{id}: {there:?} {here:?}");
    }
    for id in ["best_temperature", "floored_mass", "bits_per_byte_student"] {
        let metric = there["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap();
        assert_eq!(metric["estimate"]["value"], Value::Null, "{metric}");
        assert!(
            metric["missing"].as_str().unwrap().contains("needs the student's probability of every token"),
            "{metric}"
        );
    }
    // All four bands of the teacher's distribution are known.
    assert_eq!(there["bands"].as_array().map(Vec::len), here["bands"].as_array().map(Vec::len));
}

#[test]
fn of_a_student_whose_list_ends_early_kl_is_bounded_and_not_estimated() {
    let folder = bench();
    let shown = [('A', 0.5), ('B', 0.45), ('C', 0.05)];
    let server = ScriptedServer::start(move |asked| serve_list(asked, u32::from, &shown, 2)).unwrap();
    let there = audited(folder.path(), "scripted:teacher.toml", &format!("llama-server:{}", server.address()));
    assert_eq!(value(&there, "kl_divergence"), None);
    // 0.6 ln(0.6/0.5) + 0.35 ln(0.35/0.45) + 0.05 ln(0.05/0.05), as all that is not listed is one token here.
    let note = "The mean KL divergence is at least 0.0214 nats: that is KL with all tokens that are not listed as one";
    assert!(there["notes"].to_string().contains(note), "{}", there["notes"]);
    assert_eq!(there["worst_documents"].as_array().map(Vec::len), Some(0), "no divergence stands where none is known");
    assert!(value(&there, "token_overlap").is_some_and(|overlap| (overlap - 0.9).abs() < 0.02));
}
