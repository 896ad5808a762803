//! Broken and hostile GGUF files: each is refused in words that name the place, and none makes us allocate what it
//! declares or panic.
#![allow(clippy::unwrap_used)]

use crate::hostile_random;
use crate::tiny;

use hydrometer_models::gguf::write::Tensor;
use hydrometer_models::gguf::{Array, Gguf, Value};
use hydrometer_models::{Checkpoint, GenerationPrompt, Message, ModelError};
use rand::{Rng, SeedableRng};

/// Everything that can be asked of a file without the engine.
fn use_all(bytes: Vec<u8>) -> Result<(), ModelError> {
    let checkpoint = Checkpoint::from_gguf(Gguf::from_bytes("model.gguf", bytes)?)?;
    checkpoint.verify()?;
    let tokenizer = checkpoint.tokenizer()?;
    let ids = tokenizer.encode("The end, and the 12 others' tails. é 🙂\n\n<|im_end|>")?;
    tokenizer.decode(&tokenizer.begin(ids));
    if let Some(template) = checkpoint.template()? {
        template.render(&[Message::user("hello")], GenerationPrompt::Add)?;
    }
    Ok(())
}

#[track_caller]
fn check(bytes: Vec<u8>, fragment: &str) {
    let error = use_all(bytes).expect_err(fragment).to_string();
    assert!(error.contains(fragment), "expected `{fragment}` in: {error}");
    let names_its_source = error.starts_with("model.gguf: ") || error.starts_with("chat template: ");
    assert!(names_its_source || error.starts_with("tensor "), "{error}");
}

/// The file with `len` bytes at `at` replaced.
fn patched(at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = tiny::model();
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

fn find(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|w| w == text.as_bytes()).unwrap()
}

#[test]
fn the_unbroken_file_is_accepted() {
    use_all(tiny::model()).unwrap();
}

#[test]
fn headers() {
    check(Vec::new(), "the file looks truncated: its header promises 4 bytes, it has 0 (magic is cut off)");
    check(b"GGUF".to_vec(), "its header promises 8 bytes, it has 4 (version is cut off)");
    check(patched(0, b"GGML"), "magic: expected `GGUF`, found `GGML`");
    check(patched(4, &1u32.to_le_bytes()), "unsupported GGUF version 1 (counts of 32 bits");
    check(patched(4, &3u32.to_be_bytes()), "unsupported byte order big endian (version 3); supported: little endian");
    check(patched(4, &77u32.to_le_bytes()), "unsupported GGUF version 77; supported: 2, 3");
    for count in [1u64 << 45, u64::MAX] {
        check(patched(8, &count.to_le_bytes()), "number of tensors: expected at most ");
        check(patched(16, &count.to_le_bytes()), "number of metadata keys: expected at most ");
    }
    check(patched(8, &(1u64 << 20).to_le_bytes()), "(number of tensors is cut off)");
    check(patched(16, &(1u64 << 20).to_le_bytes()), "(number of metadata keys is cut off)");
    use_all(patched(4, &2u32.to_le_bytes())).unwrap();
}

#[test]
fn every_truncation_is_noticed() {
    let whole = tiny::model();
    for len in (0..whole.len() - 32).step_by(7) {
        let error = use_all(whole[..len].to_vec()).expect_err("a truncated file");
        assert!(error.to_string().starts_with("model.gguf: "), "{len}: {error}");
        assert!(matches!(error, ModelError::Truncated { .. }), "{len}: {error}");
    }
    // As far as the tensors, the header is whole and says how long the file was; the fixture has padding behind them.
    let info = Gguf::from_bytes("model.gguf", whole.clone()).unwrap();
    let last = info.tensors().iter().max_by_key(|tensor| tensor.offset).unwrap();
    let end = last.offset + last.bytes;
    let torn = whole[..usize::try_from(end - 1).unwrap()].to_vec();
    let (name, found) = (&last.name, end - 1);
    check(
        torn,
        &format!("looks truncated: its header promises {end} bytes, it has {found} (tensor `{name}` is cut off)"),
    );
}

#[test]
fn metadata() {
    let model = tiny::model();
    let key = find(&model, "general.architecture");
    let value = key + "general.architecture".len() + 4;
    for length in [1u64 << 17, 1 << 45, u64::MAX] {
        check(patched(key - 8, &length.to_le_bytes()), "metadata key 0: expected a string of at most 65535 bytes");
    }
    for length in [1u64 << 45, u64::MAX] {
        check(patched(value, &length.to_le_bytes()), "metadata key `general.architecture`: expected at most ");
    }
    check(patched(value, &(1u64 << 17).to_le_bytes()), "(metadata key `general.architecture` is cut off)");
    check(patched(key, &[0xff]), "metadata key 0: expected UTF-8 text, found ");
    let kind = key + "general.architecture".len();
    check(patched(kind, &13u32.to_le_bytes()), "`general.architecture`: expected a value type from 0 to 12, found 13");
    let tokens = find(&model, "tokenizer.ggml.tokens") + "tokenizer.ggml.tokens".len() + 4;
    check(patched(tokens, &99u32.to_le_bytes()), "expected an element type from 0 to 12, found 99");
    for count in [1u64 << 45, u64::MAX] {
        check(patched(tokens + 4, &count.to_le_bytes()), "metadata key `tokenizer.ggml.tokens`: expected at most ");
    }
    check(patched(tokens + 4, &(1u64 << 20).to_le_bytes()), "(metadata key `tokenizer.ggml.tokens` is cut off)");
    let twice = tiny::with(|pairs| pairs.push(("general.name", Value::U8(1))), |_| {});
    check(twice, "metadata key `general.name`: expected one value, found two");
    let mut deep = Array::U8(vec![1]);
    for _ in 0..5 {
        deep = Array::Array(vec![deep]);
    }
    check(tiny::with_pair("deep", Value::Array(deep)), "metadata key `deep`: expected arrays at most 4 deep");
    let bool_at = find(&model, "add_bos_token") + "add_bos_token".len() + 4;
    check(patched(bool_at, &[2]), "add_bos_token`: expected 0 or 1, found 2");
}

#[test]
fn tensors() {
    let model = tiny::model();
    let name = "blk.0.attn_k.weight";
    let info = find(&model, name) + name.len();
    check(patched(info, &5u32.to_le_bytes()), "tensor `blk.0.attn_k.weight`: expected at most 4 dimensions, found 5");
    check(patched(info + 4, &0u64.to_le_bytes()), "expected positive dimensions, found [0, 4]");
    check(patched(info + 4, &u64::MAX.to_le_bytes()), "expected a size below 2^64 bytes");
    check(
        patched(info + 4, &(1u64 << 40).to_le_bytes()),
        "expected bytes of its own, after those of tensor `blk.0.attn_k.weight`",
    );
    check(
        patched(info + 20, &23u32.to_le_bytes()),
        "unsupported tensor type 23 (IQ4_XS) of tensor `blk.0.attn_k.weight`; supported: F32",
    );
    check(patched(info + 20, &4242u32.to_le_bytes()), "unsupported tensor type 4242 of tensor");
    check(patched(info + 20, &12u32.to_le_bytes()), "expected rows of a multiple of 256 values for Q4_K, found 8");
    check(patched(info + 24, &3u64.to_le_bytes()), "expected an offset that is a multiple of 32, found 3");
    check(patched(info + 24, &0u64.to_le_bytes()), "an overlap at byte ");
    check(
        patched(info + 24, &(u64::MAX - 31).to_le_bytes()),
        "expected an end below 2^64 bytes, found 128 bytes at offset 18446744073709551584",
    );
    check(patched(info + 24, &(1u64 << 30).to_le_bytes()), "(tensor `blk.0.attn_k.weight` is cut off)");
    let long = tiny::tensor(&"x".repeat(65), &[8]);
    check(tiny::with(|_| {}, |t| t.push(long)), "name of tensor 14: expected a string of at most 64 bytes, found 65");
    let again = tiny::tensor(name, &[8, 4]);
    check(
        tiny::with(|_| {}, |t| t.push(again)),
        "tensor `blk.0.attn_k.weight`: expected one tensor of this name, found two",
    );
    check(tiny::with(|_| {}, |t| t.retain(|t| t.name != name)), "tensor `blk.0.attn_k.weight` is missing");
    check(tiny::with(|_| {}, |t| t.retain(|t| t.name != "token_embd.weight")), "tensor `token_embd.weight` is missing");
    let wide = tiny::tensor(name, &[8, 5]);
    check(tiny::with_tensor(name, wide), "expected 4 rows of 8 values, as the configuration says, found 5 rows of 8");
    let cube = tiny::tensor(name, &[8, 2, 2]);
    check(tiny::with_tensor(name, cube), "expected one or two dimensions, found [8, 2, 2]");
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = [0.5f32; 32];
        values[19] = bad;
        let expected = format!("tensor blk.0.attn_k.weight: weight 19 is {bad}, expected a finite number");
        check(tiny::with_tensor(name, Tensor::f32(name, &[8, 4], &values)), &expected);
    }
    // What llama.cpp reads and this engine does not makes another model of it.
    let more = |names: &[&str]| tiny::with(|_| {}, |t| t.extend(names.iter().map(|name| tiny::tensor(name, &[8]))));
    check(
        more(&["blk.0.attn_output.bias"]),
        "unsupported tensor `blk.0.attn_output.bias`; supported: weights of a plain",
    );
    check(more(&["output.bias", "blk.0.ffn_up.bias"]), "unsupported tensor `blk.0.ffn_up.bias` and 1 more;");
    check(tiny::with_pair("general.alignment", Value::U32(48)), "`general.alignment`: expected a power of two");
    check(
        tiny::with_pair("general.alignment", Value::U32(0)),
        "`general.alignment`: expected a power of two up to 2^20, found 0",
    );
    check(tiny::with_pair("general.alignment", Value::F32(32.0)), "expected a whole number from 0, found f32 32");
}

#[test]
fn configurations() {
    let text = |t: &str| Value::String(t.to_owned());
    check(
        tiny::with_pair("general.architecture", text("mamba")),
        "unsupported architecture `mamba`; supported: llama, qwen2, qwen3, gemma3",
    );
    check(tiny::without("general.architecture"), "metadata key `general.architecture` is missing");
    check(tiny::with_pair("general.architecture", Value::U8(1)), "expected a string, found u8 1");
    check(tiny::with_pair("qwen2.expert_count", Value::U32(8)), "unsupported architecture qwen2 with 8 experts");
    check(tiny::without("qwen2.block_count"), "metadata key `qwen2.block_count` is missing");
    check(tiny::with_pair("qwen2.block_count", Value::I32(-1)), "expected a whole number from 0, found i32 -1");
    check(
        tiny::with_pair("qwen2.block_count", Value::U32(0)),
        "number of layers: expected between 1 and 4096, found 0",
    );
    check(tiny::with_pair("qwen2.block_count", Value::U32(u32::MAX)), "number of layers: expected between 1 and 4096");
    check(tiny::with_pair("qwen2.block_count", Value::U32(2)), "tensor `blk.1.attn_norm.weight` is missing");
    check(tiny::with_pair("qwen2.attention.head_count", Value::U32(0)), "expected a positive number, found 0");
    check(
        tiny::with_pair("qwen2.attention.head_count", Value::U32(3)),
        "`qwen2.embedding_length`: expected a multiple of the 3 heads, found 8",
    );
    check(
        tiny::with_pair("qwen2.attention.head_count_kv", Value::U32(0)),
        "number of key/value heads: expected between 1",
    );
    check(tiny::with_pair("qwen2.attention.head_count", Value::U32(4)), "expected 2 rows of 8 values");
    check(
        tiny::with_pair("qwen2.attention.value_length", Value::U32(6)),
        "`qwen2.attention.value_length`: expected the key length 4, found 6",
    );
    check(
        tiny::with_pair("qwen2.attention.layer_norm_rms_epsilon", Value::F32(f32::NAN)),
        "norm epsilon: expected a positive number, found NaN",
    );
    check(tiny::with_pair("qwen2.rope.freq_base", Value::F32(-1.0)), "rope base: expected a positive number, found -1");
    check(
        tiny::with_pair("qwen2.rope.dimension_count", Value::U32(3)),
        "rotated dimensions: expected an even number between 2 and the head dimension 4, found 3",
    );
    check(
        tiny::with_pair("qwen2.rope.scaling.type", text("longrope")),
        "unsupported rope scaling `longrope`; supported: none, linear, yarn",
    );
    check(
        tiny::with_pair("qwen2.attention.sliding_window", Value::U32(8)),
        "unsupported sliding window 8 in every layer of qwen2",
    );
}

#[test]
fn tokenizers() {
    let text = |t: &str| Value::String(t.to_owned());
    let (tokens, kinds, merges) = tiny::vocabulary();
    check(tiny::with_pair("tokenizer.ggml.model", text("rwkv")), "unsupported tokenizer model `rwkv`; supported: gpt2");
    check(
        tiny::with_pair("tokenizer.ggml.pre", text("martian")),
        "unsupported pre-tokenizer `martian`; supported: gpt-2,",
    );
    check(tiny::without("tokenizer.ggml.pre"), "metadata key `tokenizer.ggml.pre` is missing");
    check(tiny::without("tokenizer.ggml.tokens"), "metadata key `tokenizer.ggml.tokens` is missing");
    check(tiny::without("tokenizer.ggml.merges"), "metadata key `tokenizer.ggml.merges` is missing");
    let strings = |v: Vec<String>| Value::Array(Array::String(v));
    check(tiny::with_pair("tokenizer.ggml.tokens", strings(Vec::new())), "expected 1 to 2^32 − 1 entries, found 0");
    check(
        tiny::with_pair("tokenizer.ggml.tokens", strings(tokens[1..].to_vec())),
        "`tokenizer.ggml.token_type`: expected 299 entries, as many as `tokenizer.ggml.tokens`, found 300",
    );
    let mut more = (tokens.clone(), kinds.clone());
    more.0.push("x".repeat(10));
    more.1.push(1);
    let larger = tiny::with(
        |pairs| {
            pairs.retain(|(k, _)| !matches!(*k, "tokenizer.ggml.tokens" | "tokenizer.ggml.token_type"));
            pairs.push(("tokenizer.ggml.tokens", strings(more.0)));
            pairs.push(("tokenizer.ggml.token_type", Value::Array(Array::I32(more.1))));
        },
        |_| {},
    );
    check(larger, "tokenizer: expected at most 300 entries, the rows of token_embd.weight, found 301");
    let mut wrong = kinds;
    wrong[7] = 9;
    check(
        tiny::with_pair("tokenizer.ggml.token_type", Value::Array(Array::I32(wrong))),
        "`tokenizer.ggml.token_type`, entry 7: expected a number from 0 to 6, found 9",
    );
    for broken in ["ab", "a ", "", " "] {
        let mut merges = merges.clone();
        merges[3] = broken.to_owned();
        check(
            tiny::with_pair("tokenizer.ggml.merges", strings(merges)),
            "`tokenizer.ggml.merges`, entry 3: expected two parts with a space between",
        );
    }
    check(
        tiny::with_pair("tokenizer.ggml.eos_token_id", Value::U32(300)),
        "`tokenizer.ggml.eos_token_id`: expected an id below 300",
    );
    check(tiny::with_pair("tokenizer.ggml.model", text("llama")), "metadata key `tokenizer.ggml.scores` is missing");
    check(tiny::with_pair("tokenizer.chat_template", text("{% for %}")), "chat template: ");
    check(
        tiny::with_pair("tokenizer.chat_template", Value::U8(0)),
        "`tokenizer.chat_template`: expected a string, found u8 0",
    );
}

/// Thousands of files with random damage: whatever comes back, it comes back, and an error is one line that says
/// where. Lengths and counts are hit on purpose, because random bytes rarely make a plausible one.
#[test]
fn random_damage_never_panics() {
    let whole = tiny::model();
    let header = find(&whole, "blk.0.ffn_down.weight") + 64;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(20_260_101);
    let mut refused = 0;
    let cases = hostile_random::cases(4000);
    for _ in 0..cases {
        let mut bytes = whole.clone();
        for _ in 0..random.random_range(1..=4) {
            let at = random.random_range(0..header);
            match random.random_range(0..4) {
                0 => bytes[at] ^= 1 << random.random_range(0..8),
                1 => bytes[at] = random.random(),
                2 => {
                    let value: u64 = [0, 1, 255, 1 << 16, 1 << 32, 1 << 45, u64::MAX][random.random_range(0..7)];
                    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
                }
                _ => {
                    let from = random.random_range(0..header);
                    let len = random.random_range(1..64).min(header - from.max(at));
                    bytes.copy_within(from..from + len, at);
                }
            }
        }
        if random.random_range(0..8) == 0 {
            bytes.truncate(random.random_range(0..bytes.len()));
        }
        if let Err(error) = use_all(bytes) {
            let error = error.to_string();
            assert!(!error.contains('\n') && error.len() < 2000, "{error}");
            refused += 1;
        }
    }
    // The damage must be real, and some of it must be harmless (names, padding), or the test tests nothing.
    assert!((cases / 4..cases).contains(&refused), "{refused} of {cases}");
}
