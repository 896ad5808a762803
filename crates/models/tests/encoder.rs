//! The sentence encoder against Hugging Face transformers in f64, against itself, and on broken folders.
//!
//! `tiny-bert` is in the repository. `HYDROMETER_MODELS` names the folder of the real ones (default
//! `~/.cache/hydrometer/models`), there `all-minilm-l6-v2`.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};

use hydrometer_models::{ModelError, SentenceEncoder};
use serde_json::Value;

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// The texts of a reference file and their vectors under a pooling.
fn cases(name: &str, pooling: &str) -> Vec<(String, Vec<f64>)> {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(reference(name)).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap().iter();
    cases
        .map(|case| {
            let vector = case[pooling].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            (case["text"].as_str().unwrap().to_owned(), vector)
        })
        .collect()
}

#[track_caller]
fn agrees(folder: &Path, cases: &[(String, Vec<f64>)]) {
    let encoder = SentenceEncoder::open(folder).unwrap();
    let texts: Vec<&str> = cases.iter().map(|case| case.0.as_str()).collect();
    let vectors = encoder.encode(&texts).unwrap();
    for ((text, expected), found) in cases.iter().zip(&vectors) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 2e-6, "{text:?}: {found} instead of {expected}");
        }
    }
    // A vector depends on its text alone.
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for (text, vector) in texts.iter().zip(&vectors) {
        assert_eq!(one_thread.install(|| encoder.encode(&[text]).unwrap())[0], *vector, "{text:?}");
    }
}

/// A copy of `tiny-bert`, changed.
fn changed(change: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    let files = ["config.json", "model.safetensors", "modules.json", "sentence_bert_config.json", "tokenizer.json"];
    for file in files.into_iter().chain(["1_Pooling/config.json"]) {
        std::fs::copy(reference("tiny-bert").join(file), folder.path().join(file)).unwrap();
    }
    change(folder.path());
    folder
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn vectors_are_those_of_transformers() {
    let mean = cases("vectors.tiny-bert.json", "mean");
    // The last text is longer than the encoder reads at once, one is empty.
    assert!(mean.iter().any(|case| case.0.is_empty()) && mean.iter().any(|case| case.0.len() > 500));
    agrees(&reference("tiny-bert"), &mean);
    let cls = changed(|folder| {
        edit(folder, "1_Pooling/config.json", "\"pooling_mode_cls_token\": false", "\"pooling_mode_cls_token\": true");
        edit(folder, "1_Pooling/config.json", "mean_tokens\": true", "mean_tokens\": false");
    });
    agrees(cls.path(), &cases("vectors.tiny-bert.json", "cls"));
    let identity = SentenceEncoder::open(cls.path()).unwrap().identity().clone();
    assert_eq!((identity.width, identity.max_tokens, identity.pooling.as_str()), (24, 32, "cls"));
    // Plain BERT folders have no modules.
    let plain = changed(|folder| std::fs::remove_file(folder.join("modules.json")).unwrap());
    agrees(plain.path(), &mean);
}

#[test]
fn real_vectors_are_those_of_transformers() {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let models = std::env::var_os("HYDROMETER_MODELS").map(PathBuf::from);
    let folder = models.unwrap_or_else(|| home.join(".cache/hydrometer/models")).join("all-minilm-l6-v2");
    if !folder.exists() {
        eprintln!("SKIPPED: no sentence encoder at {} (all-MiniLM-L6-v2 with model.safetensors)", folder.display());
        return;
    }
    agrees(&folder, &cases("vectors.all-minilm-l6-v2.json", "mean"));
}

#[test]
fn broken_folders_are_refused() {
    let refused = |change: &dyn Fn(&Path), fragment: &str| {
        let folder = changed(change);
        let error: ModelError = SentenceEncoder::open(folder.path()).expect_err(fragment);
        assert!(error.to_string().contains(fragment), "expected `{fragment}` in: {error}");
    };
    let config = |from: &'static str, to: &'static str| move |folder: &Path| edit(folder, "config.json", from, to);
    for file in ["config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"] {
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        refused(&|folder| std::fs::remove_file(folder.join(file)).unwrap(), &format!("{name} is missing"));
    }
    refused(
        &config("\"model_type\": \"bert\"", "\"model_type\": \"roberta\""),
        "unsupported sentence encoder `roberta`",
    );
    refused(&config("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\""), "unsupported activation `relu`");
    refused(&config("\"absolute\"", "\"relative_key\""), "unsupported positions `relative_key`");
    refused(&config("\"num_attention_heads\": 3", "\"num_attention_heads\": 0"), "a multiple of the 0 heads");
    refused(&config("\"num_attention_heads\": 3", "\"num_attention_heads\": 5"), "a multiple of the 5 heads");
    refused(&config("\"hidden_size\": 24", "\"hidden_size\": 48"), "rows of 48 values, as config.json says");
    refused(&config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"), "encoder.layer.2");
    refused(&config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 9000000000000"), "encoder.layer.2");
    refused(&config("\"vocab_size\": ", "\"vocab_size\": 1"), "tensor `embeddings.word_embeddings.weight`");
    refused(&config("\"vocab_size\": 1", "\"vocab_size\": "), "vocabulary");
    refused(&config("\"max_position_embeddings\": 40", "\"max_position_embeddings\": 2"), "expected at least 3");
    refused(&config("{", "["), "expected JSON");
    refused(&|folder| edit(folder, "sentence_bert_config.json", "32", "2"), "`max_seq_length`");
    refused(&|folder| edit(folder, "modules.json", "models.Normalize", "models.Dense"), "unsupported module `Dense`");
    refused(&|folder| edit(folder, "modules.json", "\"1_Pooling\"", "\"../1_Pooling\""), "the name of a folder");
    refused(
        &|folder| edit(folder, "1_Pooling/config.json", "max_tokens\": false", "max_tokens\": true"),
        "unsupported pooling",
    );
    refused(&|folder| edit(folder, "tokenizer.json", "\"version\"", "\"v"), "a tokenizer.json");
    refused(
        &|folder| edit(folder, "tokenizer.json", "\"special_tokens\":{", "\"special_tokens\":{},\"x\":{"),
        "`post_processor`",
    );
    refused(&|folder| edit(folder, "tokenizer.json", "\"ids\":[2]", "\"ids\":[4000]"), "ids below");
    refused(&|folder| edit(folder, "modules.json", "[", "{\"a\":["), "expected JSON");
    refused(&|folder| std::fs::write(folder.join("modules.json"), "{}").unwrap(), "a list of modules");
    refused(
        &|folder| edit(folder, "1_Pooling/config.json", "mean_tokens\": true", "mean_tokens\": false"),
        "set to true, is missing",
    );
    refused(&|folder| std::fs::write(folder.join("config.json"), "[]").unwrap(), "`model_type` is missing");
    refused(&torn, "tensor data");
    refused(&not_finite, "expected a finite number");
}

#[test]
fn an_encoder_is_told_by_what_it_computes() {
    let key = |folder: &Path| SentenceEncoder::open(folder).unwrap().identity().key();
    let tiny = key(&reference("tiny-bert"));
    assert_eq!(key(changed(|_| ()).path()), tiny, "the folder's name does not matter");
    let fewer = changed(|folder| edit(folder, "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"));
    assert_ne!(key(fewer.path()), tiny);
    let file = SentenceEncoder::open(&reference("tiny-bert/config.json")).unwrap_err().to_string();
    assert!(file.contains("no folder"), "{file}");
}

fn torn(folder: &Path) {
    let path = folder.join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
}

fn not_finite(folder: &Path) {
    let path = folder.join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
}
