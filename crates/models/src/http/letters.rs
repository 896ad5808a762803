//! The first token of an answer that is to be a letter: the most probable ones with their log-probabilities, where the server shows
//! them. What is not listed is not impossible: it has at most what the last one listed has.

use std::ops::ControlFlow;

use super::asking::Failed;
use super::dialect::{Question, Reply, Settings};
use super::gate::Gate;
use super::introducing::{FIRST_QUESTION, Introduced, Manner};
use super::logprobs::ShownToken;
use super::remote::Remote;
use super::under_way::ask_all;
use crate::{FirstTokens, Letters, Message, ModelError, Prompt, Turn};

/// Most probable tokens that are asked for: no server of the known ones refuses so many.
pub(super) const LISTED: u32 = 20;
/// Schemes whose answers have a place for log-probabilities that is read here.
pub(super) const WITH_LISTS: [&str; 6] = ["openai", "vllm", "sglang", "llama-server", "ollama", "gemini"];
/// How far log-probabilities of 32 bits may leave a sum of probabilities from 1.
const ROUNDING: f64 = 1e-6;

impl Letters for Remote {
    fn shows_first_tokens(&self) -> Result<bool, ModelError> {
        if let Some(shows) = self.first_tokens.get() {
            return Ok(*shows);
        }
        if !self.line.address.may_list_tokens() {
            return Ok(*self.first_tokens.get_or_init(|| false));
        }
        let introduced = self.introduced()?;
        if introduced.manner.drawn == Settings::None {
            // Nobody knows at which temperature such a server lists tokens: its letters are drawn, and called the provider's.
            return Ok(*self.first_tokens.get_or_init(|| false));
        }
        let prompt = Prompt::Messages(vec![Message::user(FIRST_QUESTION)]);
        let shows = match self.first_token(&prompt, introduced, &Gate::new(1)) {
            Ok((_, listed)) => !listed.listed.is_empty(),
            Err(Failed::Refused { status: Some(400 | 403 | 404 | 422), .. }) => false,
            Err(failed) => {
                let interrupted = || ModelError::Request { reason: "interrupted".to_owned() };
                return Err(failed.of(&self.line.address).unwrap_or_else(interrupted));
            }
        };
        Ok(*self.first_tokens.get_or_init(|| shows))
    }

    fn first_tokens(
        &self,
        prompts: &[&Prompt],
        width: usize,
        watch: &mut dyn FnMut(Option<(usize, FirstTokens)>) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        let introduced = self.introduced()?;
        let one = |job: usize, gate: &Gate| self.first_token(prompts[job], introduced, gate).map(|(_, found)| found);
        ask_all(prompts.len(), width, &self.line.address, &one, watch)
    }
}

impl Remote {
    fn first_token(
        &self,
        prompt: &Prompt,
        introduced: &Introduced,
        gate: &Gate,
    ) -> Result<(Reply, FirstTokens), Failed> {
        let ask = |question: &Question<'_>| self.line.ask_listed(question, LISTED, gate);
        let (reply, tokens) = self.put_for_a_letter(prompt, introduced.manner, ask)?;
        self.is_the_same(&reply, &introduced.first)?;
        let found = found(&reply, tokens.as_deref().unwrap_or_default());
        Ok((reply, found))
    }

    /// Puts a prompt as the question for the first token of its answer.
    pub(super) fn put_for_a_letter<R>(
        &self,
        prompt: &Prompt,
        manner: Manner,
        put: impl FnOnce(&Question<'_>) -> Result<R, Failed>,
    ) -> Result<R, Failed> {
        let Prompt::Messages(messages) = prompt else {
            let reason = "the prompt is tokens, expected a conversation".to_owned();
            return Err(Failed::Refused { status: None, reason });
        };
        let turns: Vec<Turn> = messages.iter().map(Turn::of).collect();
        put(&manner.question(&self.line, &turns, 1))
    }
}

/// What an answer shows of its first token.
pub(super) fn found(reply: &Reply, tokens: &[ShownToken]) -> FirstTokens {
    let nothing = FirstTokens { listed: Vec::new(), others: 0.0, read: reply.read, drawn: reply.drawn };
    // A model that thinks first shows the first token of its thoughts.
    let Some(first) = tokens.first().filter(|first| {
        let text = first.text.trim();
        !text.is_empty() && reply.text.trim_start().starts_with(text)
    }) else {
        return nothing;
    };
    if first.top.is_empty() {
        return nothing;
    }
    let mut listed: Vec<(String, f64)> = Vec::with_capacity(first.top.len());
    for (text, logprob) in &first.top {
        // Two tokens may read alike.
        match listed.iter_mut().find(|(other, _)| other == text) {
            Some((_, sum)) => *sum = (sum.exp() + logprob.exp()).ln().min(0.0),
            None => listed.push((text.clone(), *logprob)),
        }
    }
    // Some servers put the drawn token into the list, in the place of the last: it says nothing about where the list ends.
    let drawn = first.top.iter().position(|(text, _)| *text == first.text);
    let others = first.top.iter().enumerate().filter(|(place, _)| Some(*place) != drawn);
    let last = others.map(|(_, (_, logprob))| *logprob).fold(0.0, f64::min);
    let rest = 1.0 - first.top.iter().map(|(_, logprob)| logprob.exp()).sum::<f64>();
    FirstTokens { listed, others: last.min((rest.max(0.0) + ROUNDING).ln()), ..nothing }
}

#[cfg(test)]
mod tests {
    use hydrometer_answers::FinishReason;

    use super::*;

    fn listed(text: &str, drawn: &str, top: &[(&str, f64)]) -> FirstTokens {
        let reply = Reply {
            text: text.to_owned(),
            calls: Vec::new(),
            finish: FinishReason::Length,
            model: None,
            fingerprint: None,
            read: 5,
            drawn: 1,
        };
        let top = top.iter().map(|(text, p)| ((*text).to_owned(), p.ln())).collect();
        found(&reply, &[ShownToken { text: drawn.to_owned(), logprob: None, top }])
    }

    #[test]
    fn what_is_not_listed_has_at_most_what_the_last_has_and_what_is_left() {
        let check = |found: FirstTokens, tokens: usize, others: f64| {
            assert_eq!(found.listed.len(), tokens);
            assert!((found.others.exp() - others).abs() < 2e-6, "{}", found.others.exp());
        };
        check(listed("A", "A", &[("A", 0.5), ("B", 0.25), ("C", 0.1)]), 3, 0.1);
        // The rest of the mass may be less than the last one has.
        check(listed("A", "A", &[("A", 0.7), ("B", 0.25)]), 2, 0.05);
        // The drawn token stands where a more probable one was.
        check(listed("Z", "Z", &[("Z", 0.001), ("A", 0.6), ("B", 0.2)]), 3, 0.199);
        check(listed("A", "A", &[("A", 0.4), ("A", 0.3), ("B", 0.2)]), 2, 0.1);
        // Thoughts come first; a list is missing.
        check(listed("", "<think>", &[("<think>", 0.9)]), 0, 1.0);
        check(listed("A", "A", &[]), 0, 1.0);
    }
}
