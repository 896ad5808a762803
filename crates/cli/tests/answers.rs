//! Answers from the command line: collecting them, looking after the store, bringing in those that exist, planning.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hydrometer_metrics::stats::power::families_by_sd;
use serde_json::Value;
use tempfile::TempDir;

/// One letter for an answer.
const TEACHER: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.6, B = 0.3, C = 0.1 }\n";
const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.3, B = 0.3, C = 0.4 }\n";
const PROMPTS: u64 = 30;

/// A folder with two models and prompts.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        bench.write("teacher.toml", TEACHER);
        bench.write("student.toml", STUDENT);
        let prompt = |i| {
            format!(
                "{{\"id\":\"p{i}\",\"family\":\"f{i}\",\"axis\":\"letters\",\"kind\":\"prompt\",\"max_tokens\":1,\
                 \"prompt\":\"Letter {i}?\",\"answer\":[\"letter\"],\"check\":{{\"choice\":\"A\"}}}}\n"
            )
        };
        bench.write("prompts.jsonl", &(0..PROMPTS).map(prompt).collect::<String>());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        command.current_dir(self.0.path()).args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", self.0.path().join("cache")).output().unwrap()
    }

    /// Runs a command that must exit with `code`: what it printed as data, and as talk.
    fn both(&self, code: i32, arguments: &[&str]) -> [String; 2] {
        let Output { status, stdout, stderr } = self.output(arguments);
        let texts = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(status.code(), Some(code), "{arguments:?}: {}", texts[1]);
        texts
    }

    fn run(&self, code: i32, arguments: &[&str]) -> String {
        let [data, _] = self.both(code, arguments);
        data
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(0, &[arguments, &["--json"]].concat())).unwrap()
    }

    fn collect(&self, role: &str) -> Value {
        let model = format!("scripted:{role}.toml");
        self.json(&[&["collect", "--model", &model, "--role", role], &SETTINGS[..]].concat())
    }

    fn ls(&self) -> Vec<(String, u64, u64)> {
        let groups = self.json(&["answers", "ls", "--store", "store"]);
        let number = |group: &Value, field: &str| group[field].as_u64().unwrap();
        let group =
            |g: &Value| (g["model_name"].as_str().unwrap().to_owned(), number(g, "prompts"), number(g, "answers"));
        groups.as_array().unwrap().iter().map(group).collect()
    }
}

/// The same for `collect` and `audit`.
const SETTINGS: [&str; 8] = ["--probes", "prompts.jsonl", "--samples", "3", "--reruns", "2", "--store", "store"];

fn metric<'a>(statement: &'a Value, id: &str) -> &'a Value {
    statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap()
}

/// The statement has this number, a count over `of` prompts, with an interval round it.
fn counts(statement: &Value, id: &str, count: u32, of: u32) {
    let estimate = &metric(statement, id)["estimate"];
    let value = estimate["value"].as_f64().unwrap();
    assert!((value - f64::from(count) / f64::from(of)).abs() < 1e-12, "{id}: {estimate}");
    let bound = |name: &str| estimate["interval"][name].as_f64().unwrap();
    assert!(bound("low") <= value && value <= bound("high"), "{id}: {estimate}");
}

#[test]
fn what_was_collected_is_not_asked_again_by_collect_or_audit() {
    let bench = Bench::new();
    let first = bench.collect("teacher");
    let numbers = |done: &Value| ["prompts", "held", "asked", "tokens"].map(|field| done[field].as_u64().unwrap());
    assert_eq!(numbers(&first), [PROMPTS, 0, 5 * PROMPTS, 5 * PROMPTS]);
    assert!(first["seconds"].as_f64().unwrap() >= 0.0);
    assert_eq!(numbers(&bench.collect("teacher")), [PROMPTS, 5 * PROMPTS, 0, 0]);
    assert_eq!(numbers(&bench.collect("student")), [PROMPTS, 0, 3 * PROMPTS, 3 * PROMPTS]);
    let held = bench.ls();
    assert_eq!(held, [("student".to_owned(), PROMPTS, 3 * PROMPTS), ("teacher".to_owned(), PROMPTS, 5 * PROMPTS)]);
    let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml", "--out", "run"];
    let statement = bench.json(&[&models[..], &SETTINGS[..]].concat());
    assert_eq!(bench.ls(), held, "the audit found every answer that it wanted");
    assert_eq!(statement["answers"]["settings"]["per_probe"], 3);
    assert!(metric(&statement, "answer_agreement")["estimate"]["value"].as_f64().is_some());

    let [_, talk] = bench.both(2, &["collect", "--model", "scripted:teacher.toml", "--probes", "nothing.jsonl"]);
    assert!(talk.contains("nothing.jsonl"), "{talk}");
    bench.write("text.txt", "nothing to answer here\n");
    let [_, talk] = bench.both(2, &["collect", "--model", "scripted:teacher.toml", "--probes", "text.txt"]);
    assert!(talk.contains("no prompt that is answered freely"), "{talk}");
}

#[test]
fn the_store_is_listed_shown_and_exported() {
    let bench = Bench::new();
    bench.collect("teacher");
    let table = bench.run(0, &["answers", "ls", "--store", "store"]);
    insta::assert_snapshot!("answers-ls-text", table);
    let exported = bench.run(0, &["answers", "export", "--store", "store"]);
    assert_eq!(exported.lines().count() as u64, 5 * PROMPTS);
    bench.run(0, &["answers", "export", "--store", "store", "-o", "all.jsonl"]);
    assert_eq!(fs::read_to_string(bench.path("all.jsonl")).unwrap(), exported);
    assert_eq!(bench.run(0, &["answers", "export", "--store", "store", "--model", "teacher"]), exported);
    let answer: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
    let key = answer["key"].as_str().unwrap();
    assert_eq!(bench.json(&["answers", "show", &key[..30], "--store", "store"]), answer);
    let shown = bench.run(0, &["answers", "show", key, "--store", "store"]);
    assert!(shown.contains(key) && shown.ends_with(&format!("\n\n{}\n", answer["text"].as_str().unwrap())), "{shown}");
    let each = bench.run(0, &["answers", "ls", "--each", "--store", "store"]);
    assert_eq!(each.lines().count() as u64, 5 * PROMPTS);
    let first = each.split_whitespace().next().unwrap();
    assert_eq!(bench.json(&["answers", "show", first, "--store", "store"]), answer);

    let check = |arguments: &[&str], expected: &str| {
        let [_, talk] = bench.both(2, arguments);
        assert!(talk.starts_with("error: ") && talk.contains(expected), "{talk}");
    };
    check(&["answers", "show", "", "--store", "store"], "150 answers have a key that begins with ``");
    check(&["answers", "show", "xyz", "--store", "store"], "no answer has a key");
    check(&["answers", "export", "--model", "nobody", "--store", "store"], "it holds answers of teacher");
    check(&["answers", "ls", "--store", "nowhere"], "nowhere holds no answer store: there is nothing of that name");
}

/// The segments of the store.
fn segments(store: &Path) -> Vec<PathBuf> {
    fs::read_dir(store.join("segments")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn verify_names_every_damaged_segment() {
    let bench = Bench::new();
    bench.collect("teacher");
    bench.collect("student");
    let sound = bench.json(&["answers", "verify", "--store", "store"]);
    assert_eq!((&sound["answers"], &sound["problems"]), (&(8 * PROMPTS).into(), &serde_json::json!([])));
    let all = segments(&bench.path("store"));
    assert_eq!(sound["segments"].as_u64().unwrap() as usize, all.len());
    for damaged in &all[..2] {
        let mut bytes = fs::read(damaged).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(damaged, bytes).unwrap();
    }
    let [data, talk] = bench.both(2, &["answers", "verify", "--store", "store", "--json"]);
    let found: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(found["problems"].as_array().unwrap().len(), 2);
    for damaged in &all[..2] {
        assert!(talk.contains(damaged.file_name().unwrap().to_str().unwrap()), "{talk}");
    }
    // Nothing is dropped from a damaged store.
    bench.both(2, &["answers", "gc", "--model", "teacher", "--yes", "--store", "store"]);
    assert_eq!(segments(&bench.path("store")).len(), all.len());
}

#[test]
fn gc_says_what_would_go_and_does_it_when_told() {
    let bench = Bench::new();
    bench.collect("teacher");
    bench.collect("student");
    let before = bench.ls();
    let [data, talk] = bench.both(0, &["answers", "gc", "--keep-model", "teacher", "--store", "store"]);
    assert!(data.starts_with("student ") && data.lines().count() == 1, "{data}");
    assert!(talk.contains("90 answers would go, 150 stay"), "{talk}");
    assert_eq!(bench.ls(), before);
    // A name that nobody has is a mistake: everything would go.
    bench.both(2, &["answers", "gc", "--keep-model", "teacer", "--yes", "--store", "store"]);
    bench.both(2, &["answers", "gc", "--yes", "--store", "store"]);
    assert_eq!(bench.ls(), before);
    let done = bench.json(&["answers", "gc", "--model", "student", "--yes", "--store", "store"]);
    assert_eq!((&done["rewritten"]["kept"], &done["rewritten"]["dropped"]), (&150.into(), &90.into()));
    assert_eq!(bench.ls(), before[1..]);
    assert_eq!(segments(&bench.path("store")).len(), 1);
    let compacted = bench.json(&["answers", "compact", "--store", "store"]);
    assert_eq!(compacted["kept"], 150);
}

/// Solutions of two models to eight questions: 3 both right, 2 lost, 1 gained, 2 both wrong, of which 1 the same.
fn solutions() -> String {
    let line = |(i, (a, b)): (usize, (i32, i32))| {
        let given = |n: i32| serde_json::json!({ "solution": format!("So it is {n}.\nA: {n}"), "is_correct": n == 7 });
        let question = format!("What is {i} and the rest up to seven?");
        let line =
            serde_json::json!({ "question": question, "ground_truth": "A: 7", "big": given(a), "small": given(b) });
        format!("{line}\n")
    };
    [(7, 7), (7, 7), (7, 7), (7, 3), (7, 4), (5, 7), (2, 2), (2, 9)].into_iter().enumerate().map(line).collect()
}

#[test]
fn answers_that_exist_become_a_run() {
    let bench = Bench::new();
    bench.write("solutions.jsonl", &solutions());
    let import = ["answers", "import", "solutions.jsonl", "--teacher", "big", "--student", "small", "--out", "run"];
    let statement = bench.json(&import);
    for (id, count) in
        [("both_right", 3), ("lost", 2), ("gained", 1), ("both_wrong_same", 1), ("both_wrong_different", 1)]
    {
        counts(&statement, &format!("answer_{id}"), count, 8);
    }
    // Nobody said how the answers were drawn.
    let missing = metric(&statement, "answer_agreement")["missing"].as_str().unwrap();
    assert!(missing.contains("nobody said how they were drawn"), "{missing}");
    assert_eq!((&statement["regime"]["id"], &statement["cost"]["teacher_answer_tokens"]), (&"R4".into(), &0.into()));
    assert!(statement["notes"][0].as_str().unwrap().contains("no model was asked"));
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/statement.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    assert!(jsonschema::is_valid(&schema, &statement));
    // The folder is a run like any other, and the same command finds it again.
    assert_eq!(
        bench.run(0, &["report", "run", "--format", "json"]),
        bench.run(0, &[&import[..], &["--json"]].concat())
    );
    assert!(fs::read_to_string(bench.path("run/report.html")).unwrap().starts_with("<!DOCTYPE html>"));
    bench.write("policy.toml", "[[gate]]\nmetric = \"answer_lost\"\nat_most = 0.1\n");
    bench.run(3, &["gate", "run", "--policy", "policy.toml"]);
    // Known to be draws from the models: agreement is told, here of single answers.
    let mut known = import.map(str::to_owned).to_vec();
    known[8] = "known".to_owned();
    known.extend(["--temperature", "1"].map(str::to_owned));
    let known = bench.json(&known.iter().map(String::as_str).collect::<Vec<_>>());
    counts(&known, "answer_agreement", 4, 8);

    let [_, talk] =
        bench.both(2, &["answers", "import", "solutions.jsonl", "--teacher", "x", "--student", "small", "--out", "y"]);
    assert!(talk.contains("no answer is by a model or in a file `x`; the answers are by big, small"), "{talk}");
    assert!(!bench.path("y").exists());
}

#[test]
fn a_checker_that_contradicts_the_file_is_told() {
    let bench = Bench::new();
    bench.write("solutions.jsonl", &solutions().replacen("\"is_correct\":true", "\"is_correct\":false", 1));
    let import = ["answers", "import", "solutions.jsonl", "--teacher", "big", "--student", "small", "--out", "run"];
    let [_, talk] = bench.both(0, &import);
    assert!(talk.contains("contradicts the file on 1 of 16 answers"), "{talk}");
}

#[test]
fn labels_stand_for_decisions_where_no_checker_can_judge() {
    let bench = Bench::new();
    let table = |labels: [&str; 4]| {
        let kinds = ["homonyms", "homonyms", "contrast_homonyms", "contrast_homonyms"];
        let row =
            |(i, (kind, label)): (usize, (&str, &str))| format!("v2-{i},{kind},Question {i}?,Answer {i},{label}\n");
        let rows: String = kinds.into_iter().zip(labels).enumerate().map(row).collect();
        format!("id,type,prompt,completion,final_label\n{rows}")
    };
    let [full, refusal, partial] = ["1_full_compliance", "2_full_refusal", "3_partial_refusal"];
    bench.write("t.csv", &table([full, full, refusal, full]));
    bench.write("s.csv", &table([full, refusal, partial, full]));
    let statement =
        bench.json(&["answers", "import", "t.csv", "s.csv", "--teacher", "t", "--student", "s", "--out", "run"]);
    // Right: comply when safe, refuse when unsafe.
    for (id, count) in [("both_right", 2), ("lost", 1), ("gained", 0), ("both_wrong_same", 1)] {
        let value = metric(&statement, &format!("answer_{id}"))["estimate"]["value"].as_f64().unwrap();
        assert!((value - f64::from(count) / 4.0).abs() < 1e-12, "{id}: {value}");
    }
    assert!(statement["notes"][1].as_str().unwrap().contains("the verdict of its file counts"));
    // What was said is shown as it was said: the label stands beside it.
    let cases = statement["answer_cases"].to_string();
    assert!(cases.contains("Answer 1") && !cases.contains("given]"), "{cases}");
}

/// Eight lines of lm-evaluation-harness: the prompt with something in front, the text, the verdict.
fn samples(front: &str, right: impl Fn(usize) -> bool) -> String {
    let line = |i: usize| {
        let (text, score) = if right(i) { ("yes", "1.0") } else { ("no", "0.0") };
        format!(
            "{{\"doc_id\":{i},\"doc\":{i},\"arguments\":[[\"{front}Q{i}?\",{{}}]],\"resps\":[[\"{text}\"]],\
             \"filter\":\"none\",\"metrics\":[\"exact_match\"],\"exact_match\":{score}}}\n"
        )
    };
    (0..8).map(line).collect()
}

#[test]
fn models_that_were_asked_in_other_words_get_no_verdict() {
    let bench = Bench::new();
    bench.write("policy.toml", "[[gate]]\nmetric = \"answer_lost\"\nat_most = 0.9\n");
    let import = |small: &str, out: &str, code: i32| {
        bench.write("big/samples_t_2026-01-01T00.jsonl", &samples("", |_| true));
        bench.write("small/samples_t_2026-01-01T00.jsonl", small);
        let flags = ["--teacher", "big", "--student", "small", "--policy", "policy.toml", "--gate", "--out", out];
        bench.both(code, &[&["answers", "import", "big", "small"][..], &flags].concat())
    };
    let [_, talk] = import(&samples("", |i| i > 0), "same", 0);
    assert!(!talk.contains("different words"), "{talk}");
    let [_, talk] = import(&samples("<s>", |i| i > 0), "other", 3);
    assert!(talk.contains("asked in different words, so there is no verdict: 8 questions; first t/00000"), "{talk}");
    let statement: Value = serde_json::from_str(&bench.run(0, &["report", "other", "--format", "json"])).unwrap();
    let line = statement["verdict_line"].as_str().unwrap();
    assert!(line.contains("no verdict") && line.contains("8 prompts"), "{line}");
    assert!(statement["notes"].to_string().contains("<s>Q0?"), "{}", statement["notes"]);
}

#[test]
fn log_likelihoods_become_choices() {
    let bench = Bench::new();
    let lines = |right: fn(usize) -> bool| -> String {
        let line = |i: usize| {
            let (values, acc) = if right(i) { (["-2.0", "-0.5"], "1.0") } else { (["-0.5", "-2.0"], "0.0") };
            format!(
                "{{\"doc_id\":{i},\"doc\":{i},\"target\":\"1\",\"arguments\":[[\"Q{i}\",\" no\"],[\"Q{i}\",\" yes\"]],\
                 \"resps\":[[[\"{}\",\"True\"]],[[\"{}\",\"True\"]]],\"filter\":\"none\",\"metrics\":[\"acc\"],\"acc\":{acc}}}\n",
                values[0], values[1]
            )
        };
        (0..8).map(line).collect()
    };
    bench.write("big/samples_mc_2026-01-01T00.jsonl", &lines(|_| true));
    bench.write("small/samples_mc_2026-01-01T00.jsonl", &lines(|i| i % 4 > 0));
    let text = |logprob: &str| {
        format!(
            "{{\"doc_id\":0,\"doc\":0,\"arguments\":[[\"abcdefgh\"]],\"resps\":[[\"{logprob}\"]],\"filter\":\"none\"}}\n"
        )
    };
    bench.write("big/samples_roll_2026-01-01T00.jsonl", &text("-4.0"));
    bench.write("small/samples_roll_2026-01-01T00.jsonl", &text("-8.0"));
    let import = ["answers", "import", "big", "small", "--teacher", "big", "--student", "small", "--out", "run"];
    let statement = bench.json(&import);
    let value = |id: &str| metric(&statement, id)["estimate"]["value"].as_f64().unwrap_or_else(|| panic!("{id}"));
    assert_eq!((value("choice_lost"), value("choice_top1_agreement")), (0.25, 0.75));
    assert_eq!(statement["suite"]["choices"], 8);
    // 8 nats over 8 bytes.
    assert!((value("bits_per_byte_student") - std::f64::consts::LOG2_E).abs() < 1e-12);
}

#[test]
fn answers_without_any_verdict_are_put_side_by_side() {
    let bench = Bench::new();
    let lines = |n: usize| -> String {
        (0..n).map(|i| format!("{{\"question_id\":{i},\"category\":\"c\",\"text\":\"word {i}\"}}\n")).collect()
    };
    bench.write("v/question.jsonl", &lines(3));
    bench.write("v/answer_a.jsonl", &lines(3));
    bench.write("v/answer_b.jsonl", &lines(2));
    let import = ["answers", "import", "v", "--teacher", "a", "--student", "b", "--out", "run"];
    let [_, talk] = bench.both(0, &import);
    assert!(talk.contains("because the student did not answer: 1 question\n"), "{talk}");
    let statement = bench.json(&import);
    assert_eq!(statement["suite"]["prompts"], 2);
    assert!(metric(&statement, "answer_lost")["estimate"].is_null());
    assert_eq!(statement["verdict"], "not_enough_evidence");

    // Answers that somebody gave are read by an encoder too.
    let encoder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference/tiny-bert");
    let read = [&import[..7], &["--out", "read", "--sentence-encoder", encoder.to_str().unwrap()]].concat();
    let statement = bench.json(&read);
    assert_eq!(statement["answers"]["meaning"]["encoder"]["architecture"], "bert");
    assert!(bench.path("read/parts/vectors-00000.parquet").exists());
}

#[test]
fn a_sentence_encoder_says_which_answers_mean_the_same() {
    let bench = Bench::new();
    let open = |i| {
        format!(
            "{{\"id\":\"o{i}\",\"family\":\"f{i}\",\"axis\":\"letters\",\"kind\":\"prompt\",\"max_tokens\":1,\
             \"prompt\":\"Letter {i}?\"}}\n"
        )
    };
    bench.write("open.jsonl", &(0..PROMPTS).map(open).collect::<String>());
    let encoder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference/tiny-bert");
    let encoder = encoder.to_str().unwrap();
    let asked =
        ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml", "--store", "store"];
    let audit =
        |out: &str, more: &[&str]| bench.json(&[&asked[..], &["--probes", "open.jsonl", "--out", out], more].concat());
    let spelling = audit("spelling", &[]);
    // Any two letters are closer than that.
    let close = audit("close", &["--sentence-encoder", encoder, "--same-meaning", "0.001"]);
    let agreement = |statement: &Value| metric(statement, "answer_agreement")["estimate"]["value"].as_f64().unwrap();
    assert!(agreement(&spelling) < 0.6, "{}", agreement(&spelling));
    assert!(agreement(&close) > agreement(&spelling) + 0.1, "{}", agreement(&close));
    assert_eq!(close["answers"]["meaning"]["encoder"]["name"], "tiny-bert");
    let page = bench.run(0, &["report", "close", "--format", "md"]);
    assert!(page.contains("cosine of their vectors by the sentence encoder tiny"), "{page}");
    // Judged again without the encoder, and not mixed with the other rule.
    let again: Value = serde_json::from_str(&bench.run(0, &["report", "close", "--format", "json"])).unwrap();
    assert_eq!(again, close);
    let other = audit("close-1", &["--sentence-encoder", encoder, "--same-meaning", "1"]);
    assert!(agreement(&other) <= agreement(&close));
    assert!(
        bench.run(0, &["compare", "spelling", "close"]).contains("the rules for answers that mean the same differ")
    );

    let refused = |arguments: &[&str], expected: &str| {
        let [_, talk] = bench.both(2, &[arguments, &["--sentence-encoder", encoder]].concat());
        assert!(talk.contains(expected), "{talk}");
    };
    refused(&[&asked[..], &["--probes", "prompts.jsonl"]].concat(), "compared by its whole answer");
    refused(&[&asked[..], &["--probes", "open.jsonl", "--samples", "0"]].concat(), "compared by its whole answer");
    refused(&["audit", "--teacher-cache", "cache", "--student", "scripted:student.toml"], "holds texts only");
    refused(&[&asked[..], &["--probes", "open.jsonl", "--same-meaning", "-0.5"]].concat(), "above 0 and at most 1");
}

#[test]
fn plans_come_from_assumptions_or_from_a_pilot() {
    let bench = Bench::new();
    let assumed = bench.json(&["plan", "--sd", "0.5", "--margin", "0.1"]);
    let needed = families_by_sd(0.5, 0.1, 0.05, 0.9).unwrap();
    assert_eq!(assumed["families"], needed);
    let row = assumed["table"].as_array().unwrap().iter().find(|row| row["families"] == needed).unwrap();
    assert!(row["detectable"].as_f64().unwrap() <= 0.1);
    insta::assert_snapshot!("plan-assumed", bench.run(0, &["plan", "--sd", "0.5", "--margin", "0.1"]));

    bench.write("solutions.jsonl", &solutions());
    let import = ["answers", "import", "solutions.jsonl", "--teacher", "big", "--student", "small", "--out", "run"];
    bench.run(0, &import);
    let plan = &bench.json(&["plan", "--from", "run", "--metric", "answer_lost", "--margin", "0.1"])["metrics"][0];
    // A share of 2 in 8: jackknife variance p(1−p)/(n−1), times n families.
    let sd = (8.0f64 * 0.25 * 0.75 / 7.0).sqrt();
    assert!((plan["sd"].as_f64().unwrap() - sd).abs() < 1e-9, "{plan}");
    assert_eq!(plan["families_now"], 8);
    // Told from a margin of its value less 0.1, where a share varies less than at its value.
    let needed = plan["families"].as_u64().unwrap();
    assert!((0.7..1.0).contains(&(needed as f64 / families_by_sd(sd, 0.1, 0.05, 0.9).unwrap() as f64)), "{plan}");
    bench.write(
        "policy.toml",
        "[[gate]]\nmetric = \"answer_lost\"\nat_most = 0.15\n[[gate]]\nmetric = \"tail_kept\"\nat_least = 0.8\n",
    );
    let gated = bench.json(&["plan", "--from", "run", "--policy", "policy.toml"]);
    assert!((gated["metrics"][0]["distance"].as_f64().unwrap() - 0.1).abs() < 1e-12);
    assert!(gated["metrics"][1]["value"].is_null() && gated["metrics"][1]["missing"].is_string());
    insta::assert_snapshot!("plan-from", bench.run(0, &["plan", "--from", "run", "--policy", "policy.toml"]));

    let check = |arguments: &[&str], expected: &str| {
        let [_, talk] = bench.both(2, arguments);
        assert!(talk.contains(expected), "{talk}");
    };
    check(&["plan"], "required");
    check(&["plan", "--sd", "0.5"], "--margin");
    check(&["plan", "--sd", "0.5", "--margin", "0"], "a margin above 0");
    check(&["plan", "--from", "run", "--power", "1"], "a number between 0 and 1");
    check(&["plan", "--from", "run", "--metric", "charm"], "no metric is called `charm`");
}
