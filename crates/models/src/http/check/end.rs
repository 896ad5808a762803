//! The token that ends an answer, at the server and in the local model.

use super::looking::Looking;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::http::asking::Failed;

pub(super) struct End;

impl Check for End {
    fn name(&self) -> &'static str {
        "end"
    }

    fn what(&self) -> &'static str {
        "the end of an answer (EOS) is one that the local model knows"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Nothing
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let Some(tokens) = at.against.and_then(|model| model.tokens()) else {
            return Ok(not_offered("there is nothing to compare with: name a local model with --against"));
        };
        if at.scheme() != "llama-server" {
            return Ok(not_offered("the server does not say what ends an answer"));
        }
        let props = at.beside("/props", None)?;
        let Some(end) = props.as_ref().and_then(|props| props["eos_token"].as_str()) else {
            return Ok(not_offered("the server does not say what ends an answer"));
        };
        let ours = tokens.ends().into_iter().map(|id| String::from_utf8_lossy(&tokens.piece(id)).into_owned());
        let ours: Vec<String> = ours.collect();
        Ok(if ours.iter().any(|known| known == end) {
            Found::Passed(format!("`{end}`"))
        } else {
            failed(
                format!("expected one of {}, found `{end}`", ours.join(", ")),
                "answers of the two end by other tokens: lengths and refusals may differ for that alone",
            )
        })
    }
}
