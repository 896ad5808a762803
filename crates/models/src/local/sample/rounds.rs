//! Answers in rounds: what a model holds of a conversation when it has answered is kept, and the next round reads only what
//! came since.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use hydrometer_answers::SamplingParameters;

use super::sampler::{Beginning, Waiting, run};
use super::{SampleLimits, SampleRequest, SampleStep};
use crate::local::prefixes::{LEAST, common, tree, tree_behind};
use crate::{Facet, Model, ModelError, Room, Rounds, Session};

/// A sequence that stays when its answer is complete.
pub(super) struct Held {
    pub tokens: Vec<u32>,
    pub sequence: usize,
}

/// Conversations that are held between rounds.
#[derive(Default)]
pub(super) struct Holding {
    pub held: Vec<Held>,
    /// Memory for them, in bytes.
    pub memory: u64,
}

impl Holding {
    /// What of prompts is to read, behind what is held of them; what is held and begins none of them is let go.
    pub(super) fn beginnings(
        &mut self,
        prompts: &[&[u32]],
        asked: &[usize],
        session: &mut dyn Session,
    ) -> Result<(Vec<Beginning>, VecDeque<Waiting>), ModelError> {
        let (mut beginnings, mut waiting) = (Vec::new(), VecDeque::new());
        let held = std::mem::take(&mut self.held);
        // By sequence and by how much of it they begin with.
        let (mut going_on, mut anew) = (BTreeMap::<(usize, usize), Vec<usize>>::new(), Vec::new());
        for &request in asked {
            let shared = held.iter().map(|held| common(prompts[request], &held.tokens)).enumerate();
            match shared.max_by_key(|&(_, tokens)| tokens).filter(|&(_, tokens)| tokens >= LEAST) {
                Some(of) => going_on.entry(of).or_default().push(request),
                None => anew.push(request),
            }
        }
        for ((of, tokens), requests) in going_on {
            let sequence = session.fork(held[of].sequence)?;
            if !session.cut(sequence, tokens) {
                session.close(sequence);
                anew.extend(requests);
                continue;
            }
            let parts = tree_behind(prompts, requests.into_iter(), tokens);
            let behind = Some(beginnings.len());
            beginnings.push(Beginning { sequence, open: parts.len() });
            waiting.extend(parts.into_iter().map(|part| Waiting { part, behind }));
        }
        held.iter().for_each(|held| session.close(held.sequence));
        waiting.extend(tree(prompts, anew.into_iter()).into_iter().map(|part| Waiting { part, behind: None }));
        Ok((beginnings, waiting))
    }
}

/// Rounds of a model whose sequences grow here.
pub(super) struct Growing<'m> {
    model: &'m dyn Model,
    session: Box<dyn Session + 'm>,
    holding: Holding,
    limits: SampleLimits,
    position_bytes: u64,
}

impl<'m> Growing<'m> {
    /// Half of the memory is for unpacked weights, three eighths for conversations that are held, an eighth for others.
    pub(super) fn of(model: &'m dyn Model, limits: &SampleLimits) -> Result<Growing<'m>, ModelError> {
        let grows = model.grows().ok_or(Facet::Sequences)?;
        let holding = Holding { memory: limits.memory / 8 * 3, ..Holding::default() };
        let limits = SampleLimits { memory: limits.memory / 8, ..*limits };
        let (session, position_bytes) = (grows.session(limits.memory * 4)?, grows.position_bytes());
        Ok(Growing { model, session, holding, limits, position_bytes })
    }
}

impl Rounds for Growing<'_> {
    fn room(&self) -> Room {
        Room { conversations: self.limits.width, tokens: self.holding.memory / self.position_bytes.max(1) }
    }

    fn answer(
        &mut self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        run(self.model, &mut *self.session, Some(&mut self.holding), requests, parameters, &self.limits, watch)
    }
}
