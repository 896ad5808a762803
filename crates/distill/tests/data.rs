//! Records of every shape, what is learnt of them, and what is said about those that are left out.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use hydrometer_distill::data::format::{Format, Record};
use hydrometer_distill::data::{
    Batches, Content, Document, Encoder, NotEncoded, Position, Said, held_out, preflight, read,
};
use hydrometer_distill::train::Sample;
use hydrometer_models::gguf::Gguf;
use hydrometer_models::{ChatTemplate, Checkpoint, Tokenizer};
use serde_json::{Value, json};

fn record(value: Value) -> Record {
    value.as_object().unwrap().clone()
}

fn said(messages: &[(&str, &str)]) -> Content {
    let said = |&(role, content): &(&str, &str)| Said::new(role, content);
    Content::Conversation(messages.iter().map(said).collect())
}

#[test]
fn every_shape_is_known_and_read() {
    let check = |value: Value, format: Format, expected: Content| {
        let record = record(value);
        assert_eq!(Format::of(&record), Some(format));
        assert_eq!(format.read(&record), Ok(expected));
    };
    let both = || said(&[("user", "Hi"), ("assistant", "Hello")]);
    let messages = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]);
    check(json!({ "messages": messages }), Format::Messages, both());
    let blocks = json!([{"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]},
                        {"role": "assistant", "content": "Hello"}]);
    check(json!({ "messages": blocks, "id": 7 }), Format::Messages, both());
    let turns = json!([{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]);
    check(json!({ "conversations": turns }), Format::Sharegpt, both());
    check(json!({ "conversations": messages }), Format::Sharegpt, both());
    check(json!({"instruction": "Hi", "input": "", "output": "Hello"}), Format::Alpaca, both());
    let with_input = said(&[("user", "Add\n\n1 2"), ("assistant", "3")]);
    check(json!({"instruction": "Add", "input": "1 2", "output": "3"}), Format::Alpaca, with_input);
    check(json!({"prompt": "Hi", "chosen": "Hello", "rejected": "Go"}), Format::Preference, both());
    check(json!({"chosen": messages, "rejected": []}), Format::Preference, both());
    let completion = Content::Completion { prompt: "1 +".to_owned(), completion: " 1".to_owned() };
    check(json!({"prompt": "1 +", "completion": " 1"}), Format::PromptCompletion, completion);
    check(json!({"text": "once"}), Format::Text, Content::Text("once".to_owned()));
    // What the user says last is answered by nobody.
    let open = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "?"}]);
    check(json!({ "messages": open }), Format::Messages, both());
}

#[test]
fn what_cannot_be_trained_says_why() {
    let check = |value: Value, expected: &str| {
        let record = record(value);
        let why = Format::of(&record).unwrap().read(&record).unwrap_err();
        assert!(why.contains(expected), "{why}");
    };
    check(json!({"messages": [{"role": "user", "content": "Hi"}]}), "the assistant says nothing");
    check(json!({"messages": []}), "there is no message");
    check(json!({"messages": [{"role": "narrator", "content": "x"}]}), "the role `narrator` is unknown");
    let call = json!({"from": "function_call", "value": "{}"});
    check(json!({ "conversations": [call] }), "it calls tools in a way that is not read");
    let image = json!({"role": "user", "content": [{"type": "image_url"}]});
    check(json!({ "messages": [image] }), "its content is no text");
    check(json!({"prompt": 1, "completion": "x"}), "`prompt` is no text");
}

fn tokenizer() -> Tokenizer {
    let bytes = include_bytes!("../../../demo/teacher.gguf").to_vec();
    Checkpoint::from_gguf(Gguf::from_bytes("teacher.gguf", bytes).unwrap()).unwrap().tokenizer().unwrap()
}

const TEMPLATE: &str = "{% for m in messages %}{{ m.role }}: {{ m.content }}\
                        {% if m.role == 'assistant' %}<|endoftext|>{% endif %}\n{% endfor %}\
                        {% if add_generation_prompt %}assistant: {% endif %}";

fn document(content: Content) -> Document {
    Document::new(content, "x:1".to_owned())
}

/// What is learnt of a sample, as text.
fn learnt(tokenizer: &Tokenizer, sample: &Sample) -> String {
    let tokens: Vec<u32> = sample.rows().map(|row| sample.tokens[row as usize + 1]).collect();
    String::from_utf8(tokenizer.decode(&tokens)).unwrap()
}

#[test]
fn answers_and_their_end_are_learnt_and_nothing_else() {
    let tokenizer = tokenizer();
    let template = ChatTemplate::new(TEMPLATE, None, None).unwrap();
    let end = tokenizer.eos().unwrap();
    let with = Encoder { tokenizer: &tokenizer, template: Some(&template), end, context: 64 };
    let without = Encoder { template: None, ..with };
    let check = |encoder: &Encoder<'_>, content: Content, expected: &str| {
        let samples = encoder.encode(&document(content)).unwrap();
        assert_eq!(samples.len(), 1);
        assert_eq!(learnt(&tokenizer, &samples[0]), expected);
        assert_eq!(samples[0].tokens.first(), tokenizer.bos().as_ref());
    };
    let turns =
        || said(&[("system", "Be."), ("user", "Hi"), ("assistant", "Yes"), ("user", "So?"), ("assistant", "No")]);
    check(&with, turns(), "Yes<|endoftext|>No<|endoftext|>");
    check(&without, turns(), "No<|endoftext|>");
    // A template that ends no turn: every answer of a conversation learns its end all the same.
    let endless = ChatTemplate::new(&TEMPLATE.replace("<|endoftext|>", ""), None, None).unwrap();
    let endless = Encoder { template: Some(&endless), ..with };
    check(&endless, turns(), "Yes<|endoftext|>No<|endoftext|>");
    let completion =
        |completion: &str| Content::Completion { prompt: "1 + 1 =".to_owned(), completion: completion.to_owned() };
    check(&with, completion(" 2"), " 2<|endoftext|>");
    check(&without, Content::Text("once upon".to_owned()), "once upon<|endoftext|>");
    assert_eq!(without.encode(&document(completion(""))), Err(NotEncoded::Empty));
    assert_eq!(with.encode(&document(said(&[("user", "Hi"), ("assistant", "")]))), Err(NotEncoded::Empty));
    let long = with.encode(&document(completion(&" 2".repeat(100))));
    assert!(matches!(long, Err(NotEncoded::TooLong { tokens: 65.. })), "{long:?}");
    let forgetful = ChatTemplate::new("{{ messages[-1].content }}", None, None).unwrap();
    let forgets = Encoder { template: Some(&forgetful), ..with };
    assert!(matches!(forgets.encode(&document(turns())), Err(NotEncoded::Refused(_))));
}

/// Windows of a long text learn every token once.
#[test]
fn a_long_text_is_cut_without_losing_a_token() {
    let tokenizer = tokenizer();
    let encoder = Encoder { tokenizer: &tokenizer, template: None, end: tokenizer.eos().unwrap(), context: 16 };
    let text = "All the king's horses and all the king's men. ".repeat(9);
    let samples = encoder.encode(&document(Content::Text(text.clone()))).unwrap();
    assert!(samples.len() > 5 && samples.iter().all(|sample| (2..=16).contains(&sample.tokens.len())));
    let whole: String = samples.iter().map(|sample| learnt(&tokenizer, sample)).collect();
    assert_eq!(whole, format!("{text}<|endoftext|>"));
    let family = &samples[0].family;
    assert!(samples.iter().all(|sample| sample.family == *family));
}

#[test]
fn the_preflight_counts_and_names_what_it_leaves_out() {
    let tokenizer = tokenizer();
    let encoder = Encoder { tokenizer: &tokenizer, template: None, end: tokenizer.eos().unwrap(), context: 32 };
    let text = |n: usize| Document::new(Content::Text(format!("text {n}")), format!("f:{n}"));
    let mut documents: Vec<Document> = (0..200).map(text).collect();
    documents.push(Document::new(text(3).content, "f:again".to_owned()));
    documents.push(Document::new(Content::Text(String::new()), "f:empty".to_owned()));
    let long = Content::Completion { prompt: "x ".repeat(99), completion: "y".to_owned() };
    documents.push(Document::new(long, "f:long".to_owned()));
    documents.push(Document::new(Content::Text("<|endoftext|>".to_owned()), "f:end".to_owned()));
    let left_out = [2, 9].map(|n| (format!("f:{n}"), format!("message {n}: its content is no text")));
    let found = preflight(&encoder, &documents, &left_out, 0.25);
    let of = |what: &str| {
        let finding = found.findings.iter().find(|finding| finding.what.contains(what)).unwrap();
        (finding.count, finding.examples.join(", "))
    };
    assert_eq!(of("the same as"), (1, "f:again".to_owned()));
    assert_eq!(of("nothing to learn"), (1, "f:empty".to_owned()));
    assert_eq!(of("longer than the context of 32").0, 1);
    assert_eq!(of("its content is no text"), (2, "f:2, f:9".to_owned()));
    assert_eq!(found.documents, 201);
    assert_eq!(found.train.len() + found.held_out.len(), 201);
    assert!((20..80).contains(&found.held_out.len()), "{}", found.held_out.len());
    assert!(found.refusal().is_none());
    // Who is held out does not depend on the order, or on the others.
    let mut backwards = documents.clone();
    backwards.reverse();
    let families = |samples: &[Sample]| {
        let mut families: Vec<String> = samples.iter().map(|sample| sample.family.clone()).collect();
        families.sort();
        families
    };
    assert_eq!(families(&preflight(&encoder, &backwards, &[], 0.25).held_out), families(&found.held_out));
    assert!(documents.iter().filter(|document| held_out(document, 0.25)).count() >= found.held_out.len());
    let nothing = preflight(&encoder, &[], &[], 0.25);
    assert!(nothing.lengths().is_none());
    assert_eq!(nothing.refusal().unwrap().what, "nothing is left to train on");
}

#[test]
fn batches_go_on_where_they_stand_and_see_everything_once_a_pass() {
    let sample = |n: u32| Sample { tokens: vec![n; 5], learnt: vec![true; 5], family: String::new() };
    let samples: Vec<Sample> = (0..10).map(sample).collect();
    let take = |batches: &mut Batches<'_>, count: usize| -> Vec<u32> {
        (0..count).flat_map(|_| batches.next_batch().into_iter().map(|s| s.tokens[0]).collect::<Vec<_>>()).collect()
    };
    let mut whole = Batches::new(&samples, 15, 3, Position::default());
    let all = take(&mut whole, 20);
    assert_eq!(all.len(), 60);
    for pass in all.chunks(10) {
        let mut pass = pass.to_vec();
        pass.sort_unstable();
        assert_eq!(pass, (0..10).collect::<Vec<_>>());
    }
    assert_ne!(all[..10], all[10..20]);
    let mut first = Batches::new(&samples, 15, 3, Position::default());
    let mut found = take(&mut first, 7);
    let mut second = Batches::new(&samples, 15, 3, first.position);
    found.extend(take(&mut second, 13));
    assert_eq!(found, all);
}

#[test]
fn files_are_read_by_their_shape_and_wrong_lines_are_named() {
    let home = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let good = put("a.jsonl", "\u{feff}{\"text\": \"one\"}\r\n\n{\"text\": \"two\"}\n{\"text\": 3}\n");
    let (documents, left_out) = read(&good, None).unwrap();
    assert_eq!(documents.len(), 2);
    assert!(left_out[0].0.ends_with("a.jsonl:4") && left_out[0].1 == "`text` is no text", "{left_out:?}");
    assert_eq!(read(&put("b.txt", "one\n\ntwo"), None).unwrap().0[0].content, Content::Text("one\n\ntwo".to_owned()));
    let check = |path: &Path, expected: &str| {
        let error = read(path, None).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&put("c.jsonl", "{\"text\": \"one\"}\nnot\n"), "line 2: expected a JSON object");
    check(&put("d.jsonl", "{\"question\": \"one\"}\n"), "found the keys question");
    check(&put("e.jsonl", "[1]\n"), "expected a JSON object, found an array: one record a line is read");
    check(&put("f.jsonl", "1\n"), "expected a JSON object, found another JSON value");
    check(&home.path().join("none.jsonl"), "none.jsonl");
}
