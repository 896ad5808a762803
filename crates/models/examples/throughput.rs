//! Speed of the engine on a real model, perplexity included so that a fast wrong answer shows.
//!
//!     cargo run --release -p hydrometer-models --example throughput -- MODEL TOKENS.json CHUNKS PRECISION...
//!
//! TOKENS.json holds `{"n_ctx": 512, "tokens": [...]}`. The second half of every chunk is scored, as llama.cpp does. The
//! first rows of the second and later precisions are compared with those of the first.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use hydrometer_models::{Block, Checkpoint, Decoder, EngineOptions, Model, Precision, Scores, Sequence, logit_rows};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, tokens, chunks, precisions @ ..] = &arguments[..] else {
        return Err("expected MODEL TOKENS.json CHUNKS PRECISION...".into());
    };
    let tokens: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(tokens)?)?;
    let n_ctx = tokens["n_ctx"].as_u64().ok_or("n_ctx is missing")? as usize;
    let tokens: Vec<u32> = serde_json::from_value(tokens["tokens"].clone())?;
    let checkpoint = Checkpoint::open(model)?;
    let mut first = None;
    for precision in precisions {
        let precision = match precision.as_str() {
            "f32" => Precision::F32,
            "i16" => Precision::I16,
            "bf16x3" => Precision::Bf16x3,
            "bf16" => Precision::Bf16,
            _ => Precision::Auto,
        };
        let start = Instant::now();
        let decoder = Decoder::open(&checkpoint, &EngineOptions { precision })?;
        println!("{:?}, opened in {:.2} s", decoder.identity().engine, start.elapsed().as_secs_f64());
        let rows = measure(&decoder, &tokens, n_ctx, chunks.parse()?)?;
        let reference = first.get_or_insert_with(|| rows.clone());
        let (mean, largest, difference) = divergence(reference, &rows, decoder.identity().logit_width() as usize);
        println!("  KL against the first: mean {mean:.2e}, largest {largest:.2e}; largest difference {difference:.2e}");
    }
    Ok(())
}

fn measure(decoder: &Decoder, tokens: &[u32], n_ctx: usize, chunks: usize) -> Result<Vec<f32>, Box<dyn Error>> {
    let vocab = decoder.identity().logit_width() as usize;
    let bos = decoder.tokens().and_then(|tokens| tokens.bos().filter(|_| tokens.adds_bos()));
    let sequences: Vec<Sequence> = tokens
        .chunks_exact(n_ctx)
        .take(chunks)
        .map(|chunk| {
            let mut tokens = chunk.to_vec();
            tokens[0] = bos.unwrap_or(tokens[0]);
            Sequence { tokens, rows: (n_ctx as u32 / 2..n_ctx as u32 - 1).collect() }
        })
        .collect();
    let targets: Vec<u32> =
        sequences.iter().flat_map(|s| s.rows.iter().map(|&row| s.tokens[row as usize + 1])).collect();
    let block = Block { sequences };
    let start = Instant::now();
    let mut logits = decoder.score(&block)?;
    let body = start.elapsed().as_secs_f64();
    let most = logit_rows(vocab);
    let (mut head, mut nll, mut kept, mut read) = (0.0, 0.0, Vec::new(), vec![0.0; most.min(block.rows()) * vocab]);
    for first in (0..block.rows()).step_by(most) {
        let rows = first..block.rows().min(first + most);
        let start = Instant::now();
        let out = &mut read[..rows.len() * vocab];
        logits.read(rows.clone(), out)?;
        head += start.elapsed().as_secs_f64();
        if first == 0 {
            kept = out.to_vec();
        }
        nll += rows.zip(out.chunks_exact(vocab)).map(|(row, out)| surprise(out, targets[row])).sum::<f64>();
    }
    println!(
        "  {} tokens: layers {body:.2} s, head {head:.2} s for {} rows: {:.0} tokens/s; perplexity {:.4}",
        block.tokens(),
        block.rows(),
        block.tokens() as f64 / (body + head),
        (nll / block.rows() as f64).exp()
    );
    Ok(kept)
}

/// Mean and largest KL divergence of the rows, and the largest difference of a logit.
fn divergence(reference: &[f32], rows: &[f32], vocab: usize) -> (f64, f64, f32) {
    let (mut sum, mut largest, mut difference) = (0.0, 0.0f64, 0.0f32);
    for (p, q) in reference.chunks_exact(vocab).zip(rows.chunks_exact(vocab)) {
        // ln Σ exp via the surprise at entry 0; then Σ p·(ln p − ln q) in the form that is never negative in f64.
        let (lp, lq) = (surprise(p, 0) + f64::from(p[0]), surprise(q, 0) + f64::from(q[0]));
        let terms = p.iter().zip(q).map(|(&p, &q)| {
            let (p, q) = (f64::from(p) - lp, f64::from(q) - lq);
            p.exp() * ((q - p).exp_m1() - (q - p))
        });
        let kl: f64 = terms.sum();
        sum += kl;
        largest = largest.max(kl);
        difference = p.iter().zip(q).map(|(p, q)| (p - q).abs()).fold(difference, f32::max);
    }
    (sum / (reference.len() / vocab).max(1) as f64, largest, difference)
}

fn surprise(logits: &[f32], target: u32) -> f64 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - highest).exp()).sum();
    sum.ln() + f64::from(highest - logits[target as usize])
}
