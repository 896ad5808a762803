//! The number of prompt tokens that the server reports against those that it, or a local model, counts.

use super::looking::Looking;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::http::asking::Failed;

pub(super) struct PromptTokens;

impl Check for PromptTokens {
    fn name(&self) -> &'static str {
        "prompt-tokens"
    }

    fn what(&self) -> &'static str {
        "as many prompt tokens are reported as are counted"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Answers
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        if !at.first.counted {
            return Ok(not_offered("the server does not say how many tokens a prompt has"));
        }
        let reported = at.first.reply.read;
        let (counted, by) = match at.rendered()? {
            Some(rendered) => (rendered.ids.len(), "its own tokenizer"),
            None => match at.local() {
                Some(Ok(ids)) => (ids.len(), "the local model"),
                Some(Err(error)) => return Ok(not_offered(format!("the local model: {error}"))),
                None => return Ok(not_offered("the server shows no tokens; a local model counts them: --against")),
            },
        };
        Ok(if reported == counted as u64 {
            Found::Passed(format!("{reported} tokens, by {by} too"))
        } else {
            failed(
                format!("expected {counted} tokens, as {by} counts them, found {reported} reported"),
                "the server reads another prompt than it was sent: look for a system prompt or a template of its own, a second BOS, \
                 or a prompt that is cut",
            )
        })
    }
}
