//! What records say beside their messages: system messages, what was said before, which answers are not to be learnt, and what
//! was thought.
#![allow(clippy::unwrap_used)]

use std::slice::from_ref;

use hydrometer_distill::data::format::{Format, Record};
use hydrometer_distill::data::{Content, Document, Encoder, Preflight, Said, preflight};
use hydrometer_distill::train::Sample;
use hydrometer_models::gguf::Gguf;
use hydrometer_models::{ChatTemplate, Checkpoint, Tokenizer};
use serde_json::{Value, json};

const TEMPLATE: &str = "{% for m in messages %}{{ m.role }}: {% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}\
                        {{ m.content }}{% if m.role == 'assistant' %}<|endoftext|>{% endif %}\n{% endfor %}\
                        {% if add_generation_prompt %}assistant: {% endif %}";

fn tokenizer() -> Tokenizer {
    let bytes = include_bytes!("../../../demo/teacher.gguf").to_vec();
    Checkpoint::from_gguf(Gguf::from_bytes("teacher.gguf", bytes).unwrap()).unwrap().tokenizer().unwrap()
}

fn content(record: &Value) -> Result<Content, String> {
    let record: &Record = record.as_object().unwrap();
    Format::of(record).unwrap().read(record)
}

fn document(record: &Value) -> Document {
    Document::new(content(record).unwrap(), "x:1".to_owned())
}

fn looked_at(records: &[Value], template: Option<&str>) -> Preflight {
    let tokenizer = tokenizer();
    let template = template.map(|source| ChatTemplate::new(source, None, None).unwrap());
    let end = tokenizer.eos().unwrap();
    let encoder = Encoder { tokenizer: &tokenizer, template: template.as_ref(), end, context: 256 };
    let documents: Vec<Document> = records.iter().map(document).collect();
    preflight(&encoder, &documents, &[], 0.0)
}

/// What is learnt of a record, as text, and everything that the model sees.
fn seen(record: &Value, template: Option<&str>) -> [String; 2] {
    let found = looked_at(from_ref(record), template);
    let [sample]: &[Sample] = found.train.as_slice() else { panic!("{record}: {:?}", found.findings) };
    let text = |tokens: &[u32]| String::from_utf8(tokenizer().decode(tokens)).unwrap();
    let learnt: Vec<u32> = sample.rows().map(|row| sample.tokens[row as usize + 1]).collect();
    [text(&learnt), text(&sample.tokens)]
}

fn said(messages: &[(&str, &str)]) -> Content {
    Content::Conversation(messages.iter().map(|&(role, content)| Said::new(role, content)).collect())
}

/// A record with more keys.
fn with(record: &Value, more: Value) -> Value {
    let mut record = record.clone();
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn shapes() -> [Value; 5] {
    [
        json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}),
        json!({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}),
        json!({"instruction": "Hi", "input": null, "output": "Hello"}),
        json!({"prompt": "Hi", "chosen": "Hello", "rejected": "Go"}),
        json!({"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello"}]}),
    ]
}

#[test]
fn a_system_message_beside_a_conversation_is_its_first_message() {
    for record in shapes() {
        for key in ["system", "system_prompt", "system_message"] {
            let expected = said(&[("system", "Be a pirate."), ("user", "Hi"), ("assistant", "Hello")]);
            assert_eq!(content(&with(&record, json!({ key: "Be a pirate." }))), Ok(expected), "{record}");
        }
        for nothing in [json!(null), json!(""), json!([])] {
            let plain = said(&[("user", "Hi"), ("assistant", "Hello")]);
            assert_eq!(content(&with(&record, json!({ "system": nothing }))), Ok(plain), "{record}");
        }
        // Who differs in it alone is another document.
        let others = ["Be a pirate.", "Be brief."].map(|system| with(&record, json!({ "system": system })));
        let found = looked_at(&others, Some(TEMPLATE));
        assert_eq!(found.documents, 2, "{record}: {:?}", found.findings);
        assert_eq!(content(&with(&record, json!({ "system": 7 }))), Err("`system` is no text".to_owned()));
    }
    let own = json!([{"role": "system", "content": "Be a pirate."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]);
    let twice = |system: &str| content(&json!({"messages": own, "system": system}));
    assert_eq!(twice("Be a pirate."), content(&json!({ "messages": own })));
    assert!(twice("Be brief.").unwrap_err().contains("another system message than theirs"));
    // Beside tools it stands in front, too.
    let tools = json!([{"type": "function", "function": {"name": "tide"}}]);
    for record in &shapes()[..3] {
        let read = content(&with(record, json!({"system": "Be a pirate.", "tools": tools})));
        let Ok(Content::ToolConversation(read)) = read else { panic!("{record}: {read:?}") };
        assert_eq!(read.messages[0], json!({"role": "system", "content": "Be a pirate."}));
        assert_eq!(read.messages.len(), 3);
    }
    // Texts without a template have no place for it.
    let plain = json!({"prompt": "1 +", "completion": " 1", "system": "Add."});
    assert!(content(&plain).unwrap_err().contains("`system` stands beside texts that are read without a template"));
}

#[test]
fn what_was_said_before_an_instruction_is_said() {
    let record = json!({"instruction": "So?", "output": "No", "history": [["Hi", "Hello"], ["Why", "So"]]});
    let expected = said(&[
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Why"),
        ("assistant", "So"),
        ("user", "So?"),
        ("assistant", "No"),
    ]);
    assert_eq!(content(&record), Ok(expected.clone()));
    let packed = with(&record, json!({"history": "[[\"Hi\", \"Hello\"], [\"Why\", \"So\"]]"}));
    assert_eq!(content(&packed), Ok(expected));
    for nothing in [json!(null), json!(""), json!([])] {
        let plain = said(&[("user", "So?"), ("assistant", "No")]);
        assert_eq!(content(&with(&record, json!({ "history": nothing }))), Ok(plain));
    }
    for wrong in [json!([["Hi"]]), json!(["Hi"]), json!([["Hi", 1]]), json!("not"), json!({})] {
        let why = content(&with(&record, json!({ "history": wrong }))).unwrap_err();
        assert_eq!(why, "`history` is no array of pairs of texts");
    }
    assert_eq!(content(&with(&record, json!({"input": {"a": 1}}))), Err("`input` is no text".to_owned()));
    // A prompt beside messages that only answer, and a wanted answer beside a conversation.
    let chosen = json!({"prompt": "Hi", "chosen": [{"role": "assistant", "content": "Hello"}], "rejected": []});
    let both = said(&[("user", "Hi"), ("assistant", "Hello")]);
    assert_eq!(content(&chosen), Ok(both.clone()));
    let beside = json!({"conversations": [{"from": "human", "value": "Hi"}], "chosen": {"from": "gpt", "value": "Hello"}, "rejected": {"from": "gpt", "value": "Go"}});
    assert_eq!(content(&beside), Ok(both));
}

/// Answers of two turns, the first with more keys.
fn two_answers(more: Value, tools: bool) -> Value {
    let first = with(&json!({"role": "assistant", "content": "wrong words"}), more);
    let tools = if tools { json!([{"name": "tide"}]) } else { Value::Null };
    let user = |text: &str| json!({"role": "user", "content": text});
    json!({"messages": [user("one"), first, user("two"), {"role": "assistant", "content": "good", "weight": 1.0, "train": true}], "tools": tools})
}

#[test]
fn answers_that_a_record_excludes_are_given_and_not_learnt() {
    let template = format!("{{{{ tools }}}}\n{TEMPLATE}");
    for tools in [false, true] {
        for more in [json!({"weight": 0}), json!({"weight": 0.0}), json!({"train": false}), json!({"loss": false})] {
            let [learnt, whole] = seen(&two_answers(more, tools), Some(&template));
            assert_eq!(learnt, "good<|endoftext|>");
            assert!(whole.contains("wrong words<|endoftext|>"), "{whole}");
        }
        for more in [json!({"weight": null, "train": null}), json!({"weight": 1, "loss": 0.3})] {
            let [learnt, _] = seen(&two_answers(more, tools), Some(&template));
            assert_eq!(learnt, "wrong words<|endoftext|>good<|endoftext|>");
        }
        // The same words, of which other ones are learnt, are another document.
        let both = [two_answers(json!({"weight": 0}), tools), two_answers(json!({}), tools)];
        assert_eq!(looked_at(&both, Some(&template)).documents, 2);
        let check = |more: Value, why: &str| assert_eq!(content(&two_answers(more, tools)).unwrap_err(), why);
        check(json!({"weight": 0.5}), "message 2: its `weight` is neither 0 nor 1");
        check(json!({"train": "no"}), "message 2: its `train` is neither true nor false");
        let parts = json!({"train_detail": [{"begin_offset": 0, "end_offset": 3, "train": false}]});
        check(
            parts,
            "message 2: its `train_detail` says which parts of it are learnt, and messages are learnt whole or not at all",
        );
    }
    // Without a template the last answer that is learnt ends the text; what comes behind it teaches nothing.
    let turn = |role: &str, text: &str, weight: u8| json!({"from": role, "value": text, "weight": weight});
    let turns = |weights: [u8; 2]| json!({"conversations": [turn("human", "one", 0), turn("gpt", "good", weights[0]), turn("human", "two", 0), turn("gpt", "wrong words", weights[1])]});
    for template in [None, Some(TEMPLATE)] {
        let [learnt, whole] = seen(&turns([1, 0]), template);
        assert_eq!(learnt, "good<|endoftext|>");
        assert!(!whole.contains("wrong words"), "{whole}");
    }
    assert!(content(&turns([0, 0])).unwrap_err().contains("excludes every answer from what is learnt"));
    // An answer that nobody learns may be empty, and is no answer that ends too early.
    let open = json!({"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "```\nx", "weight": 0}, {"role": "user", "content": "two"}, {"role": "assistant", "content": "", "weight": 0}, {"role": "user", "content": "three"}, {"role": "assistant", "content": "good"}]});
    let found = looked_at(&[open], Some(TEMPLATE));
    assert_eq!(found.documents, 1, "{:?}", found.findings);
    assert!(!found.findings.iter().any(|finding| finding.what.contains("block of code")));
}

#[test]
fn records_that_are_no_example_are_left_out() {
    for record in &shapes()[..3] {
        for key in ["images", "image", "videos", "audio"] {
            let why = content(&with(record, json!({ key: ["a.png"] }))).unwrap_err();
            assert_eq!(why, format!("it has `{key}`, and nothing but texts is read"));
            assert!(content(&with(record, json!({ key: [] }))).is_ok());
        }
        let why = content(&with(record, json!({"kto_tag": false}))).unwrap_err();
        assert_eq!(why, "its answer is not wanted, says its record (`kto_tag` is false)");
        assert!(content(&with(record, json!({"kto_tag": true}))).is_ok());
    }
    for record in [json!({"prompt": "1 +", "completion": " 3"}), shapes()[4].clone()] {
        let why = content(&with(&record, json!({"label": false}))).unwrap_err();
        assert!(why.contains("its answer is not wanted, says its record (`label` is false)"), "{why}");
        assert!(content(&with(&record, json!({"label": true}))).is_ok());
    }
}

/// Why an answer ended stands in the last message, wherever a record keeps messages.
#[test]
fn answers_that_were_cut_off_are_seen_in_every_shape() {
    use hydrometer_distill::data::RecordOrigin;
    let messages =
        json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hel", "finish_reason": "length"}]);
    for key in ["messages", "conversations", "completion", "chosen"] {
        for messages in [messages.clone(), messages.to_string().into()] {
            let record = json!({ key: messages });
            assert!(RecordOrigin::of(record.as_object().unwrap()).is_cut_off(), "{record}");
        }
    }
    for record in [json!({"completion": "Hel", "prompt": "Hi"}), json!({"messages": "[]"})] {
        assert!(!RecordOrigin::of(record.as_object().unwrap()).is_cut_off(), "{record}");
    }
}

fn finding(found: &Preflight, what: &str) -> Option<u64> {
    found.findings.iter().find(|finding| finding.what.contains(what)).map(|finding| finding.count)
}

#[test]
fn reasoning_is_learnt_where_the_template_takes_it_and_named_where_not() {
    let silent = TEMPLATE.replace("reasoning_content", "thoughts");
    let answer = |key: &str, tools: Value| json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", key: "Greet back."}], "tools": tools});
    for tools in [Value::Null, json!([{"name": "tide"}])] {
        let declared = |template: &str| format!("{{{{ tools }}}}\n{template}");
        for key in ["reasoning_content", "reasoning", "thinking"] {
            let record = answer(key, tools.clone());
            for name in ["reasoning_content", "reasoning", "thinking"] {
                let template = declared(&TEMPLATE.replace("reasoning_content", name));
                let [learnt, _] = seen(&record, Some(&template));
                assert_eq!(learnt, "<think>Greet back.</think>Hello<|endoftext|>", "{key} {name}");
                assert_eq!(finding(&looked_at(from_ref(&record), Some(&template)), "puts no reasoning"), None);
            }
            assert_eq!(seen(&record, Some(&declared(&silent)))[0], "Hello<|endoftext|>");
            let found = looked_at(from_ref(&record), Some(&declared(&silent)));
            assert_eq!(finding(&found, "puts no reasoning"), Some(1), "{:?}", found.findings);
        }
    }
    let record = answer("reasoning_content", Value::Null);
    assert_eq!(seen(&record, None)[0], "Hello<|endoftext|>");
    assert_eq!(
        finding(
            &looked_at(from_ref(&record), None),
            "has no chat template: the answer is learnt without its reasoning"
        ),
        Some(1)
    );
    // With other thoughts it is another document; what is no text is none.
    let other = answer("reasoning_content", json!([]));
    let empty = json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "reasoning": ""}]});
    let found = looked_at(&[record, other, empty.clone()], Some(TEMPLATE));
    assert_eq!((found.documents, finding(&found, "the same as an earlier")), (2, Some(1)));
    assert_eq!(content(&empty), Ok(said(&[("user", "Hi"), ("assistant", "Hello")])));
    let odd = json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "reasoning": {"effort": "high"}}]});
    assert_eq!(content(&odd), Err("message 2: its `reasoning` is no text".to_owned()));
}

#[test]
fn system_messages_that_a_template_leaves_out_are_named() {
    let record = with(&shapes()[0], json!({"system": "Be a pirate."}));
    let silent = format!("{{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}}{TEMPLATE}");
    let told = |template: Option<&str>| finding(&looked_at(from_ref(&record), template), "puts no system message");
    assert_eq!([told(Some(&silent)), told(Some(TEMPLATE)), told(None)], [Some(1), None, None]);
    assert!(seen(&record, None)[1].contains("Be a pirate."));
}
