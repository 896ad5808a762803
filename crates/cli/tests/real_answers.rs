//! Published answers of real models, imported and judged: counts that are known from the files themselves.
//!
//! Needs the data (HYDROMETER_DATA); says loudly what is absent.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

fn data(name: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("HYDROMETER_DATA") else {
        eprintln!("SKIPPED: HYDROMETER_DATA is not set, {name} was not read");
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    assert!(path.exists(), "{} is absent", path.display());
    Some(path.display().to_string())
}

/// The statement on answers that are given.
fn import(files: &[String], teacher: &str, student: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hydrometer"))
        .args(["answers", "import", "--teacher", teacher, "--student", student, "--json", "--out"])
        .arg(folder.path().join("run"))
        .args(files)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How many of the prompts a number stands for, with an interval around it.
fn count(statement: &Value, id: &str) -> f64 {
    let metric = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap();
    let estimate = &metric["estimate"];
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{id}: {metric}"));
    let value = number(&estimate["value"]);
    let interval = &estimate["interval"];
    let (low, high) = (number(&interval["low"]), number(&interval["high"]));
    assert!((low..=high).contains(&value) && (low < high || value == 0.0), "{id}: {estimate}");
    (value * number(&estimate["n_items"])).round()
}

/// Both right, lost, gained, both wrong.
fn cells(statement: &Value) -> [f64; 4] {
    let wrong = ["answer_both_wrong_same", "answer_both_wrong_different"].map(|id| count(statement, id));
    let [both, lost, gained] = ["answer_both_right", "answer_lost", "answer_gained"].map(|id| count(statement, id));
    [both, lost, gained, wrong.iter().sum()]
}

#[test]
fn solutions_of_a_large_and_a_small_model() {
    let Some(file) = data("gsm8k/example_model_solutions.jsonl") else { return };
    let found = import(&[file], "175b_finetuning", "6b_finetuning");
    assert_eq!(cells(&found), [198.0, 260.0, 88.0, 773.0]);
    // 260 lost against 88 gained is no accident.
    assert!(found["findings"].as_array().unwrap().iter().any(|finding| finding["id"] == "answers_lost"));
}

#[test]
fn labels_of_a_model_and_of_its_guarded_self() {
    let names = ["instruct", "guard"].map(|model| format!("xstest_v2_completions_mistral{model}_gpteval"));
    let files: Option<Vec<String>> = names.iter().map(|name| data(&format!("xstest/{name}.csv"))).collect();
    let Some(files) = files else { return };
    assert_eq!(cells(&import(&files, &names[0], &names[1])), [273.0, 45.0, 123.0, 9.0]);
}

#[test]
fn answers_without_a_truth() {
    let Some(folder) = data("vicuna80") else { return };
    let found = import(&[folder], "gpt35", "vicuna-13b");
    assert_eq!((&found["answers"]["prompts"], &found["answers"]["checked"]), (&80.into(), &0.into()));
    assert_eq!(found["answer_cases"].as_array().map(Vec::is_empty), Some(false));
}
