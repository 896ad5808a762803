//! The teacher's own answers to the prompts of the data, learnt with hard labels (sequence-level distillation, Kim and Rush
//! 2016, arXiv 1606.07947). They stand in an answer store; what it lacks the teacher is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use hydrometer_answers::store::{AnswerKey, Store, StoredAnswer, prompt_hash};
use hydrometer_answers::{FinishReason, ModelIdentity, SamplingParameters};
use hydrometer_models::{Facet, Model, ModelError, Prompt, SampleLimits, SampleRequest, SampleStep};
use hydrometer_probes::Decoding;

use crate::DistillError;
use crate::chance::seed_of;
use crate::train::Sample;

/// Answers that are written to the store together: what a process that is killed loses.
const FLUSH: usize = 64;
/// Answers under way at once.
const LIMITS: SampleLimits = SampleLimits { width: 256, memory: 1 << 30 };

/// What is asked of a teacher.
pub(crate) struct Wanted<'a> {
    /// The store.
    pub(crate) store: &'a Path,
    /// Answers to a prompt to which the store has none.
    pub(crate) samples: u32,
    /// At which they are drawn.
    pub(crate) temperature: f64,
    /// Most tokens of prompt and answer.
    pub(crate) context: usize,
    /// Seed of the draws.
    pub(crate) seed: u64,
}

/// The given part of a sample: what stands before the last stretch that is learnt; of a text, of which all is learnt, the first
/// quarter.
pub(crate) fn prompt(sample: &Sample) -> &[u32] {
    let last = sample.learnt.iter().rposition(|learnt| *learnt).unwrap_or(0);
    let given = sample.learnt[..last].iter().rposition(|learnt| !*learnt).map_or(0, |at| at + 1);
    let given = if given <= 1 { (sample.tokens.len() / 4).max(1) } else { given };
    &sample.tokens[..given.min(sample.tokens.len())]
}

impl Wanted<'_> {
    /// Whole answers to the prompts of `data`, as samples in an order that depends on prompts and answers alone. An answer that
    /// was cut off is left out, because its end would not be learnt. `watch` hears how many were asked for and how many are
    /// there, and ends it early by `false`.
    ///
    /// # Errors
    /// The store or the teacher fails, or `watch` ended it; complete answers are kept.
    pub(crate) fn samples(
        &self,
        teacher: Option<&dyn Model>,
        identity: &ModelIdentity,
        data: &[Sample],
        watch: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<Sample>, DistillError> {
        let prompts: BTreeMap<String, &Sample> =
            data.iter().map(|sample| (prompt_hash(prompt(sample)), sample)).collect();
        let (mut store, refusal) = Store::open_to_extend(self.store)?;
        let model_key = identity.key();
        let others = self.of_other_settings(&store, &model_key, &prompts)?;
        let asked: Vec<_> = prompts.iter().filter(|(hash, _)| !others.contains(hash.as_str())).collect();
        let key = |hash: &str, sample: &Sample, number| {
            AnswerKey::new(&model_key, hash, &self.parameters(prompt(sample).len()), number)
        };
        let request = |(hash, sample): &(&String, &&Sample)| SampleRequest {
            key: (*hash).clone(),
            prompt: Prompt::Tokens(prompt(sample).to_vec()),
            samples: (0..self.samples).filter(|&number| !store.contains(&key(hash, sample, number))).collect(),
            max_tokens: Some(self.parameters(prompt(sample).len()).max_tokens),
            stop: Vec::new(),
            decoding: Decoding::Sampled,
        };
        let requests: Vec<_> = asked.iter().map(request).collect();
        let all: u64 = requests.iter().map(|request| request.samples.len() as u64).sum();
        if all > 0 {
            if let Some(refusal) = refusal {
                return Err(refusal.into());
            }
            let Some(teacher) = teacher else {
                let reason = format!(
                    "{all} answers of the teacher are not in {}, and only its distributions are there to ask",
                    self.store.display()
                );
                return Err(DistillError::Pair { reason });
            };
            self.ask(teacher, identity, &requests, all, &mut store, watch)?;
        }
        let mut samples = Vec::new();
        for answer in store.answers() {
            let answer = answer?;
            let Some(asked) = prompts.get(&answer.prompt_hash).filter(|_| answer.model_key == model_key) else {
                continue;
            };
            let given = prompt(asked);
            let ours = (0..self.samples).any(|number| answer.key == key(&answer.prompt_hash, asked, number));
            let fits = given.len() + answer.tokens.len() <= self.context && !answer.tokens.is_empty();
            if answer.finish == FinishReason::Stop && fits && (ours || others.contains(&answer.prompt_hash)) {
                samples.push((answer.key.to_string(), as_sample(asked, given, &answer.tokens)));
            }
        }
        samples.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(samples.into_iter().map(|(_, sample)| sample).collect())
    }

    /// Prompts to which the store holds answers of this teacher that were drawn in another way: those are taken.
    fn of_other_settings(
        &self,
        store: &Store,
        model_key: &str,
        prompts: &BTreeMap<String, &Sample>,
    ) -> Result<BTreeSet<String>, DistillError> {
        let mut others = BTreeSet::new();
        for answer in store.answers() {
            let answer = answer?;
            if let Some(sample) = prompts.get(&answer.prompt_hash)
                && answer.model_key == model_key
                && answer.parameters != self.parameters(prompt(sample).len())
            {
                others.insert(answer.prompt_hash);
            }
        }
        Ok(others)
    }

    fn parameters(&self, given: usize) -> SamplingParameters {
        SamplingParameters {
            temperature: self.temperature,
            top_p: 1.0,
            top_k: 0,
            max_tokens: self.context.saturating_sub(given).max(1) as u32,
            stop: Vec::new(),
            seed: seed_of("teacher text", &[self.seed]),
        }
    }

    fn ask(
        &self,
        teacher: &dyn Model,
        identity: &ModelIdentity,
        requests: &[SampleRequest],
        all: u64,
        store: &mut Store,
        watch: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<(), DistillError> {
        let answers = teacher.answers().ok_or(Facet::Answers).map_err(ModelError::from)?;
        let (mut ready, mut done, mut written, mut stopped) = (Vec::new(), 0, Ok(0), false);
        answers.answer(requests, &self.parameters(0), &LIMITS, &mut |step| {
            if let SampleStep::Answer(answer) = step {
                let request = &requests[answer.request];
                let Prompt::Tokens(given) = &request.prompt else { return ControlFlow::Break(()) };
                let parameters = self.parameters(given.len());
                ready.push(StoredAnswer {
                    key: AnswerKey::new(&identity.key(), &request.key, &parameters, answer.sample),
                    model_key: identity.key(),
                    model_name: identity.name.clone(),
                    prompt_hash: request.key.clone(),
                    parameters,
                    sample: answer.sample,
                    text: answer.text,
                    tokens: answer.tokens.iter().map(|draw| draw.token).collect(),
                    logprobs: answer.tokens.iter().map(|draw| draw.logprob).collect(),
                    finish: answer.finish,
                });
                done += 1;
            }
            if ready.len() >= FLUSH {
                written = store.put(&std::mem::take(&mut ready));
            }
            stopped = !watch(done, all);
            if stopped || written.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        written?;
        store.put(&ready)?;
        if stopped { Err(DistillError::Interrupted { step: 0 }) } else { Ok(()) }
    }
}

fn as_sample(asked: &Sample, given: &[u32], answer: &[u32]) -> Sample {
    let tokens = [given, answer].concat();
    let learnt = (0..tokens.len()).map(|at| at >= given.len()).collect();
    Sample { tokens, learnt, family: asked.family.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_of_a_sample_is_what_stands_before_the_last_answer() {
        let check = |learnt: &[u8], given: usize| {
            let learnt: Vec<bool> = learnt.iter().map(|&learnt| learnt == 1).collect();
            let sample = Sample { tokens: (0..learnt.len() as u32).collect(), learnt, family: String::new() };
            assert_eq!(prompt(&sample).len(), given, "{sample:?}");
        };
        check(&[0, 0, 0, 1, 1], 3);
        check(&[0, 0, 1, 1, 0, 0, 1], 6);
        check(&[0, 1, 1, 1, 1, 1, 1, 1], 2);
        check(&[0, 1], 1);
    }
}
