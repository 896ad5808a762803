//! The engine against Hugging Face transformers in f64 on the same (dequantised) weights, and against itself.
//!
//! Tiny random models of all four architectures are in the repository. `HYDROMETER_MODELS` names the folder of the real
//! ones (default `~/.cache/hydrometer/models`). The tolerances are explained in `reference/README.md`.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};

use hydrometer_models::{Block, Checkpoint, Decoder, EngineOptions, Model, ModelError, Precision, Scores, Sequence};
use serde_json::Value;

/// Two correct f32 engines differ by a few times 1e-5 on the tiny models, by a few times 1e-4 on the real ones.
const TINY: f64 = 2e-4;
const REAL: f64 = 2e-3;
/// High and low parts together hold 16 bits of mantissa: an error of 2⁻¹⁷ per factor that averages out over the sums.
const BF16X3: f64 = 20.0;
/// Activations are rounded to 2⁻¹⁶ of the largest of 16 or 32.
const I16: f64 = 50.0;

fn reference_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap()
}

fn open(path: &Path, precision: Precision) -> Result<Decoder, ModelError> {
    Decoder::open(&Checkpoint::open(path)?, &EngineOptions { precision })
}

/// Scores a block in reads of `at_once` rows.
fn logits(model: &dyn Model, block: &Block, at_once: usize) -> Vec<f32> {
    let vocab = model.identity().logit_width() as usize;
    let mut logits = model.scores().unwrap().score(block).unwrap();
    let mut out = vec![f32::NAN; block.rows() * vocab];
    for first in (0..block.rows()).step_by(at_once) {
        let rows = first..block.rows().min(first + at_once);
        logits.read(rows.clone(), &mut out[rows.start * vocab..rows.end * vocab]).unwrap();
    }
    out
}

fn reference_block(reference: &Value) -> Block {
    let sequence = |s: &Value| Sequence {
        tokens: numbers(&s["tokens"]),
        rows: s["at"].as_array().unwrap().iter().map(|at| at["position"].as_u64().unwrap() as u32).collect(),
    };
    Block { sequences: reference["sequences"].as_array().unwrap().iter().map(sequence).collect() }
}

/// The largest difference from the reference over all stored logits.
fn largest_difference(decoder: &Decoder, reference: &Value) -> f64 {
    let vocab = reference["vocab"].as_u64().unwrap() as usize;
    assert_eq!(decoder.identity().logit_width() as usize, vocab);
    let fixed: Vec<usize> = numbers(&reference["fixed_ids"]);
    let rows = logits(decoder, &reference_block(reference), 7);
    let wanted = reference["sequences"].as_array().unwrap().iter().flat_map(|s| s["at"].as_array().unwrap());
    let mut worst = 0.0f64;
    for (row, at) in rows.chunks_exact(vocab).zip(wanted) {
        let top: Vec<usize> = numbers(&at["top_ids"]);
        let ids = top.iter().chain(&fixed);
        let values: Vec<f64> = numbers(&at["top_logits"]);
        let values = values.into_iter().chain(numbers::<f64>(&at["fixed_logits"]));
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        worst = worst.max((sum.ln() - at["logsumexp"].as_f64().unwrap()).abs());
        for (&id, value) in ids.zip(values) {
            worst = worst.max((f64::from(row[id]) - value).abs());
        }
    }
    worst
}

fn check(path: &Path, reference: &str, tolerance: f64) {
    let reference = json(&reference_folder().join(format!("logits.{reference}.json")));
    for (precision, factor) in [(Precision::F32, 1.0), (Precision::I16, I16), (Precision::Bf16x3, BF16X3)] {
        match open(path, precision) {
            Ok(decoder) => {
                let worst = largest_difference(&decoder, &reference);
                let engine = &decoder.identity().engine;
                eprintln!("{}: {:?} on {:?}: {worst:.1e}", path.display(), engine.precision, engine.kernel);
                assert!(worst <= tolerance * factor, "{} {precision:?}: off by {worst:e}", path.display());
            }
            Err(error) if precision == Precision::F32 => panic!("{error}"),
            Err(error) => eprintln!("SKIPPED: {precision:?}: {error}"),
        }
    }
}

fn tiny(name: &str) -> PathBuf {
    reference_folder().join(format!("tiny-{name}"))
}

#[test]
fn tiny_models_of_every_architecture_agree_with_transformers() {
    for name in ["llama", "qwen2", "qwen3", "gemma3"] {
        check(&tiny(name), &format!("tiny-{name}"), TINY);
    }
}

/// A copy of a tiny model that may be changed.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(tiny(name)).unwrap() {
        let file = file.unwrap().path();
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

#[test]
fn scaled_rotations_agree_with_transformers() {
    for scaling in ["linear", "yarn"] {
        let reference = format!("tiny-qwen3-{scaling}");
        let changes = json(&reference_folder().join(format!("logits.{reference}.json")))["config"].clone();
        let folder = copy("qwen3");
        let path = folder.path().join("config.json");
        let mut config = json(&path);
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        std::fs::write(&path, config.to_string()).unwrap();
        check(folder.path(), &reference, TINY);
    }
}

fn real(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("HYDROMETER_MODELS").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".cache/hydrometer/models"))
    })?;
    let path = folder.join(format!("{name}.gguf"));
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there (scripts/fetch-models fetches it)", path.display());
    }
    path.exists().then_some(path)
}

#[test]
fn real_models_agree_with_transformers() {
    for name in ["smollm2-135m", "gemma3-270m", "qwen-0.5b", "qwen-1.5b"] {
        if let Some(path) = real(name) {
            check(&path, name, REAL);
        }
    }
}

fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../demo/{name}.gguf"))
}

/// A tiny model in floats of every architecture, and one in integers.
fn models() -> Vec<(String, PathBuf)> {
    let tiny = ["llama", "qwen2", "qwen3", "gemma3"].map(|name| (format!("tiny-{name}"), tiny(name)));
    tiny.into_iter().chain([("demo-teacher".to_owned(), demo("teacher"))]).collect()
}

#[test]
fn the_models_of_the_demo_agree_with_transformers() {
    for name in ["teacher", "student"] {
        check(&demo(name), &format!("demo-{name}"), TINY);
    }
}

/// Neither its neighbours in the block, nor threads, nor the size of a read change a bit of a row.
#[test]
fn batching_threads_and_reads_do_not_change_a_bit() {
    for (name, path) in models() {
        let reference = json(&reference_folder().join(format!("logits.{name}.json")));
        let block = reference_block(&reference);
        for precision in [Precision::F32, Precision::Auto, Precision::Bf16] {
            let Ok(decoder) = open(&path, precision) else {
                eprintln!("SKIPPED: {precision:?}: no kernel on this processor");
                continue;
            };
            let packed = logits(&decoder, &block, 5);
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let found = pool.install(|| logits(&decoder, &block, 100));
                assert_eq!(packed, found, "{name} {precision:?}: {threads} threads");
            }
            let alone: Vec<f32> = block
                .sequences
                .iter()
                .rev()
                .map(|sequence| logits(&decoder, &Block { sequences: vec![sequence.clone()] }, 1))
                .rev()
                .collect::<Vec<_>>()
                .concat();
            assert_eq!(packed, alone, "{name} {precision:?}: neighbours");
        }
    }
}

/// Sequences of a block that begin alike are computed once as far as they do, and that changes no bit of any row.
#[test]
fn common_beginnings_do_not_change_a_bit() {
    let from = |start: u32, length: u32| (start..start + length).collect::<Vec<u32>>();
    // Beginnings within beginnings, that end within a page of 32 positions and at its end; one sequence begins another.
    let (head, middle) = (from(1, 37), from(50, 27));
    let sequences = [
        [head.clone(), middle.clone(), from(90, 3)].concat(),
        from(100, 9),
        [head.clone(), middle.clone(), from(95, 40)].concat(),
        [head.clone(), from(80, 2)].concat(),
        [head.clone(), middle].concat(),
        head,
    ];
    let whole = |tokens: Vec<u32>| Sequence { rows: (0..tokens.len() as u32).collect(), tokens };
    for (name, path) in models() {
        for precision in [Precision::F32, Precision::Auto] {
            let decoder = open(&path, precision).unwrap();
            let score = |sequences: Vec<Vec<u32>>| {
                logits(&decoder, &Block { sequences: sequences.into_iter().map(whole).collect() }, 64)
            };
            let alone = sequences.iter().map(|tokens| score(vec![tokens.clone()])).collect::<Vec<_>>().concat();
            assert!(score(sequences.to_vec()) == alone, "{name} {precision:?}");
        }
    }
}

/// What a token predicts does not depend on the tokens after it, not in one bit.
#[test]
fn the_future_is_invisible() {
    for (name, path) in models() {
        for precision in [Precision::F32, Precision::Auto] {
            let decoder = open(&path, precision).unwrap();
            let long = Sequence { tokens: (1..60).collect(), rows: (0..20).collect() };
            let short = Sequence { tokens: (1..21).collect(), rows: (0..20).collect() };
            let score = |sequence| logits(&decoder, &Block { sequences: vec![sequence] }, 64);
            assert_eq!(score(long), score(short), "{name} {precision:?}");
        }
    }
}

/// What `auto` may take in place of f32: a mean divergence from it below 1e-7.
#[test]
fn products_of_integers_are_as_good_as_f32() {
    let path = demo("teacher");
    let Ok(decoder) = open(&path, Precision::I16) else {
        return eprintln!("SKIPPED: no kernel for i16 on this processor");
    };
    let block = Block { sequences: vec![Sequence { tokens: (1..400).collect(), rows: (0..399).collect() }] };
    let (found, exact) = (logits(&decoder, &block, 64), logits(&open(&path, Precision::F32).unwrap(), &block, 64));
    assert_ne!(found, exact);
    let vocab = decoder.identity().logit_width() as usize;
    let log_probs = |row: &[f32]| {
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        row.iter().map(|&logit| f64::from(logit) - sum.ln()).collect::<Vec<_>>()
    };
    let divergence = |(exact, found): (&[f32], &[f32])| -> f64 {
        let (p, q) = (log_probs(exact), log_probs(found));
        p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum()
    };
    let mean = exact.chunks_exact(vocab).zip(found.chunks_exact(vocab)).map(divergence).sum::<f64>() / 399.0;
    assert!(mean < 1e-7, "mean divergence {mean:e}");
}

#[test]
fn rerun_answers_in_f32() {
    let decoder = open(&demo("teacher"), Precision::Auto).unwrap();
    let exact = open(&demo("teacher"), Precision::F32).unwrap();
    let block = Block { sequences: vec![Sequence { tokens: (1..30).collect(), rows: vec![3, 28] }] };
    let vocab = decoder.identity().logit_width() as usize;
    let mut again = vec![0.0; 2 * vocab];
    decoder.rerun(&block).unwrap().read(0..2, &mut again).unwrap();
    assert_eq!(again, logits(&exact, &block, 2));
}

#[test]
fn requests_that_make_no_sense_are_errors() {
    let decoder = open(&tiny("llama"), Precision::F32).unwrap();
    let (vocab, context) = (decoder.identity().logit_width(), decoder.identity().context_length);
    let check = |tokens: Vec<u32>, rows: Vec<u32>, expect: &str| {
        let block =
            Block { sequences: vec![Sequence { tokens: vec![1, 2], rows: vec![0] }, Sequence { tokens, rows }] };
        let error = decoder.score(&block).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expect), "expected `{expect}`, found `{error}`");
    };
    check(vec![1, vocab, 2], vec![0], &format!("token {vocab} at position 1"));
    check(vec![1; context.unwrap() as usize + 1], vec![0], "longer than the context");
    check(vec![1, 2], vec![2], "rows must increase");
    check(vec![1, 2, 3], vec![1, 1], "rows must increase");
    check(vec![], vec![0], "rows must increase");
    let block = Block { sequences: vec![Sequence { tokens: vec![1, 2], rows: vec![0, 1] }] };
    let mut logits = decoder.score(&block).unwrap();
    assert!(logits.read(1..3, &mut vec![0.0; 2 * vocab as usize]).is_err());
    assert!(logits.read(0..2, &mut vec![0.0; vocab as usize]).is_err());
}

#[test]
fn an_empty_block_and_an_empty_sequence_are_fine() {
    let decoder = open(&tiny("gemma3"), Precision::Auto).unwrap();
    assert!(logits(&decoder, &Block::default(), 1).is_empty());
    let empty = Sequence { tokens: vec![], rows: vec![] };
    let full = Sequence { tokens: vec![1, 2, 3], rows: vec![2] };
    let both = logits(&decoder, &Block { sequences: vec![empty, full.clone()] }, 1);
    assert_eq!(both, logits(&decoder, &Block { sequences: vec![full] }, 1));
}

/// A weight that is not a number is named, whether a product or a vector reads it first.
#[test]
fn weights_that_are_not_finite_are_named() {
    let folder = copy("llama");
    let path = folder.path().join("model.safetensors");
    let intact = std::fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(intact[..8].try_into().unwrap()) as usize;
    let tensors: Value = serde_json::from_slice(&intact[8..header]).unwrap();
    let names = [
        ("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight"),
        ("model.layers.1.self_attn.k_proj.weight", "blk.1.attn_k.weight"),
        ("model.norm.weight", "output_norm.weight"),
    ];
    for (stored, canonical) in names {
        let tensor = &tensors[stored];
        let value: &[u8] = match tensor["dtype"].as_str().unwrap() {
            "F32" => &[0, 0, 0xc0, 0x7f],
            "BF16" => &[0xc0, 0x7f],
            "F16" => &[0, 0x7e],
            other => panic!("a tensor of type {other}"),
        };
        let end = header + tensor["data_offsets"][1].as_u64().unwrap() as usize;
        let mut broken = intact.clone();
        broken[end - value.len()..end].copy_from_slice(value);
        std::fs::write(&path, broken).unwrap();
        let block = Block { sequences: vec![Sequence { tokens: vec![1, 2, 3], rows: vec![2] }] };
        let error = match open(folder.path(), Precision::Auto) {
            Err(error) => error.to_string(),
            Ok(decoder) => decoder.score(&block).err().map(|error| error.to_string()).unwrap_or_default(),
        };
        assert!(error.contains(canonical) && error.contains("NaN"), "{canonical}: `{error}`");
    }
}
