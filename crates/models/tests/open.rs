//! Names of models, opened.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;

use hydrometer_models::gguf::Value;
use hydrometer_models::gguf::write::Writer;
use hydrometer_models::{EngineOptions, Model, ModelError, Precision, open};

fn try_open(spec: &str) -> Result<Box<dyn Model>, ModelError> {
    open(spec, &EngineOptions { precision: Precision::F32 })
}

#[test]
fn scripted_and_planted_models_open_by_name() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("toy.toml");
    fs::write(&path, "vocabulary = \"bytes\"\n[default]\nprobabilities = { a = 0.5 }\n").unwrap();
    let spec = format!("planted:greedy(planted:temperature=2(scripted:{}))", path.display());
    let model = try_open(&spec).unwrap();
    assert_eq!(model.identity().spec, "planted:greedy=0.999999(planted:temperature=2(scripted:toy.toml))");
    assert_eq!(model.identity().surgery.as_deref(), Some("temperature=2, then greedy=0.999999"));
}

fn check(spec: &str, expect: &str) {
    let text = match try_open(spec) {
        Ok(model) => panic!("{spec} opened {:?}", model.identity()),
        Err(error) => error.to_string(),
    };
    assert!(text.contains(expect), "{text}");
}

#[test]
fn names_that_cannot_be_opened_say_why() {
    check("absent.gguf", "absent.gguf: cannot open");
    check("scripted:absent.toml", "absent.toml: cannot read");
    check("planted:noise(absent.gguf)", "absent.gguf: cannot open");
    check("planted:noise(toy.toml)", "a scripted model is named scripted:toy.toml");
    check("hf:org/name", "there is no place for the hub's cache");
    check("hf:name", "expected hf:ORG/NAME");
}

#[test]
fn what_is_named_in_the_place_of_a_model_is_named_for_what_it_is() {
    check("https://example.org/model.gguf", "is an address; download");
    check("some-org/some-model-7b", "looks like a model of the Hugging Face hub");
    check("llama3:8b", "looks like a model of Ollama");
    let home = tempfile::tempdir().unwrap();
    let place = |name: &str| home.path().join(name);
    let write = |name: &str, bytes: &[u8]| {
        fs::write(place(name), bytes).unwrap();
        place(name).display().to_string()
    };
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    check(&write("pointer.gguf", pointer), "is a pointer of Git LFS");
    check(&write("model.safetensors", b"12345678"), "name its folder");
    let folder = |name: &str, file: &str, bytes: &[u8]| {
        fs::create_dir(place(name)).unwrap();
        write(&format!("{name}/{file}"), bytes);
        place(name).display().to_string()
    };
    check(&folder("quantised", "model-q4.gguf", b"GGUF"), "model-q4.gguf");
    check(&folder("adapter", "adapter_config.json", b"{}"), "is a LoRA adapter");
    write("adapter/config.json", b"{}");
    check(&place("adapter").display().to_string(), "holds a model and a LoRA adapter for it");
    folder("twice", "config.json", b"{}");
    write("twice/model.safetensors", b"12345678");
    let index = r#"{"weight_map":{"a":"model.safetensors","b":"more.safetensors"}}"#;
    write("twice/model.safetensors.index.json", index.replace("more", "model").as_bytes());
    let once = try_open(&place("twice").display().to_string()).err().unwrap().to_string();
    assert!(!once.contains("two sets"), "{once}");
    write("twice/model.safetensors.index.json", index.as_bytes());
    check(&place("twice").display().to_string(), "holds two sets of weights, model.safetensors and those that");
    check(&folder("pointers", "model.safetensors", pointer), "is a pointer of Git LFS");
    let gguf = |name: &str, pairs: &[(&str, Value)]| {
        let mut writer = Writer::new();
        pairs.iter().for_each(|(key, value)| {
            writer.pair(key, value.clone());
        });
        write(name, &writer.bytes())
    };
    check(&gguf("lora.gguf", &[("general.type", Value::String("adapter".into()))]), "is a LoRA adapter");
    let split = [("split.no", Value::U16(1)), ("split.count", Value::U16(3))];
    check(&gguf("m-00002-of-00003.gguf", &split), "is part 2 of 3 of a model");
}
