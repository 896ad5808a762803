//! What says that answers are right, and what only looks like it: columns of what was expected, of calls that went well, metrics of which less is
//! better, and metrics that hide what is lost by another.
#![allow(clippy::unwrap_used, reason = "test code")]

use hydrometer_answers::logged::{Columns, Paired};
use serde_json::{Value, json};

use crate::support::logged::{Case, both, firsts};

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
    id % 2 == 0
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
    let row = |id: u32, said: &str| json!({"prompt": format!("{id}?"), "response": said, "correct": id % 5 != 0});
    let (_folder, case) =
        tables(40, |id| row(id, letters[id as usize % 4]), |id| row(id, letters[(id as usize + id as usize / 3) % 4]));
    assert_eq!(judged(&case.paired()), 0, "{}", notes(&case.paired()));
    let repeated = |id: u32| row(id / 2, letters[(id as usize / 2 + id as usize % 2) % 4]);
    let (_folder, case) = tables(80, repeated, repeated);
    assert_eq!(judged(&case.paired()), 0, "{}", notes(&case.paired()));
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
    let big = |id: u32| row(id, format!("It lies in {id}land."), id % 7 != 0);
    let (_folder, mut case) = tables(40, big, |id| row(id, format!("Nobody knows, {id}ville?"), id % 7 != 0));
    assert_eq!(judged(&case.paired()), 0);
    assert!(notes(&case.paired()).contains("`correct` is the same on all of 40 questions where the answers differ"));
    case.wanted.metric = Some("correct".to_owned());
    assert_eq!(judged(&case.paired()), 80);
    // One that parts them on a question is a verdict, and so are equal ones on equal answers.
    let (_folder, case) = tables(40, big, |id| row(id, format!("Nobody knows, {id}ville?"), id % 7 != 0 && id != 9));
    assert_eq!(judged(&case.paired()), 80);
    let (_folder, case) = tables(40, big, |id| row(id, format!("I think it is in {id}land"), id % 7 != 0));
    assert_eq!(judged(&case.paired()), 80);
}
