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

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let Some(against) = at.against else {
            return Ok(not_offered("there is nothing to compare with: name a local model with --against"));
        };
        let Some(template) = against.renders() else { return Ok(not_offered("the local model has no chat template")) };
        let Some(rendered) = at.rendered()? else {
            return Ok(not_offered("the server does not show a rendered conversation"));
        };
        let ours = match template.render(&Looking::conversation(), GenerationPrompt::Add) {
            Ok(text) => text,
            Err(error) => return Ok(not_offered(format!("the local template: {error}"))),
        };
        // Where only tokens are shown, the local tokenizer says what they stand for.
        let begin = |text: &str| {
            let bos = against.tokens().and_then(|tokens| Some(tokens.piece(tokens.bos()?)));
            let bos = bos.and_then(|piece| String::from_utf8(piece).ok()).unwrap_or_default();
            text.strip_prefix(&bos).unwrap_or(text).to_owned()
        };
        let theirs = match (&rendered.text, against.tokens()) {
            (Some(text), _) => text.clone(),
            (None, Some(tokens)) => String::from_utf8_lossy(&tokens.decode(&rendered.ids)).into_owned(),
            (None, None) => {
                return Ok(not_offered("the server shows tokens only, and the local model has no tokenizer"));
            }
        };
        // Whether the beginning is there is another check's matter.
        let (ours, theirs) = (begin(&ours), begin(&theirs));
        Ok(match first_difference(ours.as_bytes(), theirs.as_bytes()) {
            None => Found::Passed(format!("{} bytes are the same", ours.len())),
            Some(at) => {
                let from = |text: &str| shown(&String::from_utf8_lossy(&text.as_bytes()[at.min(text.len())..]));
                failed(format!("from byte {at} on, expected {}, found {}", from(&ours), from(&theirs)), HINT)
            }
        })
    }
}
