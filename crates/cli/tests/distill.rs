//! `hydrometer distill` from the command line: a look at the data, a student of the embedded teacher, an interruption, an audit
//! of what was trained.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use hydrometer_probes::builtin::{Domain, corpus};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with the embedded teacher, some documents and a recipe.
struct Bench(TempDir);

impl Bench {
    fn new(steps: u64) -> Bench {
        let bench = Bench(TempDir::new().unwrap());
        let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
        fs::copy(teacher, bench.path("teacher.gguf")).unwrap();
        let line = |text: String| serde_json::json!({ "text": text }).to_string() + "\n";
        let documents: Vec<String> = corpus(78, 30, Domain::Centre).map(line).collect();
        fs::write(bench.path("corpus.jsonl"), documents.concat() + &documents[0] + "{\"text\": 7}\n").unwrap();
        let recipe = format!(
            "teacher = \"teacher.gguf\"\n[student]\nevery = 3\n\
             [data]\nfiles = [\"corpus.jsonl\"]\nheld_out = 0.3\ncontext = 64\n\
             [loss]\ndivergence = \"forward_kl\"\n\
             [train]\nsteps = {steps}\nbatch_tokens = 128\nlearning_rate = 1e-3\nseed = 1\nevaluate_tokens = 300\n"
        );
        fs::write(bench.path("recipe.toml"), recipe).unwrap();
        bench
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        command.current_dir(self.0.path()).args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
        command
    }

    /// Runs a command that must exit with `code`: what it printed as data, and as talk.
    fn run(&self, code: i32, arguments: &[&str]) -> [String; 2] {
        let output = self.command(arguments).output().unwrap();
        let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", texts[1]);
        texts
    }
}

#[test]
fn the_check_says_what_would_be_trained_on_and_trains_nothing() {
    let bench = Bench::new(2);
    let [found, _] = bench.run(0, &["distill", "recipe.toml", "--check"]);
    assert!(found.starts_with("30 documents: "), "{found}");
    assert!(
        found.contains("note: 1 document: left out: the same as an earlier document\n  corpus.jsonl:31"),
        "{found}"
    );
    assert!(found.contains("note: 1 document: left out: `text` is no text\n  corpus.jsonl:32"), "{found}");
    let [json, _] = bench.run(0, &["distill", "recipe.toml", "--check", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["documents"], json["findings"].as_array().unwrap().len()), (&30.into(), 2));
    fs::write(bench.path("corpus.jsonl"), "{\"text\": \"\"}\n").unwrap();
    let [refused, _] = bench.run(2, &["distill", "recipe.toml", "--check"]);
    assert!(refused.contains("refused: 1 document: nothing is left to train on"), "{refused}");
    bench.run(2, &["distill", "recipe.toml", "--out", "out"]);
    assert!(!bench.path("out").exists());
}

#[test]
fn a_student_is_trained_beside_its_control_and_can_be_audited() {
    let bench = Bench::new(2);
    let [table, talk] = bench.run(0, &["distill", "recipe.toml", "--out", "out"]);
    let rows: Vec<&str> = table.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(rows, ["student", "start", "distilled", "hard_labels"], "{table}");
    assert!(talk.contains("hydrometer audit --teacher teacher.gguf --student out/distilled/student"), "{talk}");
    let lines = fs::read_to_string(bench.path("out/distilled/metrics.jsonl")).unwrap();
    let steps: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(steps.iter().map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(steps[2]["held_out"]["kl_divergence"]["value"].as_f64().unwrap() > 0.0, "{lines}");

    fs::write(bench.path("text.txt"), corpus(79, 3, Domain::Centre).collect::<Vec<_>>().join("\n")).unwrap();
    let audit = ["audit", "--teacher", "teacher.gguf", "--student", "out/distilled/student", "--text", "text.txt"];
    let audit = [&audit[..], &["--ctx", "64", "--chunks", "4", "--out", "run", "--json"]].concat();
    let [statement, _] = bench.run(0, &audit);
    let statement: Value = serde_json::from_str(&statement).unwrap();
    let kl = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == "kl_divergence").unwrap();
    assert!(kl["estimate"]["value"].as_f64().unwrap() > 0.0, "{kl}");

    // The same command again finds everything done; another recipe has no business here.
    let [again, _] = bench.run(0, &["distill", "recipe.toml", "--out", "out"]);
    assert_eq!(again, table);
    let other = fs::read_to_string(bench.path("recipe.toml")).unwrap().replace("1e-3", "2e-3");
    fs::write(bench.path("recipe.toml"), other).unwrap();
    let [_, talk] = bench.run(2, &["distill", "recipe.toml", "--out", "out"]);
    assert!(talk.contains("begun with another recipe") && talk.contains("hint: name another folder"), "{talk}");
}

/// A signal in the middle of a training: a checkpoint, exit code 130, and the same command goes on.
#[cfg(unix)]
#[test]
fn a_signal_leaves_a_checkpoint() {
    let bench = Bench::new(1_000_000);
    let mut command = bench.command(&["distill", "recipe.toml", "--out", "out"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let talk = BufReader::new(child.stderr.take().unwrap());
    let mut lines = talk.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("distilled step 0: held-out KL")));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("the same command goes on from there")), "{rest:?}");
    assert!(bench.path("out/distilled/checkpoint.safetensors").exists());
}

#[test]
fn mistakes_in_a_recipe_are_named() {
    let bench = Bench::new(2);
    let good = fs::read_to_string(bench.path("recipe.toml")).unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        fs::write(bench.path("recipe.toml"), good.replace(from, to)).unwrap();
        let [_, talk] = bench.run(2, &["distill", "recipe.toml", "--out", "out"]);
        assert!(talk.contains(expected), "{talk}");
    };
    check("every = 3", "every = 0", "`student.every` is 0");
    check("steps = 2", "stesp = 2", "line ");
    check("every = 3", "layers = [9]", "layer 9 is asked for");
    check("context = 64", "context = 4096", "the recipe's context is 4096, the teacher's 512");
    check("teacher.gguf", "gone.gguf", "paths in a recipe are taken from the folder that the command runs in");
    check("corpus.jsonl", "gone.jsonl", "gone.jsonl");
}
