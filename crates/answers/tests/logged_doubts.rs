//! Files in which something is not what its name says, or what makes questions different stands where nobody looks: each is mended where that is
//! sure, and said where it is not.
#![allow(clippy::unwrap_used, reason = "test code")]

use hydrometer_answers::logged::Columns;
use serde_json::{Value, json};

use crate::support::logged::{Case, both, firsts, folder, prompt};

fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| format!("{row}\n")).collect()
}

fn notes(case: &Case) -> String {
    case.paired().report.choices.join("\n")
}

#[test]
fn a_template_about_other_texts_asks_other_questions() {
    const DOCUMENTS: [&str; 3] = ["A fine film.", "Dull from the start.", "I slept well."];
    let row =
        |document: &str, response: &str| json!({"prompt": "Good or bad?", "sentence": document, "response": response});
    let big = DOCUMENTS.map(|document| row(document, "x"));
    // In another order, so that nothing but the text says which is which.
    let mut small = [2, 0, 1].map(|place| row(DOCUMENTS[place], DOCUMENTS[place]));
    small[0]["sentence"] = json!(format!("{} ", DOCUMENTS[2]));
    let (_folder, case) = both(".jsonl", lines(big.clone()), lines(small.clone()));
    let paired = case.paired();
    assert_eq!(firsts(&paired), DOCUMENTS.map(|document| [("x", None), (document, None)]));
    assert_eq!((prompt(&paired, 1), paired.report.repeated), ("Good or bad?\n\nDull from the start.", 0));
    assert!(notes(&case).contains("told apart by `sentence`, which is asked with them"), "{}", notes(&case));
    // Identifiers join them as well, and each is still a family of its own.
    let numbered = |rows: &[Value]| {
        let id =
            |row: &Value| DOCUMENTS.iter().position(|document| row["sentence"].as_str().unwrap().trim() == *document);
        lines(rows.iter().map(|row| {
            let mut row = row.clone();
            row["id"] = json!(id(&row));
            row
        }))
    };
    let (_folder, case) = both(".jsonl", numbered(&big), numbered(&small));
    assert_eq!((case.paired().suite.probes.len(), case.paired().report.repeated), (3, 0));
    // Both models in one file.
    let of = |rows: &[Value], model: &str| {
        lines(rows.iter().map(|row| {
            let mut row = row.clone();
            row["model"] = json!(model);
            row
        }))
    };
    let (_folder, paths) = folder(&[("all.jsonl", of(&big, "big") + &of(&small, "small"))]);
    assert_eq!(Case::new(&paths).paired().suite.probes.len(), 3);
}

#[test]
fn texts_that_a_model_or_a_run_wrote_tell_nothing_apart() {
    let check = |row: fn(&str, u32) -> Value| {
        let [big, small] = ["big", "small"].map(|model| lines((0..3).map(|n| row(model, n))));
        let (_folder, case) = both(".jsonl", big, small);
        let paired = case.paired();
        assert_eq!((paired.suite.probes.len(), prompt(&paired, 0)), (1, "Say it."), "{}", row("big", 0));
        assert!(!notes(&case).contains("told apart"), "{}", notes(&case));
    };
    check(|model, n| json!({"prompt": "Say it.", "full_text": format!("{model} thought of {n}"), "response": "a"}));
    check(|_, n| json!({"prompt": "Say it.", "seed": n.to_string(), "run": format!("run-{n}"), "response": "a"}));
    check(|_, n| json!({"prompt": "Say it.", "reference_answer": format!("gold number {n}"), "response": "a"}));
    check(|_, n| json!({"prompt": "Say it.", "judge_comment": format!("good answer {n}"), "response": "a"}));
}

#[test]
fn identifiers_of_two_spellings_are_told_where_others_join() {
    let row = |id: Value| json!({"id": id, "response": "a"});
    let (_folder, case) =
        both(".jsonl", lines([1, 20].map(|id| row(json!(id)))), lines(["001", "20"].map(|id| row(json!(id)))));
    assert_eq!(case.paired().suite.probes.len(), 1);
    assert!(notes(&case).contains("the identifiers `1` and `001` look like two spellings of one"), "{}", notes(&case));
    let (_folder, case) =
        both(".jsonl", lines([1, 20].map(|id| row(json!(id)))), lines([2, 20].map(|id| row(json!(id)))));
    assert!(!notes(&case).contains("spellings"), "{}", notes(&case));
}

#[test]
fn files_of_one_name_are_called_by_their_folders() {
    let row = |said: &str| json!({"prompt": "1?", "response": said}).to_string();
    let (_folder, paths) = folder(&[("big/answers.jsonl", row("a")), ("small/answers.jsonl", row("b"))]);
    assert_eq!(firsts(&Case::new(&paths).paired()), [[("a", None), ("b", None)]]);
    Case::new(&paths).of("large", "small").fails(&["`large`", "the answers are by big, small"]);
}

#[test]
fn a_metric_by_which_more_is_lost_is_said() {
    let row =
        |id: u32, passed: bool, exact: bool| json!({"id": id, "response": "a", "passed": passed, "exact_match": exact});
    let rows = |exact: fn(u32) -> bool| lines((0..10).map(|id| row(id, id > 1, exact(id))));
    let (_folder, mut case) = both(".jsonl", rows(|_| true), rows(|id| id == 0));
    let told =
        "by `exact_match` the student loses more: 1.00 of the teacher's answers are right, and 0.10 of the student's";
    assert!(notes(&case).contains(told), "{}", notes(&case));
    case.wanted.metric = Some("passed".to_owned());
    assert!(!notes(&case).contains("loses more"), "whoever names a metric has looked at them: {}", notes(&case));
    let (_folder, case) = both(".jsonl", rows(|_| true), rows(|_| true));
    assert!(!notes(&case).contains("loses more"), "{}", notes(&case));
}

#[test]
fn answers_that_are_all_the_same_are_doubted() {
    let row = |id: u32, said: &str| json!({"question": format!("{id}?"), "answer": format!("{said} {id} {}", "and so on ".repeat(6))});
    let [same, other] = ["a", "b"].map(|said| lines((0..20).map(|id| row(id, said))));
    let (_folder, case) = both(".jsonl", same.clone(), same.clone());
    assert!(notes(&case).contains("answered 20 questions in the same letters"), "{}", notes(&case));
    let (_folder, case) = both(".jsonl", same, other);
    assert!(!notes(&case).contains("same letters"), "{}", notes(&case));
}

#[test]
fn yes_and_no_beside_answers_of_yes_and_no_are_no_verdicts() {
    let row = |id: u32, said: &str| json!({"id": id, "response": said, "correct": if id.is_multiple_of(2) { "yes" } else { "no" }});
    let [big, small] = ["Yes.", "No, it is not."].map(|said| lines((0..4).map(|id| row(id, said))));
    let (_folder, mut case) = both(".jsonl", big, small);
    assert_eq!(firsts(&case.paired())[0], [("Yes.", None), ("No, it is not.", None)]);
    assert!(
        notes(&case).contains("`correct` says yes and no, as the answers do, and judges nothing"),
        "{}",
        notes(&case)
    );
    case.reading.columns = Columns { correct: Some("correct".to_owned()), ..case.reading.columns };
    assert_eq!(firsts(&case.paired())[0], [("Yes.", Some(true)), ("No, it is not.", Some(true))]);
    let words = |said: &str| lines((0..4).map(|id| row(id, said)));
    let (_folder, case) = both(".jsonl", words("Paris"), words("Rome"));
    assert_eq!(firsts(&case.paired())[1], [("Paris", Some(false)), ("Rome", Some(false))]);
}

#[test]
fn logs_of_chats_have_their_conversation_in_the_singular() {
    let row = |said: &str| {
        json!({"conversation_id": "c", "conversation": [{"role": "user", "content": "1?"}, {"role": "assistant", "content": said}],
            "language": "English", "redacted": false})
    };
    let (_folder, case) = both(".jsonl", row("a").to_string(), row("b").to_string());
    assert_eq!(firsts(&case.paired()), [[("a", None), ("b", None)]]);
    assert_eq!(prompt(&case.paired(), 0), "1?");
}

#[test]
fn cells_may_be_separated_by_semicolons() {
    let table = |said: &str| format!("prompt;response;note\n1?;{said};\"x, y\"\n");
    let (_folder, case) = both(".csv", table("a"), table("b"));
    assert_eq!(firsts(&case.paired()), [[("a", None), ("b", None)]]);
}

#[test]
fn what_was_found_stands_before_the_formats_that_there_are() {
    let (_folder, case) = both(".jsonl", r#"{"foo":1,"bar":2}"#, r#"{"foo":1}"#);
    case.fails(&[
        "big.jsonl: expected answers in a format that is known, found the fields `foo`, `bar`; name its columns",
    ]);
}

#[test]
fn chats_that_end_with_the_user_are_told() {
    let user = |text: &str| json!({"role": "user", "content": text});
    let model = |text: &str| json!({"role": "assistant", "content": text});
    let chat = |messages: &[serde_json::Value]| json!({ "messages": messages });
    let open = || chat(&[user("1?"), model("a"), user("thanks")]);
    let answered = || chat(&[user("2?"), model("b")]);
    let called = chat(&[user("3?"), json!({"role": "tool", "content": "found"})]);
    let (_folder, case) = both(".jsonl", lines([open(), answered(), called]), lines([open(), answered()]));
    assert!(
        notes(&case).contains(
            "big.jsonl: conversations that end with a message of the user: 1, and with a message of a tool or the system: 1, of 3: the \
             model's answer to it is not there"
        ),
        "{}",
        notes(&case)
    );
    assert!(
        notes(&case).contains("small.jsonl: conversations that end with a message of the user: 1, of 2:"),
        "{}",
        notes(&case)
    );
    let (_folder, case) = both(".jsonl", lines([answered()]), lines([answered()]));
    assert!(!notes(&case).contains("conversations that end"), "{}", notes(&case));
    let (_folder, case) = both(".jsonl", open().to_string(), answered().to_string());
    case.fails(&["1 of those of `big` have no answer (such as chats that end with a message of the user)"]);
}

#[test]
fn a_folder_without_files_of_a_tool_says_what_it_holds() {
    let row = r#"{"prompt":"1?","response":"a"}"#;
    let fails = |files: &[(&str, &str)], expected: &[&str]| {
        let (folder, _) = folder(files);
        Case::new(&[folder.path().to_path_buf()]).fails(expected);
    };
    fails(&[("x/out.jsonl", row)], &["found `x/out.jsonl`; name the file itself: ", "x/out.jsonl"]);
    let many = [("a.jsonl", row), ("b.csv", row), ("x/c.jsonl.gz", row), ("x/d.json", row), ("notes.md", row)];
    fails(
        &many,
        &["found `a.jsonl`, `b.csv`, `x/c.jsonl.gz` and 1 more; name the files themselves, such as ", "a.jsonl"],
    );
    fails(&[("notes.md", row)], &["found none; name the files themselves"]);
}
