//! A conversation as the server renders it against the local template.

use super::looking::Looking;
use super::tokenizer::first_difference;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::GenerationPrompt;
use crate::error::shown;
use crate::http::asking::Failed;

const HINT: &str = "the server has another chat template than the local model: name the model's own with --chat-template-file (llama-server) \
                    or --chat-template (vLLM, SGLang)";

pub(super) struct Template;

impl Check for Template {
    fn name(&self) -> &'static str {
        "template"
    }

    fn what(&self) -> &'static str {
        "a conversation is rendered as the local template renders it"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Answers
    }

    /// It is what the two read, not a fault of the server.
    fn spoils_beside(&self) -> Spoils {
        Spoils::Nothing
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let Some(local) = at.against.or(at.other) else {
            return Ok(not_offered("there is nothing to compare with: name a local model with --against"));
        };
        let Some(template) = local.renders() else {
            let who = if at.other.is_some() { "other model of the audit shows" } else { "local model has" };
            return Ok(not_offered(format!("the {who} no chat template")));
        };
        let Some(rendered) = at.rendered()? else {
            return Ok(not_offered("the server does not show a rendered conversation"));
        };
        let ours = match template.render(&Looking::conversation(), GenerationPrompt::Add) {
            Ok(text) => text,
            Err(error) => return Ok(not_offered(format!("the local template: {error}"))),
        };
        // Where only tokens are shown, the local tokenizer says what they stand for; that of another model does not.
        let theirs = match (rendered.text, at.against) {
            (Some(text), _) => Some(text),
            (None, Some(own)) => {
                own.tokens().map(|tokens| String::from_utf8_lossy(&tokens.decode(&rendered.ids)).into_owned())
            }
            (None, None) => at.detokenize(&rendered.ids)?,
        };
        let Some(theirs) = theirs else {
            return Ok(not_offered("the server shows tokens only, and no tokenizer is here that knows them"));
        };
        // Whether the beginning is there is another check's matter.
        let bos = local.tokens().and_then(|tokens| String::from_utf8(tokens.piece(tokens.bos()?)).ok());
        let begin = |text: &str| text.strip_prefix(bos.as_deref().unwrap_or_default()).unwrap_or(text).to_owned();
        let (ours, theirs) = (begin(&ours), begin(&theirs));
        let Some(place) = first_difference(ours.as_bytes(), theirs.as_bytes()) else {
            return Ok(Found::Passed(format!("{} bytes are the same", ours.len())));
        };
        let from = |text: &str| shown(&String::from_utf8_lossy(&text.as_bytes()[place.min(text.len())..]));
        let (ours, theirs) = (from(&ours), from(&theirs));
        Ok(if at.other.is_some() {
            failed(
                format!(
                    "from byte {place} on, the other model of the audit reads {ours}, and this one {theirs}: no fault where the two \
                     were made with templates of their own"
                ),
                HINT,
            )
        } else {
            failed(format!("from byte {place} on, expected {ours}, found {theirs}"), HINT)
        })
    }
}
