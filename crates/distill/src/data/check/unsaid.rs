//! What a conversation says and the chat template does not put into words: system messages, and what the assistant thought
//! before it answered. (Of tools a conversation is left out that the template does not tell whole.)

use hydrometer_models::GenerationPrompt;
use rayon::prelude::*;

use super::Used;
use crate::data::finding::{Findings, Weight};
use crate::data::spoken::Spoken;
use crate::data::{Content, Encoder};

const NO_SYSTEM: &str = "the chat template puts no system message into words: the answer is learnt without it";
const NO_REASONING: &str =
    "the chat template puts no reasoning (`reasoning_content`) into words: the answer is learnt without it";
const NO_TEMPLATE: &str =
    "the model has no chat template: the answer is learnt without its reasoning (`reasoning_content`)";

pub(super) fn look(used: &[Used<'_>], encoder: &Encoder<'_>, found: &mut Findings) {
    let unsaid: Vec<Vec<&str>> = used.par_iter().map(|used| unsaid(&used.document.content, encoder)).collect();
    for (used, unsaid) in used.iter().zip(unsaid) {
        for what in unsaid {
            found.add(Weight::Note, what, used.document.place.clone());
        }
    }
}

fn unsaid(content: &Content, encoder: &Encoder<'_>) -> Vec<&'static str> {
    let Some(spoken) = Spoken::of(content) else { return Vec::new() };
    let parts = [(spoken.without_system(), NO_SYSTEM), (spoken.without_reasoning(), NO_REASONING)];
    let Some(template) = encoder.template else {
        // As one text all messages are said.
        return parts[1].0.iter().map(|_| NO_TEMPLATE).collect();
    };
    let render = |spoken: &Spoken| spoken.render(template, spoken.messages.len(), GenerationPrompt::Leave).ok();
    let whole = render(&spoken);
    // A template that refuses what is left has missed what was taken away.
    let same = |(other, what): (Option<Spoken>, &'static str)| (render(&other?)? == *whole.as_ref()?).then_some(what);
    parts.into_iter().filter_map(same).collect()
}
