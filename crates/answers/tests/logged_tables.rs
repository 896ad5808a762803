//! Tables as evaluations write them: which column is the answer, what belongs to the question, what a cell of answers may hold.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::logged::{Case, both, firsts, folder, prompt, texts};
use hydrometer_answers::FinishReason;
use hydrometer_answers::logged::prompts;

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// The same rows for both models.
fn same(rows: &[Value]) -> (tempfile::TempDir, Case) {
    both(".jsonl", lines(rows), lines(rows))
}

/// What both models said, where rows for both are these.
fn said(rows: &[Value]) -> Vec<Vec<String>> {
    let (_folder, case) = same(rows);
    let texts = |given| texts(given).iter().map(|answer| answer.text.clone()).collect();
    case.paired().questions.iter().map(|question| texts(&question.student)).collect()
}

/// What an import says when it refuses these rows.
fn refused(rows: &[Value]) -> String {
    let (_folder, case) = same(rows);
    case.pair().unwrap_err().to_string()
}

#[test]
fn columns_that_disagree_are_refused_by_name() {
    let check = |row: Value, names: [&str; 2]| {
        let error = refused(std::slice::from_ref(&row));
        assert!(
            error.contains("expected one column of answers") && error.contains("--answer COLUMN"),
            "{row}: {error}"
        );
        for name in names {
            assert!(error.contains(&format!("`{name}`")), "{row}: {error}");
        }
    };
    // What was expected, under names that elsewhere mean an answer, beside what was said.
    for said in ["prediction", "generation", "model_output", "generated_text", "predicted_answer", "actual_output"] {
        check(json!({"instruction": "1?", "output": "a", said: "b"}), ["output", said]);
        check(json!({"prompt": "1?", "completion": "a", said: "b"}), ["completion", said]);
        check(json!({"prompt": "1?", "response": "a", said: "b"}), ["response", said]);
    }
    check(json!({"question": "1?", "output": "a", "answer": "b"}), ["output", "answer"]);
    // Names of nobody's list that say what they hold.
    check(json!({"question": "1?", "answer": "a", "gpt4_answer": "b"}), ["answer", "gpt4_answer"]);
    check(json!({"question": "1?", "output": "a", "studentPrediction": "b"}), ["output", "studentPrediction"]);
    check(json!({"question": "1?", "answer": "a", "extracted_answer": "b"}), ["answer", "extracted_answer"]);
    check(json!({"question": "1?", "response": "a", "sft_generations": ["b"]}), ["response", "sft_generations"]);
    // A column that is empty where the other is not: the other may hold what was expected.
    check(json!({"instruction": "1?", "output": "a", "prediction": null}), ["output", "prediction"]);
    check(json!({"question": "1?", "answer": "a", "response": null}), ["answer", "response"]);
    let rows =
        [json!({"id": 1, "output": "a", "prediction": "a"}), json!({"id": 2, "output": "b", "prediction": null})];
    assert!(refused(&rows).starts_with("big.jsonl:2: expected one column of answers"));
    let rows = [json!({"id": 1, "output": "a", "reply": "a"}), json!({"id": 2, "output": "b"})];
    assert!(refused(&rows).contains("`output`, and `reply` without anything"));
    // The file that shows it need not be the first.
    let row = |said: &str| json!({"instruction": "1?", "output": "a", "prediction": said}).to_string();
    let (_folder, mut case) = both(".jsonl", row("a"), row("b"));
    case.fails(&["small.jsonl:1", "`output` and `prediction`, which differ", "--answer COLUMN"]);
    case.reading.columns.answer = Some("prediction".to_owned());
    assert_eq!(firsts(&case.paired()), [[("a", None), ("b", None)]]);
}

#[test]
fn columns_that_are_no_other_answer_are_left_alone() {
    let check = |row: Value| assert_eq!(said(std::slice::from_ref(&row)), [["b"]], "{row}");
    // Beside words that only a model says, `answer` is what was expected, and parts are parts.
    for said in ["response", "pred", "prediction", "model_answer"] {
        check(json!({"question": "1?", "answer": "a", said: "b"}));
        check(json!({"question": "1?", "answers": ["a"], said: "b", "extracted_answer": "c"}));
    }
    check(
        json!({"question": "1?", "output": "b", "expected_output": "a", "output_tokens": "12", "answer_type": "word"}),
    );
    check(json!({"input": "1?", "actual_output": "b", "expected_output": "a", "retrieval_context": ["c"]}));
    check(json!({"question": "1?", "answer": "b", "ground_truth": "a", "contexts": ["c"], "correctAnswer": "a"}));
    check(json!({"prompt": "1?", "completion": "b", "output": "b"}));
    check(json!({"0": {"origin_prompt": "1?", "prediction": "b", "gold": "a"}}));
    let (_folder, mut case) = same(&[json!({"prompt": "1?", "output": "b", "prediction": "c"})]);
    case.reading.columns.label = Some("prediction".to_owned());
    let paired = case.paired();
    let answer = &texts(&paired.questions[0].student)[0];
    assert_eq!((answer.text.as_str(), answer.label.as_deref()), ("b", Some("c")), "it has another use");
    let (_folder, case) = same(&[json!({"question": "1?", "answer": "a", "pred": "b"})]);
    let notes = case.paired().report.choices.join("\n");
    assert!(notes.contains("answers are in `pred`, and `answer` is taken for what was expected"), "{notes}");
}

#[test]
fn a_null_is_as_if_the_column_were_not_there() {
    let big = json!({"prompt": "1?", "response": "a", "id": 7, "model": "x"});
    let small =
        json!({"question": "1?", "prompt": null, "response": null, "output": "a", "id": null, "idx": 7, "model": null});
    let (_folder, case) = both(".jsonl", big.to_string(), small.to_string());
    let paired = case.paired();
    assert_eq!((firsts(&paired), paired.report.missing), (vec![[("a", None); 2]], 0));
    let notes = paired.report.choices.join("\n");
    assert!(notes.contains("small.jsonl: answers are in `output`, and `response` is always empty"), "{notes}");
    // Where every column is empty, the answer is missing.
    let rows = [json!({"id": 1, "output": "a", "response": null}), json!({"id": 2, "output": null, "response": null})];
    assert_eq!(said(&rows), [["a"], [""]]);
    let rows = [json!({"id": 1, "response": "a"}), json!({"id": 2, "output": "b"})];
    assert_eq!(said(&rows), [["a"], ["b"]], "never two in one row");
    // A chat is no table for an empty column, and a table is one though its first answer is missing.
    let chat = json!([{"role": "user", "content": "1?"}, {"role": "assistant", "content": "a"}]);
    assert_eq!(said(&[json!({"messages": chat, "response": null})]), [["a"]]);
    let asked = json!([{"role": "user", "content": "1?"}]);
    let rows =
        [json!({"messages": asked, "id": 1, "response": null}), json!({"messages": asked, "id": 2, "response": "b"})];
    assert_eq!(said(&rows), [[""], ["b"]]);
    // A chat of which the model's turn was expected.
    let turns = json!([{"from": "human", "value": "1?"}, {"from": "gpt", "value": "gold"}]);
    assert_eq!(said(&[json!({"conversations": turns, "prediction": "b"})]), [["b"]]);
}

#[test]
fn what_belongs_to_a_question_is_asked_with_it() {
    let joined = |row: fn(&str) -> Value, words: &str| {
        let rows = ["x", "y"].map(row);
        let mut turned = rows.clone();
        turned.reverse();
        let (_folder, case) = both(".jsonl", lines(&rows), lines(&turned));
        let paired = case.paired();
        assert_eq!(firsts(&paired), [[("x", None); 2], [("y", None); 2]], "{rows:?}");
        assert_eq!((prompt(&paired, 0), paired.report.repeated), (words, 0), "{rows:?}");
    };
    joined(|x| json!({"instruction": "Do.", "input": x, "output": x}), "Do.\n\nx");
    joined(|x| json!({"question": "Total?", "context": x, "response": x}), "Total?\n\nx");
    joined(|x| json!({"user_input": "Total?", "retrieved_contexts": [x, "z"], "response": x}), "Total?\n\nx\n\nz");
    joined(|x| json!({"prompt": "Answer briefly.", "question": x, "response": x}), "Answer briefly.\n\nx");
    joined(|x| json!({"question": "Which?", "choices": [x, "z"], "response": x}), "Which?\n\nx\n\nz");
    joined(|x| json!({"question": "Which?", "A": x, "B": "z", "response": x}), "Which?\n\nA. x\n\nB. z");
    joined(|x| json!({"inputs": {"question": "Which?", "context": x}, "outputs": {"output": x}}), "Which?\n\nx");
    // What the prompt says already is not said again, and a column that is named is the whole question.
    joined(|x| json!({"prompt": format!("Do {x}!"), "input": x, "response": x}), "Do x!");
    let (_folder, mut case) = same(&[json!({"question": "1?", "context": "c", "response": "a"})]);
    case.reading.columns.prompt = Some("question".to_owned());
    assert_eq!(prompt(&case.paired(), 0), "1?");
}

/// One answer in many wrappings.
#[test]
fn responses_of_providers_are_read() {
    let message = json!({"role": "assistant", "content": "a"});
    let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
    for response in [
        json!("a"),
        json!(["a"]),
        json!({"id": "1", "object": "chat.completion", "model": "m", "choices": choices, "usage": {"total_tokens": 1}}),
        json!({"object": "text_completion", "choices": [{"text": "a", "index": 0}]}),
        json!({"status_code": 200, "body": {"choices": choices}}),
        json!({"object": "response", "output": [{"type": "reasoning", "summary": []}, {"type": "message", "content": [{"type": "output_text", "text": "a"}]}]}),
        json!({"id": "msg", "type": "message", "role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "a"}], "stop_reason": "end_turn"}),
        json!({"candidates": [{"content": {"parts": [{"text": "t", "thought": true}, {"text": "a"}], "role": "model"}, "finishReason": "STOP"}], "responseId": "r"}),
        json!({"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}, "stopReason": "end_turn"}),
        json!({"model": "m", "message": message, "done": true}),
        json!({"model": "m", "created_at": "now", "response": "a", "done": true, "done_reason": "stop", "context": [1], "total_duration": 1}),
        json!({"generations": [[{"text": "a", "message": {}}]], "llm_output": {}}),
        json!({"type": "ai", "data": {"content": "a", "type": "ai"}}),
        json!({"lc": 1, "type": "constructor", "id": ["AIMessage"], "kwargs": {"content": "a", "type": "ai"}}),
        json!({"generated_text": "a"}),
        json!({"generated_text": "a", "details": {"finish_reason": "length"}}),
        json!([{"index": 0, "text": "a", "token_ids": [1], "logprobs": null}]),
        json!([{"role": "user", "content": "1?"}, {"role": "assistant", "content": "a"}]),
        json!([{"type": "text", "text": "a"}]),
        json!([{"type": "reasoning", "summary": []}, {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]),
        json!([{"type": "human", "content": "1?"}, {"type": "ai", "content": "a"}]),
        message.clone(),
    ] {
        assert_eq!(said(&[json!({"prompt": "1?", "response": response})]), [["a"]], "{response}");
    }
    // What surrounds an answer makes no other answer of it.
    let row = |id: &str| json!({"prompt": "1?", "response": {"id": id, "choices": choices}}).to_string();
    let (_folder, case) = both(".jsonl", row("x"), row("y"));
    assert_eq!(firsts(&case.paired()), [[("a", None); 2]]);
    let cut = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "MAX_TOKENS"}]});
    let (_folder, case) = same(&[json!({"prompt": "1?", "response": cut})]);
    assert_eq!(texts(&case.paired().questions[0].student)[0].finish, FinishReason::Length);
    // What failed is missing.
    for response in [
        json!(null),
        json!([]),
        json!({"error": {"code": 429}}),
        json!({"status_code": 500, "body": {}}),
        json!({"choices": []}),
        json!({"promptFeedback": {"blockReason": "SAFETY"}}),
        json!({"output": null}),
    ] {
        let rows = [json!({"id": 1, "response": "a"}), json!({"id": 2, "response": response})];
        assert_eq!(said(&rows), [["a"], [""]], "{response}");
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    for response in [
        json!({"city": "Paris", "river": "Seine"}),
        json!({"data": {"x": 1}}),
        json!({"choices": [{"delta": {}}]}),
        json!({"answer": "a", "why": "b"}),
        json!([["a", "b"], ["c"]]),
        json!([{"text": "a"}, {"text": "b"}]),
        json!([{"role": "user", "content": "a"}]),
        json!([{"type": "answer", "value": "a"}]),
    ] {
        let error = refused(&[json!({"prompt": "1?", "response": response})]);
        assert!(error.contains("big.jsonl:1: expected a text, texts, a message or a response"), "{response}: {error}");
        assert!(error.contains("in `response`") && error.contains("--answer"), "{response}: {error}");
    }
}

#[test]
fn a_list_of_texts_is_samples() {
    let row = |answers: [&str; 2], right: [bool; 2]| json!({"prompt": "1?", "response": answers, "correct": right});
    let (_folder, case) =
        both(".jsonl", row(["a", "b"], [true, false]).to_string(), row(["b", "a"], [false, true]).to_string());
    let paired = case.paired();
    let of = |given| texts(given).iter().map(|answer| (answer.text.clone(), answer.right)).collect::<Vec<_>>();
    let [teacher, student] = [&paired.questions[0].teacher, &paired.questions[0].student].map(of);
    assert_eq!(teacher, [("a".to_owned(), Some(true)), ("b".to_owned(), Some(false))]);
    assert_eq!(student, [("b".to_owned(), Some(false)), ("a".to_owned(), Some(true))]);
    // One verdict on both is none on either.
    let (_folder, case) = same(&[json!({"prompt": "1?", "response": ["a", "b"], "correct": true})]);
    let paired = case.paired();
    assert_eq!(of(&paired.questions[0].student).iter().filter(|(_, right)| right.is_some()).count(), 0);
    assert!(paired.report.choices.join("\n").contains("one verdict on several answers"), "{:?}", paired.report.choices);
    // A column for each model.
    let (_folder, paths) = folder(&[("both.jsonl", r#"{"prompt":"1?","big":["a","b"],"small":["c","d"]}"#)]);
    assert_eq!(texts(&Case::new(&paths).paired().questions[0].student).len(), 2);
    let (_folder, mut case) = same(&[json!({"prompt": "1?", "response": ["a", "b"], "run": 1})]);
    case.reading.columns.epoch = Some("run".to_owned());
    case.fails(&["big.jsonl:1", "2 in `response`", "--epoch-column"]);
}

#[test]
fn refusals_and_calls_are_answers_of_batches() {
    let line = |response: Value| {
        json!({"custom_id": "q", "response": {"status_code": 200, "body": response}, "error": null}).to_string()
    };
    let chat = |message: Value| line(json!({"choices": [{"index": 0, "message": message}]}));
    let items = |items: Value| line(json!({"object": "response", "output": items}));
    let call = "f({\"x\":1})";
    let check = |content: String, expected: &str| {
        let (_folder, case) = both(".jsonl", content.clone(), content.clone());
        let paired = case.paired();
        assert_eq!((firsts(&paired), paired.report.missing), (vec![[(expected, None); 2]], 0), "{content}");
    };
    check(chat(json!({"content": null, "refusal": "I can't."})), "I can't.");
    check(chat(json!({"content": null, "function_call": {"name": "f", "arguments": "{\"x\":1}"}})), call);
    check(
        chat(
            json!({"content": "", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]}),
        ),
        call,
    );
    check(chat(json!({"content": null, "audio": {"id": "1", "transcript": "a"}})), "a");
    check(items(json!([{"type": "function_call", "name": "f", "arguments": "{\"x\":1}", "call_id": "c"}])), call);
    check(items(json!([{"type": "custom_tool_call", "name": "f", "input": "go"}])), "f(go)");
    check(items(json!([{"type": "message", "content": [{"type": "refusal", "refusal": "I can't."}]}])), "I can't.");
    check(
        items(
            json!([{"type": "web_search_call"}, {"type": "message", "content": [{"type": "output_text", "text": "a"}]}]),
        ),
        "a",
    );
    check(items(json!([{"type": "reasoning"}, {"type": "computer_call", "action": {}}])), "[computer_call]");
    check(json!({"custom_id": "q", "response": "a"}).to_string(), "a");

    let (_folder, case) = both(".jsonl", line(json!({"object": "list", "data": []})), chat(json!({"content": "a"})));
    case.fails(&["big.jsonl:1", "expected the response of a chat"]);

    // Anthropic's batches.
    let done = json!({"custom_id": "q", "result": {"type": "succeeded", "message": {"model": "c", "role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "tool_use", "name": "f", "input": {"x": 1}}]}}});
    let failed = json!({"custom_id": "q", "result": {"type": "errored", "error": {"type": "invalid_request"}}});
    let asked = json!({"custom_id": "q", "params": {"system": "Be.", "messages": [{"role": "user", "content": "1?"}]}});
    let (_folder, paths) = folder(&[
        ("big.jsonl", done.to_string()),
        ("small.jsonl", failed.to_string()),
        ("in.jsonl", asked.to_string()),
    ]);
    let paired = Case::new(&paths).paired();
    assert_eq!(firsts(&paired), [[(format!("a\n{call}").as_str(), None), ("", None)]]);
    assert_eq!((prompt(&paired, 0), paired.report.missing), ("1?", 1));
}

#[test]
fn everybody_in_a_chat_is_known() {
    let chat = |named: &str, [user, model]: [&str; 2]| json!({"id": 1, "messages": [{named: user, "content": "1?"}, {named: model, "content": "a"}]});
    for (named, roles) in [
        ("type", ["human", "ai"]),
        ("role", ["human", "AI"]),
        ("role", ["User", "Assistant"]),
        ("role", ["HUMAN", "BOT"]),
        ("from", ["human", "gpt"]),
        ("role", ["prompter", "assistant"]),
        ("role", ["USER", "CHATBOT"]),
        ("type", ["HumanMessage", "AIMessage"]),
    ] {
        let (_folder, case) = same(&[chat(named, roles)]);
        let paired = case.paired();
        assert_eq!((firsts(&paired), prompt(&paired, 0)), (vec![[("a", None); 2]], "1?"), "{roles:?}");
    }
    assert!(
        refused(&[chat("role", ["user", "narrator"])])
            .contains("big.jsonl:1: expected messages by `system`, `user`, `assistant` or `tool`, found `narrator`")
    );
    assert!(refused(&[chat("speaker", ["user", "bot"])]).contains("found no such field"));
    let asked = json!({"prompt": [{"role": "narrator", "content": "1?"}], "response": "a"});
    assert!(refused(&[asked]).contains("found `narrator`"));
    let (_folder, paths) = folder(&[("set.jsonl", chat("role", ["user", "narrator"]).to_string())]);
    assert!(prompts(&paths[0]).unwrap_err().to_string().contains("set.jsonl:1: expected messages by"));
    let (_folder, paths) = folder(&[("set.jsonl", chat("type", ["human", "ai"]).to_string())]);
    assert_eq!(prompts(&paths[0]).unwrap().words, ["1?"]);
}

#[test]
fn tests_of_promptfoo_are_joined_by_their_number() {
    let result = |provider: &str, raw: String, label: &str, prompt: u32, test: u32| json!({"prompt": {"raw": raw, "label": label}, "provider": {"id": provider}, "response": {"output": format!("a{test}")}, "promptIdx": prompt, "testIdx": test, "success": true});
    let paired = |results: Vec<Value>| {
        let all: [(&str, String); 2] =
            [("r.json", json!({"results": {"results": results}}).to_string()), ("r.jsonl", lines(&results))];
        let counts = all.map(|file| {
            let (_folder, paths): (_, Vec<PathBuf>) = folder(&[file]);
            let paired = Case::new(&paths).paired();
            (paired.questions.len(), paired.report.by_content, paired.report.not_compared.teacher_alone)
        });
        assert_eq!(counts[0], counts[1]);
        counts[0]
    };
    let of_both = |results: &dyn Fn(u32) -> Vec<Value>| paired((0..3).flat_map(results).collect());
    // `promptIdx` counts pairs of a provider and a prompt.
    let one = |test: u32| {
        vec![result("big", format!("q{test}"), "q", 0, test), result("small", format!("q{test}"), "q", 1, test)]
    };
    assert_eq!(of_both(&one), (3, 0, 0));
    let own = |test: u32| {
        vec![
            result("big", format!("<s>q{test}"), "<s>q", 0, test),
            result("small", format!("[I]q{test}"), "[I]q", 1, test),
        ]
    };
    assert_eq!(of_both(&own), (3, 0, 0));
    let two = |test: u32| {
        let of = |provider: &str, at: u32| {
            ["p", "q"]
                .iter()
                .zip(at..)
                .map(|(label, at)| result(provider, format!("{label}{test}"), label, at, test))
                .collect::<Vec<_>>()
        };
        [of("big", 0), of("small", 2)].concat()
    };
    assert_eq!(of_both(&two), (6, 0, 0));
    // Calls of tools, and what a schema made of an answer.
    let said = |output: Value| {
        let result = |provider: &str| json!({"prompt": {"raw": "1?"}, "provider": {"id": provider}, "response": {"output": output}, "promptIdx": 0, "testIdx": 0});
        let (_folder, paths) = folder(&[("r.jsonl", lines(&["big", "small"].map(result)))]);
        let paired = Case::new(&paths).paired();
        texts(&paired.questions[0].teacher)[0].text.clone()
    };
    assert_eq!(said(json!([{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}])), "f({})");
    assert_eq!(said(json!({"a": 1})), "{\"a\":1}");
}

#[test]
fn why_nothing_is_in_common_is_said() {
    // The one number in two spellings is one identifier in JSON, and perhaps two in words.
    let (_folder, case) = both(".jsonl", r#"{"id":1,"response":"a"}"#, r#"{"id":1.0,"response":"b"}"#);
    assert_eq!(firsts(&case.paired()), [[("a", None), ("b", None)]]);
    let (_folder, case) = both(".jsonl", r#"{"id":"1","response":"a"}"#, r#"{"id":"1.0","response":"b"}"#);
    case.fails(&[
        "share neither words nor identifiers",
        "`1` and `1.0` look like two spellings",
        "those of `big` do not say what was asked",
        "--prompt",
    ]);
    let (_folder, case) = same(&[json!({"frage": "1?", "response": "a"})]);
    case.fails(&["big.jsonl: expected a column that says what was asked", "`frage`", "--prompt"]);
    let (_folder, mut case) = both(".csv", [0xFF, 0xFE, 0, 0, b'a', 0, 0, 0], [0xFF, 0xFE, b'a', 0, 0, 0, 0, 0]);
    case.fails(&["big.csv", "UTF-32"]);
    case.files.remove(0);
    case.fails(&["small.csv", "UTF-16"]);
}
