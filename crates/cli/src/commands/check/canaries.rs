//! The row of `hydrometer check` that holds a model against what it was when an answer store first got answers of it. It stands here and
//! not beside the other checks because it needs the store, and what compares two times.

use std::path::Path;

use hydrometer_answers::Canaries;
use hydrometer_ask::{CANARY_QUESTIONS, canaries};
use hydrometer_audit::canaries::{Compared, differing};
use hydrometer_models::{Checked, Found, Model, ModelError, NOT_ALLOWED, Spoils};
use hydrometer_probes::counted::{counted, grouped};

use crate::commands::canaries::CANARIES;
use crate::engine::not_opened;
use crate::failure::Failure;

/// Prompts that are quoted.
const QUOTED: usize = 3;

/// Holds a model against its canaries in a store; it is opened, and asked, only where the store has some.
///
/// # Errors
/// What is kept cannot be read, or the endpoint gives no answer.
pub(super) fn look(
    store: Option<&Path>,
    open: impl FnOnce() -> Result<Box<dyn Model>, ModelError>,
) -> Result<Checked, Failure> {
    let found = match store {
        Some(store) => found(store, open)?,
        None => Found::NotOffered("there is no cache folder with an answer store: name one with --store".to_owned()),
    };
    let what = "the model answers as it did when the answer store first got answers of it";
    Ok(Checked { name: CANARIES, what, spoils: Spoils::Answers, found })
}

fn found(store: &Path, open: impl FnOnce() -> Result<Box<dyn Model>, ModelError>) -> Result<Found, Failure> {
    let place = store.display();
    let known = Canaries::all_stored(store)?;
    let never = format!("never asked before: {place} holds no canaries of it; an audit or `collect` leaves them there");
    if known.is_empty() {
        return Ok(Found::NotOffered(never));
    }
    let unanswered = |error: ModelError| match error {
        ModelError::Budget { .. } => Ok(Found::NotOffered(format!("{NOT_ALLOWED}: {error}"))),
        error => Err(not_opened("model", error)),
    };
    let model = match open() {
        Ok(model) => model,
        Err(error) => return unanswered(error),
    };
    let (key, name) = (model.identity().key(), &model.identity().name);
    let Some(then) = known.iter().find(|of| of.model_key == key).and_then(|of| of.asked.first()) else {
        let namesakes = known.iter().filter(|of| of.model_name == *name).count() as u64;
        let others = match namesakes {
            0 => String::new(),
            n => format!(
                "; there are those of {} under the name {name}, which had another address, fingerprint, build or settings",
                counted(n, "other model")
            ),
        };
        return Ok(Found::NotOffered(format!("{never}{others}")));
    };
    let now = match canaries(&*model) {
        Ok(now) => now,
        Err(error) => return unanswered(error),
    };
    let Some(compared) = Compared::of(&then.prompts, &now) else {
        return Ok(Found::NotOffered(
            "it answered no canary as it did then: first tokens with log-probabilities at one time, words at the other"
                .into(),
        ));
    };
    let questions = grouped(CANARY_QUESTIONS as u64);
    if !compared.changed() {
        return Ok(Found::Passed(format!(
            "{questions} questions, under the same name, fingerprint and build: {compared}"
        )));
    }
    let differ = differing(&then.prompts, &now);
    let quoted: Vec<String> = differ.iter().take(QUOTED).map(|prompt| format!("{prompt:?}")).collect();
    Ok(Found::Failed {
        evidence: format!(
            "another model is served under the same name, fingerprint and build than at the first answers in {place}: {compared}; \
             answers differ to {} of {}, such as {}",
            grouped(differ.len() as u64),
            counted(now.len() as u64, "prompt"),
            quoted.join(", ")
        ),
        hint: "what the store holds of it is of the model that it was: name another with --store, and all is asked anew; an audit goes on all \
               the same with --accept canaries, and its statement says so"
            .to_owned(),
    })
}
