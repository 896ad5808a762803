//! A prompt that is too long must be refused. A server that cuts it answers another question, and nobody notices.

use hydrometer_answers::FinishReason;

use super::looking::Looking;
use super::{CHECK_MARK, Check, Found, Spoils, failed, not_offered};
use crate::Message;
use crate::http::asking::Failed;

/// Longest context that is overrun: above it the question alone would cost too much.
const LARGEST: u64 = 1 << 18;
/// Words beyond the context; each is a token at least.
const BEYOND: u64 = 64;

pub(super) struct LongPrompt;

impl Check for LongPrompt {
    fn name(&self) -> &'static str {
        "long-prompt"
    }

    fn what(&self) -> &'static str {
        "a prompt that is too long is refused, not cut"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Answers
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let Some(context) = at.context()? else {
            return Ok(not_offered("the server does not say how long a prompt may be"));
        };
        if context > LARGEST {
            return Ok(not_offered(format!("a prompt beyond its {context} tokens would cost too much")));
        }
        let words = (context + BEYOND) as usize;
        let long = format!("{CHECK_MARK} {}", "fox ".repeat(words));
        match at.ask(&[Message::user(long)]) {
            Err(Failed::Refused { reason, .. }) => {
                Ok(Found::Passed(format!("{words} words for a context of {context} tokens were refused: {reason}")))
            }
            // Too much of it may also look like a failure of the server.
            Err(Failed::NoAnswer { reason, .. }) => {
                Ok(Found::Passed(format!("{words} words for a context of {context} tokens got no answer: {reason}")))
            }
            Err(failed) => Err(failed),
            Ok(reply) if reply.finish == FinishReason::ContextExceeded => {
                Ok(Found::Passed(format!("{words} words for a context of {context} tokens were refused as too many")))
            }
            Ok(reply) => Ok(failed(
                format!(
                    "{words} words for a context of {context} tokens were answered; the server says that it read {} tokens",
                    reply.read
                ),
                "turn the cutting off (llama-server: no --context-shift; SGLang: no --allow-auto-truncate), or keep every prompt \
                 short",
            )),
        }
    }
}
