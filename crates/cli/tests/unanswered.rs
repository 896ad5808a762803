//! Logs in which one model's answers or verdicts are not there: what is left passes nobody by itself.

#![allow(clippy::unwrap_used)]

use crate::support;

use serde_json::Value;
use support::Desk;

#[test]
fn a_student_that_answered_less_than_its_teacher_does_not_pass() {
    let desk = Desk::new();
    let lines = |count: usize, judged: fn(usize) -> bool| -> String {
        let line = |i: usize| {
            let right = if judged(i) { "true" } else { "null" };
            format!("{{\"id\":{i},\"prompt\":\"Q{i}?\",\"response\":\"{i}\",\"correct\":{right}}}\n")
        };
        (0..count).map(line).collect()
    };
    let import = |out: &str, big: &str, small: &str, code: i32, flags: &[&str]| {
        desk.write("big.jsonl", big);
        desk.write("small.jsonl", small);
        let models = ["answers", "import", "big.jsonl", "small.jsonl", "--teacher", "big", "--student", "small"];
        let [data, _] = desk.run(code, &[&models[..], &["--gate", "--out", out, "--json"], flags].concat());
        data
    };
    let all = |_: usize| true;
    // A few are none that decide: counted as lost, they leave the gate passed. A tenth is not so many either, but might be all of a loss.
    import("few", &lines(200, all), &lines(196, all), 0, &[]);
    let said = import("tenth", &lines(200, all), &lines(180, all), 3, &[]);
    assert!(
        said.contains("to 20 of 200 questions that the teacher answered: were these lost, Net answers lost would not"),
        "{said}"
    );
    let statement: Value = serde_json::from_str(&import("part", &lines(200, all), &lines(120, all), 3, &[])).unwrap();
    let line = statement["verdict_line"].as_str().unwrap();
    assert!(line.contains("no answer that can be used to 80 of 200 questions that the teacher answered"), "{line}");
    let notes = statement["notes"].to_string();
    assert!(notes.contains("for want of one model's answers: 80 questions that the teacher alone answered"), "{notes}");
    // The run keeps it: whoever judges it again sees it too.
    desk.run(3, &["gate", "part"]);
    let said = import("common", &lines(200, all), &lines(120, all), 0, &["--common"]);
    assert!(said.contains("80 questions of the teacher were never put to the student (--common)"), "{said}");
    // What the student has beyond its teacher is no loss.
    import("more", &lines(120, all), &lines(200, all), 0, &[]);

    // Verdicts that are missing on the student's side alone.
    let statement = import("unjudged", &lines(200, all), &lines(200, |i| i % 3 > 0), 3, &[]);
    let statement: Value = serde_json::from_str(&statement).unwrap();
    let line = statement["verdict_line"].as_str().unwrap();
    assert!(line.contains("judge the teacher's answers and not the student's on 67 of 200 questions"), "{line}");
    // Of neither: no loss, and no measure of the whole.
    let said = import("untold", &lines(200, |i| i % 3 > 0), &lines(200, |i| i % 3 > 0), 3, &[]);
    assert!(said.contains("67 of 200 prompts are in no gate on what is answered"), "{said}");
    import("seldom", &lines(200, |i| i % 12 > 0), &lines(200, |i| i % 12 > 0), 0, &[]);
    // A little of each is as much.
    let said = import("both", &lines(200, all), &lines(188, |i| i % 16 > 0), 3, &[]);
    assert!(
        said.contains("12 of 200 questions that the teacher answered, and the files judge the teacher's"),
        "{said}"
    );
    assert!(said.contains("the others are no measure of the whole"), "{said}");
}

#[test]
fn a_policy_that_looks_at_the_teacher_alone_passes_nobody() {
    let desk = Desk::new();
    let lines = |right: bool| -> String {
        let line = |i| format!("{{\"id\":{i},\"prompt\":\"Q{i}?\",\"response\":\"{right}\",\"correct\":{right}}}\n");
        (0..100).map(line).collect()
    };
    desk.write("big.jsonl", &lines(true));
    desk.write("small.jsonl", &lines(false));
    desk.write("policy.toml", "[[gate]]\nmetric = \"answer_accuracy_teacher\"\nat_least = 0.5\n");
    let import = ["answers", "import", "big.jsonl", "small.jsonl", "--teacher", "big", "--student", "small", "--out"];
    let gated = [&import[..], &["run", "--policy", "policy.toml", "--gate", "--json"]].concat();
    let statement: Value = serde_json::from_str(&desk.run(3, &gated)[0]).unwrap();
    assert_eq!(statement["gates"][0]["verdict"], "pass");
    assert_eq!(statement["verdict_line"], "no gate fails, but none looks at the student");
}

/// Of the two letters the better one by far, in a thousandth of what it says.
#[test]
fn a_student_that_answers_choices_with_other_words_does_not_pass() {
    let desk = Desk::new();
    let model = |letters: f64| {
        let rule = |i: usize, first: char, second: char, one: f64| {
            format!(
                "[[rule]]\nafter = \"A. {first}{i}\\nB. {second}{i}\\n\\nAnswer with the letter only.>\"\nprobabilities = {{ A = {}, B = {}, \
                 z = {} }}\n",
                letters * one,
                letters * (1.0 - one),
                1.0 - letters
            )
        };
        let rules: String = (0..80).map(|i| rule(i, 'x', 'y', 0.9) + &rule(i, 'y', 'x', 0.1)).collect();
        let template = "template = \"{% for m in messages %}{{ m.content }}{% endfor %}>\"";
        format!("vocabulary = \"bytes\"\n{template}\n[default]\nprobabilities = {{ z = 1.0 }}\n{rules}")
    };
    let probe = |i: usize| {
        format!(
            "{{\"id\":\"c{i}\",\"family\":\"c{i}\",\"axis\":\"a\",\"kind\":\"choice\",\"prompt\":\"Q{i}?\",\"options\":[\"x{i}\",\"y{i}\"],\"truth\":0}}\n"
        )
    };
    desk.write("probes.jsonl", &(0..80).map(probe).collect::<String>());
    desk.write("teacher.toml", &model(0.999));
    let audit = |student: &str, code: i32, letters: f64| {
        desk.write("student.toml", &model(letters));
        let models = ["audit", "--teacher", "scripted:teacher.toml", "--student", "scripted:student.toml"];
        let [data, _] = desk
            .run(code, &[&models[..], &["--probes", "probes.jsonl", "--gate", "--json", "--out", student]].concat());
        serde_json::from_str::<Value>(&data).unwrap()["verdict_line"].as_str().unwrap().to_owned()
    };
    audit("less", 0, 0.3);
    let line = audit("other", 3, 1e-6);
    assert!(line.contains("80 of 80 choices are not answered by the student"), "{line}");
}

#[test]
fn a_student_that_is_judged_otherwise_than_its_teacher_does_not_pass() {
    let desk = Desk::new();
    let lines = |verdict: &str| -> String {
        let line = |i| format!("{{\"id\":{i},\"prompt\":\"Q{i}?\",\"response\":\"{i}\",{verdict}}}\n");
        (0..200).map(line).collect()
    };
    let import = |out: &str, big: &str, small: &str, code: i32, flags: &[&str]| {
        // The second half has other verdicts.
        let half = |verdict: &str, rest: &str| {
            let (all, rest) = (lines(verdict), lines(rest));
            all.lines().take(100).chain(rest.lines().skip(100)).collect::<Vec<_>>().join("\n")
        };
        let right = "\"acc\":1";
        desk.write("big.jsonl", &half(right, big));
        desk.write("small.jsonl", &half(right, small));
        let models = ["answers", "import", "big.jsonl", "small.jsonl", "--teacher", "big", "--student", "small"];
        desk.run(code, &[&models[..], &["--gate", "--out", out, "--json"], flags].concat())
    };
    let [said, talk] = import("other", "\"correct\":true", "\"score\":0", 3, &[]);
    assert!(said.contains("judge the teacher's answers and not the student's on 100 of 200 questions"), "{said}");
    assert!(talk.contains("the teacher alone has `correct`; the student alone has `score`"), "{talk}");
    // Who stands as well lacks nothing, and half of it is in no gate.
    let [said, _] = import("same", "\"correct\":true", "\"correct\":true", 3, &[]);
    assert!(said.contains("100 of 200 prompts are in no gate on what is answered"), "{said}");
    import("all", "\"acc\":1,\"correct\":true", "\"acc\":1,\"score\":0", 0, &[]);
    let [_, talk] = import("named", "\"correct\":true", "\"score\":0", 2, &["--metric", "correct"]);
    assert!(talk.contains("the student's files have no metric `correct` there; they have `acc`, `score`"), "{talk}");
}
