//! Broken and hostile Hugging Face folders, as data: a good folder, one change, the words of the refusal.
#![allow(clippy::unwrap_used)]

use crate::hostile_random;

use std::path::Path;

use hydrometer_models::{Checkpoint, ModelError, safetensors};
use rand::{Rng, SeedableRng};

fn reference(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// A copy of the folder without its test cases.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(reference(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn use_all(folder: &Path) -> Result<(), ModelError> {
    let checkpoint = Checkpoint::open(folder)?;
    checkpoint.verify()?;
    checkpoint.tokenizer()?;
    checkpoint.template().map(|_| ())
}

#[track_caller]
fn check(name: &str, change: impl FnOnce(&Path), fragment: &str) {
    let folder = copy(name);
    change(folder.path());
    let error = use_all(folder.path()).expect_err(fragment).to_string();
    assert!(error.contains(fragment), "expected `{fragment}` in: {error}");
}

/// Gives `tokenizer.json` another normalizer.
fn normalizer(normalizer: serde_json::Value) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join("tokenizer.json");
        let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        json["normalizer"] = normalizer;
        std::fs::write(&path, json.to_string()).unwrap();
    }
}

/// What the tokenizers library chokes on is the file's fault.
#[test]
fn tokenizers_that_cannot_encode() {
    let replace = |pattern: serde_json::Value, content: &str| serde_json::json!({"type": "Replace", "pattern": pattern, "content": content});
    let empty = || serde_json::json!({"Regex": ""});
    let fails = "tokenizer.json: file: expected a tokenizer that can encode text";
    check("tiny-qwen3", normalizer(replace(empty(), "e")), fails);
    check("tiny-qwen3", normalizer(replace(serde_json::json!({"Regex": "x*"}), "e")), fails);
    let chain = vec![replace(serde_json::json!({"String": "a"}), "aaaaaaaaaa"); 12];
    let chain = serde_json::json!({"type": "Sequence", "normalizers": chain});
    check("tiny-qwen3", normalizer(chain), "expected replacements that make a text at most 16 times as long");
}

/// Changes one file as text.
fn edit(file: &'static str, from: &'static str, to: &'static str) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
}

/// Replaces the bytes of a file from `at` on.
fn patch(file: &'static str, at: usize, with: &'static [u8]) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at..at + with.len()].copy_from_slice(with);
        std::fs::write(&path, bytes).unwrap();
    }
}

fn remove(file: &'static str) -> impl FnOnce(&Path) {
    move |folder| std::fs::remove_file(folder.join(file)).unwrap()
}

#[test]
fn the_unbroken_folders_are_accepted() {
    for name in ["tiny-llama", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"] {
        use_all(&reference(name)).unwrap();
    }
}

#[test]
fn missing_files() {
    check("tiny-llama", remove("config.json"), "config.json is missing");
    check(
        "tiny-qwen3",
        remove("model.safetensors"),
        "model.safetensors is missing (and there is no model.safetensors.index.json)",
    );
    check(
        "tiny-qwen2",
        remove("model-00002-of-00002.safetensors"),
        "file `model-00002-of-00002.safetensors` is missing (named by model.safetensors.index.json)",
    );
    check("tiny-qwen3", remove("tokenizer.json"), "tokenizer.json is missing (slow tokenizers");
    let error = Checkpoint::open("no/such/place").unwrap_err().to_string();
    assert!(error.starts_with("no/such/place: cannot open: "), "{error}");
}

#[test]
fn configurations() {
    let config = "config.json";
    check("tiny-qwen3", edit(config, "{", ""), "config.json: file: expected JSON, found ");
    check(
        "tiny-qwen3",
        edit(config, "\"qwen3\"", "\"mamba\""),
        "unsupported architecture `mamba`; supported: llama, qwen2, qwen3, gemma3",
    );
    check("tiny-qwen3", edit(config, "\"hidden_size\"", "\"size\""), "`hidden_size` is missing");
    check(
        "tiny-qwen3",
        edit(config, "\"hidden_size\": 64", "\"hidden_size\": -64"),
        "`hidden_size`: expected a whole number from 0, found -64",
    );
    check(
        "tiny-qwen3",
        edit(config, "\"hidden_size\": 64", "\"hidden_size\": \"64\""),
        "`hidden_size`: expected a whole number from 0, found \"64\"",
    );
    check(
        "tiny-qwen3",
        edit(config, "\"hidden_size\": 64", "\"hidden_size\": 32"),
        "expected 344 rows of 32 values, as the configuration says, found 344 rows of 64",
    );
    check(
        "tiny-qwen3",
        edit(config, "\"num_key_value_heads\": 1", "\"num_key_value_heads\": 3"),
        "number of key/value heads: expected a divisor of the 4 heads, found 3",
    );
    check(
        "tiny-qwen3",
        edit(config, "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 5"),
        "(model.layers.3.input_layernorm.weight in the file)",
    );
    check(
        "tiny-qwen3",
        edit(config, "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2"),
        "layers: expected 2, as the configuration says, found tensors of 3",
    );
    for (with, found) in [
        ("{\"rope_scaling\": \"linear\",", "\"linear\""),
        ("{\"rope_scaling\": [],", "[]"),
        ("{\"rope_scaling\": false,", "false"),
    ] {
        check("tiny-qwen2", edit(config, "{", with), &format!("`rope_scaling`: expected an object, found {found}"));
    }
    check(
        "tiny-llama",
        edit(config, "\"rope_type\": \"llama3\"", "\"rope_type\": 3"),
        "`rope_scaling.rope_type`: expected a text, found 3",
    );
    check(
        "tiny-qwen3",
        edit(config, "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4000000000"),
        "number of layers: expected between 1 and 4096",
    );
    check("tiny-qwen3", edit(config, "\"silu\"", "\"relu\""), "unsupported activation `relu`");
    check(
        "tiny-qwen3",
        edit(config, "\"rope_type\": \"default\"", "\"rope_type\": \"longrope\""),
        "unsupported rope scaling `longrope`; supported: default, linear, llama3, yarn",
    );
    check(
        "tiny-llama",
        edit(config, "\"factor\": 8.0", "\"factor\": 0.0"),
        "rope scaling factor: expected a positive number, found 0",
    );
    check(
        "tiny-qwen3",
        edit(config, "{", "{\"quantization_config\": {},"),
        "unsupported weights `quantization_config`",
    );
    check(
        "tiny-qwen2",
        edit(config, "\"use_sliding_window\": false", "\"use_sliding_window\": true"),
        "unsupported sliding window 16 outside gemma3",
    );
}

#[test]
fn weights() {
    let file = "model.safetensors";
    check(
        "tiny-qwen3",
        patch(file, 0, &[0xff; 8]),
        "header length: expected at most 100000000 bytes, found 18446744073709551615",
    );
    check(
        "tiny-qwen3",
        patch(file, 0, &[0, 0, 0, 5, 0, 0, 0, 0]),
        "model.safetensors: the file looks truncated: its header promises 83886088 bytes, it has ",
    );
    check("tiny-qwen3", patch(file, 8, b"x"), "header: expected a safetensors header, found ");
    let truncate = |folder: &Path| {
        let path = folder.join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    };
    check("tiny-qwen3", truncate, "(tensor data is cut off)");
    let lengthen = |folder: &Path| {
        let path = folder.join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, [bytes, b"more".to_vec()].concat()).unwrap();
    };
    check("tiny-qwen3", lengthen, "tensor data: expected ");
    check(
        "tiny-qwen3",
        |folder| std::fs::write(folder.join(file), b"short").unwrap(),
        "the file looks truncated: its header promises 8 bytes, it has 5 (header length is cut off)",
    );
    let last_is_nan = |folder: &Path| {
        let path = folder.join("model.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        let len = bytes.len();
        bytes[len - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
    };
    check("tiny-qwen3", last_is_nan, " is NaN, expected a finite number");
}

/// Adds a tensor of one number.
fn add(name: &'static str) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        let (length, rest) = bytes.split_at(8);
        let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
        let offsets = [data.len(), data.len() + 4];
        header[name] = serde_json::json!({"dtype": "F32", "shape": [1], "data_offsets": offsets});
        let header = header.to_string();
        let length = (header.len() as u64).to_le_bytes();
        std::fs::write(&path, [&length[..], header.as_bytes(), data, &0.5f32.to_le_bytes()].concat()).unwrap();
    }
}

#[test]
fn weights_that_nothing_reads() {
    for name in [
        "lm_head.bias",
        "model.layers.0.self_attn.o_proj.bias",
        "model.layers.0.input_layernorm.bias",
        "model.layers.0.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
        "model.layers.0.self_attn.q_proj.weight_scale",
        "model.layers.0.block_sparse_moe.gate.weight",
    ] {
        check("tiny-qwen3", add(name), &format!("unsupported tensor `{name}`; supported: weights of a plain decoder"));
    }
    for name in ["model.layers.0.self_attn.rotary_emb.inv_freq", "vision_tower.embed.weight"] {
        let folder = copy("tiny-qwen3");
        add(name)(folder.path());
        use_all(folder.path()).unwrap();
    }
}

#[test]
fn indices() {
    let index = "model.safetensors.index.json";
    check("tiny-qwen2", edit(index, "weight_map", "map"), "`weight_map` is missing");
    check(
        "tiny-qwen2",
        edit(index, "\"model-00001-of-00002.safetensors\"", "\"../model-00001-of-00002.safetensors\""),
        "expected the name of a file in the folder, found ",
    );
    check(
        "tiny-qwen2",
        edit(index, "\"model-00001-of-00002.safetensors\"", "\"/etc/passwd\""),
        "expected the name of a file in the folder, found ",
    );
    check(
        "tiny-qwen2",
        edit(index, "\"model-00001-of-00002.safetensors\"", "7"),
        "expected the name of a file in the folder, found `7`",
    );
    check(
        "tiny-qwen2",
        edit(index, "model.layers.0.self_attn.q_proj.weight", "model.layers.77.self_attn.q_proj.weight"),
        "tensor `model.layers.77.self_attn.q_proj.weight` is missing (model.safetensors.index.json places it in ",
    );
    let twice = |folder: &Path| {
        std::fs::copy(folder.join("model-00001-of-00002.safetensors"), folder.join("more.safetensors")).unwrap();
        edit("model.safetensors.index.json", "\"weight_map\": {", "\"weight_map\": {\"extra\": \"more.safetensors\",")(
            folder,
        );
    };
    check("tiny-qwen2", twice, "expected one tensor of this meaning in the folder, found two");
}

#[test]
fn tokenizers_and_templates() {
    check(
        "tiny-qwen3",
        |folder| std::fs::write(folder.join("tokenizer.json"), "{}").unwrap(),
        "tokenizer.json: file: expected a tokenizer.json, found ",
    );
    check(
        "tiny-qwen3",
        edit("tokenizer_config.json", "\"<|endoftext|>\"", "\"<|nowhere|>\""),
        "token `<|nowhere|>` is missing (eos_token of tokenizer_config.json)",
    );
    check(
        "tiny-qwen3",
        |folder| std::fs::write(folder.join("chat_template.jinja"), "{% if %}").unwrap(),
        "chat template: ",
    );
    check(
        "tiny-qwen3",
        |folder| std::fs::write(folder.join("chat_template.jinja"), [0xff]).unwrap(),
        "chat_template.jinja: file: expected UTF-8 text",
    );
}

/// The three parsers on bytes with random damage.
#[test]
fn random_damage_never_panics() {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(20_260_102);
    let read = |folder: &str, file: &str| std::fs::read(reference(folder).join(file)).unwrap();
    let weights = read("tiny-qwen3", "model.safetensors");
    let header_end = 8 + u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    type Parse = fn(&[u8]) -> Result<(), ModelError>;
    let targets: [(Vec<u8>, usize, Parse); 3] = [
        (weights, header_end, |b| safetensors::check_header("f", b).map(|_| ())),
        (read("tiny-qwen2", "model.safetensors.index.json"), usize::MAX, |b| {
            safetensors::check_index("f", b).map(|_| ())
        }),
        (read("tiny-gemma3", "config.json"), usize::MAX, |b| safetensors::check_config("f", b).map(|_| ())),
    ];
    for (whole, end, parse) in targets {
        parse(&whole).unwrap();
        let end = end.min(whole.len());
        let mut refused = 0;
        let cases = hostile_random::cases(2000);
        for _ in 0..cases {
            let mut bytes = whole.clone();
            for _ in 0..random.random_range(1..=3) {
                let at = random.random_range(0..end);
                match random.random_range(0..3) {
                    0 => bytes[at] ^= 1 << random.random_range(0..8),
                    1 => bytes[at] = b"0123456789-e{}[],\":"[random.random_range(0..19)],
                    _ => bytes.truncate(random.random_range(1..=bytes.len())),
                }
                if bytes.len() < end {
                    break;
                }
            }
            if let Err(error) = parse(&bytes) {
                assert!(error.to_string().len() < 2000, "{error}");
                refused += 1;
            }
        }
        assert!((cases / 10..cases).contains(&refused), "{refused} of {cases}");
    }
}

#[test]
fn a_configuration_is_part_of_a_folders_identity() {
    let weights = |change: &dyn Fn(&Path)| {
        let folder = copy("tiny-qwen3");
        change(folder.path());
        Checkpoint::open(folder.path()).unwrap().weights_hash().unwrap()
    };
    let set = |name: &'static str, value: serde_json::Value| {
        move |folder: &Path| {
            let path = folder.join("config.json");
            let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            config[name] = value.clone();
            std::fs::write(&path, config.to_string()).unwrap();
        }
    };
    let as_it_is = weights(&|_| {});
    assert_ne!(weights(&set("rms_norm_eps", 10.0.into())), as_it_is);
    assert_ne!(weights(&set("rope_theta", 1e6.into())), as_it_is);
    assert_eq!(
        weights(&set("transformers_version", "9.9.9".into())),
        as_it_is,
        "who wrote it says nothing of the model"
    );
}
