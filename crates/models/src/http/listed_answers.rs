//! Whole answers with the most probable tokens at every place (`top_logprobs`): what a chat shows of its model's distributions along
//! the model's own answers.

use std::ops::ControlFlow;

use hydrometer_answers::SamplingParameters;
use hydrometer_probes::Decoding;

use super::asking::Failed;
use super::check::{CHECK_MARK, MANY_SCRIPTS, NOT_ALLOWED};
use super::dialect::{Question, Settings};
use super::gate::Gate;
use super::letters::{LISTED, WITH_LISTS};
use super::logprobs;
use super::positions::in_words;
use super::remote::{Introduced, Remote};
use super::under_way::ask_all;
use crate::{ListedAnswer, ListedAnswerCame, ListsAnswers, Message, ModelError, Prompt, SampleRequest};

/// Tokens of the answer by which it is told whether tokens are known.
const EXAMPLE: u32 = 64;

impl Remote {
    /// An answer by which it is found out whether tokens are listed, or why they are not; asked for once.
    pub(super) fn example_found(&self) -> &Result<ListedAnswer, String> {
        self.example.get_or_init(|| self.ask_for_example())
    }

    fn ask_for_example(&self) -> Result<ListedAnswer, String> {
        let name = self.line.address.scheme.name;
        if !WITH_LISTS.contains(&name) {
            return Err(format!("{name} lists no tokens of its answers"));
        }
        let introduced = self.introduced().map_err(|error| said(&error))?;
        if introduced.manner.drawn == Settings::None {
            let reason =
                "its server takes no settings of sampling, so nobody knows at which temperature it lists tokens";
            return Err(reason.to_owned());
        }
        let question = format!("{CHECK_MARK} Repeat this text, and say nothing else:\n{MANY_SCRIPTS}");
        let request = SampleRequest {
            key: "example".to_owned(),
            prompt: Prompt::Messages(vec![Message::user(question)]),
            samples: vec![0],
            max_tokens: Some(EXAMPLE),
            stop: Vec::new(),
            // Tokens are looked at, not probabilities.
            decoding: Decoding::Greedy,
        };
        let found = self.listed_answer(&request, &plain(EXAMPLE), introduced, &Gate::new(1));
        let found = found.map_err(in_words)?;
        let listed = found.tokens.iter().any(|token| token.top.len() > 1);
        if listed { Ok(found) } else { Err("its server lists no tokens of its answers".to_owned()) }
    }

    fn listed_answer(
        &self,
        request: &SampleRequest,
        parameters: &SamplingParameters,
        introduced: &Introduced,
        gate: &Gate,
    ) -> Result<ListedAnswer, Failed> {
        let ask = |question: &Question<'_>| self.line.ask_showing(question, LISTED, gate, logprobs::spelled);
        let (reply, tokens) = self.put(request, parameters, introduced.manner, ask)?;
        self.is_the_same(&reply, &introduced.first)?;
        let tokens = tokens.unwrap_or_default();
        Ok(ListedAnswer { text: reply.text, finish: reply.finish, tokens, read: reply.read, drawn: reply.drawn })
    }
}

/// A failure in words, without the address: what is said may stand in a record.
fn said(error: &ModelError) -> String {
    match error {
        ModelError::Budget { reason, .. } => format!("{NOT_ALLOWED}: {reason}"),
        ModelError::Refused { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

/// Answers from all of the distribution, at temperature 1.
fn plain(max_tokens: u32) -> SamplingParameters {
    SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens, stop: Vec::new(), seed: 0 }
}

impl ListsAnswers for Remote {
    fn example(&self) -> Result<ListedAnswer, ModelError> {
        self.example_found().clone().map_err(|reason| self.refused(reason))
    }

    fn listed_answers(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        width: usize,
        watch: &mut dyn FnMut(ListedAnswerCame) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        let parameters = SamplingParameters { stop: parameters.stop.clone(), ..plain(parameters.max_tokens) };
        self.refuse(&parameters)?;
        let introduced = self.introduced()?;
        let of_request = |(place, request): (usize, &SampleRequest)| {
            request.samples.iter().map(move |&sample| (place, sample)).collect::<Vec<_>>()
        };
        let jobs: Vec<(usize, u32)> = requests.iter().enumerate().flat_map(of_request).collect();
        let one = |job: usize, gate: &Gate| self.listed_answer(&requests[jobs[job].0], &parameters, introduced, gate);
        ask_all(jobs.len(), width, &self.line.address, &one, &mut |came| {
            watch(came.map(|(job, answer)| (jobs[job], answer)))
        })
    }
}
