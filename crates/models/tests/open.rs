//! Names of models, opened.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;

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
    check("hf:org/name", "does not know it yet");
}
