//! Whole runs from the command line, on scripted models: what lies on disk, what is printed, how it exits.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::Desk;

/// Half the distance of 1 to the next f32.
const UNIT_ROUNDOFF: f64 = f32::EPSILON as f64 / 2.0;

const TEACHER: &str = r#"
vocabulary = "bytes"
[default]
probabilities = { " " = 0.3, e = 0.2, t = 0.1, a = 0.1, A = 0.05, B = 0.03 }
[[rule]]
after = "t"
probabilities = { h = 0.6, e = 0.1, " " = 0.1 }
"#;

/// Sharper after every letter, and of another mind after `t`.
const STUDENT: &str = r#"
vocabulary = "bytes"
[default]
probabilities = { " " = 0.5, e = 0.3, t = 0.1, B = 0.04 }
[[rule]]
after = "t"
probabilities = { o = 0.6, e = 0.1, " " = 0.1 }
"#;

/// A folder with two models and a text.
struct Bench(Desk);

impl Bench {
    fn new() -> Self {
        let desk = Desk::new();
        desk.write("teacher.toml", TEACHER);
        desk.write("student.toml", STUDENT);
        let lines: String = (0..400).map(|i| format!("the tide at stone {i} turns at ten to {i}.\n")).collect();
        desk.write("tides.txt", &lines);
        Self(desk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.0.command(arguments)
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must exit with `code`; gives what it printed as data.
    fn run(&self, code: i32, arguments: &[&str]) -> String {
        let [data, _] = self.0.run(code, arguments);
        data
    }

    /// Audits the student, and returns what was printed.
    fn audit(&self, more: &[&str]) -> String {
        let mut arguments = vec!["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
        arguments.extend(more);
        self.run(0, &arguments)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_audit_leaves_a_statement_and_a_report_and_prints_the_summary() {
    let bench = Bench::new();
    let summary = bench.audit(&["--out", "run", "--ctx", "128"]);
    let statement = json(&bench.read("run/statement.json"));
    assert!(summary.contains(statement["verdict_line"].as_str().unwrap().split(':').next().unwrap()), "{summary}");
    assert!(summary.lines().all(|line| line.chars().count() <= 100), "{summary}");
    assert!(!summary.contains('\u{1b}'), "a pipe is no terminal");
    assert!(bench.read("run/report.html").starts_with("<!DOCTYPE html>"));
    assert_eq!(statement["headline"].as_array().unwrap().len(), 7);
    // It says the same as the published schema, which other programs rely on.
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/statement.schema.json");
    let schema = json(&fs::read_to_string(schema).unwrap());
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<_> = validator.iter_errors(&statement).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn json_on_stdout_is_the_statement_and_nothing_else() {
    let bench = Bench::new();
    assert_eq!(bench.audit(&["--out", "run", "--json"]), bench.read("run/statement.json"));
}

#[test]
fn the_same_command_finds_its_run_again_and_asks_nothing() {
    let bench = Bench::new();
    let first = bench.audit(&["--text", "tides.txt", "--json"]);
    let runs: Vec<_> = fs::read_dir(bench.path("hydrometer-runs")).unwrap().collect();
    assert_eq!(runs.len(), 1);
    let name = runs[0].as_ref().unwrap().file_name().into_string().unwrap();
    assert!(name.starts_with("teacher--student--tides.txt-"), "{name}");
    let arguments =
        ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml", "--text", "tides.txt"];
    let again = bench.output(&[&arguments[..], &["--json"]].concat());
    assert_eq!(String::from_utf8(again.stdout).unwrap(), first);
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing is asked again"));
    // Another setting is another run, in another folder.
    bench.audit(&["--text", "tides.txt", "--chunks", "3"]);
    assert_eq!(fs::read_dir(bench.path("hydrometer-runs")).unwrap().count(), 2);
}

#[test]
fn the_text_of_an_audit_may_be_the_users_own() {
    let bench = Bench::new();
    let statement = json(&bench.audit(&["--text", "tides.txt", "--ctx", "256", "--chunks", "5", "--json"]));
    // Windows of 256 bytes scored in their second half: 127 positions each.
    assert_eq!(statement["suite"]["positions"], 5 * 127);
    assert_eq!(statement["suite"]["n_ctx"], 256);
    assert_eq!(statement["suite"]["choices"], 0);
}

#[test]
fn every_format_of_the_report_is_written() {
    let bench = Bench::new();
    bench.audit(&["--out", "run"]);
    let check = |format: &str, beginning: &str| {
        let text = bench.run(0, &["report", "run", "--format", format]);
        assert!(text.starts_with(beginning), "{format}: {}", &text[..text.len().min(200)]);
        bench.run(0, &["report", "run", "--format", format, "-o", "report.out"]);
        assert_eq!(bench.read("report.out"), text, "{format}: a file holds what stdout shows");
        text
    };
    check("text", "FAIL");
    check("html", "<!DOCTYPE html>");
    check("json", "{");
    check("junit", "<?xml");
    assert!(check("csv", "").lines().count() > 20);
    assert!(check("md", "").contains("| "));
    assert_eq!(bench.run(0, &["report", "run/statement.json", "--format", "json"]), bench.read("run/statement.json"));
}

#[test]
fn the_gate_answers_by_exit_code_and_changes_nothing() {
    let bench = Bench::new();
    bench.audit(&["--out", "run"]);
    let statement = json(&bench.read("run/statement.json"));
    let kl = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == "kl_divergence").unwrap();
    let value = kl["estimate"]["value"].as_f64().unwrap();
    assert!(kl["estimate"]["interval"]["low"].as_f64().unwrap() > 0.0);
    let check = |code: i32, bound: f64, word: &str| {
        let policy = format!("[[gate]]\nmetric = \"kl_divergence\"\nat_most = {bound:e}\n");
        fs::write(bench.path("policy.toml"), policy).unwrap();
        let before = bench.read("run/statement.json");
        let text = bench.run(code, &["gate", "run", "--policy", "policy.toml"]);
        assert!(text.lines().nth(1).unwrap().starts_with(word), "{text}");
        let gates = json(&bench.run(code, &["gate", "run", "--policy", "policy.toml", "--json"]));
        assert_eq!(gates["gates"].as_array().unwrap().len(), 1);
        assert_eq!(bench.read("run/statement.json"), before);
    };
    check(0, value * 100.0, "PASS");
    check(1, value / 100.0, "FAIL");
    check(3, value, "NOT ENOUGH EVIDENCE");
}

#[test]
fn audit_exits_by_verdict_only_when_asked() {
    let bench = Bench::new();
    fs::write(bench.path("strict.toml"), "[[gate]]\nmetric = \"kl_divergence\"\nat_most = 1e-9\n").unwrap();
    bench.audit(&["--out", "run", "--policy", "strict.toml"]);
    let arguments = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
    bench.run(1, &[&arguments[..], &["--out", "run", "--policy", "strict.toml", "--gate"]].concat());
    let itself = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:teacher.toml", "--out", "same"];
    bench.run(0, &[&itself[..], &["--policy", "strict.toml", "--gate"]].concat());
}

/// Documents of their own words: many families.
fn documents(bench: &Bench) -> String {
    let words = ["heat", "tea", "that", "hat", "eat", "the", "at", "tat"];
    let probe = |number: usize| {
        let said: Vec<&str> = (0..40).map(|at| words[(at * (number + 1) + at * at / 3) % words.len()]).collect();
        let text = format!("{number} {}", said.join(" "));
        serde_json::json!({"id": format!("d{number}"), "family": format!("d{number}"), "axis": "prose", "kind": "text", "text": text}).to_string()
    };
    let lines: Vec<String> = (0..12).map(probe).collect();
    fs::write(bench.path("documents.jsonl"), lines.join("\n")).unwrap();
    fs::write(bench.path("fewer.jsonl"), lines[2..].join("\n")).unwrap();
    fs::write(bench.path("one.jsonl"), &lines[0]).unwrap();
    fs::write(bench.path("other.jsonl"), lines.join("\n").replace("heat", "chat")).unwrap();
    "documents.jsonl".to_owned()
}

#[test]
fn two_runs_are_paired_by_family() {
    let bench = Bench::new();
    let probes = documents(&bench);
    let audit = |student: &str, probes: &str, out: &str| {
        let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", student];
        bench.run(0, &[&models[..], &["--probes", probes, "--samples", "0", "--out", out]].concat());
    };
    let noise = "planted:noise(scripted:teacher.toml)";
    audit("scripted:student.toml", &probes, "a");
    audit(noise, &probes, "b");
    let text = bench.run(0, &["compare", "a", "b"]);
    assert!(text.contains("A is worse in 12 of 12 families") && text.contains("B better"), "{text}");
    let comparison = json(&bench.run(0, &["compare", "a", "b", "--format", "json"]));
    assert_eq!(comparison["shared_families"], 12);
    let rows = comparison["rows"].as_array().unwrap();
    let kl = &rows.iter().find(|row| row["metric"] == "kl_divergence").unwrap()["found"];
    assert!(kl["difference"].as_f64().unwrap() < 0.0 && kl["reading"] == "b_better", "{kl}");
    assert!(kl["interval"]["high"].as_f64().unwrap() < 0.0 && kl["b_better"] == 12, "{kl}");
    assert!(bench.run(0, &["compare", "a", "b", "--format", "md"]).starts_with("| |"));

    // Two of its families were asked in one run alone.
    audit(noise, "fewer.jsonl", "fewer");
    let text = bench.run(0, &["compare", "a", "fewer"]);
    assert!(text.contains("Paired over 10 families") && text.contains("2 families of A"), "{text}");
    audit(noise, "other.jsonl", "other");
    let refused = bench.output(&["compare", "a", "other"]);
    let talk = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{talk}");
    assert!(talk.contains("they share no family") && talk.contains("hint:"), "{talk}");
    // A statement has no families.
    let text = bench.run(0, &["compare", "a", "b/statement.json"]);
    assert!(text.contains("B better"), "{text}");
    assert!(text.replace('\n', " ").contains("give the two run folders to pair"), "{text}");
}

#[test]
fn of_one_family_a_comparison_says_that_alone() {
    let bench = Bench::new();
    documents(&bench);
    bench.audit(&["--probes", "one.jsonl", "--samples", "0", "--out", "a"]);
    for pair in [["a", "a"], ["a/statement.json", "a/statement.json"]] {
        for format in ["text", "md"] {
            let text = bench.run(0, &["compare", pair[0], pair[1], "--format", format]);
            assert!(text.contains("one family: it allows no interval") && !text.contains("Token overlap"), "{text}");
        }
    }
}

#[test]
fn base_files_of_llama_cpp_go_out_and_come_in() {
    let bench = Bench::new();
    let export = ["export", "llama-kld", "--teacher", "scripted:teacher.toml", "--text", "tides.txt"];
    assert_eq!(bench.run(0, &[&export[..], &["-o", "base.kld", "--ctx", "64", "--chunks", "20"]].concat()), "");
    let header = fs::read(bench.path("base.kld")).unwrap();
    assert_eq!(&header[..8], b"_logits_");
    assert_eq!(header.len(), 20 + 20 * 64 * 4 + 20 * 31 * (8 + 2 * 256));
    let import = |student: &str| {
        json(
            &bench.run(0, &["import", "llama-kld", "base.kld", "--student", student, "--json", "--block-tokens", "96"]),
        )
    };
    let itself = import("scripted:teacher.toml");
    assert_eq!(itself["tokens"], 20 * 31);
    assert!(itself["mean_kl"]["value"].as_f64().unwrap().abs() < 1e-5, "{itself}");
    assert_eq!(itself["same_top"]["value"], 1.0);
    let other = import("scripted:student.toml");
    assert!(other["mean_kl"]["value"].as_f64().unwrap() > 0.05, "{other}");
    // The numbers of an audit's own compat block, from the same text, are the same numbers, added in another order: a sum
    // of n numbers in f32 is off by less than n unit roundoffs of Σ |number|, which for a KL is below KL + 2.
    let windows = ["--text", "tides.txt", "--ctx", "64", "--chunks", "20", "--llama-order", "--json"];
    let statement = json(&bench.audit(&windows));
    for number in ["mean_kl", "ppl_student", "ppl_teacher", "same_top", "mean_delta_p"] {
        let (a, b) = (&other[number]["value"], &statement["compat"][number]["value"]);
        let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
        assert!((a - b).abs() <= 2.0 * 256.0 * UNIT_ROUNDOFF * (2.0 + a.abs()), "{number}: {a} against {b}");
    }
}

/// A base file of another model, and one whose rows are no distributions.
#[test]
fn foreign_base_files_are_refused() {
    let bench = Bench::new();
    let export = ["export", "llama-kld", "--teacher", "scripted:teacher.toml", "--text", "tides.txt"];
    bench.run(0, &[&export[..], &["-o", "base.kld", "--ctx", "64", "--chunks", "20"]].concat());
    let good = fs::read(bench.path("base.kld")).unwrap();
    let import = |bytes: &[u8], student: &str, expected: &str| {
        fs::write(bench.path("other.kld"), bytes).unwrap();
        let output = bench.output(&["import", "llama-kld", "other.kld", "--student", student]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    let first_row = 20 + 20 * 64 * 4;
    let mut lifted = good.clone();
    lifted[first_row + 4..first_row + 8].copy_from_slice(&(-1f32).to_le_bytes());
    import(&lifted, "scripted:teacher.toml", "row 0 of the base file: its probabilities sum to ");
    let mut flat = good.clone();
    flat[first_row..first_row + 8].copy_from_slice(&[0; 8]);
    import(&flat, "scripted:teacher.toml", "its probabilities sum to 256.0000, expected 0.99 to 1.01");
    let more = (0..300).map(|id| format!("\"<{id}>\"")).collect::<Vec<_>>().join(", ");
    fs::write(
        bench.path("larger.toml"),
        format!("vocabulary = [{more}]\ncontext_length = 4096\n[default]\nprobabilities = {{ \"<1>\" = 0.5 }}\n"),
    )
    .unwrap();
    import(&good, "scripted:larger.toml", "the first of them 256");
}

#[test]
fn probes_are_imported_listed_shown_and_checked() {
    let bench = Bench::new();
    fs::write(
        bench.path("facts.csv"),
        "question,choices,answer,topic\nIs water wet?,yes|no,yes,water\nIs ice hot?,yes|no,no,water\n",
    )
    .unwrap();
    let columns = ["--prompt", "question", "--options", "choices", "--truth", "answer", "--family", "topic"];
    bench.run(0, &[&["probes", "import", "facts.csv", "-o", "facts.jsonl"][..], &columns[..]].concat());
    assert!(bench.run(0, &["probes", "ls", "facts.jsonl"]).starts_with("choice  "));
    let groups = json(&bench.run(0, &["probes", "ls", "facts.jsonl", "--json"]));
    assert!(groups["choice"].as_object().unwrap().values().all(|group| group["families"].as_u64() > Some(0)));
    let listed = bench.run(0, &["probes", "list", "facts.jsonl", "--each"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    let shown = bench.run(0, &["probes", "show", id, "facts.jsonl"]);
    assert!(
        shown.contains("order 2 of 2") && shown.contains("truth   yes") && shown.contains("Is water wet?"),
        "{shown}"
    );
    assert!(bench.run(0, &["probes", "lint", "facts.jsonl"]).contains("few-families"));
    bench.run(1, &["probes", "lint", "facts.jsonl", "--strict"]);
    assert_eq!(json(&bench.run(0, &["probes", "schema"]))["title"].as_str().map(|t| t.contains("probe")), Some(true));
    let statement = json(&bench.audit(&["--probes", "facts.jsonl", "--json"]));
    assert_eq!(statement["suite"]["choices"], 2);
    assert_eq!(statement["suite"]["families"], 1);
}

#[test]
fn a_folder_of_another_plan_is_left_alone() {
    let bench = Bench::new();
    bench.audit(&["--out", "run"]);
    let before = bench.read("run/manifest.json");
    let other = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:teacher.toml", "--out", "run"];
    let output = bench.output(&other);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("another plan") && stderr.contains("student.weights"), "{stderr}");
    assert_eq!(bench.read("run/manifest.json"), before);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = Bench::new();
    bench.audit(&["--out", "run"]);
    let mut child = bench
        .command(&["report", "run", "--format", "html"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Ctrl-C while an audit is under way: exit code 130, and the same command goes on to the same bytes.
#[test]
#[cfg(unix)]
fn an_interrupted_audit_goes_on_with_the_same_command() {
    let bench = Bench::new();
    let arguments = |out| {
        let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
        [
            &models[..],
            &["--profile", "quick", "--ctx", "128", "--block-tokens", "128", "--store", "answers", "--out", out],
        ]
        .concat()
    };
    let mut child = bench.command(&arguments("stopped")).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("tokens to score") {
        line.clear();
        assert!(talk.read_line(&mut line).unwrap() > 0, "the audit ended before it said what lies ahead");
    }
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut talk, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("error: interrupted") && rest.contains("resumes"), "{rest}");
    let unfinished = bench.output(&["gate", "stopped"]);
    assert_eq!(unfinished.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unfinished.stderr).contains("not complete"));
    bench.run(0, &arguments("stopped"));
    bench.run(0, &arguments("whole"));
    assert_eq!(bench.read("stopped/statement.json"), bench.read("whole/statement.json"));
}

#[test]
fn few_families_are_said_before_anything_is_asked() {
    let bench = Bench::new();
    let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
    let output = bench.output(&[&models[..], &["--text", "tides.txt", "--out", "few"]].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let warned = stderr.find("few families: 33 families of texts").expect(&stderr);
    assert!(stderr.contains("it takes 59 to exclude a loss of 5 %"), "{stderr}");
    assert!(warned < stderr.find("tokens to score").expect(&stderr), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("All texts are parts of one, `tides`: its windows count as 33 families."), "{stdout}");

    // Equal texts are one, whatever their families are called: as the statement counts.
    let same = |i: usize| {
        format!(
            "{{\"id\":\"t{i}\",\"family\":\"f{i}\",\"axis\":\"a\",\"kind\":\"text\",\"text\":\"the tide turns at ten.\"}}\n"
        )
    };
    fs::write(bench.path("same.jsonl"), (0..70).map(same).collect::<String>()).unwrap();
    let output = bench.output(&[&models[..], &["--probes", "same.jsonl", "--out", "same"]].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("few families: 1 family of texts."), "{stderr}");

    let lines: String = (0..900).map(|i| format!("the tide at stone {i} turns at ten to {i}.\n")).collect();
    fs::write(bench.path("many.txt"), lines).unwrap();
    let many = bench.output(&[&models[..], &["--text", "many.txt", "--out", "many"]].concat());
    assert!(!String::from_utf8_lossy(&many.stderr).contains("few families"), "{many:?}");
}
