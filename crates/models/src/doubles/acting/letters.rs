//! A model with a defect in how it acts, asked for letters: a flipped judgment is shown the options the other way round, and so gives the
//! letter of the opposite of what it would have chosen.

use std::ops::ControlFlow;

use hydrometer_probes::Probe;
use hydrometer_probes::kind::Choice;

use super::{ActingDefect, PlantedActor, chance};
use crate::{Facet, FirstTokens, Letters, Message, ModelError, Prompt};

impl PlantedActor {
    /// What the model answers letters by; `None` where its defect is in choices and cannot be put into a question for a letter.
    pub(super) fn of_letters(&self) -> Option<&dyn Letters> {
        match self.defect {
            ActingDefect::BoundaryMoved(_) | ActingDefect::Forgetting(_) | ActingDefect::Careful => None,
            ActingDefect::NoRecovery
            | ActingDefect::ShortHorizon(_)
            | ActingDefect::ToolsGarbled(_)
            | ActingDefect::Narrowed(_)
            | ActingDefect::StyleChanged(_)
            | ActingDefect::Disclaimers(_)
            | ActingDefect::JudgmentFlipped(_) => self.inner.letters(),
        }
    }

    /// A question for a letter as the model is put it: where its judgment is flipped, with the options in the other order.
    pub(super) fn lettered(&self, probe: &Probe, choice: &Choice, said: &[Message]) -> Vec<Message> {
        let is_flipped = |rate: f64| probe.boundary.is_some() && chance(&probe.id) < rate;
        if !matches!(self.defect, ActingDefect::JudgmentFlipped(rate) if is_flipped(rate)) {
            return said.to_vec();
        }
        let turned = Choice { options: choice.options.iter().rev().cloned().collect(), ..choice.clone() };
        let flipped = |message: &Message| {
            let rotation =
                (0..choice.rotations()).find(|&rotation| choice.as_message(rotation).text == message.content);
            let content = rotation.map(|rotation| turned.as_message(rotation).text);
            Message { content: content.unwrap_or_else(|| message.content.clone()), ..message.clone() }
        };
        said.iter().map(flipped).collect()
    }
}

impl Letters for PlantedActor {
    fn shows_first_tokens(&self) -> Result<bool, ModelError> {
        self.of_letters().map_or(Ok(false), |letters| letters.shows_first_tokens())
    }

    fn first_tokens(
        &self,
        prompts: &[&Prompt],
        width: usize,
        watch: &mut dyn FnMut(Option<(usize, FirstTokens)>) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        self.of_letters().ok_or(Facet::Choices)?.first_tokens(prompts, width, watch)
    }
}
