//! Conversations that go on: what a model holds of one when it has answered is there when the next turn comes, which reads only what
//! came since.

use std::ops::ControlFlow;

use hydrometer_answers::SamplingParameters;

use super::sampler::run;
use super::{SampleLimits, SampleRequest, SampleStep};
use crate::{Conversations, Facet, Model, ModelError, Room, Session};

/// Conversations with a model whose sequences grow here.
pub(super) struct Growing<'m> {
    model: &'m dyn Model,
    session: Box<dyn Session + 'm>,
    limits: SampleLimits,
    position_bytes: u64,
}

impl<'m> Growing<'m> {
    /// Half of the memory is for unpacked weights, half for conversations.
    pub(super) fn of(model: &'m dyn Model, limits: &SampleLimits) -> Result<Growing<'m>, ModelError> {
        let grows = model.grows().ok_or(Facet::Sequences)?;
        let limits = SampleLimits { memory: limits.memory / 2, ..*limits };
        let (session, position_bytes) = (grows.session(limits.memory)?, grows.position_bytes());
        Ok(Growing { model, session, limits, position_bytes })
    }
}

impl Conversations for Growing<'_> {
    /// A quarter less than there is memory for: how long a conversation gets is a guess.
    fn room(&self) -> Room {
        Room { conversations: self.limits.width, tokens: self.limits.memory / 4 * 3 / self.position_bytes.max(1) }
    }

    fn answer(
        &mut self,
        requests: Vec<SampleRequest>,
        parameters: &SamplingParameters,
        go_on: &mut dyn FnMut(SampleStep) -> ControlFlow<(), Vec<SampleRequest>>,
    ) -> Result<(), ModelError> {
        run(self.model, &mut *self.session, requests, parameters, &self.limits, go_on)
    }
}
