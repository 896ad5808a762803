//! Runs of episodes under way with one model: what each of them waits for, and what becomes of the answers. What the store holds is
//! not asked again, so an interrupted run continues at the very turn.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use hydrometer_answers::store::{AnswerKey, Store};
use hydrometer_answers::{FinishReason, SampleSettings, SampleSource};
use hydrometer_models::{
    Conversation, Conversations, Facet, Model, ModelError, Room, SampleRequest, SampleStep, ToolProtocol,
};
use hydrometer_probes::kind::Episode;
use hydrometer_probes::world::{Event, Running};
use hydrometer_probes::{Ask, Probe};

use crate::answering::{Asked, Asker, Wanted};
use crate::keeping::Keeping;
use crate::{AskError, Observer};

/// One run of an episode that goes on or has ended.
pub(super) struct Run<'e> {
    pub probe: &'e Probe,
    episode: &'e Episode,
    pub source: SampleSource,
    pub number: u32,
    /// The number of its answers in the store.
    sample: u32,
    pub running: Running<'e>,
    /// What its model is to answer next, once that is known.
    waits: Option<(Asked, AnswerKey)>,
}

impl Run<'_> {
    /// Answers that its budget still allows.
    fn left(&self) -> u64 {
        u64::from(self.episode.steps - self.running.outcome().steps)
    }
}

/// What is put to a model at this point of an episode.
pub(super) fn conversation(
    model: &dyn Model,
    probe: &Probe,
    episode: &Episode,
    events: &[Event],
    settings: &SampleSettings,
) -> Result<Asked, ModelError> {
    let prompt = model.answers().ok_or(Facet::Answers)?.converse(&Conversation { probe, episode, events })?;
    Ok(Asked::of(probe, prompt, (episode.max_tokens, &[]), settings))
}

/// The runs of one model.
pub(super) struct Play<'p> {
    asker: &'p Asker<'p>,
    pub runs: Vec<Run<'p>>,
    room: Room,
    way: ToolProtocol,
    model_key: String,
    /// Answers that turned out not to be needed, and that nobody was told of yet.
    spared: u64,
}

/// Answers of a model that are waited for, and those that came.
#[derive(Default)]
struct Open {
    /// By the number of the request.
    asked: Vec<(Asked, AnswerKey)>,
    /// The runs that wait for an answer: two episodes may stand in the same words, then one answer serves both.
    runs: BTreeMap<AnswerKey, Vec<usize>>,
    came: BTreeMap<AnswerKey, (String, FinishReason)>,
}

impl<'p> Play<'p> {
    /// The runs of a model from the beginning, as many at a time as it has room for.
    pub(super) fn begin(
        asker: &'p Asker<'p>,
        probes: impl IntoIterator<Item = &'p Probe>,
        room: Room,
    ) -> Result<Play<'p>, AskError> {
        let asked = probes.into_iter().filter(|probe| asker.role.is_asked(probe));
        let episodes = asked.filter_map(|probe| match &probe.ask {
            Ask::Episode(episode) => Some((probe, episode)),
            _ => None,
        });
        let of_episode = |(probe, episode): (&'p Probe, &'p Episode)| {
            let running = move || Running::start(episode);
            let run = move |(source, number)| {
                let sample = asker.kept_as(source, number);
                Run { probe, episode, source, number, sample, running: running(), waits: None }
            };
            asker.numbers(episode.decoding).into_iter().map(run).collect::<Vec<_>>()
        };
        let way = asker.answers()?.tool_protocol().map_err(asker.role.failed())?;
        let (runs, model_key) = (episodes.flat_map(of_episode).collect(), asker.model.identity().key());
        Ok(Play { asker, runs, room, way, model_key, spared: 0 })
    }

    /// Lets every run go on to its end in rounds: `fill` sees to it that the store holds the answers of a round, and is told how many
    /// answers less there will be than were planned.
    pub(super) fn in_rounds<F>(&mut self, store: &mut Store, fill: &mut F) -> Result<ControlFlow<()>, AskError>
    where
        F: FnMut(&[Wanted<'_>], u64, &mut Store) -> Result<ControlFlow<()>, AskError>,
    {
        loop {
            let waiting = self.waiting()?;
            let mut together = BTreeMap::<AnswerKey, (&Asked, Vec<u32>)>::new();
            let mut keys = Vec::new();
            for &run in &waiting {
                let Some((asked, key)) = &self.runs[run].waits else { continue };
                keys.push(key.clone());
                // The key of sample 0 names the conversation and its parameters.
                let wanted = together.entry(asked.key(&self.model_key, 0)).or_insert((asked, Vec::new()));
                wanted.1.push(self.runs[run].sample);
            }
            let wanted = together.into_values().map(|(asked, mut samples)| {
                samples.sort_unstable();
                samples.dedup();
                Wanted { asked, samples }
            });
            let filled = fill(&wanted.collect::<Vec<_>>(), std::mem::take(&mut self.spared), store)?;
            if filled.is_break() || waiting.is_empty() {
                return Ok(filled);
            }
            for (run, answer) in waiting.into_iter().zip(store.get_all(&keys)?) {
                let answer = answer.ok_or_else(|| self.lost(run))?;
                self.hear(run, &answer.text, answer.finish);
            }
        }
    }

    /// Lets every run go on to its end, each as soon as its model has answered.
    pub(super) fn in_conversations(
        &mut self,
        conversations: &mut dyn Conversations,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<()>, AskError> {
        let asker = self.asker;
        let (mut keeping, mut open, mut failed) = (Keeping::new(asker, store, observer)?, Open::default(), None);
        let first = self.next(&mut open, &mut keeping)?;
        let mut go_on = |step| {
            let answer = match step {
                SampleStep::Answer(answer) => answer,
                SampleStep::Progress { read, drawn } => {
                    keeping.observer.sampled(read, drawn);
                    return keeping.goes_on().map_continue(|()| Vec::new());
                }
            };
            let (asked, key) = &open.asked[answer.request];
            let runs = open.runs.remove(key).unwrap_or_default();
            runs.iter().for_each(|&run| self.hear(run, &answer.text, answer.finish));
            keeping.observer.answered(1);
            keeping.observer.spared((runs.len() as u64).saturating_sub(1));
            open.came.insert(key.clone(), (answer.text.clone(), answer.finish));
            keeping.came(asked, answer);
            keeping.goes_on()?;
            let next = self.next(&mut open, &mut keeping);
            next.map_or_else(
                |error| {
                    failed = Some(error);
                    ControlFlow::Break(())
                },
                ControlFlow::Continue,
            )
        };
        let sampled = match first.is_empty() {
            true => Ok(()),
            false => conversations.answer(first, &asker.settings.parameters, &mut go_on),
        };
        let ended = keeping.end(sampled)?;
        if let Some(error) = failed {
            return Err(error);
        }
        match self.runs.iter().position(|run| run.running.ending().is_none()) {
            Some(run) if ended.is_continue() => Err(self.lost(run)),
            _ => Ok(ended.map_continue(|_| ())),
        }
    }

    /// Carries on with the answers that are there, and asks for those that are not.
    fn next(&mut self, open: &mut Open, keeping: &mut Keeping<'_>) -> Result<Vec<SampleRequest>, AskError> {
        let mut requests = Vec::new();
        loop {
            let mut heard = false;
            for run in self.waiting()? {
                let Some((asked, key)) = &self.runs[run].waits else { continue };
                if let Some(runs) = open.runs.get_mut(key) {
                    if !runs.contains(&run) {
                        runs.push(run);
                    }
                    continue;
                }
                let stored = || Ok(keeping.store.get(key)?.map(|answer| (answer.text, answer.finish)));
                match open.came.get(key).cloned().map_or_else(stored, |came| Ok::<_, AskError>(Some(came)))? {
                    Some((text, finish)) => {
                        self.hear(run, &text, finish);
                        self.spared += 1;
                        heard = true;
                    }
                    None => {
                        requests.push(asked.request(vec![self.runs[run].sample]));
                        open.asked.push((asked.clone(), key.clone()));
                        open.runs.insert(key.clone(), vec![run]);
                    }
                }
            }
            if !heard {
                keeping.observer.spared(std::mem::take(&mut self.spared));
                return Ok(requests);
            }
        }
    }

    /// The runs that wait for an answer, the first ones that have room. A run whose conversation has outgrown its model ends here.
    fn waiting(&mut self) -> Result<Vec<usize>, AskError> {
        let (asker, mut waiting, mut tokens) = (self.asker, Vec::new(), self.room.tokens);
        for (place, run) in self.runs.iter_mut().enumerate().filter(|(_, run)| run.running.ending().is_none()) {
            if run.waits.is_none() {
                let asked = conversation(asker.model, run.probe, run.episode, run.running.events(), asker.settings);
                let asked = asked.map_err(asker.role.failed())?;
                if asked.too_long(asker.role, asker.model).is_some() {
                    self.spared += run.left();
                    run.running.outgrown();
                    continue;
                }
                let key = asked.key(&self.model_key, run.sample);
                run.waits = Some((asked, key));
            }
            let Some((asked, _)) = &run.waits else { continue };
            // An answer is taken to be half as long as it may be.
            let expected = asked.tokens() + run.left() * u64::from(asked.longest()) / 2;
            if !waiting.is_empty() && (waiting.len() == self.room.conversations || expected > tokens) {
                break;
            }
            tokens = tokens.saturating_sub(expected);
            waiting.push(place);
        }
        Ok(waiting)
    }

    /// Takes the answer that a run waits for.
    fn hear(&mut self, run: usize, text: &str, finish: FinishReason) {
        let run = &mut self.runs[run];
        run.waits = None;
        match finish {
            FinishReason::ContextExceeded => run.running.outgrown(),
            _ => run.running.answer(self.way.read(text)),
        }
        if run.running.ending().is_some() {
            self.spared += run.left();
        }
    }

    fn lost(&self, run: usize) -> AskError {
        let run = &self.runs[run];
        AskError::AnswerLost { probe: run.probe.id.clone(), sample: run.sample }
    }
}
