//! A served model that changed under its name is noticed by canaries, and one that only differs from itself is not.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hydrometer_models::{AskedServer, CHECK_MARK, ScriptedServer, Served};
use serde_json::{Value, json};
use support::{Desk, in_one_line};

const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.3, B = 0.3, C = 0.4 }\n";
const PROMPTS: usize = 12;
/// Questions of one time.
const CANARIES: usize = 16;

struct Bench {
    desk: Desk,
    server: ScriptedServer,
    teacher: String,
    /// Which model answers.
    version: Arc<AtomicUsize>,
}

impl Bench {
    /// A server of several models under one name; it is told which answers.
    fn new(scheme: &str, answer: impl Fn(&AskedServer, usize) -> Served + Send + Sync + 'static) -> Self {
        let desk = Desk::new();
        desk.write("student.toml", STUDENT);
        desk.ask_letters(PROMPTS);
        let version = Arc::new(AtomicUsize::new(0));
        let now = version.clone();
        let server = ScriptedServer::start(move |asked| answer(asked, now.load(Ordering::SeqCst))).unwrap();
        let teacher = format!("{scheme}:{}#clever", server.address());
        Self { desk, server, teacher, version }
    }

    fn becomes(&self, version: usize) {
        self.version.store(version, Ordering::SeqCst);
    }

    fn audit(&self, code: i32, out: &str, more: &[&str]) -> String {
        let asked = ["audit", "--teacher", &self.teacher, "--student", "scripted:student.toml", "--probes"];
        let settings = ["probes.jsonl", "--samples", "2", "--reruns", "2", "--parallel", "4", "--out", out];
        let [_, talk] = in_one_line(self.desk.run(code, &[&asked[..], &settings, more].concat()));
        talk
    }

    /// What the statement says of a change.
    fn found(&self, out: &str) -> Option<String> {
        let text = fs::read_to_string(self.desk.path(out).join("statement.json")).unwrap();
        let statement: Value = serde_json::from_str(&text).unwrap();
        let findings = statement["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["id"] == "model_changed")?;
        Some(format!("{} {}", found["title"], found["detail"]))
    }
}

/// Greedy words of a model of this version; answers to the suite are letters.
fn words(asked: &AskedServer, version: usize) -> Served {
    let asks = asked.last_message();
    let text = if asks.contains(CHECK_MARK) { format!("words {version} to {asks}") } else { "A".to_owned() };
    Served::message("clever-1", &text, "end_turn")
}

/// A list of first tokens in which two have this share each of 0.9.
fn listed(share: f64) -> Served {
    let list =
        json!([{"token": "A", "logprob": (0.9 * share).ln()}, {"token": "B", "logprob": (0.9 - 0.9 * share).ln()}]);
    let token = json!({"token": "A", "logprob": (0.9 * share).ln(), "top_logprobs": list});
    let choice = json!({"message": {"content": "A"}, "finish_reason": "stop", "logprobs": {"content": [token]}});
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 1});
    Served::json(200, &json!({"model": "clever-1", "choices": [choice], "usage": usage}))
}

#[test]
fn a_model_that_changed_meanwhile_is_refused_until_that_is_accepted_by_name() {
    let bench = Bench::new("anthropic", words);
    // Enough for the beginning, not for the answers.
    let talk = bench.audit(4, "run", &["--budget-tokens", "400"]);
    assert!(talk.contains("16 short questions (canaries)"), "{talk}");
    assert!(talk.contains("the budget is spent"), "{talk}");
    bench.becomes(1);
    let talk = bench.audit(2, "run", &[]);
    let expected = "teacher: another model is served under the name than at the beginning of the run: 100 % of its most probable \
                    answers to 8 canary prompts differ, and 0 % where it is asked twice at a time (p = 1.5e-4)";
    assert!(talk.contains(expected), "{talk}");
    assert!(talk.contains("--accept canaries goes on all the same"), "{talk}");
    let talk = bench.audit(0, "run", &["--accept", "canaries"]);
    assert!(talk.contains(&format!("warning: {expected}")), "{talk}");
    let found = bench.found("run").unwrap();
    assert!(
        found.contains("Between the beginning of the run and the time when the run went on, which was accepted"),
        "{found}"
    );
    // A finished run asks nothing, whoever is served.
    let (asked, statement) = (bench.server.asked().len(), fs::read(bench.desk.path("run/statement.json")).unwrap());
    bench.becomes(2);
    bench.audit(0, "run", &["--accept", "canaries"]);
    assert_eq!(bench.server.asked().len(), asked);
    assert_eq!(fs::read(bench.desk.path("run/statement.json")).unwrap(), statement);
}

#[test]
fn a_model_that_changes_while_it_is_asked_is_a_warning_in_the_statement() {
    let answered = AtomicUsize::new(0);
    let bench = Bench::new("anthropic", move |asked, _| {
        let of_suite = !asked.last_message().contains(CHECK_MARK);
        let before = if of_suite { answered.fetch_add(1, Ordering::SeqCst) } else { answered.load(Ordering::SeqCst) };
        words(asked, usize::from(before > 20))
    });
    let talk = bench.audit(0, "run", &[]);
    assert!(
        talk.contains("warning: teacher: another model is served under the name than at the beginning of the run"),
        "{talk}"
    );
    let found = bench.found("run").unwrap();
    assert!(found.contains("Another model was served under the name of the teacher, clever-1"), "{found}");
    assert!(found.contains("Between the beginning of the run and the end of the run: 100 %"), "{found}");
    // What they cost is kept beside the run.
    let paid = fs::read_to_string(bench.desk.path("run/paid.jsonl")).unwrap();
    let lines = paid.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_canaries =
        lines.filter(|line| line["what"] == "canaries").map(|line| line["paid"]["questions"].as_u64().unwrap());
    assert_eq!(of_canaries.sum::<u64>(), 2 * CANARIES as u64);
}

#[test]
fn another_run_is_held_against_what_the_store_got_its_answers_from() {
    // Precision and load move the lists a little, and steadily.
    let shares = [0.5, 0.52, 0.75];
    let bench = Bench::new("openai", move |_, version| listed(shares[version]));
    bench.audit(0, "first", &[]);
    assert_eq!(bench.found("first"), None);
    bench.becomes(1);
    bench.audit(0, "second", &[]);
    assert_eq!(bench.found("second"), None, "what reduced precision explains is no other model");
    bench.becomes(2);
    let talk = bench.audit(2, "third", &[]);
    let expected = "another model is served under the name than at the first answers in the store: the first tokens of its answers to \
                    8 canary prompts are 0.225 apart in total variation, and 0.000 where it is asked twice at a time";
    assert!(talk.contains(expected) && talk.contains("name another with --store"), "{talk}");
    // With a store of its own it is a model like any other.
    let talk = bench.audit(0, "fourth", &["--store", "other"]);
    assert!(!talk.contains("another model is served under the name than"), "{talk}");
}

#[test]
fn a_model_that_never_answers_twice_alike_is_no_other_model() {
    let bench = Bench::new("anthropic", |asked, _| words(asked, asked.number));
    bench.audit(0, "run", &[]);
    assert_eq!(bench.found("run"), None);
    bench.audit(0, "again", &[]);
    assert_eq!(bench.found("again"), None);
}

#[test]
fn what_was_collected_is_of_one_model_too() {
    let bench = Bench::new("anthropic", words);
    let collect = |code, more: &[&str]| {
        let asked = ["collect", "--model", &bench.teacher, "--probes", "probes.jsonl", "--reruns", "2", "--samples"];
        let [_, talk] = in_one_line(bench.desk.run(code, &[&asked[..], more].concat()));
        talk
    };
    let talk = collect(0, &["2"]);
    assert!(talk.contains("16 short questions (canaries)"), "{talk}");
    // Where every answer is there nobody is asked who is served now.
    bench.becomes(1);
    let talk = collect(0, &["2"]);
    assert!(!talk.contains("canaries"), "{talk}");
    let talk = collect(2, &["3"]);
    let expected = "another model is served under the name than at the first answers in the store: 100 %";
    assert!(talk.contains(expected) && talk.contains("--accept canaries"), "{talk}");
    collect(0, &["3", "--accept", "canaries"]);
    // Nor are those answers put into an audit of what is served now.
    let talk = bench.audit(2, "run", &[]);
    assert!(talk.contains(expected), "{talk}");
}

/// The row of a check, and the exit code.
fn checked(bench: &Bench, code: i32, more: &[&str]) -> Value {
    let asked = ["check", &bench.teacher, "--json", "--store", "store"];
    let [said, _] = bench.desk.run(code, &[&asked[..], more].concat());
    let all: Value = serde_json::from_str(&said).unwrap();
    all["checks"].as_array().unwrap().iter().find(|row| row["name"] == "canaries").unwrap().clone()
}

#[test]
fn a_check_holds_a_model_against_what_it_was_when_the_store_got_its_first_answers() {
    let bench = Bench::new("anthropic", words);
    let of_canaries = || {
        let asked = bench.server.asked();
        // Those of checks have longer answers.
        asked.iter().filter(|asked| asked.last_message().contains(CHECK_MARK) && asked.body["max_tokens"] == 12).count()
    };
    let never = checked(&bench, 0, &[]);
    assert_eq!((never["found"].as_str().unwrap(), of_canaries()), ("not_offered", 0), "{never}");
    assert!(
        never["evidence"].as_str().unwrap().starts_with("never asked before: store holds no canaries of it"),
        "{never}"
    );
    bench.audit(0, "run", &["--store", "store"]);
    let before = of_canaries();
    let same = checked(&bench, 0, &[]);
    assert_eq!((same["found"].as_str().unwrap(), of_canaries() - before), ("passed", CANARIES), "{same}");
    bench.becomes(1);
    let other = checked(&bench, 1, &[]);
    assert_eq!((other["found"].as_str().unwrap(), other["spoils"].as_str().unwrap()), ("failed", "answers"));
    let evidence = other["evidence"].as_str().unwrap();
    assert!(evidence.contains("100 % of its most probable answers to 8 canary prompts differ"), "{evidence}");
    assert!(evidence.contains("answers differ to 8 of 8 prompts, such as \"[check] Begin a story"), "{evidence}");
    assert!(other["hint"].as_str().unwrap().contains("name another with --store"), "{other}");
    // What is there is not overwritten by looking, and a budget that has no room for it is said.
    bench.becomes(0);
    assert_eq!(checked(&bench, 0, &[])["found"], "passed");
    let spent = checked(&bench, 0, &["--budget-tokens", "300"]);
    assert!(spent["evidence"].as_str().unwrap().starts_with("the budget does not allow it"), "{spent}");
}

#[test]
fn a_model_of_the_same_name_elsewhere_is_another_model_and_said() {
    let bench = Bench::new("anthropic", words);
    bench.audit(0, "run", &["--store", "store"]);
    // The same name, as an endpoint at another address has it.
    let elsewhere = ScriptedServer::start(|asked| words(asked, 0)).unwrap();
    let model = format!("anthropic:{}#clever", elsewhere.address());
    let [said, _] = in_one_line(bench.desk.run(0, &["check", &model, "--store", "store"]));
    assert!(said.contains("not offered canaries"), "{said}");
    assert!(said.contains("there are those of 1 other model under the name clever-1"), "{said}");
}
