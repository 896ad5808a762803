//! How well a similarity of texts tells a paraphrase from another answer to the same question: the chance that the
//! paraphrase is the closer one (AUC), and what is joined at a threshold, for character n-grams and for sentence encoders.
//!
//!     cargo run --release -p hydrometer-models --example sentence_similarity -- [ENCODER]...
//!
//! Thirty triples of our own: an answer, the same in other words, a different answer in similar words. The different answers
//! are meant to be hard: most say the contrary. Answers to other questions are the easy case.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;

use hydrometer_models::SentenceEncoder;
use hydrometer_probes::meaning::STANDARD;

fn main() -> Result<(), Box<dyn Error>> {
    let triples: Vec<Vec<&str>> =
        include_str!("sentence_similarity.tsv").lines().map(|line| line.split('\t').collect()).collect();
    print("character 3-grams", &triples, &mut |a, b| Ok(STANDARD.similarity(a, b)))?;
    for name in std::env::args().skip(1) {
        let encoder = SentenceEncoder::open(Path::new(&name))?;
        print(&encoder.identity().name, &triples, &mut |a, b| {
            let vectors = encoder.encode(&[a, b])?;
            Ok(cosine(&vectors[0], &vectors[1]))
        })?;
    }
    Ok(())
}

type Similarity<'a> = dyn FnMut(&str, &str) -> Result<f64, Box<dyn Error>> + 'a;

fn print(name: &str, triples: &[Vec<&str>], of: &mut Similarity<'_>) -> Result<(), Box<dyn Error>> {
    let (mut same, mut contrary, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for (place, triple) in triples.iter().enumerate() {
        same.push(of(triple[0], triple[1])?);
        contrary.extend([of(triple[0], triple[2])?, of(triple[1], triple[2])?]);
        elsewhere.push(of(triple[0], triples[(place + 1) % triples.len()][0])?);
    }
    println!("{name}: AUC {:.3}", auc(&same, &contrary));
    println!("  threshold  paraphrases joined  contrary answers joined  answers to other questions joined");
    for threshold in [0.7, 0.75, 0.8, 0.85, 0.9, 0.95] {
        let joined = |values: &[f64]| values.iter().filter(|value| **value >= threshold).count();
        let counts = [&same, &contrary, &elsewhere].map(|values| format!("{} of {}", joined(values), values.len()));
        println!("  {threshold:<9}  {:<18}  {:<23}  {}", counts[0], counts[1], counts[2]);
    }
    Ok(())
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
