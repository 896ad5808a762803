//! Whole answers with the most probable tokens at every place (`top_logprobs`): what a chat shows of its model's distributions along
//! the model's own answers.

use std::ops::ControlFlow;

use hydrometer_answers::{FinishReason, SamplingParameters};
use hydrometer_probes::Decoding;

use super::asking::Failed;
use super::check::{CHECK_MARK, MANY_SCRIPTS, NOT_ALLOWED};
use super::dialect::{Question, Settings};
use super::gate::Gate;
use super::introducing::Introduced;
use super::letters::LISTED;
use super::logprobs;
use super::positions::in_words;
use super::remote::Remote;
use super::under_way::ask_all;
use crate::{
    ListedAnswer, ListedAnswerCame, ListedToken, ListsAnswers, Message, ModelError, Prompt, SampleRequest, id_unspelled,
};

/// Tokens of the answer by which it is told whether tokens are known.
const EXAMPLE: u32 = 64;
/// What a token is spelled with of which nobody knows whether it is one.
pub(super) const NOT_ALONE: &[u8] = "\u{fffd}".as_bytes();
/// How far a log-probability may seem to be above another for being written in 32 bits.
const ROUNDING: f64 = 1e-5;

impl Remote {
    /// An answer by which it is found out whether tokens are listed, or why they are not; asked for once.
    pub(super) fn example_found(&self) -> &Result<ListedAnswer, String> {
        self.example.get_or_init(|| self.ask_for_example())
    }

    fn ask_for_example(&self) -> Result<ListedAnswer, String> {
        if !self.line.address.may_list_tokens() {
            return Err(format!("{} lists no tokens of its answers", self.line.address.scheme.name));
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
        let tokens = tokens_alone(tokens.unwrap_or_default(), reply.finish, reply.drawn);
        Ok(ListedAnswer { text: reply.text, finish: reply.finish, tokens, read: reply.read, drawn: reply.drawn })
    }
}

fn has_no_words(token: &ListedToken) -> bool {
    token.bytes.is_empty() || id_unspelled(&token.bytes).is_some()
}

/// The tokens of an answer of which the server counted `drawn`, without those that may be several: llama.cpp shows tokens that make one
/// character together as one, with the log-probability and the list of the last of them. What stands for such a token has no spelling and
/// no list.
pub(super) fn tokens_alone(mut tokens: Vec<ListedToken>, finish: FinishReason, drawn: u64) -> Vec<ListedToken> {
    // The token that ends an answer is counted, and shown by some as one without words.
    let shows_end = finish != FinishReason::Stop || tokens.last().is_some_and(has_no_words);
    let shown = tokens.len() as u64;
    let shows_all = drawn == shown || (drawn == shown + 1 && !shows_end);
    for token in &mut tokens {
        let is_listed = token.top.iter().any(|(bytes, _)| *bytes == token.bytes);
        let last = token.top.iter().map(|(_, logprob)| *logprob).reduce(f64::min);
        // One token that is more probable than the last of its list is in it.
        let is_beside_its_list = token.logprob.zip(last).is_some_and(|(own, last)| own > last + ROUNDING);
        let may_be_several = !shows_all && !token.bytes.is_ascii();
        if !has_no_words(token) && !is_listed && (is_beside_its_list || may_be_several) {
            *token = ListedToken { bytes: NOT_ALONE.to_vec(), logprob: None, top: Vec::new() };
        }
    }
    tokens
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

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, logprob: f64, top: &[(&[u8], f64)]) -> ListedToken {
        let top = top.iter().map(|(bytes, logprob)| (bytes.to_vec(), *logprob)).collect();
        ListedToken { bytes: text.as_bytes().to_vec(), logprob: Some(logprob), top }
    }

    #[test]
    fn tokens_that_may_be_several_have_no_spelling() {
        // As llama-server answers: \u{5e2} is two tokens, and the list is that of the second.
        let first = || token("a", -0.5, &[(b"a", -0.5), (b"b", -1.0)]);
        let joined = |logprob| token("\u{5e2}", logprob, &[(&[0xa2], -1.0), (&[0xa1], -2.0)]);
        let one = || token("\u{5e2}", -1.0, &[("\u{5e2}".as_bytes(), -1.0), (b"b", -2.0)]);
        let end = || token("", -0.1, &[(b"", -0.1)]);
        let check = |tokens: Vec<ListedToken>, finish, drawn, alone: &[bool]| {
            let found = tokens_alone(tokens.clone(), finish, drawn);
            let kept: Vec<bool> = found.iter().zip(&tokens).map(|(found, token)| found == token).collect();
            assert_eq!(kept, alone, "{tokens:?} of {drawn}");
            assert!(found.iter().all(|token| token.bytes != NOT_ALONE || token.top.is_empty()));
        };
        use FinishReason::{Length, Stop};
        check(vec![first(), joined(-9.0), first()], Length, 4, &[true, false, true]);
        check(vec![first(), joined(-9.0), end()], Stop, 4, &[true, false, true]);
        check(vec![first(), one(), first()], Length, 4, &[true; 3]);
        // All of them are counted: a token that is not in its list, as where the drawn one is improbable.
        check(vec![first(), joined(-9.0), end()], Stop, 3, &[true; 3]);
        check(vec![first(), joined(-9.0)], Stop, 3, &[true; 2]);
        // It would be in its list.
        check(vec![first(), joined(-1.5), first()], Length, 3, &[true, false, true]);
        check(vec![first(), token("x", -0.2, &[(b"a", -0.5)])], Length, 2, &[true, false]);
        // Nobody counts.
        check(vec![first(), joined(-9.0)], Length, 0, &[true, false]);
        check(vec![first(), first()], Length, 0, &[true; 2]);
    }
}
