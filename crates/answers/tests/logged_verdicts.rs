//! What says that answers are right, and what only looks like it: columns of what was expected, of calls that went well, metrics of which less is
//! better, and metrics that hide what is lost by another.
#![allow(clippy::unwrap_used, reason = "test code")]

use hydrometer_answers::logged::{Columns, Paired};
use serde_json::{Value, json};

use crate::support::logged::{Case, both, firsts, folder};

/// Rows of one model.
fn rows(count: u32, row: impl Fn(u32) -> Value) -> String {
    (0..count).map(|id| format!("{}\n", row(id))).collect()
}

fn tables(count: u32, big: impl Fn(u32) -> Value, small: impl Fn(u32) -> Value) -> (tempfile::TempDir, Case) {
    both(".jsonl", rows(count, big), rows(count, small))
}

fn notes(paired: &Paired) -> String {
    paired.report.choices.join("\n")
}

/// How many of both models' first answers are judged.
fn judged(paired: &Paired) -> usize {
    firsts(paired).iter().flatten().filter(|(_, right)| right.is_some()).count()
}

/// Whether the statement of a question is true; and what a model says that guesses.
fn truth(id: u32) -> bool {
    id % 5 < 3
}
fn guess(id: u32) -> bool {
    id.is_multiple_of(2)
}

#[test]
fn what_was_expected_is_no_verdict_in_any_closed_task() {
    type Words = fn(bool) -> Value;
    let pick = |yes: &'static str, no: &'static str| move |is: bool| json!(if is { yes } else { no });
    let check = |said: &dyn Fn(bool) -> Value, correct: &dyn Fn(bool) -> Value| {
        let row = |id: u32, of: bool| json!({"id": id, "prompt": format!("{id}?"), "response": said(of), "correct": correct(truth(id))});
        let (_folder, mut case) = tables(40, |id| row(id, truth(id)), |id| row(id, guess(id)));
        let paired = case.paired();
        assert_eq!(judged(&paired), 0, "{} {}", said(true), correct(true));
        assert!(
            notes(&paired).contains("judges nothing (--correct `correct` where it is a verdict)"),
            "{}",
            notes(&paired)
        );
        case.reading.columns = Columns { correct: Some("correct".to_owned()), ..case.reading.columns };
        assert_eq!(judged(&case.paired()), 80, "whoever names it has looked at it");
        // The same answers, judged: what is right is so by the answer.
        let row = |id: u32, of: bool| json!({"id": id, "prompt": format!("{id}?"), "response": said(of), "correct": of == truth(id)});
        let (_folder, case) = tables(40, |id| row(id, truth(id)), |id| row(id, guess(id)));
        assert_eq!(judged(&case.paired()), 80, "{} {}", said(true), correct(true));
    };
    let boolean: Words = |is| json!(is);
    let number: Words = |is| json!(u8::from(is));
    check(&pick("True", "False"), &boolean);
    check(&pick("True.", "False."), &pick("true", "false"));
    check(&pick("T", "F"), &pick("T", "F"));
    check(&pick("1", "0"), &number);
    check(&pick("positive", "negative"), &number);
    check(&pick("The review is positive.", "The review is negative."), &number);
    check(&pick("correct", "incorrect"), &pick("correct", "incorrect"));
    check(&pick("Yes", "No"), &boolean);
    check(&pick("y", "n"), &pick("y", "n"));
    check(&pick("entailed", "contradicted"), &number);
}

#[test]
fn two_answers_of_a_closed_task_are_not_both_right() {
    let letters = ["A", "B", "C", "D"];
    // The verdicts of the teacher beside the student's answers, and the same question several times.
    let row =
        |id: u32, said: &str| json!({"prompt": format!("{id}?"), "response": said, "correct": !id.is_multiple_of(5)});
    let (_folder, case) =
        tables(40, |id| row(id, letters[id as usize % 4]), |id| row(id, letters[(id as usize + id as usize / 3) % 4]));
    assert_eq!(judged(&case.paired()), 0, "{}", notes(&case.paired()));
    let repeated = |id: u32| row(id / 2, letters[(id as usize / 2 + id as usize % 2) % 4]);
    let (_folder, case) = tables(80, repeated, repeated);
    assert_eq!(judged(&case.paired()), 0, "{}", notes(&case.paired()));
    // What is lost by it is no less lost: nobody judges it in the end.
    let lost =
        |id: u32| json!({"prompt": format!("{}?", id / 2), "response": letters[id as usize % 2], "correct": id > 19});
    let (_folder, case) = tables(80, repeated, lost);
    assert_eq!(judged(&case.paired()), 0, "{}", notes(&case.paired()));
    assert_eq!(case.paired().report.not_compared.unjudged_of_student, 8);
    // A letter in other words is the same answer; a few slips of a judge are no reason to doubt it.
    let worded = |id: u32| row(id, &format!("I choose {}.", letters[id as usize % 4]));
    let (_folder, case) = tables(40, |id| row(id, letters[id as usize % 4]), worded);
    assert_eq!(judged(&case.paired()), 80, "{}", notes(&case.paired()));
    let slips = |id: u32| row(id, letters[(id as usize + usize::from(id % 20 == 1)) % 4]);
    let (_folder, case) = tables(40, |id| row(id, letters[id as usize % 4]), slips);
    assert_eq!(judged(&case.paired()), 80, "{}", notes(&case.paired()));
}

#[test]
fn verdicts_that_never_part_are_one_models() {
    let row = |id: u32, said: String, right: bool| json!({"id": id, "prompt": format!("{id}?"), "response": said, "correct": right});
    let big = |id: u32| row(id, format!("It lies in {id}land."), !id.is_multiple_of(7));
    let (_folder, mut case) = tables(40, big, |id| row(id, format!("Nobody knows, {id}ville?"), !id.is_multiple_of(7)));
    assert_eq!(judged(&case.paired()), 0);
    assert!(notes(&case.paired()).contains("`correct` is the same on all of 40 questions where the answers differ"));
    case.wanted.metric = Some("correct".to_owned());
    assert_eq!(judged(&case.paired()), 80);
    // The other file calls it by another name for the same.
    let other = |id: u32| json!({"id": id, "prompt": format!("{id}?"), "response": format!("Nobody knows, {id}ville?"), "is_correct": !id.is_multiple_of(7)});
    let (_folder, case) = tables(40, big, other);
    assert_eq!(judged(&case.paired()), 0);
    assert!(!notes(&case.paired()).contains("no metric that both models have"), "{}", notes(&case.paired()));
    // One that parts them on a question is a verdict, and so are equal ones on equal answers.
    let (_folder, case) =
        tables(40, big, |id| row(id, format!("Nobody knows, {id}ville?"), !id.is_multiple_of(7) && id != 9));
    assert_eq!(judged(&case.paired()), 80);
    let (_folder, case) = tables(40, big, |id| row(id, format!("I think it is in {id}land"), !id.is_multiple_of(7)));
    assert_eq!(judged(&case.paired()), 80);
}

#[test]
fn what_says_of_every_call_that_it_went_well_judges_none() {
    let row = |id: u32, said: &str, flag: &str| json!({"prompt": format!("{id}?"), "response": said, flag: true});
    for flag in ["success", "pass"] {
        let (_folder, mut case) = tables(10, |id| row(id, "a", flag), |id| row(id, "I do not know", flag));
        assert_eq!(judged(&case.paired()), 0, "{flag}");
        let told =
            format!("imported: `{flag}`: says the same of every answer, as of a call that went well, and judges none");
        assert!(notes(&case.paired()).contains(&told), "{}", notes(&case.paired()));
        assert!(!notes(&case.paired()).contains("no metric that both models have"), "{}", notes(&case.paired()));
        case.wanted.metric = Some(flag.to_owned());
        assert_eq!(judged(&case.paired()), 20, "{flag}");
        case.wanted.metric = None;
        case.reading.columns = Columns { correct: Some(flag.to_owned()), ..case.reading.columns };
        assert_eq!(judged(&case.paired()), 20, "{flag}");
        // One that fails where there is no answer is still of calls; one that fails where there is one is a verdict.
        let mut failed = row(0, "", flag);
        failed[flag] = json!(false);
        let small = |said: &'static str| {
            let mut failed = failed.clone();
            failed["response"] = json!(said);
            move |id: u32| if id == 0 { failed.clone() } else { row(id, "I do not know", flag) }
        };
        let (_folder, case) = tables(10, |id| row(id, "a", flag), small(""));
        assert_eq!(judged(&case.paired()), 0, "{flag}");
        let (_folder, case) = tables(10, |id| row(id, "a", flag), small("b"));
        assert_eq!(judged(&case.paired()), 20, "{flag}");
    }
}

#[test]
fn tests_of_promptfoo_without_assertions_have_no_verdict() {
    let result = |of: &str, more: Value| {
        let mut row = json!({"provider": {"id": of}, "prompt": {"raw": "1?", "label": "p"}, "response": {"output": of},
            "promptIdx": u8::from(of == "small"), "testIdx": 0, "success": true, "score": 1, "namedScores": {}});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let rights = |of_big: Value, of_small: Value| {
        let all = json!({"results": {"version": 3, "results": [result("big", of_big), result("small", of_small)]}});
        let (_folder, paths) = folder(&[("r.json", all.to_string())]);
        let paired = Case::new(&paths).paired();
        let told = notes(&paired).contains("nothing was asserted of 2 answers, so nothing judges them");
        (firsts(&paired)[0].map(|(_, right)| right), told)
    };
    let none = [
        json!({}),
        json!({"testCase": {"vars": {}}}),
        json!({"testCase": {"vars": {}, "assert": []}}),
        json!({"gradingResult": {"pass": true, "score": 1, "reason": "No assertions"}}),
    ];
    for none in none {
        assert_eq!(rights(none.clone(), none.clone()), ([None; 2], true), "{none}");
    }
    let asserted = [
        json!({"testCase": {"assert": [{"type": "equals", "value": "big"}]}}),
        json!({"testCase": {}, "gradingResult": {"reason": "All assertions passed", "componentResults": [{"pass": true}]}}),
    ];
    for asserted in asserted {
        assert_eq!(rights(asserted.clone(), asserted.clone()), ([Some(true); 2], false), "{asserted}");
    }
    // A test that failed says that something was asserted, in files that say nothing else of it.
    assert_eq!(rights(json!({}), json!({"success": false, "score": 0})), ([Some(true), Some(false)], false));
}

/// A line of lm-evaluation-harness with these metrics.
fn line(id: u32, metrics: &Value) -> Value {
    let mut row = json!({"doc_id": id, "doc": id, "target": "x", "arguments": [[format!("{id}?"), {"until": []}]], "resps": [["a"]],
        "filtered_resps": ["a"], "filter": "none", "metrics": metrics.as_object().unwrap().keys().collect::<Vec<_>>()});
    row.as_object_mut().unwrap().extend(metrics.as_object().unwrap().clone());
    row
}

fn harness(big: impl Fn(u32) -> Value, small: impl Fn(u32) -> Value) -> (tempfile::TempDir, Case) {
    let [big, small] = [rows(20, |id| line(id, &big(id))), rows(20, |id| line(id, &small(id)))];
    both("/samples_t_2026-01-01T00.jsonl", big, small)
}

fn rate(paired: &Paired) -> [usize; 2] {
    [0, 1].map(|side| firsts(paired).iter().filter(|pair| pair[side].1 == Some(true)).count())
}

#[test]
fn metrics_of_which_less_is_better_judge_none() {
    for name in ["toxicity", "pct_stereotype", "hallucination", "is_error", "refused", "wer", "attack_success_rate"] {
        let (_folder, mut case) =
            harness(|id| json!({name: f64::from(u8::from(id.is_multiple_of(5)))}), |_| json!({name: 1.0}));
        let paired = case.paired();
        assert_eq!(judged(&paired), 0, "{name}");
        for told in [
            format!("t: `{name}`: less of it is better, by its name, so it says of no answer that it is right"),
            format!(
                "by `{name}`, of which less is better by its name, the student loses more: its mean is 0.20 of the teacher's answers, and 1.00"
            ),
        ] {
            assert!(notes(&paired).contains(&told), "{told}: {}", notes(&paired));
        }
        assert_eq!(paired.report.not_compared.unjudged_of_student, 16, "nobody judges what is worse by it");
        case.wanted.metric = Some(name.to_owned());
        assert_eq!(rate(&case.paired()), [4, 20], "it counts as it stands where it is named");
        let (_folder, case) = harness(|_| json!({name: 1.0}), |_| json!({name: 0.0}));
        assert_eq!(case.paired().report.not_compared.unjudged_of_student, 0, "a better student lacks nothing");
        assert!(!notes(&case.paired()).contains("loses more"));
    }
    // One beside it judges, whatever comes first in the file.
    let (_folder, case) = harness(|_| json!({"m.harm": 0, "m.zacc": 1}), |_| json!({"m.harm": 1, "m.zacc": 0}));
    assert_eq!(rate(&case.paired()), [20, 0]);
    // What an answer takes is no loss.
    let (_folder, case) = harness(|_| json!({"acc": 1, "latency": 0.1}), |_| json!({"acc": 1, "latency": 0.9}));
    assert!(!notes(&case.paired()).contains("loses more"), "{}", notes(&case.paired()));
}

#[test]
fn a_graded_metric_by_which_more_is_lost_is_said_with_its_numbers() {
    let em = |id: u32| f64::from(u8::from(id.is_multiple_of(10)));
    let (_folder, case) = harness(|id| json!({"em": em(id), "f1": 0.9}), |id| json!({"em": em(id), "f1": 0.2}));
    let told = "t: by `f1` the student loses more: its mean is 0.90 of the teacher's answers, and 0.20 of the student's (--metric `f1` \
                --threshold VALUE judges by it)";
    assert!(notes(&case.paired()).contains(told), "{}", notes(&case.paired()));
    assert_eq!(rate(&case.paired()), [2, 2]);
    // Of grades above 1 it is the share of their range; little of it is chance.
    let (_folder, case) = harness(|_| json!({"acc": 1, "score": 5}), |_| json!({"acc": 1, "score": 2}));
    assert!(
        notes(&case.paired()).contains("by `score` the student loses more: its mean is 5.00"),
        "{}",
        notes(&case.paired())
    );
    let (_folder, case) = harness(|_| json!({"acc": 1, "score": 5}), |_| json!({"acc": 1, "score": 4.8}));
    assert!(!notes(&case.paired()).contains("loses more"), "{}", notes(&case.paired()));
}

#[test]
fn the_form_of_answers_judges_after_what_they_say() {
    let of = |id: u32, is_match: f64| json!({"format": u8::from(id > 0), "match": is_match});
    let (_folder, case) = harness(|id| of(id, 1.0), |id| of(id, f64::from(u8::from(id > 14))));
    assert_eq!(rate(&case.paired()), [20, 5]);
    // A grade judges none, and no form stands for it.
    let (_folder, case) = harness(|id| of(id, 1.0), |id| of(id, 0.2));
    assert_eq!(judged(&case.paired()), 0);
    let told =
        "by `match` the student loses more: its mean is 1.00 of the teacher's answers, and 0.20 of the student's";
    assert!(notes(&case.paired()).contains(told), "{}", notes(&case.paired()));
    let (_folder, case) = harness(|id| json!({"format": u8::from(id > 0)}), |id| json!({"format": u8::from(id > 5)}));
    assert_eq!(rate(&case.paired()), [19, 14], "alone it is what there is");
}

#[test]
fn what_is_won_by_one_metric_makes_up_for_nothing_lost_by_another() {
    let (_folder, case) = harness(|_| json!({"acc": 0, "x": 1}), |_| json!({"acc": 1, "x": 1}));
    let told = notes(&case.paired());
    assert!(!told.contains("loses more"), "{told}");
    assert!(
        told.contains("by `acc` the student is better than the teacher, 1.00 after 0.00: is more of `acc` better?"),
        "{told}"
    );
    let (_folder, case) = harness(|_| json!({"acc": 0, "x": 1}), |_| json!({"acc": 1, "x": 0}));
    let told = notes(&case.paired());
    assert!(
        told.contains("by `x` the student loses more: 1.00 of the teacher's answers are right, and 0.00"),
        "{told}"
    );
}
