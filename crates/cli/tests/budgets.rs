//! Budgets from the command line: the estimate, the end, and what goes on.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};

use hydrometer_models::{AskedServer, CHECK_MARK, ScriptedServer, Served};
use serde_json::{Value, json};
use support::{Desk, in_one_line};

const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.3, B = 0.3, C = 0.4 }\n";
const PROMPTS: usize = 30;
const PRICES: &str = "format = \"hydrometer.prices/1\"\ndated = \"2026-11-29\"\ncurrency = \"usd\"\n
[[price]]\nmodel = \"anthropic:clever\"\ninput = 1000\noutput = 1000\n";

struct Bench(Desk);

impl Bench {
    fn new() -> Self {
        let desk = Desk::new();
        desk.write("student.toml", STUDENT);
        desk.write("prices.toml", PRICES);
        desk.ask_letters(PROMPTS);
        Self(desk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.0.command(arguments)
    }

    fn run(&self, code: i32, arguments: &[&str]) -> [String; 2] {
        in_one_line(self.0.run(code, arguments))
    }

    fn audit(&self, code: i32, teacher: &str, spending: &[&str]) -> [String; 2] {
        let asked = [
            "audit",
            "--teacher",
            teacher,
            "--student",
            "scripted:student.toml",
            "--probes",
            "probes.jsonl",
            "--out",
            "run",
            "--samples",
            "4",
            "--reruns",
            "2",
            "--parallel",
            "8",
        ];
        self.run(code, &[&asked, spending].concat())
    }

    /// What was paid for the run: questions and money.
    fn paid(&self) -> (u64, f64) {
        self.counted(&["run/cost.jsonl", "run/paid.jsonl"])
    }

    fn counted(&self, files: &[&str]) -> (u64, f64) {
        let lines: String = files.iter().map(|file| fs::read_to_string(self.path(file)).unwrap()).collect();
        let paid = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["paid"].take());
        paid.filter(|paid| !paid.is_null()).fold((0, 0.0), |(questions, money), paid| {
            (questions + paid["questions"].as_u64().unwrap(), money + paid["money"]["amount"].as_f64().unwrap_or(0.0))
        })
    }
}

/// With tool calls and refusals in it; 5 tokens are read and 1 is drawn: 0.006 usd each.
fn served() -> ScriptedServer {
    ScriptedServer::start(|asked| match asked.number % 9 {
        3 => Served::message("clever-1", "", "refusal"),
        5 => Served::json(
            200,
            &json!({"model": "clever-1", "content": [{"type": "tool_use"}], "stop_reason": "tool_use",
                "usage": {"input_tokens": 5, "output_tokens": 1}}),
        ),
        6 => Served::message("clever-1", "B", "end_turn"),
        _ => Served::message("clever-1", "A", "end_turn"),
    })
    .unwrap()
}

fn asked(server: &ScriptedServer) -> usize {
    server.asked().len()
}

/// Whether a check asks it, and no canary: those have answers of 12 tokens.
fn is_of_check(asked: &AskedServer) -> bool {
    asked.body.to_string().contains(CHECK_MARK) && asked.body["max_tokens"] != 12
}

/// Those of checks.
fn checks(server: &ScriptedServer) -> usize {
    server.asked().iter().filter(|asked| is_of_check(asked)).count()
}

#[test]
fn a_run_stops_at_its_budget_and_goes_on_with_a_higher_one() {
    let bench = Bench::new();
    let server = served();
    let teacher = format!("anthropic:{}#clever", server.address());
    let [_, talk] = bench.audit(4, &teacher, &["--prices", "prices.toml", "--budget", "1usd"]);
    // 180 answers to prompts of nine or ten letters, three tokens each; at most one token each.
    let expected = "teacher: 180 answers to be paid for: about 540 tokens read, at most 180 drawn, at most 0.7200 usd";
    assert!(talk.contains(expected), "{talk}");
    assert!(talk.contains("the budget is spent: 0.9"), "{talk}");
    assert!(talk.contains("the same command with a higher budget goes on"), "{talk}");
    assert!(talk.contains("undecided: ") && talk.contains("agreement_ratio"), "{talk}");
    let (questions, money) = bench.paid();
    assert_eq!(questions as usize, asked(&server));
    let of_checks = checks(&server);
    assert!(of_checks > 0, "a budget counts what checks ask");
    assert!((money - 0.006 * questions as f64).abs() < 1e-9 && money <= 1.0 && money > 0.95, "{money}");
    // The same budget asks nothing more.
    bench.audit(4, &teacher, &["--prices", "prices.toml", "--budget", "1usd"]);
    assert_eq!(asked(&server) as u64, questions);
    let [_, talk] = bench.audit(0, &teacher, &["--prices", "prices.toml", "--budget", "3usd"]);
    assert!(talk.contains("resuming") || talk.contains("free answers wanted"), "{talk}");
    // Who answers is asked once for each process that asks; no answer is asked twice.
    // Canaries are asked before the run, when it goes on, and at its end.
    let canaries = 3 * 16;
    assert_eq!((asked(&server), checks(&server)), (2 + 2 + PROMPTS * 6 + of_checks + canaries, of_checks));
    let (questions, _) = bench.paid();
    assert_eq!(questions as usize, asked(&server));
    let statement: Value =
        serde_json::from_str(&fs::read_to_string(bench.path("run/statement.json")).unwrap()).unwrap();
    let endings = statement["answers"]["other_endings"].as_array().unwrap();
    assert_eq!(endings.iter().map(|ending| ending["finish"].clone()).collect::<Vec<_>>(), ["refusal", "tool_calls"]);
    let page = fs::read_to_string(bench.path("run/report.html")).unwrap();
    let all = format!("{} questions to endpoints", 184 + of_checks + canaries);
    assert!(page.contains(&all), "the report says what was paid");
}

#[test]
fn what_was_checked_is_not_checked_again_after_an_early_end() {
    let bench = Bench::new();
    let (reached, is_reached) = mpsc::channel();
    let (go_on, gone) = mpsc::channel::<()>();
    let (reached, gone) = (Mutex::new(Some(reached)), Mutex::new(gone));
    let server = ScriptedServer::start(move |asked| {
        let of_student = asked.body["model"] == "plain" && asked.body.to_string().contains(CHECK_MARK);
        if let Some(reached) = reached.lock().unwrap().take_if(|_| of_student) {
            reached.send(()).unwrap();
            // Until the one who asks is dead.
            gone.lock().unwrap().recv().unwrap();
        }
        Served::message(asked.body["model"].as_str().unwrap(), "A", "end_turn")
    })
    .unwrap();
    let name = |model: &str| format!("anthropic:{}#{model}", server.address());
    let (teacher, student) = (name("clever"), name("plain"));
    let arguments = [
        "audit",
        "--teacher",
        &teacher,
        "--student",
        &student,
        "--probes",
        "probes.jsonl",
        "--out",
        "run",
        "--samples",
        "2",
    ];
    let mut first = bench.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    is_reached.recv().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    go_on.send(()).unwrap();
    assert!(!bench.path("run/manifest.json").exists(), "it was killed before the run began");
    let of_teacher = |server: &ScriptedServer| {
        let checks = |asked: &&AskedServer| asked.body["model"] == "clever" && is_of_check(asked);
        server.asked().iter().filter(checks).count()
    };
    let before = of_teacher(&server);
    assert!(before > 0);
    let [_, talk] = bench.run(0, &arguments);
    assert!(talk.contains("was checked when this run began"), "{talk}");
    assert!(talk.contains("checking student anthropic:"), "{talk}");
    assert_eq!(of_teacher(&server), before, "nothing is checked twice");
    // What the killed process paid counts, but for the question that was under way.
    let (questions, _) = bench.counted(&["run/paid.jsonl", "run/cost.jsonl"]);
    assert_eq!(questions as usize, asked(&server) - 1);
}

#[test]
fn collect_says_what_it_paid() {
    let bench = Bench::new();
    let server = served();
    let model = format!("anthropic:{}#clever", server.address());
    let asked = ["collect", "--model", &model, "--probes", "probes.jsonl", "--samples", "2", "--reruns", "0", "--json"];
    let [_, talk] = bench.run(4, &[&asked[..], &["--budget-tokens", "400"]].concat());
    assert!(talk.contains("of 400 tokens are spent"), "{talk}");
    let [said, talk] = bench.run(0, &[&asked[..], &["--prices", "prices.toml"]].concat());
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["paid"]["money"]["currency"], "usd", "{said}");
    assert!(talk.contains("tokens read and"), "{talk}");
    // Who answers, and canaries, which tell whether it still does.
    assert_eq!(said["paid"]["questions"], said["asked"].as_u64().unwrap() + 2 + 16);
}

#[test]
fn collect_counts_what_earlier_commands_paid_for_the_same_questions() {
    let bench = Bench::new();
    let server = served();
    let model = format!("anthropic:{}#clever", server.address());
    let collect = |code, samples: &str, more: &[&str]| {
        let questions =
            ["collect", "--model", &model, "--probes", "probes.jsonl", "--reruns", "0", "--samples", samples];
        let [_, talk] = bench.run(code, &[&questions[..], &["--store", "store"], more].concat());
        talk
    };
    let talk = collect(4, "4", &["--budget-tokens", "500"]);
    assert!(talk.contains("of 500 tokens are spent") && !talk.contains("earlier commands"), "{talk}");
    let paid = asked(&server);
    // Not anew: who answers would be asked first, and for that nothing is left.
    let talk = collect(4, "4", &["--budget-tokens", "500"]);
    assert!(talk.contains(&format!("earlier commands asked this for {paid} questions to endpoints")), "{talk}");
    assert_eq!(asked(&server), paid);
    // More answers to the same questions are the same collection; other questions are another.
    let talk = collect(4, "5", &["--budget-tokens", "500"]);
    assert!(talk.contains("earlier commands asked this"), "{talk}");
    let talk = collect(4, "4", &["--budget-tokens", "500", "--max-tokens", "2", "--temperature", "0.5"]);
    assert!(!talk.contains("earlier commands asked this"), "{talk}");
    let talk = collect(0, "4", &["--budget-tokens", "50k"]);
    assert!(talk.contains("120 answers held") || talk.contains("asked, "), "{talk}");
    // A killed command forgets a hundredth of its budget at most.
    let kept = fs::read_dir(bench.path("store/paid")).unwrap().count();
    assert_eq!(kept, 2, "a file for each collection");
}

#[test]
fn checks_are_paid_from_a_budget() {
    let bench = Bench::new();
    // Of much that is read, and always the same.
    let server = ScriptedServer::start(|_| {
        let words = json!([{"type": "text", "text": "A"}]);
        let usage = json!({"input_tokens": 100, "output_tokens": 1});
        Served::json(200, &json!({"model": "clever-1", "content": words, "stop_reason": "end_turn", "usage": usage}))
    })
    .unwrap();
    let model = format!("anthropic:{}#clever", server.address());
    let [_, talk] = bench.run(4, &["check", &model, "--budget-tokens", "200"]);
    assert!(talk.contains("of 200 tokens are spent"), "{talk}");
    assert!(server.asked().is_empty());
    let [said, talk] = bench.run(0, &["check", &model, "--budget-tokens", "500"]);
    assert!(said.contains("not offered") && said.contains("the budget does not allow it"), "{said}");
    assert!(talk.contains("5 questions to endpoints, 500 tokens read and 5 drawn"), "{talk}");
    let [said, talk] = bench.run(0, &["check", &model, "--budget", "5usd", "--prices", "prices.toml"]);
    assert!(!said.contains("the budget does not allow it"), "{said}");
    let all = asked(&server) - 5;
    assert!(talk.contains(&format!("{all} questions to endpoints")) && talk.contains(" usd"), "{talk}");
}

#[test]
fn what_is_no_budget_is_refused_before_anything_is_asked() {
    let bench = Bench::new();
    let server = served();
    let check = |model: &str, spending: &[&str], expected: &str| {
        let [_, talk] = bench.audit(2, &format!("anthropic:{}#{model}", server.address()), spending);
        assert!(talk.contains(expected), "{talk}");
    };
    check("clever", &["--budget", "5usd"], "--prices");
    check("clever", &["--budget", "five", "--prices", "prices.toml"], "expected an amount above 0 and a currency");
    check("clever", &["--budget", "5eur", "--prices", "prices.toml"], "--budget is in eur, and the prices are in usd");
    check("other", &["--budget", "5usd", "--prices", "prices.toml"], "the prices have none of anthropic:other");
    check("clever", &["--prices", "probes.jsonl"], "probes.jsonl: prices: expected format");
    assert!(server.asked().is_empty());
}
