//! Tokenizers and chat templates from random parts: the bodies of the fuzz targets `tokenizer` and `template`, with
//! seeds, on the stable compiler.
#![allow(clippy::unwrap_used)]

use crate::hostile_random;

use hostile_random::cases;
use hydrometer_models::gguf::write::Writer;
use hydrometer_models::gguf::{Array, Gguf, Value};
use hydrometer_models::{ChatTemplate, GenerationPrompt, Message, Tokenizer};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const LETTERS: [&str; 16] =
    ["a", "b", "Ġ", "Ċ", "é", "<", ">", "|", "▁", "字", "0", " ", "'s", "\u{301}", "🙂", "<0x41>"];

fn text(random: &mut ChaCha8Rng, longest: usize) -> String {
    (0..random.random_range(0..=longest)).map(|_| *LETTERS.choose(random).unwrap()).collect()
}

/// A vocabulary of random pieces, most of it nonsense: duplicates, empty entries, merges of what is not there.
fn tokenizer(random: &mut ChaCha8Rng) -> Option<Tokenizer> {
    let models =
        [("gpt2", "qwen2"), ("gpt2", "llama-bpe"), ("gpt2", "smollm"), ("gpt2", "default"), ("llama", "default")];
    let (model, pre) = models[random.random_range(0..models.len())];
    let len = random.random_range(1..60);
    let tokens: Vec<String> = (0..len).map(|_| text(random, 4)).collect();
    let kinds = (0..len).map(|_| if random.random_bool(0.6) { 1 } else { random.random_range(0..7) }).collect();
    let scores = (0..len).map(|_| f32::from(random.random::<i8>())).collect();
    let merges = (0..random.random_range(0..40)).map(|_| format!("{} {}", text(random, 2), text(random, 2))).collect();
    let mut writer = Writer::new();
    writer.text("tokenizer.ggml.model", model).text("tokenizer.ggml.pre", pre);
    writer.pair("tokenizer.ggml.tokens", Value::Array(Array::String(tokens)));
    writer.pair("tokenizer.ggml.token_type", Value::Array(Array::I32(kinds)));
    writer.pair("tokenizer.ggml.merges", Value::Array(Array::String(merges)));
    writer.pair("tokenizer.ggml.scores", Value::Array(Array::F32(scores)));
    if random.random_bool(0.5) {
        writer.pair("tokenizer.ggml.unknown_token_id", Value::U32(0));
    }
    Tokenizer::from_gguf(&Gguf::from_bytes("random.gguf", writer.bytes()).unwrap()).ok()
}

#[test]
fn random_vocabularies() {
    let mut random = ChaCha8Rng::seed_from_u64(20_260_103);
    let (mut built, mut encoded) = (0, 0);
    for _ in 0..cases(4000) {
        let Some(tokenizer) = tokenizer(&mut random) else { continue };
        built += 1;
        let text = text(&mut random, 30);
        for ids in [tokenizer.encode(&text), tokenizer.encode_rendered(&text)].into_iter().flatten() {
            assert!(ids.iter().all(|&id| (id as usize) < tokenizer.len()), "{text:?}: {ids:?}");
            tokenizer.decode(&tokenizer.begin(ids));
            encoded += 1;
        }
        assert_eq!(tokenizer.pairing(&tokenizer), hydrometer_models::TokenizerPairing::Same);
    }
    assert!(built > 100 && encoded > 100, "{built} built, {encoded} encoded");
}

#[test]
fn random_templates() {
    let parts = [
        "{% for m in messages %}",
        "{% endfor %}",
        "{% if m.role == 'user' %}",
        "{% else %}",
        "{% endif %}",
        "{{ m.content }}",
        "{{ m['content'] | trim }}",
        "{% set ns = namespace(n=0) %}",
        "{% set ns.n = ns.n + 1 %}",
        "{{ ns.n }}",
        "{%- ",
        " -%}",
        "{{",
        "}}",
        "{% macro f(x) %}",
        "{% endmacro %}",
        "{{ f(1) }}",
        "{{ f(f) }}",
        "| tojson",
        "{{ messages | tojson(indent=4) }}",
        "range(99999)",
        "{% for i in range(100) %}",
        "{% break %}",
        "{{ 'x' * 1000 }}",
        "{{ (1,2)[5:1:-1] }}",
        "{{ 1 // 0 }}",
        "{{ 2 ** 400 }}",
        "{{ -m }}",
        "{{ bos_token + eos_token }}",
        "{{ raise_exception('no') }}",
        "text\n",
        "  ",
        "{# c #}",
        "{{ ''.join(['a']) }}",
        "{{ loop.index0 }}",
        "{{ messages[-1:][0].content.split('x')[-1] }}",
        "{% include 'chat' %}",
        "{% extends 'chat' %}",
        "{% filter upper %}",
        "{% endfilter %}",
    ];
    let messages = [Message::user("hello <b> x"), Message { role: "assistant".to_owned(), content: "yes".to_owned() }];
    let mut random = ChaCha8Rng::seed_from_u64(20_260_104);
    let (mut compiled, mut rendered) = (0, 0);
    for _ in 0..cases(1000) {
        let source: String = (0..random.random_range(1..12)).map(|_| *parts.choose(&mut random).unwrap()).collect();
        let Ok(template) = ChatTemplate::new(&source, Some("<s>".to_owned()), None) else { continue };
        compiled += 1;
        match template.render(&messages, GenerationPrompt::Add) {
            Ok(_) => rendered += 1,
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.starts_with("chat template: ") && error.len() < 2000 && !error.contains('\n'),
                    "{source}: {error}"
                );
            }
        }
    }
    assert!(compiled > 100 && (20..compiled).contains(&rendered), "{compiled} compiled, {rendered} rendered");
}
