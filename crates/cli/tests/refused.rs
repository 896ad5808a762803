//! Questions that a model's chat template or tokenizer does not take: each costs itself and not the run, and none is left out in silence.

#![allow(clippy::unwrap_used)]

use crate::support;

use serde_json::{Value, json};
use support::{Desk, in_one_line};

/// A model of a few letters that answers `y`; its template ends with a mark, and does not take what `refuses` says.
fn model(refuses: &str) -> String {
    let template = format!(
        "{{% for m in messages %}}{{% if {refuses} %}}{{{{ raise_exception('not supported') }}}}{{% endif %}}{{{{ m.content }}}}{{% endfor %}}>"
    );
    let vocabulary: Vec<String> = " >?0123456789sayb".chars().map(String::from).chain(["</s>".to_owned()]).collect();
    let rule = |after: &str, next: &str| format!("[[rule]]\nafter = {after:?}\nprobabilities = {{ {next:?} = 1.0 }}\n");
    format!(
        "vocabulary = {vocabulary:?}\neos = \"</s>\"\ntemplate = {template:?}\n[default]\nprobabilities = {{ \"</s>\" = 1.0 }}\n{}{}",
        rule(">", "y"),
        rule("y", "</s>")
    )
}

/// A suite of so many prompts, `others` in front of them.
fn suite(prompts: usize, others: &[Value]) -> String {
    let prompt = |i| {
        json!({"id": format!("p{i}"), "family": format!("f{i}"), "axis": "a", "kind": "prompt", "prompt": format!("say {i}"),
            "answer": ["word"], "check": {"exact": ["y"]}, "max_tokens": 4})
    };
    let lines = others.iter().cloned().chain((0..prompts).map(prompt));
    lines.map(|line| line.to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_question_that_a_template_or_tokenizer_does_not_take_is_left_out_and_named() {
    let desk = Desk::new();
    desk.write("teacher.toml", &model("m.role == 'system'"));
    let system = json!({"id": "system", "family": "s", "axis": "a", "kind": "prompt", "prompt": "say", "system": "b",
        "answer": ["word"], "check": {"exact": ["y"]}, "max_tokens": 4});
    let letters = json!({"id": "letters", "family": "l", "axis": "a", "kind": "prompt", "prompt": "say it",
        "answer": ["word"], "check": {"exact": ["y"]}, "max_tokens": 4});
    let choice = json!({"id": "choice", "family": "c", "axis": "a", "kind": "choice", "prompt": "say?", "options": ["q", "z"], "truth": 0});
    let text = json!({"id": "text", "family": "t", "axis": "a", "kind": "text", "text": "wrong letters"});
    desk.write("probes.jsonl", &suite(150, &[system, letters, choice, text]));
    let audit = |code: i32, teacher: &str, student: &str, out: &str| {
        let models = ["audit", "--teacher", teacher, "--student", student];
        let [_, talk] =
            in_one_line(desk.run(code, &[&models[..], &["--probes", "probes.jsonl", "--gate", "--out", out]].concat()));
        talk
    };
    let talk = audit(0, "scripted:teacher.toml", "scripted:teacher.toml", "same");
    assert!(talk.contains("`system`: the teacher does not take it: chat template: "), "{talk}");
    let statement: Value = serde_json::from_slice(&std::fs::read(desk.path("same/statement.json")).unwrap()).unwrap();
    let excluded = statement["excluded"].as_array().unwrap();
    let named: Vec<&str> = excluded.iter().map(|item| item["probe"].as_str().unwrap()).collect();
    assert_eq!((named.len(), excluded.iter().all(|item| item["reason"].is_string())), (4, true), "{excluded:?}");
    for probe in ["system", "letters", "choice", "text"] {
        assert!(named.contains(&probe), "{named:?}");
    }

    // What the student alone does not take counts against it.
    desk.write("student.toml", &model("m.role == 'system' or '1' in m.content"));
    audit(3, "scripted:teacher.toml", "scripted:student.toml", "other");
    let statement: Value = serde_json::from_slice(&std::fs::read(desk.path("other/statement.json")).unwrap()).unwrap();
    let line = statement["verdict_line"].as_str().unwrap();
    assert!(
        line.contains("of 152 prompts could not be put to the student: the others are no measure of the whole"),
        "{line}"
    );

    // A template that takes nothing leaves nothing to ask.
    desk.write("student.toml", &model("true"));
    desk.write("probes.jsonl", &suite(5, &[]));
    let talk = audit(2, "scripted:teacher.toml", "scripted:student.toml", "none");
    assert!(talk.contains("5 items excluded: ") && talk.contains("the student does not take it"), "{talk}");
}

/// A prompt that a template makes nothing of ended the run, and named a hash.
#[test]
fn a_question_of_which_a_template_leaves_nothing_is_left_out_and_named() {
    let desk = Desk::new();
    let model = model("false").replace(
        "{{ m.content }}{% endfor %}>",
        "{{ m.content }}{% endfor %}{% if messages[0].content != '???' %}>{% endif %}",
    );
    desk.write("model.toml", &model.replace("{{ m.content }}", "{{ m.content if m.content != '???' else '' }}"));
    let marks = json!({"id": "marks", "family": "m", "axis": "a", "kind": "prompt", "prompt": "???",
        "answer": ["word"], "check": {"exact": ["y"]}, "max_tokens": 4});
    desk.write("probes.jsonl", &suite(150, &[marks]));
    let models = ["audit", "--teacher", "scripted:model.toml", "--student", "scripted:model.toml"];
    let [_, talk] = in_one_line(desk.run(0, &[&models[..], &["--probes", "probes.jsonl", "--out", "run"]].concat()));
    assert!(talk.contains("`marks`: the teacher does not take it: chat template: "), "{talk}");
    let statement: Value = serde_json::from_slice(&std::fs::read(desk.path("run/statement.json")).unwrap()).unwrap();
    let excluded = statement["excluded"].as_array().unwrap();
    assert_eq!((excluded.len(), &excluded[0]["refused_by"]), (1, &json!("teacher")), "{excluded:?}");
}
