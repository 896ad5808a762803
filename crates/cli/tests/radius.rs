//! Distances from a distillation set, from the command line.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const BIN: &str = env!("CARGO_BIN_EXE_hydrometer");

const TEACHER: &str = r#"
vocabulary = "bytes"
[default]
probabilities = { " " = 0.3, e = 0.2, A = 0.3, B = 0.1 }
"#;

const STUDENT: &str = r#"
vocabulary = "bytes"
[default]
probabilities = { " " = 0.3, e = 0.2, A = 0.1, B = 0.3 }
"#;

fn sum(i: usize) -> String {
    let (name, thing) = (["Ann", "Tom", "Mia", "Leo"][i % 4], ["eggs", "pears", "coins"][i % 3]);
    format!("{name} has {} {thing} and finds {} more. How many {thing} has {name}?", i + 3, i * 7 % 30 + 2)
}

fn letter(i: usize) -> String {
    let (whom, why) = (["aunt", "teacher", "mayor", "baker"][i % 4], ["storm", "wedding", "library", "goose"][i % 4]);
    format!("Write letter {i} to your {whom} and complain politely about the {why}, without rhyme.")
}

fn bench() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    let chat = |i: usize| serde_json::json!({"messages": [{"role": "user", "content": sum(i)}, {"role": "assistant", "content": "It is 5."}]});
    let choice = |(i, prompt): (usize, String)| {
        serde_json::json!({"id": format!("p{i}"), "family": format!("f{i}"), "axis": "facts", "kind": "choice",
            "prompt": prompt, "options": ["yes", "no"], "truth": i % 2})
    };
    let lines = |values: Vec<serde_json::Value>| values.iter().map(|value| format!("{value}\n")).collect::<String>();
    write("teacher.toml", TEACHER.to_owned());
    write("student.toml", STUDENT.to_owned());
    write("set.jsonl", lines((0..80).map(chat).collect()));
    write("sums.jsonl", lines((0..40).map(|i| choice((i, sum(100 + i)))).collect()));
    write("letters.jsonl", lines((40..80).map(|i| choice((i, letter(i)))).collect()));
    write("traffic.jsonl", lines((0..40).map(|i| serde_json::json!({"prompt": sum(200 + i)})).collect()));
    write("open.csv", "reply\nhello\n".to_owned());
    folder
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BIN);
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).env("XDG_CACHE_HOME", folder.join("cache"));
    command.output().unwrap()
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = output(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn probes_radius_says_how_far_each_file_lies() {
    let folder = bench();
    let files = ["probes", "radius", "--trained-on", "set.jsonl", "sums.jsonl", "letters.jsonl"];
    let table = run(folder.path(), &files);
    assert_eq!(table.lines().count(), 3, "{table}");
    let found: serde_json::Value =
        serde_json::from_str(&run(folder.path(), &[&files[..], &["--json"]].concat())).unwrap();
    let median = |at: usize| found["sources"][at]["median"].as_f64().unwrap();
    assert!(median(0) < 1.2 && median(1) > 1.5 * median(0), "{found}");
    assert_eq!(found["sources"][1]["probes"], 40);
    assert_eq!(found["trained_on"]["rows"], 80);
    assert_eq!(found["trained_on"]["embedder"]["name"], "hashed n-grams");
}

#[test]
fn an_audit_on_a_distillation_set_has_a_curve_by_distance() {
    let folder = bench();
    let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
    let more = [
        "--probes",
        "sums.jsonl",
        "--probes",
        "letters.jsonl",
        "--trained-on",
        "set.jsonl",
        "--out",
        "run",
        "--json",
        "--deployed-on",
        "traffic.jsonl",
    ];
    let statement: serde_json::Value =
        serde_json::from_str(&run(folder.path(), &[&models[..], &more[..]].concat())).unwrap();
    let curve = &statement["geometry"]["axes"][0];
    assert_eq!((&curve["axis"], &curve["knob"]), (&"facts".into(), &"distance".into()), "{}", statement["geometry"]);
    assert_eq!(curve["trained_to"], 1.0);
    assert_eq!(curve["rings"].as_array().unwrap().len(), 6);
    let rings = curve["rings"].as_array().unwrap();
    assert!(rings[0]["mean"].as_f64().unwrap() < 1.2 && rings[5]["mean"].as_f64().unwrap() > 1.2, "{rings:?}");
    let notes = statement["notes"].to_string();
    assert!(notes.contains("the distillation set set.jsonl (80 prompts, blake3:"), "{notes}");
    assert!(notes.contains("Where the student is used was taken from traffic.jsonl (40 prompts, blake3:"), "{notes}");
    // Traffic like the set lies in the innermost rings, and the volume there is known.
    let deployed = &curve["deployed"];
    let missing = curve["not_deployed"].as_str().unwrap_or_default();
    assert!(deployed["illusion"]["value"].is_number() || missing.contains("nothing to keep"), "{curve}");
    // The run's own probes carry the radius, and the plan what it was measured from.
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("run/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["settings"]["trained_on"]["k"], 10, "{manifest}");
    let probes = fs::read_to_string(folder.path().join("run/probes.jsonl")).unwrap();
    assert!(probes.lines().all(|line| line.contains("\"distance\"")), "{probes}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_reason() {
    let folder = bench();
    let check = |arguments: &[&str], expected: &str| {
        let output = output(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains("bug in hydrometer"), "{said}");
    };
    let few: String = (0..5).map(|i| format!("{{\"prompt\":\"{i}\"}}\n")).collect();
    fs::write(folder.path().join("few.jsonl"), few).unwrap();
    fs::write(folder.path().join("prose.txt"), "A text to score, and no more.").unwrap();
    let radius = |set: &'static str| ["probes", "radius", "sums.jsonl", "--trained-on", set];
    check(&radius("open.csv"), "open.csv:2: expected something in one of the columns");
    check(&radius("few.jsonl"), "10 neighbours, found 4");
    check(&radius("nothing.jsonl"), "nothing.jsonl");
    check(&["probes", "radius", "sums.jsonl"], "--trained-on");
    let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
    let of_texts = ["--text", "prose.txt", "--trained-on", "set.jsonl"];
    check(&[&models[..], &of_texts[..]].concat(), "--trained-on has nothing to place");
}

/// A vector by the letters of a text.
fn embedding(asked: &hydrometer_models::AskedServer) -> hydrometer_models::Served {
    let vector = |text: &serde_json::Value| {
        let mut counts = vec![0u32; 26];
        let letters = text.as_str().unwrap().bytes().map(|byte| byte.to_ascii_lowercase());
        letters.filter(u8::is_ascii_lowercase).for_each(|letter| counts[usize::from(letter - b'a')] += 1);
        counts
    };
    let texts = asked.body["input"].as_array().unwrap().iter().enumerate();
    let items = texts.map(|(index, text)| serde_json::json!({"index": index, "embedding": vector(text)}));
    hydrometer_models::Served::json(200, &serde_json::json!({"model": "letters-1", "data": items.collect::<Vec<_>>()}))
}

#[test]
fn an_endpoint_measures_distances_and_no_artefact_says_where_it_stands() {
    let folder = bench();
    let server = hydrometer_models::ScriptedServer::start(embedding).unwrap();
    let encoder = format!("openai:{}#letters", server.address());
    let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml", "--out", "run"];
    let more = ["--probes", "sums.jsonl", "--probes", "letters.jsonl", "--trained-on", "set.jsonl", "--json"];
    let statement = run(folder.path(), &[&models[..], &more, &["--radius-encoder", &encoder]].concat());
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("run/manifest.json")).unwrap()).unwrap();
    let trained_on = &manifest["settings"]["trained_on"];
    assert_eq!(trained_on["embedder"]["name"], "letters-1", "{trained_on}");
    let version = trained_on["embedder"]["version"].as_str().unwrap();
    assert!(version.starts_with("openai:host-") && version.ends_with("#letters, 26 numbers"), "{version}");
    // The command line says it, as its user typed it; nothing else does.
    assert!(!statement.contains("127.0.0.1") && !trained_on.to_string().contains("127.0.0.1"));
    let texts: usize = server.asked().iter().map(|asked| asked.body["input"].as_array().unwrap().len()).sum();
    assert_eq!(texts, 1 + 80 + 80, "the set and the probes once each, and one text to begin with");
}

#[test]
fn a_model_that_is_audited_measures_no_distances() {
    let folder = bench();
    let check = |teacher: &str, encoder: &str, role: &str| {
        let arguments = ["audit", "--teacher", teacher, "--student", "openai:http://127.0.0.1:9#small"];
        let more = ["--probes", "sums.jsonl", "--trained-on", "set.jsonl", "--radius-encoder", encoder];
        let output = output(folder.path(), &[&arguments[..], &more].concat());
        let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("it is the {role}, expected an encoder that is neither")), "{said}");
    };
    check("vllm:http://127.0.0.1:9#big", "openai:http://127.0.0.1:9/v1#big", "teacher");
    check("planted:null(vllm:http://127.0.0.1:9#big)", "vllm:http://127.0.0.1:9#big", "teacher");
    check("llama-server:http://127.0.0.1:9", "openai:http://127.0.0.1:9#any", "teacher");
    check("scripted:teacher.toml", "ollama:http://127.0.0.1:9#small", "student");
    check("model", "model", "teacher");
}

/// The table of docs/edges.md, on published questions.
#[test]
fn published_prompts_lie_where_a_person_expects_them() {
    let Some(data) = std::env::var_os("HYDROMETER_DATA") else {
        eprintln!("SKIPPED: HYDROMETER_DATA is not set, no published prompts were placed");
        return;
    };
    let data = Path::new(&data);
    let folder = tempfile::tempdir().unwrap();
    let questions = fs::read_to_string(data.join("gsm8k/test.jsonl")).unwrap();
    let lines: Vec<&str> = questions.lines().collect();
    let (set, others) = lines.split_at(660);
    fs::write(folder.path().join("set.jsonl"), set.join("\n")).unwrap();
    fs::write(folder.path().join("gsm8k.jsonl"), others.join("\n")).unwrap();
    let published = ["mt_bench/question.jsonl", "ifeval/input_data.jsonl", "xstest/xstest_prompts.csv"];
    let published = published.map(|name| data.join(name).to_str().unwrap().to_owned());
    let arguments = ["probes", "radius", "--json", "--trained-on", "set.jsonl", "gsm8k.jsonl"];
    let arguments: Vec<&str> = arguments.into_iter().chain(published.iter().map(String::as_str)).collect();
    let found: serde_json::Value = serde_json::from_str(&run(folder.path(), &arguments)).unwrap();
    let sources = found["sources"].as_array().unwrap();
    let medians: Vec<f64> = sources.iter().map(|source| source["median"].as_f64().unwrap()).collect();
    assert!(medians.is_sorted_by(|a, b| a < b), "expected GSM8K, MT-bench, IFEval, XSTest: {found:#}");
    assert!(medians[0] < 1.0 && medians[1] > 1.0, "only the questions of the set's own kind lie within it: {found:#}");
    for (median, documented) in medians.iter().zip([0.951, 1.027, 1.036, 1.089]) {
        assert!((median - documented).abs() < 5e-4, "docs/edges.md says {documented}: {found:#}");
    }
}
