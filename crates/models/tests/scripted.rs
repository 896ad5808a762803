//! Scripted models: what the file says is what the model answers, and a wrong file is told by its line.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use hydrometer_models::{Block, Message, Model, ModelError, Prompt, Scripted, Sequence};

const TOY: &str = r#"
vocabulary = ["<s>", "yes", "no", " ", "maybe"]
bos = "<s>"
context_length = 6

[default]
probabilities = { yes = 0.5, no = 0.25 }

[[rule]]
after = " "
probabilities = { maybe = 1.0 }

[[rule]]
after = "yes "
logits = { maybe = 1.5, no = 0.0 }
otherwise = -4.0
"#;

fn toy() -> Scripted {
    Scripted::parse(Path::new("folder/toy.toml"), TOY).unwrap()
}

fn rows(model: &dyn Model, text: &str) -> Vec<Vec<f32>> {
    let tokens = model.tokens().unwrap().begin(model.tokens().unwrap().encode(text).unwrap());
    let rows = (0..tokens.len() as u32).collect();
    let block = Block { sequences: vec![Sequence { tokens, rows }] };
    let vocab = model.identity().logit_width() as usize;
    let mut out = vec![f32::NAN; block.rows() * vocab];
    model.scores().unwrap().score(&block).unwrap().read(0..block.rows(), &mut out).unwrap();
    out.chunks(vocab).map(<[f32]>::to_vec).collect()
}

#[test]
fn the_longest_matching_rule_holds() {
    let model = toy();
    let [quarter, low] = [0.25f32.ln(), f32::NEG_INFINITY];
    let third = (0.25f64 / 3.0).ln() as f32;
    let default = vec![third, 0.5f32.ln(), quarter, third, third];
    let found = rows(&model, "no yes yes");
    assert_eq!(found[0], default, "after <s>");
    assert_eq!(found[1], default, "after no");
    assert_eq!(found[2], [low, low, low, low, 0.0], "after a space");
    assert_eq!(found[3], default, "after yes");
    assert_eq!(found[4], [-4.0, -4.0, 0.0, -4.0, 1.5], "after yes and a space");
}

#[test]
fn its_identity_is_the_hash_of_the_file_without_its_folder() {
    let model = toy();
    let id = model.identity();
    assert_eq!((id.name.as_str(), id.spec.as_str(), id.vocab_size), ("toy", "scripted:toy.toml", Some(5)));
    assert_eq!(id.weights, format!("blake3:{}", blake3::hash(TOY.as_bytes()).to_hex()));
    assert_eq!(id.tokenizer.as_deref().unwrap(), model.tokens().unwrap().hash());
    let other = Scripted::parse(Path::new("toy.toml"), &TOY.replace("0.25", "0.26")).unwrap();
    assert_ne!(other.identity().weights, id.weights);
    assert_eq!(other.identity().tokenizer, id.tokenizer);
}

#[test]
fn bytes_and_templates() {
    let text = r#"
name = "byte by byte"
vocabulary = "bytes"
template = "{{ messages[0]['content'] }}>"
[default]
probabilities = { A = 0.75, B = 0.25 }
"#;
    let model = Scripted::parse(Path::new("x.toml"), text).unwrap();
    assert_eq!((model.identity().logit_width(), model.identity().name.as_str()), (256, "byte by byte"));
    assert_eq!(model.identity().template.as_deref(), model.renders().map(|template| template.hash()));
    let row = &rows(&model, "é")[1];
    assert_eq!((row[65], row[66], row[67]), (0.75f32.ln(), 0.25f32.ln(), f32::NEG_INFINITY));
}

#[test]
fn requests_out_of_range_are_errors() {
    let model = toy();
    let ask = |tokens: Vec<u32>, rows: Vec<u32>| {
        model.scores().unwrap().score(&Block { sequences: vec![Sequence { tokens, rows }] }).map(|_| ()).unwrap_err()
    };
    assert!(matches!(ask(vec![0, 9], vec![0]), ModelError::Token { id: 9, position: 1, vocab: 5 }));
    assert!(matches!(ask(vec![0; 7], vec![0]), ModelError::TooLong { tokens: 7, context: 6 }));
    assert!(matches!(ask(vec![0], vec![1]), ModelError::Request { .. }));
    let block = Block { sequences: vec![Sequence { tokens: vec![0], rows: vec![0] }] };
    assert!(model.scores().unwrap().score(&block).unwrap().read(0..2, &mut [0.0; 10]).is_err());
}

fn check(change: impl Fn(&str) -> String, line: usize, expect: &str) {
    let text = Scripted::parse(Path::new("toy.toml"), &change(TOY)).unwrap_err().to_string();
    assert!(text.starts_with(&format!("toy.toml: line {line}: expected ")), "{text}");
    assert!(text.contains(expect), "{text}");
}

#[test]
fn a_wrong_file_is_told_by_its_line() {
    check(|toy| toy.replace("no = 0.25", "nope = 0.25"), 6, "a piece of the vocabulary, found `nope`");
    check(|toy| toy.replace("no = 0.25", "no = 0.75"), 6, "probabilities that sum to 1, found 1.25");
    // Just beyond rounding: what is left for the others is less than nothing.
    check(|toy| toy.replace("no = 0.25", "no = 0.500000001"), 6, "probabilities that sum to 1, found 1.000000001");
    check(|toy| toy.replace("no = 0.25", "no = nan"), 6, "a probability, found `no` = NaN");
    check(|toy| toy.replace("no = 0.25", "no = -0.25"), 6, "a probability, found `no` = -0.25");
    check(|toy| toy.replace("\"yes \"\nlogits", "\" \"\nlogits"), 13, "a second rule after ` `");
    check(|toy| toy.replace("after = \" \"", "after = \"\""), 9, "text in `after`");
    check(|toy| toy.replace("otherwise = -4.0", "otherwise = nan"), 13, "logits that f32 can hold");
    check(|toy| toy.replace("maybe = 1.5", "maybe = inf"), 13, "a number or -inf");
    check(|toy| toy.replace("logits = { maybe = 1.5, no = 0.0 }", "logits = {}").replace("-4.0", "-inf"), 13, "finite");
    check(|toy| toy.replace("otherwise", "probabilities = {}\notherwise"), 13, "found both");
    check(|toy| toy.replace("bos = \"<s>\"", "bos = \"<t>\""), 3, "a piece of the vocabulary, found `<t>`");
    check(|toy| toy.replace("\"maybe\"]", "\"no\"]"), 2, "piece 4 is `no`");
    check(
        |toy| toy.replace("[\"<s>\", \"yes\", \"no\", \" \", \"maybe\"]", "\"words\""),
        2,
        "\"bytes\", found `words`",
    );
    check(|toy| toy.replace("= 6", "= 0"), 4, "at least 1 token");
    check(|toy| toy.replace("context_length", "context"), 4, "unknown field");
    check(|toy| toy.replace("[default]", "[default"), 6, "");
    check(|toy| toy.replace("context_length = 6", "template = \"{% if %}\""), 4, "a chat template");
    check(|toy| toy.replace("[default]", "[other]"), 6, "unknown field");
    let absent = Scripted::open(Path::new("absent/toy.toml")).unwrap_err().to_string();
    assert!(absent.starts_with("absent/toy.toml: cannot read"), "{absent}");
}

/// To nothing no model answers: the question is refused as others are that a template does not take.
#[test]
fn a_question_of_which_nothing_is_left_is_refused() {
    let ask = |template: &str, words: &str| {
        let text = format!("template = {template:?}\n{TOY}");
        let model = Scripted::parse(Path::new("toy.toml"), &text).unwrap();
        model.answers().unwrap().prompt(&[Message::user(words)])
    };
    let plain = "{% for m in messages %}{{ m.content }}{% endfor %}";
    assert!(matches!(ask(plain, "yes "), Ok(Prompt::Tokens(tokens)) if tokens.len() == 3));
    for template in ["", "{{ ''|first }}", "<s>", "{% if messages[0].content != ' ' %}yes{% endif %}"] {
        let refused = ask(template, " ").unwrap_err();
        assert!(matches!(refused, ModelError::Template { .. }), "{template}: {refused}");
        assert!(refused.to_string().contains("an empty text of the question"), "{template}: {refused}");
    }
    let silent = toy().answers().unwrap().prompt(&[Message::user("")]).unwrap_err();
    assert!(matches!(silent, ModelError::Tokenizer { .. }), "{silent}");
}
