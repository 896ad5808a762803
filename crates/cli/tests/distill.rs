//! `hydrometer distill` from the command line: a look at the data, a student of the embedded teacher, an interruption, an audit
//! of what was trained.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use hydrometer_probes::builtin::{Domain, corpus};
use serde_json::Value;
use support::Desk;

/// A folder with the embedded teacher, some documents and a recipe.
struct Bench(Desk);

impl Bench {
    fn new(steps: u64) -> Bench {
        let bench = Bench(Desk::new());
        bench.0.copy_teacher("teacher.gguf");
        let line = |text: String| serde_json::json!({ "text": text }).to_string() + "\n";
        let documents: Vec<String> = corpus(78, 30, Domain::Centre).map(line).collect();
        fs::write(bench.path("corpus.jsonl"), documents.concat() + &documents[0] + "{\"text\": 7}\n").unwrap();
        let recipe = format!(
            "teacher = \"teacher.gguf\"\n[student]\nevery = 3\n\
             [data]\nfiles = [\"corpus.jsonl\"]\nheld_out = 0.3\ncontext = 64\nallow_overlap = [\"builtin\"]\n\
             [loss]\ndivergence = \"forward_kl\"\n\
             [train]\nsteps = {steps}\nbatch_tokens = 128\nlearning_rate = 1e-3\nseed = 1\nevaluate_tokens = 300\n"
        );
        fs::write(bench.path("recipe.toml"), recipe).unwrap();
        bench
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.0.command(arguments)
    }

    /// Runs a command that must exit with `code`: what it printed as data, and as talk.
    fn run(&self, code: i32, arguments: &[&str]) -> [String; 2] {
        self.0.run(code, arguments)
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
    assert_eq!((&json["documents"], &json["lengths"]["max"]), (&30.into(), &64.into()));
    let of = |weight: &str| json["findings"].as_array().unwrap().iter().filter(|f| f["weight"] == weight).count();
    assert!(of("refusal") == 0 && of("note") >= 2 && of("fact") >= 1, "{json}");
    // What an audit would ask is refused where the recipe does not allow it.
    let recipe = fs::read_to_string(bench.path("recipe.toml")).unwrap();
    fs::write(bench.path("strict.toml"), recipe.replace("allow_overlap", "probes")).unwrap();
    let [_, talk] = bench.run(2, &["distill", "strict.toml", "--check"]);
    assert!(talk.contains("builtin: "), "{talk}");
    fs::write(bench.path("strict.toml"), recipe.replace("allow_overlap = [\"builtin\"]\n", "")).unwrap();
    let [refused, _] = bench.run(2, &["distill", "strict.toml", "--check"]);
    assert!(refused.contains("refused: ") && refused.contains("of a probe of builtin:"), "{refused}");
    fs::write(bench.path("corpus.jsonl"), "{\"text\": \"\"}\n").unwrap();
    let [refused, _] = bench.run(2, &["distill", "recipe.toml", "--check"]);
    assert!(refused.contains("refused: nothing is left to train on"), "{refused}");
    bench.run(2, &["distill", "recipe.toml", "--out", "out"]);
    assert!(!bench.path("out").exists());
}

#[test]
fn a_student_is_trained_beside_its_control_and_can_be_audited() {
    let bench = Bench::new(2);
    let [table, talk] = bench.run(0, &["distill", "recipe.toml", "--out", "out"]);
    let rows: Vec<&str> = table.lines().map(|line| line.split_whitespace().next().unwrap_or_default()).collect();
    let against = ["", "distilled", "hard_labels", "hard_labels", "hard_labels"];
    let exports = ["", "form", "hf", "hf"];
    assert_eq!(rows, [&["student", "start", "distilled", "hard_labels"][..], &against, &exports].concat(), "{table}");
    assert!(table.contains("distilled against the others, on the same "), "{table}");
    let page = fs::read_to_string(bench.path("out/report.md")).unwrap();
    assert!(page.contains("| hard_labels | KL, nats |"), "{page}");
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
    // Audits are in the JSON, too: the first arm beside the other and beside the start.
    let [json, _] = bench.run(0, &["distill", "recipe.toml", "--out", "out", "--audit", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let beside: Vec<&str> = json["audits"].as_array().unwrap().iter().map(|one| one["a"].as_str().unwrap()).collect();
    assert_eq!((beside, &json["audits"][0]["b"]), (vec!["hard_labels", "start"], &"distilled".into()), "{json}");
    assert!(json["audits"][0]["compared"]["rows"].as_array().is_some_and(|all| !all.is_empty()), "{json}");
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

/// Killed at any moment, the same command ends with the weights of a training that nobody disturbed.
#[cfg(unix)]
#[test]
fn killed_trainings_end_with_the_weights_of_an_undisturbed_one() {
    let bench = Bench::new(8);
    let recipe = fs::read_to_string(bench.path("recipe.toml")).unwrap();
    fs::write(bench.path("recipe.toml"), recipe + "evaluate_every = 1\ncheckpoint_every = 3\n").unwrap();
    let [expected, _] = bench.run(0, &["distill", "recipe.toml", "--out", "whole"]);
    for seen in
        ["distilled step 0:", "distilled step 2:", "distilled step 7:", "hard_labels step 1:", "hard_labels step 8:"]
    {
        let mut command = bench.command(&["distill", "recipe.toml", "--out", "killed"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let talk = BufReader::new(child.stderr.take().unwrap());
        assert!(talk.lines().map(Result::unwrap).any(|line| line.starts_with(seen)), "{seen}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let [found, _] = bench.run(0, &["distill", "recipe.toml", "--out", "killed"]);
    assert_eq!(found, expected);
    for file in ["student/model.safetensors", "metrics.jsonl", "checkpoint.safetensors", "held_out.json"] {
        for arm in ["distilled", "hard_labels"] {
            let [a, b] = ["whole", "killed"].map(|out| fs::read(bench.path(out).join(arm).join(file)).unwrap());
            assert!(a == b, "{arm}/{file}");
        }
    }
}

/// No room for a checkpoint: the file and what to do are named, what was there stays, and with room the same command goes on.
#[cfg(unix)]
#[test]
fn no_room_is_a_clear_stop() {
    let bench = Bench::new(4);
    let recipe = fs::read_to_string(bench.path("recipe.toml")).unwrap() + "checkpoint_every = 1\n";
    fs::write(bench.path("recipe.toml"), recipe).unwrap();
    bench.run(0, &["distill", "recipe.toml", "--out", "whole"]);
    let size = |file: &str| fs::metadata(bench.path("whole").join(file)).unwrap().len();
    let (model, checkpoint) = (size("start/model.safetensors"), size("distilled/checkpoint.safetensors"));
    // Between the student and its checkpoint, in blocks of 512 bytes.
    let limit = (model + checkpoint) / 2 / 512;
    let command = format!("ulimit -f {limit}; exec \"$0\" distill recipe.toml --out out");
    let mut limited = Command::new("sh");
    limited.current_dir(bench.0.root()).args(["-c", &command, env!("CARGO_BIN_EXE_hydrometer")]);
    let output = limited.output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{talk}");
    assert!(talk.contains("error: cannot write out/distilled/checkpoint.next.safetensors"), "{talk}");
    assert!(talk.contains("a limit on the size of files"), "{talk}");
    let left: Vec<_> = fs::read_dir(bench.path("out/distilled")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains(".tmp-")), "{left:?}");
    bench.run(0, &["distill", "recipe.toml", "--out", "out"]);
    let weights = |run: &str| fs::read(bench.path(run).join("hard_labels/student/model.safetensors")).unwrap();
    assert!(weights("out") == weights("whole"));
}

/// A teacher's distributions over the training data, kept once: an arm learns from them, and a student whose teacher is not
/// there at all.
#[test]
fn a_cache_of_training_data_is_a_teacher() {
    let bench = Bench::new(4);
    let collect =
        ["distributions", "collect", "--teacher", "teacher.gguf", "--cache", "cache", "--data", "corpus.jsonl"];
    let collect = [&collect[..], &["--ctx", "64", "--json"]].concat();
    let json = |[text, _]: [String; 2]| -> Value { serde_json::from_str(&text).unwrap() };
    let kept = json(bench.run(0, &collect));
    assert_eq!((kept["held"].as_u64(), kept["scored"].as_u64()), (Some(0), kept["windows"].as_u64()));
    assert_eq!(json(bench.run(0, &collect))["scored"].as_u64(), Some(0));
    let [_, talk] = bench.run(2, &[&collect[..], &["--text", "corpus.jsonl"]].concat());
    assert!(talk.contains("cannot be used with"), "{talk}");

    let recipe = fs::read_to_string(bench.path("recipe.toml")).unwrap();
    let arms = "arms = [\"sparse\", \"teacher_text\", \"hard_labels\"]\ncache = \"cache\"\n\
                teacher_text = { store = \"answers\" }\n";
    fs::write(bench.path("recipe.toml"), arms.to_owned() + &recipe).unwrap();
    let [table, talk] = bench.run(0, &["distill", "recipe.toml", "--out", "out", "--audit"]);
    assert!(talk.contains("teacher_text: "), "{talk}");
    for text in ["sparse against the others", "A is hard_labels, B is sparse", "A is start, B is sparse"] {
        assert!(table.contains(text), "{text}: {table}");
    }
    for arm in ["start", "sparse", "teacher_text", "hard_labels"] {
        assert!(bench.path("out/audits").join(arm).join("report.html").exists(), "{arm}");
    }
    let alone = recipe.replace("teacher = \"teacher.gguf\"", "arms = [\"distilled\"]\nteacher = \"cache\"");
    fs::write(bench.path("alone.toml"), alone.replace("every = 3", "model = \"out/start\"")).unwrap();
    bench.run(0, &["distill", "alone.toml", "--out", "alone"]);
    let weights = |arm: &str| fs::read(bench.path(arm).join("student/model.safetensors")).unwrap();
    assert!(weights("alone/distilled") == weights("out/sparse"));
    // Of another context the windows are others, and of a cut file some are gone.
    let other = recipe
        .replace("teacher = \"teacher.gguf\"", "arms = [\"sparse\"]\ncache = \"cache\"\nteacher = \"teacher.gguf\"");
    fs::write(bench.path("other.toml"), other.replace("context = 64", "context = 20")).unwrap();
    let [_, talk] = bench.run(2, &["distill", "other.toml", "--out", "other"]);
    assert!(talk.contains("lacks the distributions of") && talk.contains("hint: add them"), "{talk}");
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
    // Nor does the check pass what is not trained.
    let [found, talk] = bench.run(2, &["distill", "recipe.toml", "--check"]);
    assert!(found.contains("to train on") && talk.contains("layer 9 is asked for"), "{talk}");
    check("context = 64", "context = 4096", "the recipe's context is 4096, the teacher's 512");
    check("teacher.gguf", "gone.gguf", "paths in a recipe are taken from the folder that the command runs in");
    check("corpus.jsonl", "gone.jsonl", "gone.jsonl");
}
