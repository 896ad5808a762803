//! A GGUF model of a few kilobytes that is valid in every respect, for tests to break.
#![allow(clippy::unwrap_used)]

use hydrometer_models::gguf::write::{Tensor, Writer};
use hydrometer_models::gguf::{Array, Value};

pub const D: u64 = 8;
pub const FF: u64 = 12;
pub const VOCAB: u64 = 300;

/// The 256 byte characters of GPT-2's alphabet, in the order of their bytes.
pub fn alphabet() -> Vec<String> {
    let mut next = 0x100;
    (0..=255u32)
        .map(|byte| {
            let code = if matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) {
                byte
            } else {
                next += 1;
                next - 1
            };
            char::from_u32(code).unwrap().to_string()
        })
        .collect()
}

/// Token texts, kinds and merges of a byte-level vocabulary with some merges and specials.
pub fn vocabulary() -> (Vec<String>, Vec<i32>, Vec<String>) {
    let merges = ["t h", "Ġ th", "e r", "Ġth e", "i n", "Ġ a", "n d", "Ġa nd", "' s", "o n", "Ċ Ċ", "1 2"];
    let mut tokens = alphabet();
    tokens.extend(merges.iter().map(|m| m.replacen(' ', "", 1)));
    let mut kinds = vec![1; tokens.len()];
    for (text, kind) in [("<|endoftext|>", 3), ("<|im_start|>", 3), ("<|im_end|>", 3), ("<tool_call>", 4)] {
        tokens.push(text.to_owned());
        kinds.push(kind);
    }
    while (tokens.len() as u64) < VOCAB {
        tokens.push(format!("[PAD{}]", tokens.len()));
        kinds.push(5);
    }
    (tokens, kinds, merges.map(str::to_owned).to_vec())
}

/// Metadata of a tiny qwen2 model.
pub fn pairs() -> Vec<(&'static str, Value)> {
    let (tokens, kinds, merges) = vocabulary();
    let text = |t: &str| Value::String(t.to_owned());
    vec![
        ("general.architecture", text("qwen2")),
        ("general.name", text("tiny")),
        ("qwen2.block_count", Value::U32(1)),
        ("qwen2.context_length", Value::U32(64)),
        ("qwen2.embedding_length", Value::U32(D as u32)),
        ("qwen2.feed_forward_length", Value::U32(FF as u32)),
        ("qwen2.attention.head_count", Value::U32(2)),
        ("qwen2.attention.head_count_kv", Value::U32(1)),
        ("qwen2.rope.freq_base", Value::F32(10_000.0)),
        ("qwen2.attention.layer_norm_rms_epsilon", Value::F32(1e-6)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("qwen2")),
        ("tokenizer.ggml.tokens", Value::Array(Array::String(tokens))),
        ("tokenizer.ggml.token_type", Value::Array(Array::I32(kinds))),
        ("tokenizer.ggml.merges", Value::Array(Array::String(merges))),
        ("tokenizer.ggml.eos_token_id", Value::U32(268)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
        ("tokenizer.chat_template", text("{% for m in messages %}{{ m.content }}{% endfor %}")),
    ]
}

/// Names and dimensions (innermost first) of its tensors.
pub const TENSORS: [(&str, &[u64]); 14] = [
    ("token_embd.weight", &[D, VOCAB]),
    ("output_norm.weight", &[D]),
    ("blk.0.attn_norm.weight", &[D]),
    ("blk.0.attn_q.weight", &[D, D]),
    ("blk.0.attn_q.bias", &[D]),
    ("blk.0.attn_k.weight", &[D, D / 2]),
    ("blk.0.attn_k.bias", &[D / 2]),
    ("blk.0.attn_v.weight", &[D, D / 2]),
    ("blk.0.attn_v.bias", &[D / 2]),
    ("blk.0.attn_output.weight", &[D, D]),
    ("blk.0.ffn_norm.weight", &[D]),
    ("blk.0.ffn_gate.weight", &[D, FF]),
    ("blk.0.ffn_up.weight", &[D, FF]),
    ("blk.0.ffn_down.weight", &[FF, D]),
];

/// A tensor of small numbers.
pub fn tensor(name: &str, dims: &[u64]) -> Tensor {
    let len: u64 = dims.iter().product();
    let values: Vec<f32> = (0..len).map(|i| (i % 17) as f32 / 16.0 - 0.5).collect();
    Tensor::f32(name, dims, &values)
}

/// The model, changed by `pairs` and `tensors` before it is written.
pub fn with(
    change_pairs: impl FnOnce(&mut Vec<(&'static str, Value)>),
    change_tensors: impl FnOnce(&mut Vec<Tensor>),
) -> Vec<u8> {
    let mut all = pairs();
    change_pairs(&mut all);
    let mut tensors: Vec<Tensor> = TENSORS.iter().map(|(name, dims)| tensor(name, dims)).collect();
    change_tensors(&mut tensors);
    let mut writer = Writer::new();
    for (key, value) in all {
        writer.pair(key, value);
    }
    for tensor in tensors {
        writer.tensor(tensor);
    }
    writer.bytes()
}

/// The model as it should be.
pub fn model() -> Vec<u8> {
    with(|_| {}, |_| {})
}

/// The model with one metadata value replaced (or added).
pub fn with_pair(key: &'static str, value: Value) -> Vec<u8> {
    let change = |pairs: &mut Vec<(&'static str, Value)>| {
        pairs.retain(|(k, _)| *k != key);
        pairs.push((key, value));
    };
    with(change, |_| {})
}

/// The model without one metadata key.
pub fn without(key: &'static str) -> Vec<u8> {
    with(|pairs| pairs.retain(|(k, _)| *k != key), |_| {})
}

/// The model with one tensor replaced.
pub fn with_tensor(name: &str, tensor: Tensor) -> Vec<u8> {
    let change = |tensors: &mut Vec<Tensor>| {
        for t in tensors.iter_mut().filter(|t| t.name == name) {
            *t = tensor.clone();
        }
    };
    with(|_| {}, change)
}
