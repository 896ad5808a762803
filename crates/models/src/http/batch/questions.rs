//! What is asked in batches: answers, and first tokens of answers that are to be letters. What becomes of the questions stands in
//! `together`.

use std::collections::HashMap;
use std::ops::ControlFlow;

use hydrometer_answers::SamplingParameters;
use hydrometer_answers::store::BatchRecords;
use serde_json::Value;

use super::Provider;
use super::together::Job;
use crate::http::asking::{Failed, Line};
use crate::http::dialect::Reply;
use crate::http::letters::{LISTED, found};
use crate::http::purse::{self, Spent};
use crate::http::remote::{Remote, turn};
use crate::{Answer, AnswersTogether, BatchStep, ListCame, ModelError, Prompt, SampleRequest, SampleStep};

/// Questions, each of another name, and who wants the answer of each.
struct Asked<W> {
    jobs: Vec<Job>,
    wanted: Vec<Vec<W>>,
    places: HashMap<String, usize>,
}

impl<W> Asked<W> {
    fn nothing() -> Self {
        Asked { jobs: Vec::new(), wanted: Vec::new(), places: HashMap::new() }
    }

    /// Adds what somebody wants, the sample of this number; whatever is sent twice under one number is one question.
    fn add(&mut self, provider: &dyn Provider, (body, most): (&Value, Spent), sample: u32, who: W) {
        let name = Job::name(body, sample);
        match self.places.get(&name) {
            Some(&place) => self.wanted[place].push(who),
            None => {
                self.places.insert(name.clone(), self.jobs.len());
                self.jobs.push(Job { question: provider.question(&name, body), name, most });
                self.wanted.push(vec![who]);
            }
        }
    }
}

impl AnswersTogether for Remote {
    fn cost(&self, read: u64, drawn: u64) -> Option<f64> {
        let price = self.together.as_ref().and_then(|(_, price)| price.as_ref());
        price.map(|price| price.of(read, drawn))
    }

    fn answer_together(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        records: &BatchRecords,
        watch: &mut dyn FnMut(BatchStep<SampleStep>) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        self.refuse(parameters)?;
        let (provider, price) = self.asked_in_batches()?;
        let manner = self.introduced()?.manner;
        let every = requests.iter().enumerate();
        let mut samples: Vec<(usize, u32)> =
            every.flat_map(|(place, request)| request.samples.iter().map(move |&sample| (place, sample))).collect();
        samples.sort_by_cached_key(|&(place, sample)| turn(&requests[place], sample));
        let mut asked = Asked::nothing();
        for (place, sample) in samples {
            let put = self.put(&requests[place], parameters, manner, |question| {
                Ok((self.line.address.scheme.dialect.body(question), purse::most(question, price)))
            });
            let (body, most) = put.map_err(|failed| self.not_put(failed))?;
            asked.add(provider, (&body, most), sample, (place, sample));
        }
        let Asked { jobs, wanted, .. } = asked;
        self.through_batches(jobs, Line::heard, records, &mut |step| match step {
            BatchStep::Looked(state) => watch(BatchStep::Looked(state)),
            BatchStep::Says(words) => watch(BatchStep::Says(words)),
            BatchStep::Came(None) => watch(BatchStep::Came(SampleStep::Progress { read: 0, drawn: 0 })),
            BatchStep::Came(Some((job, (Reply { text, finish, read, drawn, .. }, _)))) => {
                let mut goes_on = watch(BatchStep::Came(SampleStep::Progress { read, drawn }));
                for &(request, sample) in &wanted[job] {
                    let answer = Answer { request, sample, text: text.clone(), tokens: Vec::new(), finish };
                    goes_on = watch(BatchStep::Came(SampleStep::Answer(answer)));
                }
                goes_on
            }
        })
    }

    fn first_tokens_together(
        &self,
        prompts: &[&Prompt],
        records: &BatchRecords,
        watch: &mut dyn FnMut(BatchStep<ListCame>) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        let (provider, price) = self.asked_in_batches()?;
        let manner = self.introduced()?.manner;
        let mut asked = Asked::nothing();
        for (place, prompt) in prompts.iter().enumerate() {
            let put = self.put_for_a_letter(prompt, manner, |question| {
                Ok((self.line.listed_body(question, LISTED), purse::most(question, price)))
            });
            let (body, most) = put.map_err(|failed| self.not_put(failed))?;
            asked.add(provider, (&body, most), 0, place);
        }
        let Asked { jobs, wanted, .. } = asked;
        self.through_batches(jobs, Line::heard_listed, records, &mut |step| match step {
            BatchStep::Looked(state) => watch(BatchStep::Looked(state)),
            BatchStep::Says(words) => watch(BatchStep::Says(words)),
            BatchStep::Came(None) => watch(BatchStep::Came(None)),
            BatchStep::Came(Some((job, (reply, tokens)))) => {
                let mut found = found(&reply, tokens.as_deref().unwrap_or_default());
                let mut goes_on = ControlFlow::Continue(());
                for &place in &wanted[job] {
                    goes_on = watch(BatchStep::Came(Some((place, found.clone()))));
                    // Paid for once.
                    (found.read, found.drawn) = (0, 0);
                }
                goes_on
            }
        })
    }
}

impl Remote {
    /// That a request is none of this model's making.
    fn not_put(&self, failed: Failed) -> ModelError {
        let interrupted = || ModelError::Request { reason: "interrupted".to_owned() };
        failed.of(&self.line.address).unwrap_or_else(interrupted)
    }
}
