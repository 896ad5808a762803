//! Log-probabilities of given answers after a prompt: forced choice for any model that shows its logits.

use hydrometer_probes::{Ask, Probe};

use super::prefixes::{LEAST, common};
use crate::{Block, Chooses, Facet, Logits, Message, Model, ModelError, Scores, Sequence};

/// Most tokens that are computed in one block; longer lists of choices are computed block after block.
const BLOCK_TOKENS: usize = 4096;
/// Logit rows held at a time: with a vocabulary of 151,936 this is 39 MB.
const ROWS: usize = 64;

/// A prompt and the answers whose log-probabilities are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Choice {
    /// Token ids of the prompt, BOS included where the model wants one. Not empty.
    pub prompt: Vec<u32>,
    /// Token ids of each answer as they follow the prompt. None is empty.
    pub options: Vec<Vec<u32>>,
}

impl Choice {
    /// Tokens of the longest sequence that a model computes for it.
    pub fn longest(&self) -> usize {
        let option = self.options.iter().map(Vec::len).max().unwrap_or(0);
        self.prompt.len() + option.saturating_sub(1)
    }

    /// Tokens of the sequences that a model computes for it.
    pub fn tokens(&self) -> usize {
        let shared = if self.options.iter().any(|option| option.len() == 1) { self.prompt.len() } else { 0 };
        let long = self.options.iter().filter(|option| option.len() > 1);
        shared + long.map(|option| self.prompt.len() + option.len() - 1).sum::<usize>()
    }

    /// Tokens that a model computes for it beside another one, where it computes once what they begin with.
    pub fn tokens_beside(&self, other: Option<&Choice>) -> usize {
        let shared = other.map_or(0, |other| common(&self.prompt, &other.prompt));
        let behind = |option: &Vec<u32>| option.len() - 1;
        let shared = if shared < LEAST { 0 } else { shared };
        (self.prompt.len() - shared) + self.options.iter().map(behind).sum::<usize>()
    }
}

/// Whoever shows logits chooses by them.
impl<T: Model + Scores> Chooses for T {
    fn question(&self, probe: &Probe, rotation: u32) -> Result<(Choice, Vec<usize>), ModelError> {
        question(self, probe, rotation)
    }

    fn choose(&self, choices: &[Choice]) -> Result<Vec<Vec<f64>>, ModelError> {
        choose(self, choices)
    }
}

/// One logit row that an answer needs: after it comes `token`, counted for answer `option` of choice `choice`.
#[derive(Clone, Copy, Debug)]
struct Need {
    row: usize,
    token: u32,
    choice: usize,
    option: usize,
}

/// Sequences of one block and what to read from its rows, in row order.
#[derive(Debug, Default)]
struct Batch {
    block: Block,
    needs: Vec<Need>,
}

/// ln p(option | prompt) in nats for every option of every choice, in their order.
///
/// Options of one token share one sequence and one logit row; longer ones are summed teacher-forced. The softmax
/// runs over the model's whole vocabulary, in f64: the probabilities of the options need not sum to 1.
///
/// # Errors
/// The model shows no logits; an empty prompt or option, a token outside the vocabulary, or the model fails.
pub fn choose(model: &dyn Model, choices: &[Choice]) -> Result<Vec<Vec<f64>>, ModelError> {
    let scores = model.scores().ok_or(Facet::Logits)?;
    let vocab = model.identity().logit_width() as usize;
    let mut answers = Vec::with_capacity(choices.len());
    for choice in choices {
        check(choice, vocab)?;
        answers.push(vec![0.0; choice.options.len()]);
    }
    for batch in batches(choices) {
        let mut logits = scores.score(&batch.block)?;
        read(&mut *logits, &batch, vocab, &mut answers)?;
    }
    Ok(answers)
}

fn check(choice: &Choice, vocab: usize) -> Result<(), ModelError> {
    if choice.prompt.is_empty() {
        return Err(ModelError::Request { reason: "a choice has an empty prompt".to_owned() });
    }
    if let Some(index) = choice.options.iter().position(Vec::is_empty) {
        return Err(ModelError::Request { reason: format!("option {index} of a choice has no token") });
    }
    for option in &choice.options {
        let tokens = choice.prompt.iter().chain(option);
        if let Some((position, id)) = tokens.enumerate().find(|(_, id)| **id as usize >= vocab) {
            return Err(ModelError::Token { id: *id, position, vocab });
        }
    }
    Ok(())
}

fn batches(choices: &[Choice]) -> Vec<Batch> {
    let mut batches = vec![Batch::default()];
    let (mut before, mut computed) = (None, 0);
    for (index, choice) in choices.iter().enumerate() {
        computed += choice.tokens_beside(before);
        if computed > BLOCK_TOKENS && before.is_some() {
            computed = choice.tokens_beside(None);
            batches.push(Batch::default());
        }
        before = Some(choice);
        if let Some(batch) = batches.last_mut() {
            batch.add(index, choice);
        }
    }
    batches.retain(|batch| !batch.needs.is_empty());
    batches
}

impl Batch {
    fn add(&mut self, index: usize, choice: &Choice) {
        let last = choice.prompt.len() - 1;
        let single = choice.options.iter().enumerate().filter(|(_, tokens)| tokens.len() == 1);
        let row = self.block.rows();
        let needs: Vec<_> =
            single.map(|(option, tokens)| Need { row, token: tokens[0], choice: index, option }).collect();
        if !needs.is_empty() {
            self.needs.extend(needs);
            self.block.sequences.push(Sequence { tokens: choice.prompt.clone(), rows: vec![last as u32] });
        }
        for (option, tokens) in choice.options.iter().enumerate().filter(|(_, tokens)| tokens.len() > 1) {
            let first = self.block.rows();
            let needs = tokens.iter().enumerate();
            self.needs.extend(needs.map(|(at, &token)| Need { row: first + at, token, choice: index, option }));
            let forced = [choice.prompt.as_slice(), &tokens[..tokens.len() - 1]].concat();
            let rows = (last as u32..).take(tokens.len()).collect();
            self.block.sequences.push(Sequence { tokens: forced, rows });
        }
    }
}

/// Adds up the log-probabilities that a block's rows give.
fn read(logits: &mut dyn Logits, batch: &Batch, vocab: usize, answers: &mut [Vec<f64>]) -> Result<(), ModelError> {
    let rows = batch.block.rows();
    let mut buffer = vec![0.0; ROWS.min(rows) * vocab];
    let mut needs = batch.needs.iter().peekable();
    for start in (0..rows).step_by(ROWS) {
        let chunk = start..rows.min(start + ROWS);
        let buffer = &mut buffer[..chunk.len() * vocab];
        logits.read(chunk.clone(), buffer)?;
        for (row, values) in chunk.zip(buffer.chunks_exact(vocab)) {
            let normaliser = log_sum_exp(values);
            if !normaliser.is_finite() {
                let found = normaliser.to_string();
                return Err(ModelError::NotFinite { what: format!("ln Σ exp of logit row {row}"), index: row, found });
            }
            while let Some(need) = needs.next_if(|need| need.row == row) {
                answers[need.choice][need.option] += f64::from(values[need.token as usize]) - normaliser;
            }
        }
    }
    Ok(())
}

/// ln Σ exp over a row, in f64.
fn log_sum_exp(row: &[f32]) -> f64 {
    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = row.iter().map(|logit| (f64::from(*logit) - largest).exp()).sum();
    largest + sum.ln()
}

/// A choice probe in one rotation as this model reads it, and the probe's option index behind each answer.
///
/// With a chat template the question is a user message, rendered up to where the assistant begins, and an answer is
/// the bare letter; without one it is the plain form, and an answer is a space and the letter. Prompt and answer
/// are tokenised as one text, because a tokenizer may join what stands on both sides of the seam: the prompt is
/// what the tokenisations of all answers have in common, an answer is the rest. So prompt and answer together are
/// always exactly the tokens of the joined text.
///
/// # Errors
/// A model without tokens; a text probe, answers that the tokenizer cannot tell apart, or the template or tokenizer refuses.
pub fn question(model: &dyn Model, probe: &Probe, rotation: u32) -> Result<(Choice, Vec<usize>), ModelError> {
    let Ask::Choice(choice) = &probe.ask else {
        return Err(ModelError::Request { reason: format!("probe `{}` asks no choice", probe.id) });
    };
    let tokenizer = model.tokens().ok_or(Facet::Tokens)?;
    let rotation = rotation as usize;
    let (joined, order) = match model.renders() {
        Some(template) => {
            let asked = choice.as_message(rotation);
            let prompt = template.ask(&[Message::user(asked.text)])?;
            let letters = asked.letters.iter();
            let joined = letters.map(|letter| tokenizer.encode_rendered(&format!("{prompt}{letter}")));
            (joined.collect::<Result<Vec<_>, _>>()?, asked.order)
        }
        None => {
            let asked = choice.as_plain_text(rotation);
            let letters = asked.letters.iter();
            let joined = letters.map(|letter| tokenizer.encode(&format!("{} {letter}", asked.text)));
            (joined.collect::<Result<Vec<_>, _>>()?, asked.order)
        }
    };
    let joined: Vec<_> = joined.into_iter().map(|tokens| tokenizer.begin(tokens)).collect();
    let choice = split(&joined).ok_or_else(|| {
        ModelError::tokenizer(format!("the answers of probe `{}` do not differ in their tokens", probe.id))
    })?;
    Ok((choice, order))
}

/// The common beginning of all texts, and what is left of each. `None` when nothing is left of one or two are equal.
fn split(joined: &[Vec<u32>]) -> Option<Choice> {
    let first = joined.first()?;
    let common = |other: &Vec<u32>| first.iter().zip(other).take_while(|(a, b)| a == b).count();
    let shared = joined.iter().map(common).min()?;
    let options: Vec<_> = joined.iter().map(|tokens| tokens[shared..].to_vec()).collect();
    if shared == 0 || options.iter().any(Vec::is_empty) {
        return None;
    }
    Some(Choice { prompt: first[..shared].to_vec(), options })
}
