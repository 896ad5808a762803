//! Forced choice on scripted models, where every answer is known.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use hydrometer_models::{Choice, Model, ModelError, Scripted, choose, question};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe};

const MODEL: &str = r#"
vocabulary = ["<s>", "A", "B", " A", " B", "x", ":"]
bos = "<s>"

[default]
probabilities = { x = 0.5 }

[[rule]]
after = "x:"
probabilities = { " A" = 0.6, " B" = 0.2, A = 0.1 }

[[rule]]
after = "x: A"
probabilities = { B = 0.25, x = 0.5 }

[[rule]]
after = "x: AB"
probabilities = { ":" = 0.75 }
"#;

fn model() -> Scripted {
    Scripted::parse(Path::new("model.toml"), MODEL).unwrap()
}

fn close(found: &[f64], expect: &[f64]) {
    assert_eq!(found.len(), expect.len());
    for (found, expect) in found.iter().zip(expect) {
        assert!((found - expect.ln()).abs() < 1e-6, "{found} is not ln {expect}");
    }
}

#[test]
fn options_of_one_and_of_several_tokens() {
    let options = vec![vec![3], vec![3, 2, 6], vec![4], vec![3, 2], vec![1]];
    let asked = [Choice { prompt: vec![0, 5, 6], options }];
    let answers = choose(&model(), &asked).unwrap();
    close(&answers[0], &[0.6, 0.6 * 0.25 * 0.75, 0.2, 0.6 * 0.25, 0.1]);
    // The prompt once for the options of one token, and once for each longer one without its last token.
    assert_eq!(asked[0].tokens(), 3 + 5 + 4);
}

#[test]
fn impossible_options_are_minus_infinity() {
    let text = "vocabulary = [\"a\", \"b\", \"c\"]\n[default]\nprobabilities = { a = 0.5, b = 0.5 }";
    let model = Scripted::parse(Path::new("model.toml"), text).unwrap();
    let answers = choose(&model, &[Choice { prompt: vec![0], options: vec![vec![2], vec![1, 1]] }]).unwrap();
    assert_eq!(answers[0][0], f64::NEG_INFINITY);
    close(&answers[0][1..], &[0.25]);
}

#[test]
fn logits_are_normalised_over_the_whole_vocabulary() {
    let text = "vocabulary = [\"a\", \"b\", \"c\"]\n[default]\nlogits = { a = 70.0, b = 69.0 }\notherwise = 68.0";
    let model = Scripted::parse(Path::new("model.toml"), text).unwrap();
    let answers = choose(&model, &[Choice { prompt: vec![0], options: vec![vec![0], vec![1, 2]] }]).unwrap();
    let [e, sum] = [1f64.exp(), 2f64.exp() + 1f64.exp() + 1.0];
    close(&answers[0], &[e * e / sum, e / sum * (1.0 / sum)]);
}

/// The orders of a question's options begin alike, and that is computed once: a block has room for as many as are computed.
#[test]
fn what_two_questions_begin_with_alike_counts_once() {
    let of = |from: u32, options: &[u32]| Choice {
        prompt: (0..20).chain(from..from + 10).collect(),
        options: options.iter().map(|&length| vec![7; length as usize]).collect(),
    };
    let (one, other) = (of(100, &[1, 1]), of(200, &[1, 1]));
    assert_eq!((one.tokens_beside(None), other.tokens_beside(Some(&one))), (30, 10));
    // The last token of a prompt is computed for each; options of several tokens follow what they share.
    assert_eq!(one.tokens_beside(Some(&one)), 1);
    assert_eq!((of(100, &[3, 2]).tokens(), of(100, &[3, 2]).tokens_beside(None)), (63, 33));
    // Too little in common is computed for each.
    let short = Choice { prompt: (0..7).collect(), options: one.options.clone() };
    assert_eq!(one.tokens_beside(Some(&short)), 30);
}

#[test]
fn many_choices_are_cut_into_blocks_and_come_back_in_order() {
    let long = [vec![0], vec![5; 300], vec![5, 6]].concat();
    let choices: Vec<_> = (0..100)
        .map(|at| {
            let prompt = if at % 2 == 0 { long.clone() } else { vec![0, 5] };
            Choice { prompt, options: vec![vec![3], vec![5], vec![3, 2]] }
        })
        .collect();
    let answers = choose(&model(), &choices).unwrap();
    for (at, answer) in answers.iter().enumerate() {
        if at % 2 == 0 {
            close(answer, &[0.6, 0.1 / 4.0, 0.6 * 0.25]);
        } else {
            close(answer, &[0.5 / 6.0, 0.5, 0.5 / 6.0 * 0.5 / 6.0]);
        }
    }
    assert_eq!(choose(&model(), &[]).unwrap(), Vec::<Vec<f64>>::new());
}

#[test]
fn wrong_choices_are_errors() {
    let ask = |prompt: Vec<u32>, options: Vec<Vec<u32>>| choose(&model(), &[Choice { prompt, options }]).unwrap_err();
    assert!(ask(vec![], vec![vec![1]]).to_string().contains("empty prompt"));
    assert!(ask(vec![0], vec![vec![1], vec![]]).to_string().contains("option 1 of a choice has no token"));
    assert!(matches!(ask(vec![0, 5], vec![vec![1, 7]]), ModelError::Token { id: 7, position: 3, vocab: 7 }));
    // The last token of a long option is never computed, and is checked all the same.
    assert!(matches!(ask(vec![0], vec![vec![7]]), ModelError::Token { id: 7, .. }));
}

fn probe() -> Probe {
    let ask = Ask::Choice(kind::Choice {
        prompt: "Which?".to_owned(),
        options: vec!["one".to_owned(), "two".to_owned(), "three".to_owned()],
        truth: None,
        asked_as: Default::default(),
    });
    Probe {
        id: "p".to_owned(),
        family: "f".to_owned(),
        axis: "a".to_owned(),
        tags: Vec::new(),
        knob: None,
        boundary: None,
        ask,
    }
}

/// A byte model, or one with joined pieces in front of the bytes that these prompts use.
fn asked(pieces: &[&str], template: Option<&str>) -> (Choice, Vec<usize>, Scripted) {
    let letters: Vec<String> = (32u8..127).map(|byte| char::from(byte).to_string()).chain(["\n".to_owned()]).collect();
    let vocabulary: Vec<&str> =
        ["<s>"].into_iter().chain(pieces.iter().copied()).chain(letters.iter().map(String::as_str)).collect();
    let template = template.map_or(String::new(), |text| format!("template = {text:?}\n"));
    let text =
        format!("vocabulary = {vocabulary:?}\nbos = \"<s>\"\n{template}[default]\nprobabilities = {{ A = 0.5 }}");
    let model = Scripted::parse(Path::new("model.toml"), &text).unwrap();
    let (choice, order) = question(&model, &probe(), 1).unwrap();
    (choice, order, model)
}

fn shown(model: &Scripted, tokens: &[u32]) -> String {
    String::from_utf8(model.tokens().unwrap().decode(tokens)).unwrap()
}

#[test]
fn the_plain_form_leaves_the_letters() {
    let (choice, order, model) = asked(&[], None);
    assert_eq!(order, [1, 2, 0]);
    assert_eq!(choice.prompt[0], 0, "the text begins with BOS");
    assert_eq!(choice.prompt.iter().filter(|id| **id == 0).count(), 1);
    assert!(shown(&model, &choice.prompt).ends_with("A. two\nB. three\nC. one\nAnswer: "));
    let letters: Vec<_> = choice.options.iter().map(|option| shown(&model, option)).collect();
    assert_eq!(letters, ["A", "B", "C"]);
}

#[test]
fn a_space_that_the_tokenizer_joins_belongs_to_the_answer() {
    let (choice, _, model) = asked(&[" A", " B", " C"], None);
    assert!(shown(&model, &choice.prompt).ends_with("Answer:"));
    assert_eq!(choice.options, [[1], [2], [3]]);
    // Joined for one letter only: the others keep their space as a token, and all stay comparable.
    let (choice, _, model) = asked(&[" A"], None);
    let answers: Vec<_> = choice.options.iter().map(|option| shown(&model, option)).collect();
    assert_eq!(answers, [" A", " B", " C"]);
    assert_eq!(choice.options.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 2]);
}

#[test]
fn a_chat_template_ends_where_the_assistant_begins() {
    let template = "<s>U:{{ messages[0]['content'] }}\n{% if add_generation_prompt %}M:{% endif %}";
    let (choice, order, model) = asked(&[], Some(template));
    assert_eq!(order, [1, 2, 0]);
    assert_eq!(choice.prompt.iter().filter(|id| **id == 0).count(), 1, "BOS of the template is not doubled");
    let prompt = shown(&model, &choice.prompt);
    assert!(prompt.starts_with("<s>U:Which?") && prompt.ends_with("\nM:"), "{prompt}");
    let letters: Vec<_> = choice.options.iter().map(|option| shown(&model, option)).collect();
    assert_eq!(letters, ["A", "B", "C"]);
}

#[test]
fn questions_that_cannot_be_asked_are_errors() {
    let mut text = probe();
    text.ask = Ask::Text(kind::Text { text: "x".to_owned(), context: None, families: Default::default() });
    let (_, _, model) = asked(&[], None);
    assert!(question(&model, &text, 0).unwrap_err().to_string().contains("asks no choice"));
    assert!(question(&self::model(), &probe(), 0).is_err(), "the vocabulary lacks the letters of the question");
    assert!(self::model().renders().is_none());
}
