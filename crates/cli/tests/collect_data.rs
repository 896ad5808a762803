//! Teacher text from an endpoint: the prompts of training data are asked, and the answers are documents that `distill` learns.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hydrometer_models::{ScriptedServer, Served};
use serde_json::{Value, json};
use tempfile::TempDir;

const PRICES: &str = "format = \"hydrometer.prices/1\"\ndated = \"2026-11-29\"\ncurrency = \"usd\"\n
[[price]]\nmodel = \"anthropic:clever\"\ninput = 1000\noutput = 1000\n";

const DATA: [&str; 2] = ["--data", "data.jsonl"];

struct Bench(TempDir);

impl Bench {
    /// Seven conversations, a repeated prompt, and two records without a prompt that can be asked; a completion in a file of its own.
    fn new() -> Bench {
        let bench = Bench(tempfile::tempdir().unwrap());
        let said = |role: &str, content: &str| json!({ "role": role, "content": content });
        let mut records: Vec<Value> = (0..7)
            .map(|i| {
                let question = format!("Question {i}: what lies {i} miles off the coast?");
                json!({ "messages": [said("system", "Be brief."), said("user", &question), said("assistant", "own words")] })
            })
            .collect();
        let mut again = records[0].clone();
        again["messages"][2]["content"] = "other words of its own".into();
        records.push(again);
        records.push(json!({ "messages": [said("user", "Question 7 follows an"), said("user", "Question 8")] }));
        records.push(json!({ "messages": [said("user", "Question 9 ends with a question")] }));
        let completion = json!({ "prompt": "Question 5, a completion: the tide", "completion": " own words" });
        fs::write(bench.path("completions.jsonl"), completion.to_string()).unwrap();
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        fs::write(bench.path("data.jsonl"), lines.join("\n")).unwrap();
        fs::write(bench.path("prices.toml"), PRICES).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, code: i32, arguments: &[&str]) -> [String; 2] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        command.current_dir(self.0.path()).stdin(Stdio::null()).env("XDG_CACHE_HOME", self.path("cache"));
        let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
        let texts = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(status.code(), Some(code), "{}{}", texts[0], texts[1]);
        texts
    }

    fn collect(&self, code: i32, server: &ScriptedServer, more: &[&str]) -> [String; 2] {
        let model = format!("anthropic:{}#clever", server.address());
        let usual = ["collect", "--model", &model, "--documents", "teacher.jsonl", "--samples", "1"];
        self.run(code, &[&usual, more].concat())
    }

    fn documents(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.path("teacher.jsonl")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Answers with the number of the question, at 0.104 usd; the third is cut off.
fn served() -> ScriptedServer {
    ScriptedServer::start(|asked| {
        let body = asked.body.to_string();
        let answer = |text: String, stop: &str| {
            let content = json!([{ "type": "text", "text": text }]);
            let usage = json!({ "input_tokens": 100, "output_tokens": 4 });
            Served::json(
                200,
                &json!({ "type": "message", "model": "clever-1", "content": content, "stop_reason": stop, "usage": usage }),
            )
        };
        match body.split("Question ").nth(1).and_then(|rest| rest.chars().next()) {
            Some('2') => answer("a boat and".to_owned(), "max_tokens"),
            Some(number) => answer(format!("Island {number} lies there."), "end_turn"),
            None => Served::message("clever-1", "yes", "end_turn"),
        }
    })
    .unwrap()
}

/// Questions of the data that the server was asked.
fn asked(server: &ScriptedServer) -> usize {
    server.asked().iter().filter(|asked| asked.body.to_string().contains("Question ")).count()
}

#[test]
fn answers_of_an_endpoint_become_documents() {
    let (bench, server) = (Bench::new(), served());
    let [_, talk] = bench.collect(0, &server, &DATA);
    assert!(talk.contains("6 documents in teacher.jsonl"), "{talk}");
    assert!(talk.contains("left out: 1 answer (cut off, refused or no text)"), "{talk}");
    assert!(talk.contains("left out: 2 records (no prompt that can be asked)"), "{talk}");
    assert_eq!(asked(&server), 7, "each prompt once");
    let documents = bench.documents();
    let messages = documents[1]["messages"].as_array().unwrap();
    let of = |index: usize| (messages[index]["role"].as_str().unwrap(), messages[index]["content"].as_str().unwrap());
    assert_eq!(messages.len(), 3);
    assert_eq!(of(0), ("system", "Be brief."));
    assert_eq!(of(1), ("user", "Question 1: what lies 1 miles off the coast?"));
    assert_eq!(of(2), ("assistant", "Island 1 lies there."));
    assert!(documents.iter().all(|document| document["model"].as_str().unwrap().contains("clever")), "{documents:?}");
    // What the store holds is asked no more, and the same documents are written.
    let before = fs::read(bench.path("teacher.jsonl")).unwrap();
    bench.collect(0, &server, &DATA);
    assert_eq!((asked(&server), fs::read(bench.path("teacher.jsonl")).unwrap()), (7, before));
    bench.collect(0, &server, &["--data", "completions.jsonl"]);
    let completion = json!({ "prompt": "Question 5, a completion: the tide", "completion": "Island 5 lies there." });
    let [found] = &bench.documents()[..] else { panic!("one document") };
    assert_eq!((&found["prompt"], &found["completion"]), (&completion["prompt"], &completion["completion"]));
}

#[test]
fn a_budget_ends_it_before_anything_is_written_and_a_higher_one_goes_on() {
    let (bench, server) = (Bench::new(), served());
    let spending = |budget| {
        ["--data", "data.jsonl", "--prices", "prices.toml", "--budget", budget, "--max-tokens", "4", "--parallel", "1"]
    };
    let [_, talk] = bench.collect(4, &server, &spending("0.6usd"));
    assert!(talk.contains("the budget is spent"), "{talk}");
    let some = asked(&server);
    assert!((1..7).contains(&some) && !bench.path("teacher.jsonl").exists(), "{some}: {talk}");
    bench.collect(0, &server, &spending("5usd"));
    assert_eq!((asked(&server), bench.documents().len()), (7, 6));
}

#[test]
fn a_student_learns_the_documents() {
    let (bench, server) = (Bench::new(), served());
    bench.collect(0, &server, &DATA);
    let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
    let recipe = format!(
        "teacher = {teacher:?}\narms = [\"teacher_text\"]\nteacher_text = {{ files = [\"teacher.jsonl\"] }}\n\
         [student]\nlayers = [0]\n[data]\nfiles = [\"data.jsonl\"]\nheld_out = 0.3\ncontext = 128\n\
         [loss]\ndivergence = \"forward_kl\"\n[train]\nsteps = 2\nbatch_tokens = 50\nlearning_rate = 1e-3\nseed = 1\n"
    );
    fs::write(bench.path("recipe.toml"), recipe).unwrap();
    let [table, _] = bench.run(0, &["distill", "recipe.toml", "--out", "out"]);
    assert!(table.contains("teacher_text"), "{table}");
    assert!(bench.path("out/teacher_text/student/config.json").exists());
}

#[test]
fn data_without_prompts_and_flags_that_do_not_go_together_are_refused() {
    let (bench, server) = (Bench::new(), served());
    let [_, talk] = bench.collect(2, &server, &["--data", "data.jsonl", "--data", "completions.jsonl"]);
    assert!(talk.contains("conversations in one file and completions in another"), "{talk}");
    fs::write(bench.path("data.jsonl"), "{\"text\":\"nothing is asked here\"}\n").unwrap();
    let [_, talk] = bench.collect(2, &server, &DATA);
    assert!(talk.contains("no document has a prompt that can be asked"), "{talk}");
    let [_, talk] = bench.run(2, &["collect", "--model", "anthropic:clever", "--data", "data.jsonl"]);
    assert!(talk.contains("--documents"), "{talk}");
}
