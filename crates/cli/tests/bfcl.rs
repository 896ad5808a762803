//! Rows of the Berkeley Function Calling Leaderboard from the command line: one command makes a suite of them, and models are
//! asked it.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

const TEACHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/teacher.gguf");

fn hydrometer(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).args(arguments).output().unwrap()
}

/// Rules of a model of bytes that goes on from `after` with `say`.
fn rules(after: &str, say: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let rule = |at: usize| {
        let (after, next) = (quoted(&format!("{after}{}", &say[..at])), quoted(&say[at..=at]));
        format!("[[rule]]\nafter = {after}\nprobabilities = {{ {next} = 1.0 }}\n")
    };
    (0..say.len()).map(rule).collect()
}

/// A model that answers these cues, and says that it is done after a result.
fn model(cues: &[(&str, &str)]) -> String {
    let head =
        "vocabulary = \"bytes\"\ncontext_length = 8192\n[default]\nprobabilities = { \"\\n\" = 1.0 }\n".to_owned();
    let cues = cues.iter().map(|(after, say)| rules(after, &format!("{say}\n")));
    head + &cues.collect::<String>() + &rules("Result: \"done\"", "Done.\n")
}

const FIND: &str = r#"{"name": "hotel_find", "arguments": {"city": "new york", "beds": 2}}"#;
const BOOK: &str = r#"{"name": "book", "arguments": {"city": "Rome", "nights": 3}}"#;
const PAY: &str = r#"{"name": "pay", "arguments": {"bill": 1205}}"#;

fn write(folder: &Path, name: &str, rows: &[Value]) {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    std::fs::write(folder.join(name), text).unwrap();
}

/// A file of single turns and one of conversations, each with its answers beside it.
fn files(folder: &Path) {
    let find = json!({"name": "hotel.find", "description": "Finds a room.", "parameters": {"type": "dict", "properties": {
        "city": {"type": "string"}, "beds": {"type": "integer"}, "view": {"type": "string"}}, "required": ["city", "beds"]}});
    let ask =
        |id: &str, say: &str| json!({"id": id, "question": [[{"role": "user", "content": say}]], "function": [find]});
    write(
        folder,
        "BFCL_simple.json",
        &[
            ask("simple_0", "Two beds in New York. Go."),
            ask("simple_1", "A room in the Big Apple for two. Go."),
            ask("irrelevance_0", "How is the weather? Stay."),
            ask("simple_2", "A room."),
        ],
    );
    let wanted = json!([{"hotel.find": {"city": ["New York", "NYC"], "beds": [2], "view": ["sea", ""]}}]);
    let answer = |id: &str, truth: &Value| json!({"id": id, "ground_truth": truth});
    let unknown = json!([{"hotel.seek": {}}]);
    write(
        folder,
        "answer_BFCL_simple.json",
        &[answer("simple_0", &wanted), answer("simple_1", &wanted), answer("simple_2", &unknown)],
    );
    let say = |text: &str| json!([{"role": "user", "content": text}]);
    let talk = json!({"id": "multi_turn_base_4", "involved_classes": ["TravelAPI"], "initial_config": {},
        "question": [say("Book 3 nights in Rome. Now."), say("Pay the bill 1205. Then.")]});
    write(folder, "BFCL_multi_turn.json", &[talk]);
    let truth = json!([["book('Rome', nights=3)"], ["pay(bill=1205)"]]);
    write(folder, "answer_BFCL_multi_turn.json", &[answer("multi_turn_base_4", &truth)]);
    let document = |name: &str, properties: Value, required: &str| json!({"name": name, "description": "Does it.", "parameters": {"type": "dict", "properties": properties, "required": [required]}});
    let book = json!({"city": {"type": "string"}, "nights": {"type": "integer", "default": 1}});
    let pay = json!({"bill": {"type": "integer"}});
    write(folder, "funcdoc_travel_booking.json", &[document("book", book, "city"), document("pay", pay, "bill")]);
}

#[test]
fn rows_become_a_suite_that_models_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    files(folder);
    for (file, out, probes, said) in [
        ("BFCL_simple.json", "simple.jsonl", 3, "left out: 1 row, first simple_2"),
        ("BFCL_multi_turn.json", "multi.jsonl", 1, "1 probe imported"),
    ] {
        let output = hydrometer(folder, &["probes", "import", file, "--out", out]);
        let talk = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && talk.contains(said), "{talk}");
        assert_eq!(std::fs::read_to_string(folder.join(out)).unwrap().lines().count(), probes);
    }
    let perfect = model(&[("Go.", FIND), ("Stay.", "No."), ("Now.", BOOK), ("Then.", PAY)]);
    // Another city.
    let wrong =
        model(&[("Go.", &FIND.replace("new york", "Boston")), ("Stay.", "No."), ("Now.", BOOK), ("Then.", PAY)]);
    std::fs::write(folder.join("perfect.toml"), perfect).unwrap();
    std::fs::write(folder.join("wrong.toml"), wrong).unwrap();
    let asked = |teacher: &str, student: &str, out: &str| -> Value {
        let models = [
            "audit",
            "--teacher",
            teacher,
            "--student",
            student,
            "--probes",
            "simple.jsonl",
            "--probes",
            "multi.jsonl",
        ];
        let how = ["--samples", "2", "--reruns", "1", "--max-tokens", "96", "--stop", "\n", "--json", "--out", out];
        let output = hydrometer(folder, &[&models[..], &how].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    };
    let statement = asked("scripted:perfect.toml", "scripted:wrong.toml", "run");
    let axis = &statement["episodes"]["axes"][0];
    assert_eq!((&axis["axis"], &axis["episodes"]), (&json!("tool_use"), &json!(4)));
    assert_eq!((&axis["teacher"], &axis["student"]), (&json!(1.0), &json!(0.5)));
    assert_eq!(statement["episodes"]["teacher"]["invalid"], 0);

    // A model that knows nothing of calls is asked them all the same.
    let statement = asked(TEACHER, TEACHER, "demo");
    let runs = &statement["episodes"]["teacher"];
    assert_eq!((&statement["episodes"]["episodes"], &runs["runs"]), (&json!(4), &json!(8)), "{}", statement["notes"]);
}

#[test]
fn answers_and_functions_are_found_where_they_are_published_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    files(folder);
    let import = |file: &str, more: &[&str]| {
        let output = hydrometer(folder, &[&["probes", "import", file][..], more].concat());
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let moved = |from: &str, to: &str| std::fs::rename(folder.join(from), folder.join(to)).unwrap();
    for place in ["possible_answer", "multi_turn_func_doc"] {
        std::fs::create_dir(folder.join(place)).unwrap();
    }
    moved("answer_BFCL_simple.json", "possible_answer/BFCL_simple.json");
    moved("answer_BFCL_multi_turn.json", "truth.json");
    moved("funcdoc_travel_booking.json", "multi_turn_func_doc/travel_booking.json");
    assert!(import("BFCL_simple.json", &[]).0);
    let (found, said) = import("BFCL_multi_turn.json", &[]);
    assert!(!found && said.contains("answer_BFCL_multi_turn.json") && said.contains("--answers"), "{said}");
    assert!(import("BFCL_multi_turn.json", &["--answers", "truth.json"]).0);

    std::fs::write(folder.join("own.jsonl"), "{\"prompt\":\"Who?\"}\n").unwrap();
    let (found, said) = import("own.jsonl", &["--answers", "truth.json"]);
    assert!(!found && said.contains("leave --answers out"), "{said}");
    // Rows are left out by `import` alone, which says so: an audit does not take the file itself.
    let audit = ["audit", "--teacher", TEACHER, "--student", TEACHER, "--probes", "BFCL_simple.json", "--out", "run"];
    let said = String::from_utf8(hydrometer(folder, &audit).stderr).unwrap();
    assert!(said.contains("probes import FILE --out FILE.jsonl"), "{said}");
}
