//! A teacher cache from the command line: made once, looked after, audited from.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::Desk;

const TEACHER: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { \" \" = 0.4, e = 0.3, t = 0.2 }\n";
const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { \" \" = 0.5, e = 0.2, t = 0.1 }\n";
/// So few tokens are kept that the tail is drawn from.
const COLLECT: &[&str] = &[
    "distributions",
    "collect",
    "--teacher",
    "scripted:teacher.toml",
    "--cache",
    "cache",
    "--text",
    "tides.txt",
    "--ctx",
    "128",
    "--mass",
    "0.5",
    "--k-max",
    "12",
];
const AUDIT: &[&str] =
    &["audit", "--student", "scripted:student.toml", "--text", "tides.txt", "--ctx", "128", "--teacher-cache", "cache"];

/// A folder with two models and a text.
struct Bench(Desk);

impl Bench {
    fn new() -> Self {
        let desk = Desk::new();
        desk.write("teacher.toml", TEACHER);
        desk.write("student.toml", STUDENT);
        let lines: String = (0..60).map(|i| format!("the tide at stone {i} turns at ten to {i}.\n")).collect();
        desk.write("tides.txt", &lines);
        Self(desk)
    }

    /// Runs a command that must exit with `code`: what it printed as data, and as talk.
    fn run(&self, code: i32, arguments: &[&str], more: &[&str]) -> [String; 2] {
        self.0.run(code, &[arguments, more].concat())
    }

    fn json(&self, arguments: &[&str], more: &[&str]) -> Value {
        serde_json::from_str(&self.run(0, arguments, &[more, &["--json"]].concat())[0]).unwrap()
    }
}

fn value(statement: &Value, id: &str) -> f64 {
    let metric = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap();
    metric["estimate"]["value"].as_f64().unwrap_or_else(|| panic!("{metric}"))
}

#[test]
fn a_teacher_scores_once_and_students_are_audited_without_it() {
    let bench = Bench::new();
    let collected = bench.json(COLLECT, &[]);
    assert_eq!((&collected["held"], &collected["scored"]), (&0.into(), &collected["windows"]));
    assert!(collected["positions"].as_u64().unwrap() > 500, "{collected}");
    let again = bench.json(COLLECT, &[]);
    assert_eq!((&again["scored"], &again["tokens"], &again["held"]), (&0.into(), &0.into(), &collected["windows"]));

    let exact = [&AUDIT[..AUDIT.len() - 2], &["--teacher", "scripted:teacher.toml", "--out", "exact"]].concat();
    let exact = bench.json(&exact, &[]);
    fs::remove_file(bench.0.path("teacher.toml")).unwrap();
    let statement = bench.json(AUDIT, &["--out", "run"]);
    assert_eq!((&statement["regime"]["id"], &exact["regime"]["id"]), (&"R1".into(), &"R0".into()));
    assert_eq!(statement["teacher"], exact["teacher"]);
    for id in ["kl_divergence", "jensen_shannon", "token_overlap", "entropy_ratio", "top1_agreement"] {
        let (found, expected) = (value(&statement, id), value(&exact, id));
        assert!((found - expected).abs() < 0.01, "{id}: {found} {expected}");
    }
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/statement.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let problems: Vec<_> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&statement).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    // The run stands alone.
    fs::remove_dir_all(bench.0.path("cache")).unwrap();
    let [report, _] = bench.run(0, &["report", "run"], &["--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&report).unwrap(), statement);
}

#[test]
fn what_a_cache_lacks_is_said_with_the_way_to_collect_it() {
    let bench = Bench::new();
    bench.run(0, COLLECT, &["--chunks", "2"]);
    let [_, talk] = bench.run(2, AUDIT, &["--out", "run"]);
    assert!(talk.contains("not in the teacher cache cache: "), "{talk}");
    assert!(talk.contains("hydrometer distributions collect"), "{talk}");
    bench.run(0, AUDIT, &["--out", "run", "--chunks", "2"]);
    let [_, talk] = bench.run(2, COLLECT, &["--draws", "3"]);
    assert!(talk.contains("codec.truncation.draws: the folder has 16, asked for 3"), "{talk}");
    bench.run(2, AUDIT, &["--teacher", "scripted:teacher.toml"]);
    bench.run(2, AUDIT, &["--until-decided"]);
    let [_, talk] = bench.run(2, &AUDIT[..AUDIT.len() - 2], &["--teacher-cache", "nowhere"]);
    assert!(talk.contains("nowhere holds no teacher cache"), "{talk}");
    // Choices and prompts of a suite are left out, and that is said.
    let both = ["--profile", "quick"];
    bench.run(0, COLLECT, &both);
    let [_, talk] = bench.run(0, AUDIT, &both);
    for left_out in ["holds texts only: 146 choices", "holds texts only: 249 prompts"] {
        assert!(talk.contains(left_out), "{talk}");
    }
}

#[test]
fn a_cache_is_listed_shown_and_verified() {
    let bench = Bench::new();
    let collected = bench.json(COLLECT, &[]);
    let on = |what: &'static str| ["distributions", what, "--cache", "cache"];
    let listed = bench.json(&on("ls"), &[]);
    assert_eq!(listed["size"]["positions"], collected["positions"]);
    assert_eq!(listed["size"]["bytes"], collected["bytes"]);
    let [text, _] = bench.run(0, &on("ls"), &[]);
    assert!(text.contains("mass 0.5, 10 to 12 tokens, 16 draws"), "{text}");
    let [keys, _] = bench.run(0, &on("ls"), &["--each"]);
    let key = keys.lines().next().unwrap();
    let shown = bench.json(&on("show"), &[&key[..16]]);
    assert_eq!(shown["positions"][0]["head"].as_array().unwrap().len(), 10);
    let [text, _] = bench.run(0, &on("show"), &[key]);
    assert!(text.contains("most probable") && text.lines().count() > 60, "{text}");
    bench.run(2, &on("show"), &["zz"]);
    bench.run(0, &on("verify"), &[]);
    let block = bench.0.path("cache/blocks/00000000.hsd");
    let mut bytes = fs::read(&block).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&block, bytes).unwrap();
    let [_, verified] = bench.run(2, &on("verify"), &[]);
    assert!(verified.contains("blocks/00000000.hsd"), "{verified}");
    // Nobody goes on with it, nobody counts it, and everybody says the same.
    for more in [&[][..], &["--each"], &["--json"]] {
        assert_eq!(bench.run(2, &on("ls"), more)[1], verified);
    }
    let [whole, _] = bench.run(2, &on("ls"), &["--json"]);
    let whole: Value = serde_json::from_str(&whole).unwrap();
    let blocks = listed["size"]["blocks"].as_u64().unwrap();
    assert_eq!(whole["size"]["blocks"], blocks - 1);
    let [_, talk] = bench.run(2, COLLECT, &["--quiet"]);
    assert_eq!(talk, verified);
}

#[test]
fn a_setting_out_of_range_is_that_of_a_flag() {
    let bench = Bench::new();
    let collect = &COLLECT[..COLLECT.len() - 4];
    let check = |flags: &[&str], expected: &str| {
        let [_, talk] = bench.run(2, collect, flags);
        assert!(talk.contains(expected) && !talk.contains("cache.json"), "{flags:?}: {talk}");
    };
    check(&["--k-min", "200"], "--k-min is 200, expected at most --k-max, which is 128");
    check(&["--k-max", "0"], "--k-max is 0, expected 1 to 4096");
    check(&["--draws", "5000"], "--draws is 5000, expected at most 4096");
    check(&["--mass", "-0.1"], "--mass is -0.1, expected 0 to 1");
    check(&["--mass", "NaN"], "'NaN' for '--mass <MASS>': expected a number");
    check(&["--k-min", "-1"], "'-1' for '--k-min <N>'");
    assert!(!bench.0.path("cache").exists(), "nothing was begun");
}
