//! `hydrometer distill` from a teacher behind an endpoint: its answers are asked for in the folder of the run, within a budget, and what
//! needs its distributions is said to be missing.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;
use std::path::PathBuf;

use hydrometer_models::{AskedServer, CHECK_MARK, ScriptedServer, Served};
use serde_json::{Value, json};
use support::{Desk, in_one_line};

const DOCUMENTS: usize = 16;

struct Bench {
    desk: Desk,
    server: ScriptedServer,
}

impl Bench {
    /// Completions with words of their own; the server answers in others.
    fn new() -> Bench {
        let desk = Desk::new();
        desk.copy_teacher("model.gguf");
        let record = |i: usize| {
            json!({"prompt": format!("The tide {i} comes"), "completion": format!(" in by {i}.")}).to_string()
        };
        desk.write("data.jsonl", &(0..DOCUMENTS).map(record).collect::<Vec<_>>().join("\n"));
        let server = ScriptedServer::start(|asked| {
            let words: usize = asked.last_message().bytes().map(usize::from).sum();
            let words = ["slowly.", "at noon."][words % 2];
            let text = json!([{"type": "text", "text": words}]);
            let usage = json!({"input_tokens": 30, "output_tokens": 1});
            let answer = json!({"model": "clever-1", "content": text, "stop_reason": "end_turn", "usage": usage});
            Served::json(200, &answer)
        })
        .unwrap();
        let bench = Bench { desk, server };
        bench.recipe("recipe.toml", "model = \"model.gguf\"", "\"teacher_text\", \"hard_labels\"");
        bench
    }

    fn recipe(&self, name: &str, student: &str, arms: &str) {
        let recipe = format!(
            "teacher = \"anthropic:{}#clever\"\narms = [{arms}]\n[student]\n{student}\n\
             [data]\nfiles = [\"data.jsonl\"]\nheld_out = 0.3\ncontext = 64\nallow_overlap = [\"builtin\"]\n\
             [train]\nsteps = 3\nbatch_tokens = 64\nlearning_rate = 1e-3\nseed = 1\nevaluate_tokens = 300\nevaluate_every = 1\n",
            self.server.address()
        );
        self.desk.write(name, &recipe);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.desk.path(name)
    }

    fn distill(&self, code: i32, more: &[&str]) -> [String; 2] {
        in_one_line(self.desk.run(code, &[&["distill"], more].concat()))
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    fn asked(&self) -> usize {
        self.server.asked().len()
    }
}

#[test]
fn a_teacher_behind_an_endpoint_is_asked_within_a_budget_and_its_answers_are_learnt() {
    let bench = Bench::new();
    let recipe = ["recipe.toml", "--out", "out"];
    let with = |more: &[&str]| [&recipe[..], more].concat().iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let distill = |code, more: &[&str]| {
        let arguments = with(more);
        bench.distill(code, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let [_, talk] = distill(4, &["--budget-tokens", "400"]);
    assert!(talk.contains("the budget is spent") && talk.contains("answers to be paid for"), "{talk}");
    let paid = bench.asked();
    assert!(paid > 2, "{talk}");
    // The same budget is spent, and who answers is known.
    let [_, talk] = distill(4, &["--budget-tokens", "400"]);
    assert!(talk.contains(&format!("earlier commands asked this for {paid} questions")), "{talk}");
    assert_eq!(bench.asked(), paid);
    assert!(!bench.path("out/teacher_text").join("student").exists());

    let [told, talk] = distill(0, &["--budget-tokens", "50k"]);
    let of_both = bench.asked();
    let learnt = bench.server.asked().iter().filter(|asked| asked.last_message().starts_with("The tide")).count();
    let documents = fs::read_to_string(bench.path("out/teacher_text.jsonl")).unwrap();
    assert!((1..DOCUMENTS).contains(&learnt), "{learnt}: what is held out is not paid for");
    assert_eq!(documents.lines().count(), learnt, "nothing is asked twice");
    assert!(documents.lines().all(|line| line.contains("slowly.") || line.contains("at noon.")), "{documents}");
    // No number that reads the teacher's distributions, and why.
    assert!(told.contains("only answers are shown only answers are shown"), "{told}");
    assert!(!told.contains("KL, nats"), "{told}");
    assert!(talk.contains("step 3: held-out cross-entropy "), "{talk}");
    let end = bench.json("out/teacher_text/result.json")["end"].clone();
    assert_eq!((&end["kl_divergence"], &end["tail_kept"]), (&Value::Null, &Value::Null));
    assert!(end["cross_entropy"].as_f64().unwrap() > 0.0);
    let card = fs::read_to_string(bench.path("out/teacher_text/student/README.md")).unwrap();
    assert!(card.contains("the teacher shows only its answers") && card.contains("clever-1"), "{card}");
    // A finished run asks nobody, whatever it may spend.
    distill(0, &[]);
    assert_eq!(bench.asked(), of_both);
}

#[test]
fn the_statement_on_what_was_trained_is_in_the_regime_that_the_endpoint_permits() {
    let bench = Bench::new();
    let [_, talk] = bench.distill(0, &["recipe.toml", "--out", "out", "--audit", "--budget-tokens", "100k"]);
    assert_eq!(talk.matches("checking teacher").count(), 1, "{talk}");
    for name in ["teacher_text", "hard_labels", "start"] {
        let statement = bench.json(&format!("out/audits/{name}/statement.json"));
        assert_eq!(statement["regime"]["id"], "R3", "{name}");
        let metrics = statement["metrics"].as_array().unwrap();
        let of = |id: &str| metrics.iter().find(|metric| metric["id"] == id).unwrap();
        assert!(of("teacher_text_bits_student")["estimate"]["value"].is_number(), "{name}");
        assert!(of("kl_divergence")["missing"].is_string(), "{name}");
    }
    let asked = bench.asked();
    bench.distill(0, &["recipe.toml", "--out", "out", "--audit"]);
    assert_eq!(bench.asked(), asked, "finished audits ask nothing");
}

#[test]
fn what_an_endpoint_cannot_teach_is_refused_before_anybody_is_asked() {
    let bench = Bench::new();
    let check = |student: &str, arms: &str, expected: &str| {
        bench.recipe("other.toml", student, arms);
        let [_, talk] = bench.distill(2, &["other.toml", "--out", "other"]);
        assert!(talk.contains(expected), "{talk}");
    };
    check(
        "model = \"model.gguf\"",
        "\"distilled\", \"hard_labels\"",
        "found distilled, and only vllm:, sglang: and llama-server: list the most probable tokens of texts",
    );
    check(
        "model = \"model.gguf\"",
        "\"sparse\"",
        "found sparse, which learns from a cache beside a teacher that runs here",
    );
    check("every = 2", "\"teacher_text\"", "a model that the student begins as");
    // Looking at the data asks nobody either.
    let [found, _] = bench.distill(0, &["recipe.toml", "--check"]);
    assert!(found.contains("16 documents"), "{found}");
    let of_checks = |asked: &AskedServer| asked.last_message().contains(CHECK_MARK);
    assert!(!bench.server.asked().iter().any(of_checks) && bench.asked() == 0);
}
