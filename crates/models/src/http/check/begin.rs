//! The token that begins a text (BOS), once where the model wants one: a template may write it, and the server put another one in
//! front.

use super::looking::Looking;
use super::{Check, Found, Spoils, failed, not_offered};
use crate::http::asking::Failed;

pub(super) struct Begin;

impl Check for Begin {
    fn name(&self) -> &'static str {
        "begin"
    }

    fn what(&self) -> &'static str {
        "the beginning of a text (BOS) is neither doubled nor missing"
    }

    fn spoils(&self) -> Spoils {
        Spoils::Answers
    }

    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed> {
        let Some(rendered) = at.rendered()? else {
            return Ok(not_offered("the server does not show the tokens of a conversation"));
        };
        let local = at.local().and_then(Result::ok);
        let bos = at.against.and_then(|model| model.tokens()).and_then(|tokens| tokens.bos());
        let begins = |ids: &[u32]| ids.iter().take_while(|&&id| Some(id) == bos).count();
        Ok(match (&rendered.ids[..], local) {
            ([one, two, ..], _) if one == two => failed(
                format!("the conversation begins with token {one} twice"),
                "the template writes it and the tokenizer puts another one in front: take it out of the template, or turn it off in \
                 the tokenizer (add_bos_token)",
            ),
            (ids, Some(local)) if begins(ids) < begins(&local) => failed(
                format!("expected a conversation that begins with token {}, found {:?}", local[0], ids.first()),
                "the model was trained with a beginning that the server leaves out: turn it on in the tokenizer (add_bos_token)",
            ),
            (ids, Some(local)) if begins(ids) > begins(&local) => failed(
                format!("expected a conversation without a beginning, found token {:?} in front", ids.first()),
                "the model was trained without it: turn it off in the tokenizer (add_bos_token)",
            ),
            (ids, _) => {
                Found::Passed(format!("the conversation begins with the tokens {:?}", &ids[..ids.len().min(3)]))
            }
        })
    }
}
