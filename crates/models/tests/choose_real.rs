//! Forced choice and planted defects on real models. Needs the model files; says loudly when they are absent.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::path::PathBuf;

use hydrometer_models::{Block, EngineOptions, Model, Precision, Sequence, choose, open, question};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe};

fn model_file(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("HYDROMETER_MODELS").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".cache/hydrometer/models"))
    })?;
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {} is absent (scripts/fetch-models, or set HYDROMETER_MODELS)", path.display());
        return None;
    }
    Some(path)
}

fn options() -> EngineOptions {
    EngineOptions { precision: Precision::F32 }
}

fn probe(prompt: &str, options: [&str; 3], truth: u32) -> Probe {
    let ask = Ask::Choice(kind::Choice {
        prompt: prompt.to_owned(),
        options: options.map(str::to_owned).to_vec(),
        truth: Some(truth),
        asked_as: Default::default(),
    });
    Probe {
        id: "p".to_owned(),
        family: "f".to_owned(),
        axis: "a".to_owned(),
        tags: Vec::new(),
        knob: None,
        boundary: None,
        ask,
    }
}

/// Prompt and answer are the tokens of the joined text, one token per letter; over the rotations a small model knows the answer.
#[test]
fn an_instructed_model_answers_by_the_letter() {
    let Some(path) = model_file("qwen-0.5b.gguf") else { return };
    let model = open(path.to_str().unwrap(), &options()).unwrap();
    let probe = probe("What is the capital of France?", ["Berlin", "Paris", "Madrid"], 1);
    let mut totals = [0.0; 3];
    for rotation in 0..3 {
        let (choice, order) = question(&*model, &probe, rotation).unwrap();
        assert!(choice.options.iter().all(|option| option.len() == 1), "{choice:?}");
        for option in &choice.options {
            let ids = [choice.prompt.as_slice(), option].concat();
            let text = String::from_utf8(model.tokens().unwrap().decode(&ids)).unwrap();
            assert_eq!(model.tokens().unwrap().encode_rendered(&text).unwrap(), ids);
        }
        let answers = choose(&*model, &[choice]).unwrap().remove(0);
        let mass: f64 = answers.iter().map(|logprob| logprob.exp()).sum();
        assert!(mass > 0.5 && mass <= 1.0 + 1e-9, "the letters carry {mass}");
        order.iter().zip(answers).for_each(|(option, logprob)| totals[*option] += logprob);
    }
    // So small a model prefers the letter A; over the rotations every option stood under every letter once.
    assert!(totals[1] > totals[0] && totals[1] > totals[2], "{totals:?}");
}

/// Without a chat template the letter follows `Answer:` with a space that belongs to it.
#[test]
fn a_base_model_reads_the_plain_form() {
    let Some(path) = model_file("smollm2-135m.gguf") else { return };
    let model = open(path.to_str().unwrap(), &options()).unwrap();
    if model.renders().is_some() {
        eprintln!("this file has a chat template: only the joined tokens are checked");
    }
    let (choice, _) = question(&*model, &probe("2 + 2 = ?", ["3", "4", "5"], 1), 0).unwrap();
    assert!(choice.options.iter().all(|option| option.len() == 1), "{choice:?}");
}

#[test]
fn a_planted_real_model_keeps_its_identity_and_changes_its_tail() {
    let Some(path) = model_file("smollm2-135m.gguf") else { return };
    let plain = open(path.to_str().unwrap(), &options()).unwrap();
    let planted = open(&format!("planted:tail_truncated=0.9({})", path.display()), &options()).unwrap();
    assert_eq!(plain.identity().weights, planted.identity().weights);
    let tokens = plain.tokens().unwrap().begin(plain.tokens().unwrap().encode("The capital of France is").unwrap());
    let row = tokens.len() as u32 - 1;
    let block = Block { sequences: vec![Sequence { tokens, rows: vec![row] }] };
    let read = |model: &dyn Model| {
        let mut out = vec![0.0; model.identity().logit_width() as usize];
        model.scores().unwrap().score(&block).unwrap().read(0..1, &mut out).unwrap();
        out
    };
    let (before, after) = (read(&*plain), read(&*planted));
    let largest = before.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| f64::from(logit - largest).exp();
    let total: f64 = before.iter().map(|logit| weight(*logit)).sum();
    let kept: Vec<f64> =
        before.iter().zip(&after).filter(|(_, a)| a.is_finite()).map(|(b, _)| weight(*b) / total).collect();
    let mass: f64 = kept.iter().sum();
    let smallest = kept.iter().copied().fold(1.0, f64::min);
    assert!(mass >= 0.9 && mass - smallest < 0.9, "kept {mass}, the smallest of them {smallest}");
    assert!(before.iter().zip(&after).all(|(b, a)| a == b || *a == f32::NEG_INFINITY));
}
