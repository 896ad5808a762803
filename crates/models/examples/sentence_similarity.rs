//! How well a similarity of texts tells a paraphrase from another answer to the same question: the chance that the
//! paraphrase is the closer one (AUC), for character n-grams and for the mean hidden states of local models.
//!
//!     cargo run --release -p hydrometer-models --example sentence_similarity -- MODEL...
//!
//! Thirty triples of our own: an answer, the same in other words, a different answer in similar words.
#![allow(clippy::print_stdout)]

use std::error::Error;

use hydrometer_models::{Block, EngineOptions, Model, Precision, Sequence, open};
use hydrometer_probes::meaning::STANDARD;

fn main() -> Result<(), Box<dyn Error>> {
    let triples: Vec<Vec<&str>> =
        include_str!("sentence_similarity.tsv").lines().map(|line| line.split('\t').collect()).collect();
    let of_text = |of: &dyn Fn(&str, &str) -> f64| {
        let pairs = |a: usize, b: usize| triples.iter().map(move |triple| of(triple[a], triple[b]));
        auc(&pairs(0, 1).collect::<Vec<_>>(), &pairs(0, 2).chain(pairs(1, 2)).collect::<Vec<_>>())
    };
    println!("character 3-grams: {:.3}", of_text(&|a, b| STANDARD.similarity(a, b)));
    for name in std::env::args().skip(1) {
        let model = open(&name, &EngineOptions { threads: 0, precision: Precision::Auto })?;
        let mut vectors = Vec::new();
        for triple in &triples {
            vectors.push(triple.iter().map(|text| embedded(&*model, text)).collect::<Result<Vec<_>, _>>()?);
        }
        let pairs = |a: usize, b: usize| vectors.iter().map(move |of| cosine(&of[a], &of[b]));
        let found = auc(&pairs(0, 1).collect::<Vec<_>>(), &pairs(0, 2).chain(pairs(1, 2)).collect::<Vec<_>>());
        println!("mean hidden state of {}: {found:.3}", model.identity().name);
    }
    Ok(())
}

fn embedded(model: &dyn Model, text: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let tokens = model.tokenizer().begin(model.tokenizer().encode(text)?);
    let block = Block { sequences: vec![Sequence { tokens, rows: Vec::new() }] };
    model.embed(&block)?.pop().ok_or_else(|| "no vector".into())
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn auc(same: &[f64], different: &[f64]) -> f64 {
    let wins = same
        .iter()
        .flat_map(|s| different.iter().map(move |d| f64::from(u8::from(s > d)) + if s == d { 0.5 } else { 0.0 }));
    wins.sum::<f64>() / (same.len() * different.len()) as f64
}
