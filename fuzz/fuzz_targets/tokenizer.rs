#![no_main]

use hydrometer_models::Tokenizer;
use hydrometer_models::gguf::write::Writer;
use hydrometer_models::gguf::{Array, Gguf, Value};
use libfuzzer_sys::fuzz_target;

const MODELS: [(&str, &str); 5] =
    [("gpt2", "qwen2"), ("gpt2", "llama-bpe"), ("gpt2", "smollm"), ("gpt2", "default"), ("llama", "default")];

// Lines of the input: tokens, `=`, merges, `=`, and the rest is the text.
fuzz_target!(|input: (u8, Vec<i32>, &str)| {
    let (choice, kinds, text) = input;
    let (model, pre) = MODELS[usize::from(choice) % MODELS.len()];
    let mut parts = text.splitn(3, "\n=\n");
    let lines = |part: Option<&str>| part.unwrap_or("").lines().map(str::to_owned).collect::<Vec<_>>();
    let (tokens, merges) = (lines(parts.next()), lines(parts.next()));
    let text = parts.next().unwrap_or("");
    let kinds: Vec<i32> = (0..tokens.len()).map(|i| kinds.get(i).map_or(1, |k| k & 7)).collect();
    let scores: Vec<f32> = (0..tokens.len()).map(|i| -(i as f32)).collect();
    let mut writer = Writer::new();
    writer.text("tokenizer.ggml.model", model).text("tokenizer.ggml.pre", pre);
    writer.pair("tokenizer.ggml.tokens", Value::Array(Array::String(tokens)));
    writer.pair("tokenizer.ggml.token_type", Value::Array(Array::I32(kinds)));
    writer.pair("tokenizer.ggml.merges", Value::Array(Array::String(merges)));
    writer.pair("tokenizer.ggml.scores", Value::Array(Array::F32(scores)));
    let Ok(file) = Gguf::from_bytes("fuzz.gguf", writer.bytes()) else {
        return;
    };
    let Ok(tokenizer) = Tokenizer::from_gguf(&file) else {
        return;
    };
    for ids in [tokenizer.encode(text), tokenizer.encode_rendered(text)].into_iter().flatten() {
        assert!(ids.iter().all(|&id| (id as usize) < tokenizer.len()));
        let _ = tokenizer.decode(&tokenizer.begin(ids));
    }
    let _ = tokenizer.pairing(&tokenizer);
});
