//! Prompts that are answered once, without chance, and checked: what is right of them counts, and nothing about how answers vary.

#![allow(clippy::unwrap_used)]

use crate::support;

use serde_json::{Value, json};
use support::Desk;

#[test]
fn greedy_answers_that_are_checked_are_judged() {
    let desk = Desk::new();
    let says =
        |letter: &str| format!("vocabulary = \"bytes\"\n[default]\nprobabilities = {{ {letter} = 0.6, C = 0.4 }}\n");
    desk.write("teacher.toml", &says("A"));
    desk.write("student.toml", &says("B"));
    let prompt = |i| {
        json!({"id": format!("p{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "prompt", "max_tokens": 1,
            "prompt": format!("Letter {i}?"), "answer": ["letter"], "check": {"choice": "A"}, "decoding": "greedy"})
    };
    let lines: Vec<String> = (0..80).map(|i| prompt(i).to_string()).collect();
    desk.write("probes.jsonl", &lines.join("\n"));
    let audit = |code: i32, student: &str, out: &str, more: &[&str]| -> Value {
        let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", student, "--probes", "probes.jsonl"];
        desk.run(code, &[&models[..], &["--gate", "--out", out], more].concat());
        serde_json::from_slice(&std::fs::read(desk.path(out).join("statement.json")).unwrap()).unwrap()
    };
    let estimate = |statement: &Value, id: &str| {
        let metric = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap();
        (metric["estimate"]["value"].as_f64(), metric["estimate"]["n_items"].as_u64())
    };
    let lost = audit(1, "scripted:student.toml", "lost", &[]);
    assert_eq!(estimate(&lost, "answer_net_loss"), (Some(1.0), Some(80)));
    assert_eq!(estimate(&lost, "answer_agreement"), (None, None), "one answer says nothing about agreement");
    assert!(lost["answer_cases"].as_array().is_some_and(|cases| !cases.is_empty()), "what was lost is shown");
    let kept = audit(0, "scripted:teacher.toml", "kept", &[]);
    assert_eq!(estimate(&kept, "answer_net_loss"), (Some(0.0), Some(80)));
    // A student that falls this far is found out before all is asked.
    let early = audit(1, "scripted:student.toml", "early", &["--until-decided"]);
    let (value, items) = estimate(&early, "answer_net_loss");
    assert!(value == Some(1.0) && items.unwrap() < 80, "{items:?}");
}
