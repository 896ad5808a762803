//! Aggregate decoding speed of many sequences at once.
//!
//!     cargo bench -p hydrometer-models --bench sampling -- MODEL.gguf [SEQUENCES 32] [PROMPT TOKENS 64] [ANSWER TOKENS 64]
//!
//! Every sequence has a prompt of its own. Answers are drawn at temperature 1; the time of reading the prompts is
//! shown apart.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::ops::ControlFlow;
use std::time::Instant;

use hydrometer_answers::SamplingParameters;
use hydrometer_models::{EngineOptions, Precision, Prompt, SampleLimits, SampleRequest, SampleStep, open, sample};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let Some(path) = arguments.first() else {
        println!("skipped: no model is named; see the top of this file");
        return;
    };
    let number = |index: usize, default: u32| arguments.get(index).map_or(default, |text| text.parse().unwrap());
    let (sequences, prompt, answer) = (number(1, 32), number(2, 64), number(3, 64));
    let model = open(path, &EngineOptions { precision: Precision::Auto }).unwrap();
    let requests: Vec<_> = (0..sequences)
        .map(|i| SampleRequest {
            key: i.to_string(),
            prompt: Prompt::Tokens((0..prompt).map(|j| 100 + (i * 131 + j * 71) % 20_000).collect()),
            samples: vec![0],
            max_tokens: None,
            stop: Vec::new(),
            decoding: hydrometer_probes::Decoding::Sampled,
        })
        .collect();
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: answer, stop: Vec::new(), seed: 1 };
    let limits = SampleLimits { width: sequences as usize, memory: 8 << 30 };
    let start = Instant::now();
    let (mut reading, mut drawing, mut read, mut drawn) = (0.0, 0.0, 0, 0);
    let mut last = start;
    sample(&*model, &requests, &parameters, &limits, &mut |step| {
        if let SampleStep::Progress { read: r, drawn: d } = step {
            let seconds = last.elapsed().as_secs_f64();
            last = Instant::now();
            *if r > 0 { &mut reading } else { &mut drawing } += seconds;
            read += r;
            drawn += if r > 0 { 0 } else { d };
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    println!(
        "{} ({}): {sequences} sequences; read {read} tokens at {:.0} tokens/s; drew {drawn} at {:.1} tokens/s",
        model.identity().name,
        model.identity().engine.precision.as_deref().unwrap_or("unknown"),
        read as f64 / reading,
        drawn as f64 / drawing
    );
}
