//! What the teacher's files judge and the student is not judged on in the end: it is missing of the student, whatever metric, filter,
//! shape or number of answers it went by. A student that stands as well lacks nothing.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support::logged::{Case, both, firsts, folder, texts};
use hydrometer_answers::NotCompared;
use hydrometer_answers::logged::{BadLines, Columns, Given, Unanswered};
use hydrometer_probes::Ask;
use serde_json::{Value, json};

const SAMPLES: &str = "/samples_t_2026-01-01T00.jsonl";

/// Ten lines of a harness.
fn lines(line: impl Fn(u32) -> Value) -> String {
    (0..10).map(|id| format!("{}\n", line(id))).collect()
}

/// A generated answer with these metrics.
fn said(id: u32, filter: &str, metrics: &[(&str, f64)]) -> Value {
    let mut line = json!({"doc_id": id, "doc": {"q": id}, "target": "x", "arguments": [[format!("Q{id}"), {}]],
        "resps": [["a"]], "filtered_resps": ["a"], "filter": filter, "metrics": []});
    for (name, value) in metrics {
        line["metrics"].as_array_mut().unwrap().push(json!(name));
        line[*name] = json!(value);
    }
    line
}

/// A choice between these options, by log-likelihoods.
fn chose(id: u32, options: &[&str], values: &[f64], target: &Value, acc: Option<f64>) -> Value {
    let arguments: Vec<Value> = options.iter().map(|option| json!([format!("Q{id}"), format!(" {option}")])).collect();
    let responses: Vec<Value> = values.iter().map(|value| json!([[value, false]])).collect();
    let mut line = json!({"doc_id": id, "doc": {"q": id}, "target": target, "arguments": arguments, "resps": responses,
        "filter": "none", "metrics": []});
    if let Some(acc) = acc {
        line["metrics"] = json!(["acc"]);
        line["acc"] = json!(acc);
    }
    line
}

/// What is unusable, and what is unjudged of the student.
fn missing(case: &Case) -> [u64; 2] {
    let NotCompared { unusable_of_student, unjudged_of_student, .. } = case.paired().report.not_compared;
    [unusable_of_student, unjudged_of_student]
}

#[test]
fn a_verdict_of_the_teacher_by_any_metric_counts() {
    let check = |big: &[(&str, f64)], small: &[(&str, f64)], expected: u64| {
        let [big_lines, small_lines] = [big, small].map(|metrics| lines(|id| said(id, "none", metrics)));
        let (_folder, case) = both(SAMPLES, big_lines, small_lines);
        assert_eq!(missing(&case), [0, expected], "{big:?}, {small:?}");
        case.paired().report.choices.join("\n")
    };
    let told = check(&[("em", 1.0)], &[("em_v2", 0.0)], 10);
    assert!(told.contains("t: no metric that both models have") && told.contains("`em_v2`"), "{told}");
    check(&[("em", 1.0)], &[], 10);
    // A teacher that is wrong is judged, too.
    check(&[("em", 0.0)], &[("em_v2", 0.0)], 10);
    // It is judged by what both have.
    let told = check(&[("em", 1.0), ("other", 1.0)], &[("em", 1.0)], 0);
    assert!(told.contains("t: metric `em` (--metric NAME); the teacher alone has `other`"), "{told}");
    // What is right or wrong goes before what is something between, whatever stands first.
    let told = check(&[("f1", 0.5), ("em", 1.0)], &[("f1", 0.25), ("em", 0.0)], 0);
    assert!(told.contains("t: metric `em` of `em`, `f1`"), "{told}");
    // A metric that is something between on one side judges no one: missing is where the teacher is right and the student is not.
    check(&[("f1", 1.0)], &[("f1", 0.5)], 10);
    check(&[("f1", 1.0)], &[("f1", 1.0)], 0);
    check(&[("f1", 0.9)], &[("f1", 0.5)], 0);

    // One value in between hides no others, on whichever side it is.
    let values = |part: f64, others: f64| lines(|id| said(id, "none", &[("em", if id == 0 { part } else { others })]));
    let counted = |big: String, small: String| {
        let (_folder, case) = both(SAMPLES, big, small);
        missing(&case)
    };
    assert_eq!(counted(values(1.0, 1.0), values(0.5, 0.0)), [0, 10]);
    assert_eq!(counted(values(0.5, 1.0), values(0.0, 0.0)), [0, 9]);
    assert_eq!(counted(values(0.5, 1.0), values(0.5, 1.0)), [0, 0]);

    // Of several answers the harness judges all together.
    let repeated = |right: f64| {
        let line = |id| {
            let mut line = said(id, "none", &[("em", right)]);
            (line["resps"], line["filtered_resps"]) = (json!([["a", "b"]]), json!(["a", "b"]));
            line
        };
        lines(line)
    };
    assert_eq!(counted(repeated(1.0), repeated(0.0)), [0, 10]);
    assert_eq!(counted(repeated(1.0), repeated(1.0)), [0, 0]);
}

#[test]
fn a_likelihood_that_a_metric_judges_is_not_judged_in_the_end() {
    let words = |logprob: f64, acc: f64| {
        lines(|id| {
            json!({"doc_id": id, "doc": id, "arguments": [[format!("c{id}"), " word"]], "resps": [[[logprob, false]]],
                "filter": "none", "metrics": ["perplexity", "acc"], "perplexity": logprob, "acc": acc})
        })
    };
    let (_folder, case) = both(SAMPLES, words(-1.0, 1.0), words(-9.0, 0.0));
    assert_eq!(missing(&case), [0, 10]);
    let told = case.paired().report.choices.join("\n");
    assert!(!told.contains("perplexity"), "{told}");
    for (big, small) in [(words(-1.0, 1.0), words(-2.0, 1.0)), (words(-1.0, 0.0), words(-2.0, 0.0))] {
        let (_folder, case) = both(SAMPLES, big, small);
        assert_eq!(missing(&case), [0, 0], "it stands as well");
    }
}

#[test]
fn a_choice_that_the_student_did_not_make_among_the_same_is_missing() {
    let target = json!(0);
    let big = |id| chose(id, &["w", "x", "y"], &[-1.0, -5.0, -5.0], &target, Some(1.0));
    let check = |line: &dyn Fn(u32) -> Value, expected: [u64; 2]| {
        // The first is as the teacher's.
        let (_folder, case) = both(SAMPLES, lines(big), lines(|id| if id == 0 { big(id) } else { line(id) }));
        assert_eq!(missing(&case), expected);
        assert_eq!(case.paired().questions.len() as u64, 10 - expected[0]);
    };
    let wrong = [-5.0, -1.0, -5.0];
    check(&|id| chose(id, &["w", "x", "y"], &wrong, &target, Some(0.0)), [0, 0]);
    check(&|id| chose(id, &["w", "x", "Y"], &wrong, &target, Some(0.0)), [9, 0]);
    check(&|id| chose(id, &["w", "x"], &wrong[..2], &target, Some(0.0)), [9, 0]);
    check(
        &|id| {
            let mut line = chose(id, &["w", "x", "y"], &wrong, &target, Some(0.0));
            line["resps"].as_array_mut().unwrap().pop();
            line
        },
        [9, 0],
    );
    check(&|id| said(id, "none", &[("acc", 0.0)]), [9, 0]);

    // Too many options for a choice: it is lost where the metric says so, and else nothing is.
    const MANY: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let many = |right: bool| {
        move |id: u32| {
            let mut values = [-5.0; 10];
            values[usize::from(!right)] = -1.0;
            if id == 0 { big(id) } else { chose(id, &MANY, &values, &json!(0), Some(f64::from(u8::from(right)))) }
        }
    };
    for (right, expected) in [(false, 9), (true, 0)] {
        let (_folder, case) = both(SAMPLES, lines(many(true)), lines(many(right)));
        assert_eq!(missing(&case), [expected, 0]);
    }
}

#[test]
fn a_text_that_is_an_option_is_no_index() {
    let options = ["2", "0", "1", "3"];
    let truths = |target: Value, acc: Option<f64>, values: [f64; 4]| {
        let big = lines(|id| chose(id, &options, &[-2.0, -2.0, -1.5, -2.0], &target, acc));
        let small = lines(|id| chose(id, &options, &values, &target, acc.map(|_| 0.0)));
        let (_folder, case) = both(SAMPLES, big, small);
        let Ask::Choice(choice) = &case.paired().suite.probes[0].ask else { panic!() };
        (choice.truth, missing(&case))
    };
    let wrong = [-1.5, -2.0, -2.0, -2.0];
    assert_eq!(truths(json!("1"), Some(1.0), wrong), (Some(2), [0, 0]));
    assert_eq!(truths(json!("1"), None, wrong), (Some(2), [0, 0]));
    assert_eq!(truths(json!(1), None, wrong), (Some(1), [0, 0]), "a number is an index");
    assert_eq!(truths(json!("3"), None, wrong), (Some(3), [0, 0]));
    // What the student's file names contradicts what the teacher's metric calls right: that is what counts.
    assert_eq!(truths(json!(1), Some(1.0), wrong), (Some(2), [0, 0]));

    // Files that name two options, and no metric says which is right: the student is not judged.
    let chosen = |target: u32| lines(|id| chose(id, &options, &[-2.0, -2.0, -1.5, -2.0], &json!(target), None));
    let (_folder, case) = both(SAMPLES, chosen(2), chosen(1));
    assert_eq!(missing(&case), [0, 10]);
}

#[test]
fn a_name_that_one_model_lacks_for_a_task_is_an_error() {
    let task = |name: &str, line: &dyn Fn(u32) -> Value| (format!("{name}_2026-01-01T00.jsonl"), lines(line));
    let case = |small: &dyn Fn(u32) -> Value| {
        let em = |id| said(id, "none", &[("em", 1.0)]);
        let two = |id| said(id, "none", &[("f1", 1.0), ("acc", 1.0)]);
        let files = [
            ("big", task("samples_a", &em)),
            ("small", task("samples_a", &em)),
            ("big", task("samples_b", &two)),
            ("small", task("samples_b", small)),
        ];
        let files = files.map(|(model, (name, text))| (format!("{model}/{name}"), text));
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let (folder, paths) = folder(&files);
        (folder, Case::new(&paths))
    };
    let (_folder, mut lacks) = case(&|id| said(id, "none", &[("f1", 1.0)]));
    lacks.wanted.metric = Some("acc".to_owned());
    lacks.fails(&["b: the student's files have no metric `acc` there; they have `f1`"]);
    lacks.wanted.metric = Some("f1".to_owned());
    let told = lacks.paired().report.choices.join("\n");
    assert!(told.contains("a: metric `em` (--metric NAME); neither has `f1`"), "{told}");
    assert!(told.contains("b: metric `f1` (--metric NAME); the teacher alone has `acc`"), "{told}");

    let flexible = |id: u32| vec![said(id, "loose", &[("em", 1.0)])];
    let strict = |id: u32| vec![said(id, "strict", &[("em", 1.0)]), said(id, "loose", &[("em", 1.0)])];
    let all =
        |lines: &dyn Fn(u32) -> Vec<Value>| (0..10).flat_map(lines).map(|line| format!("{line}\n")).collect::<String>();
    let (_folder, mut case) = both(SAMPLES, all(&strict), all(&flexible));
    let told = case.paired().report.choices.join("\n");
    assert!(told.contains("t: filter `loose` (--filter NAME); the teacher alone has `strict`"), "{told}");
    case.wanted.filter = Some("strict".to_owned());
    case.fails(&["t: the student's files have no filter `strict` there; they have `loose`"]);
    let (_folder, mut case) = both(SAMPLES, all(&flexible), all(&strict));
    case.wanted.filter = Some("strict".to_owned());
    case.fails(&["the teacher's files have no filter `strict`"]);
    // What the teacher answered under another filter alone is not out of the numbers.
    let part = |id: u32| if id < 4 { strict(id) } else { vec![said(id, "strict", &[("em", 1.0)])] };
    let (_folder, case) = both(SAMPLES, all(&part), all(&flexible));
    assert_eq!(case.paired().report.not_compared.teacher_alone, 6);
}

/// Ten rows of a table with what else they hold.
fn rows(more: impl Fn(u32) -> Value) -> String {
    lines(|id| {
        let mut row = json!({"prompt": format!("Q{id}?"), "response": "a"});
        row.as_object_mut().unwrap().extend(more(id).as_object().unwrap().clone());
        row
    })
}

#[test]
fn names_of_one_verdict_are_one_metric() {
    let (_folder, mut case) = both(
        ".jsonl",
        rows(|_| json!({"is_correct": true, "score": 1})),
        rows(|_| json!({"correct": false, "score": 1})),
    );
    assert_eq!(firsts(&case.paired())[0], [("a", Some(true)), ("a", Some(false))]);
    let told = case.paired().report.choices.join("\n");
    assert!(
        told.contains(
            "metric `is_correct` of `is_correct`, `score` (--metric NAME); which the student's files call `correct`"
        ),
        "{told}"
    );
    case.wanted.metric = Some("score".to_owned());
    assert_eq!(firsts(&case.paired())[0][1], ("a", Some(true)));
    // Where both have a name, it is the same name.
    let (_folder, mut case) =
        both(".jsonl", rows(|_| json!({"correct": true, "passed": true})), rows(|_| json!({"passed": false})));
    assert_eq!(firsts(&case.paired())[0], [("a", Some(true)), ("a", Some(false))]);
    case.wanted.metric = Some("exact_match".to_owned());
    case.fails(&["no metric `exact_match`", "correct, passed"]);
    let (_folder, mut case) =
        both(".jsonl", rows(|_| json!({"correct": true, "exact_match": true})), rows(|_| json!({"exact_match": true})));
    case.wanted.metric = Some("correct".to_owned());
    case.fails(&["the student's files have no metric `correct` there; they have `exact_match`"]);
}

#[test]
fn what_says_of_every_call_that_it_went_well_judges_last() {
    let check = |flag: &str, judge: &str, [right, wrong]: [Value; 2], expected: [Option<bool>; 2]| {
        let lines = |of: &Value| rows(|id| json!({flag: true, judge: if id > 0 { of.clone() } else { right.clone() }}));
        let (_folder, case) = both(".jsonl", lines(&right), lines(&wrong));
        let last = case
            .paired()
            .questions
            .iter()
            .map(|q| [&q.teacher, &q.student].map(|a| texts(a)[0].right))
            .next_back()
            .unwrap();
        assert_eq!(last, expected, "{flag} {judge}");
    };
    check("success", "score", [json!(1), json!(0)], [Some(true), Some(false)]);
    check("success", "correct", [json!(true), json!(false)], [Some(true), Some(false)]);
    check("passed", "exact_match", [json!(1), json!(0)], [Some(true), Some(false)]);
    // A grade judges nothing without a threshold, and no call stands for it.
    check("success", "score", [json!(5), json!(1)], [None, None]);
    // Nor does a call of the student's stand for a verdict of the teacher's.
    let (_folder, case) = both(".jsonl", rows(|_| json!({"correct": true})), rows(|_| json!({"success": true})));
    assert_eq!(missing(&case), [0, 10]);
}

#[test]
fn letters_are_verdicts_where_there_are_no_others() {
    let letters = |of: [&'static str; 4]| rows(move |id| json!({"id": id, "correct": of[id as usize % 4]}));
    let judged = |of: [&'static str; 4]| {
        let (_folder, case) = both(".jsonl", letters(of), letters(of));
        let paired = case.paired();
        (firsts(&paired).iter().filter(|[teacher, _]| teacher.1.is_some()).count(), paired.report.choices.join("\n"))
    };
    assert_eq!(judged(["C", "I", "N", "I"]).0, 10);
    for other in [["A", "B", "C", "D"], ["A", "C", "F", "I"], ["Paris", "C", "N", "I"]] {
        let (judged, told) = judged(other);
        assert_eq!(judged, 0, "{other:?}");
        assert!(told.contains("`C`") && told.contains("are no verdict that is known"), "{told}");
    }

    let log = |grades: [&str; 2]| {
        let sample = |(id, grade): (usize, &&str)| {
            json!({"id": id, "epoch": 1, "input": format!("Q{id}?"), "target": "x",
            "output": {"choices": [{"message": {"role": "assistant", "content": "a"}}]}, "scores": {"s": {"value": grade}}})
        };
        json!({"eval": {"task": "t", "model": "m"}, "samples": grades.iter().enumerate().map(sample).collect::<Vec<_>>()})
            .to_string()
    };
    let rights = |grades: [&str; 2]| {
        let (_folder, case) = both(".json", log(grades), log(grades));
        firsts(&case.paired()).iter().map(|[teacher, _]| teacher.1).collect::<Vec<_>>()
    };
    assert_eq!(rights(["C", "I"]), [Some(true), Some(false)]);
    assert_eq!(rights(["C", "A"]), [None, None], "grades");
}

#[test]
fn answers_without_a_number_are_all_answers() {
    let once = rows(|_| json!({"correct": true}));
    let again = rows(|_| json!({"response": "z", "correct": false}));
    let (_folder, case) = both(".jsonl", once.clone(), once.clone() + &again);
    let paired = case.paired();
    assert_eq!(paired.questions.len(), 10);
    let rights: Vec<Option<bool>> = texts(&paired.questions[0].student).iter().map(|answer| answer.right).collect();
    assert_eq!(rights, [Some(true), Some(false)]);
    assert_eq!(paired.report.not_compared, NotCompared::default());
    let Given::Texts(of_teacher) = &paired.questions[0].teacher else { panic!() };
    assert_eq!(of_teacher.len(), 1);

    // The teacher's second answers are expected: one of the student's may be the best of several.
    let (_folder, case) = both(".jsonl", once.clone() + &again, once.clone());
    assert_eq!(case.paired().report.not_compared.short_of_student, 5);
    // Where every question has several of both, they are draws, as many as somebody chose.
    let (_folder, case) = both(".jsonl", once.clone() + &again + &again, once.clone() + &again);
    let report = case.paired().report;
    assert_eq!(report.not_compared, NotCompared::default());
    let told = "imported: the teacher answered most questions 3 times, and the student 2 times".to_owned();
    assert!(report.choices.contains(&told), "{:?}", report.choices);
    // Of those a question that has fewer than the others lacks the rest of them, wherever the teacher has one less.
    let to_most = again.lines().take(9).collect::<Vec<_>>().join("\n");
    let (_folder, case) = both(".jsonl", once.clone() + &again + &to_most, once.clone() + &to_most);
    assert_eq!(case.paired().report.not_compared.short_of_student, 1, "{:?}", case.paired().report);
    // One that stands there twice makes no others lacking, whoever has it twice.
    let twice = once.clone() + once.lines().next().unwrap();
    let short = |big: &str, small: &str| {
        let (_folder, case) = both(".jsonl", big, small);
        case.paired().report.not_compared.short_of_student
    };
    assert_eq!([short(&twice, &twice), short(&once, &twice), short(&twice, &once)], [0, 0, 1]);
}

#[test]
fn a_student_that_answered_easy_questions_more_often_falls_short_on_the_others() {
    let runs = |count: &dyn Fn(u32) -> u32| -> String {
        let row = |id: u32, epoch: u32| json!({"id": id, "prompt": format!("Q{id}?"), "response": "a", "correct": true, "ep": epoch});
        (0..10).flat_map(|id| (1..=count(id)).map(move |epoch| format!("{}\n", row(id, epoch)))).collect()
    };
    let short = |big: &dyn Fn(u32) -> u32, small: &dyn Fn(u32) -> u32| {
        let (_folder, mut case) = both(".jsonl", runs(big), runs(small));
        case.reading.columns = Columns { epoch: Some("ep".to_owned()), ..case.reading.columns };
        case.paired().report.not_compared.short_of_student
    };
    // Half of the questions lack three of four runs.
    assert_eq!(short(&|_| 1, &|id| if id % 2 == 0 { 4 } else { 1 }), 4);
    assert_eq!(short(&|_| 4, &|id| if id % 2 == 0 { 4 } else { 1 }), 4);
    assert_eq!(short(&|_| 1, &|_| 4), 0);
    assert_eq!(short(&|_| 4, &|_| 1), 0);
    assert_eq!(short(&|id| if id == 0 { 4 } else { 1 }, &|_| 1), 0, "what the teacher lacks is no loss");
}

#[test]
fn lines_of_the_student_that_cannot_be_read_were_put_to_it() {
    let line = |id: u32| format!("{{\"id\":{id},\"prompt\":\"Q{id}?\",\"response\":\"a\",\"correct\":true}}\n");
    let whole: String = (0..10).map(line).collect();
    let cut: String =
        (0..10).map(|id| if id < 4 { line(id) } else { format!("{{\"id\":{id},\"response\":\"a\n") }).collect();
    let of = |big: &str, small: &str| {
        let (_folder, mut case) = both(".jsonl", big, small);
        case.reading.bad_lines = BadLines::Skip;
        case.wanted.unanswered = Unanswered::NeverAsked;
        let report = case.paired().report;
        (report.not_compared.teacher_alone, report.choices.join("\n"))
    };
    let (alone, told) = of(&whole, &cut);
    assert_eq!(alone, 6, "{told}");
    assert!(told.contains("6 lines that cannot be read") && !told.contains("never put"), "{told}");
    // Five lines were not there at all, one could not be read.
    let short: String = (0..4).map(line).collect::<String>() + "{\"id\":4,\n";
    let (alone, told) = of(&whole, &short);
    assert_eq!(alone, 1);
    assert!(told.contains("5 questions of the teacher were never put to the student (--common)"), "{told}");
    // The teacher's lines are not the student's.
    let big = whole.clone() + "{\"id\":10,\n";
    assert_eq!(of(&big, &short[..short.len() - 9]).0, 0);
}
