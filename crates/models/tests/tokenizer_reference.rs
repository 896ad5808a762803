//! Token ids against llama.cpp's on real text, for whoever has the files.
//!
//! `HYDROMETER_REFERENCE` names a folder with `tokens.{qwen,smollm2-135m,gemma3-270m}.wikitext2-valid.json` (the ids
//! that `llama-perplexity` used: 16 chunks of 512), `HYDROMETER_DATA` one with `wikitext2/valid.txt`,
//! `HYDROMETER_MODELS` the models (default `~/.cache/hydrometer/models`).
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::PathBuf;

use hydrometer_models::Checkpoint;

fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

fn model(name: &str) -> Option<PathBuf> {
    let folder = folder("HYDROMETER_MODELS").or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".cache/hydrometer/models"))
    })?;
    let path = folder.join(format!("{name}.gguf"));
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there (scripts/fetch-models fetches it)", path.display());
    None
}

fn check(name: &str, reference: &str) {
    let Some(model) = model(name) else { return };
    let (Some(references), Some(data)) = (folder("HYDROMETER_REFERENCE"), folder("HYDROMETER_DATA")) else {
        eprintln!(
            "SKIPPED: {name}: set HYDROMETER_REFERENCE and HYDROMETER_DATA to compare with llama.cpp's token ids"
        );
        return;
    };
    let file = std::fs::read_to_string(references.join(format!("tokens.{reference}.wikitext2-valid.json"))).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&file).unwrap();
    let expected: Vec<u32> = ids(&expected);
    let text = std::fs::read_to_string(data.join("wikitext2/valid.txt")).unwrap();
    // llama-perplexity strips one newline from the end of the file.
    let text = text.strip_suffix('\n').unwrap_or(&text);

    let start = std::time::Instant::now();
    let tokenizer = Checkpoint::open(&model).unwrap().tokenizer().unwrap();
    let loaded = start.elapsed();
    let start = std::time::Instant::now();
    let plain = tokenizer.encode(text).unwrap();
    let took = start.elapsed();
    let found = tokenizer.begin(plain.clone());
    eprintln!("{name}: opened in {loaded:.2?}, {} tokens of {} bytes in {took:.2?}", plain.len(), text.len());
    assert_eq!(expected.len(), 16 * 512);
    let first = expected.iter().zip(&found).position(|(a, b)| a != b);
    assert_eq!(first, None, "{name}: ids differ from there");
    assert!(tokenizer.decode(&plain) == text.as_bytes(), "{name}: decoding gives another text");
}

/// The ids, whether the file is a list, a list of chunks, or an object that holds either.
fn ids(value: &serde_json::Value) -> Vec<u32> {
    match value {
        serde_json::Value::Number(n) => vec![u32::try_from(n.as_u64().unwrap()).unwrap()],
        serde_json::Value::Array(items) => items.iter().flat_map(ids).collect(),
        serde_json::Value::Object(fields) => ids(&fields["tokens"]),
        other => panic!("{other}"),
    }
}

#[test]
fn qwen_ids_are_llama_cpps() {
    check("qwen-1.5b", "qwen");
    check("qwen-0.5b", "qwen");
}

#[test]
fn smollm_ids_are_llama_cpps() {
    check("smollm2-135m", "smollm2-135m");
}

#[test]
fn gemma_ids_are_llama_cpps() {
    check("gemma3-270m", "gemma3-270m");
}
