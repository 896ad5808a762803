//! What a student says while it learns: held-out prompts gone on with, most probable token by most probable token.

use std::path::{Path, PathBuf};

use hydrometer_answers::durable;
use hydrometer_models::Tokenizer;
use serde_json::json;

use super::lines;
use crate::DistillError;
use crate::network::Network;
use crate::teacher_text::prompt;
use crate::train::Sample;

/// Prompts that are gone on with.
const PROMPTS: usize = 3;
/// Most tokens of a completion.
const TOKENS: usize = 40;

/// One completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What was given.
    pub prompt: String,
    /// How the student goes on.
    pub completion: String,
    /// How the document does.
    pub document: String,
}

/// Who writes completions, and when.
pub(super) struct Completions<'a> {
    path: PathBuf,
    every: u64,
    tokenizer: Tokenizer,
    samples: Vec<&'a Sample>,
}

impl<'a> Completions<'a> {
    /// Of the first of the held-out samples; lines of steps that will be done again are taken away.
    pub(super) fn new(
        path: &Path,
        every: u64,
        tokenizer: Tokenizer,
        held_out: &[&'a Sample],
        step: Option<u64>,
    ) -> Result<Completions<'a>, DistillError> {
        lines::keep(path, step)?;
        let samples = held_out.iter().copied().take(PROMPTS).collect();
        Ok(Completions { path: path.to_owned(), every, tokenizer, samples })
    }

    /// The completions of a step, where it is one of those; they stand in the file then.
    pub(super) fn at(&self, step: u64, network: &Network) -> Result<Vec<Completion>, DistillError> {
        let due = step.is_multiple_of(self.every);
        let all: Vec<Completion> = self.samples.iter().filter(|_| due).map(|sample| self.of(sample, network)).collect();
        for Completion { prompt, completion, document } in &all {
            let line = json!({"step": step, "prompt": prompt, "completion": completion, "document": document});
            durable::append_line(&self.path, &line.to_string())?;
        }
        Ok(all)
    }

    fn of(&self, sample: &Sample, network: &Network) -> Completion {
        let given = prompt(sample);
        let mut tokens = given.to_vec();
        let ends = self.tokenizer.ends();
        while tokens.len() < (given.len() + TOKENS).min(network.config.context) {
            let token = most_probable(network, &tokens);
            if ends.contains(&token) {
                break;
            }
            tokens.push(token);
        }
        let text = |tokens: &[u32]| String::from_utf8_lossy(&self.tokenizer.decode(tokens)).into_owned();
        Completion {
            prompt: text(given),
            completion: text(&tokens[given.len()..]),
            document: text(&sample.tokens[given.len()..]),
        }
    }
}

fn most_probable(network: &Network, tokens: &[u32]) -> u32 {
    let tape = network.forward(tokens, std::slice::from_ref(&(0..tokens.len())));
    let last = crate::network::Sheet::of(tape.stream.row(tokens.len() - 1).to_vec(), network.config.d_model);
    let (hidden, _) = network.normed(&last);
    let logits = network.logits(&hidden).values;
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = token;
        }
    }
    best as u32
}
