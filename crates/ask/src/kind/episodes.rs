//! Episodes: every model acts in the same worlds. All episodes of a unit advance together: round by round the
//! conversations that wait for a model are answered at once, through the answer store, and applied to their worlds. What the
//! store holds is not asked again, so an interrupted run continues at the very turn.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use hydrometer_answers::store::{AnswerKey, Store};
use hydrometer_answers::{
    DifferentPrompts, EpisodeRow, ExcludedItem, FinishReason, Part, PartKind, PlannedTokens, SampleSettings,
    SampleSource, part,
};
use hydrometer_models::{Conversation, Facet, Model, ModelError, Room};
use hydrometer_probes::kind::Episode;
use hydrometer_probes::world::{Event, Running};
use hydrometer_probes::{Ask, Probe, Suite};

use super::prompts::{askers, by_role};
use super::{Asking, Gates, Kind};
use crate::answering::{Asked, Asker, Wanted};
use crate::observer::{Bought, Turns};
use crate::roles::taken;
use crate::shared_store::SharedStore;
use crate::units::Packing;
use crate::{Ahead, AskError, AskOptions, Models, Observer, Role, Sampling};

/// Episodes of a unit: many, because those that go on decode together.
const UNIT_EPISODES: usize = 128;

/// The episodes of a suite.
pub(crate) struct Episodes {
    units: Vec<Vec<Probe>>,
    excluded: Vec<ExcludedItem>,
    differently: Option<DifferentPrompts>,
    settings: Option<SampleSettings>,
    /// Who acts.
    roles: Vec<Role>,
    store: SharedStore,
    /// What is paid for.
    ahead: Vec<(Role, Ahead)>,
    /// Whether those who are asked in batches were.
    together: bool,
}

/// One run of an episode that goes on or has ended.
struct Run<'e> {
    probe: &'e Probe,
    episode: &'e Episode,
    source: SampleSource,
    number: u32,
    running: Running<'e>,
}

impl Run<'_> {
    /// Answers that its budget still allows.
    fn left(&self) -> u64 {
        u64::from(self.episode.steps - self.running.outcome().steps)
    }

    /// Answers that are no longer needed.
    fn spared(&self) -> u64 {
        if self.running.ending().is_some() { self.left() } else { 0 }
    }
}

/// A conversation that waits for a model, and the runs in which it stands.
struct Waiting {
    asked: Asked,
    runs: Vec<usize>,
}

/// How a round of answers is come by; told, too, how many answers less there will be than were planned.
type Fill<'f> = dyn FnMut(&[Wanted<'_>], u64, &mut Store) -> Result<ControlFlow<()>, AskError> + 'f;

impl Episodes {
    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
        store: SharedStore,
    ) -> Result<Self, AskError> {
        let settings = options.sampling.as_ref().map(|sampling| sampling.settings.clone());
        let mut plan = Self {
            units: Vec::new(),
            excluded: Vec::new(),
            differently: None,
            settings,
            roles: models.who_answer().map(|(role, _)| role).collect(),
            store,
            ahead: Vec::new(),
            together: false,
        };
        let elsewhere = suite.probes.iter().filter(|probe| matches!(probe.ask, Ask::Trajectory(_)));
        plan.excluded.extend(elsewhere.map(|probe| {
            ExcludedItem::new(&probe.id, "it was carried out elsewhere, and the world that it needs is not here")
        }));
        // Where one of the two does not answer, there is nothing to compare.
        let both_answer = models.teacher.answers().is_some() && models.student.answers().is_some();
        let Some(settings) = plan.settings.clone().filter(|_| both_answer) else { return Ok(plan) };
        let mut probes = Vec::new();
        for probe in &suite.probes {
            let Ask::Episode(episode) = &probe.ask else { continue };
            let running = Running::start(episode);
            let who = models.who_answer_to(probe).filter(|(_, model)| model.answers().is_some());
            let first = |(role, model): (Role, _)| {
                let first = conversation(model, probe, episode, running.events(), &settings);
                first.map_err(|error| role.does_not_take(&probe.id, error)).map(|first| (role, model, first))
            };
            let asked = who.map(first).collect::<Result<Vec<_>, _>>();
            let Some(asked) = taken(asked, &mut plan.excluded)? else { continue };
            let too_long = asked.iter().find_map(|(role, model, asked)| asked.too_long(*role, *model));
            if let Some(item) = too_long {
                plan.excluded.push(item);
                continue;
            }
            let words =
                |of: Role| asked.iter().find(|asked| asked.0 == of).and_then(|(_, model, asked)| asked.words(*model));
            if let (Some(ours), Some(theirs)) = (words(Role::Teacher), words(Role::Student)) {
                DifferentPrompts::look(&mut plan.differently, &probe.id, &ours, &theirs);
            }
            probes.push(probe.clone());
        }
        plan.units = packing.pack(probes, UNIT_EPISODES, |probe| &probe.family, |_| 1);
        Ok(plan)
    }
}

/// What is put to a model at this point of an episode.
fn conversation(
    model: &dyn Model,
    probe: &Probe,
    episode: &Episode,
    events: &[Event],
    settings: &SampleSettings,
) -> Result<Asked, ModelError> {
    let prompt = model.answers().ok_or(Facet::Answers)?.converse(&Conversation { probe, episode, events })?;
    Ok(Asked::of(probe, prompt, (episode.max_tokens, &[]), settings))
}

/// The runs of one model, from the beginning.
fn begin<'e>(asker: &Asker<'_>, probes: &'e [Probe]) -> Vec<Run<'e>> {
    let asked = probes.iter().filter(|probe| asker.role.is_asked(probe));
    let episodes = asked.filter_map(|probe| match &probe.ask {
        Ask::Episode(episode) => Some((probe, episode)),
        _ => None,
    });
    let of_episode = |(probe, episode): (&'e Probe, &'e Episode)| {
        let run = move |(source, number)| Run { probe, episode, source, number, running: Running::start(episode) };
        asker.numbers(episode.decoding).into_iter().map(run).collect::<Vec<_>>()
    };
    episodes.flat_map(of_episode).collect()
}

/// Lets every run go on to its end. `fill` sees to it that the store holds the answers of a round.
fn play(
    asker: &Asker<'_>,
    runs: &mut [Run<'_>],
    room: Room,
    store: &mut Store,
    fill: &mut Fill<'_>,
) -> Result<ControlFlow<()>, AskError> {
    let model_key = asker.model.identity().key();
    let way = asker.answers()?.tool_protocol().map_err(asker.role.failed())?;
    let mut spared = 0;
    loop {
        let waiting = waiting(asker, runs, room)?;
        let before = std::mem::replace(&mut spared, runs.iter().map(Run::spared).sum());
        let sample = |run: &Run<'_>| run.source.first_sample() + run.number;
        let wanted = |of: &Waiting| {
            // Runs of two episodes may stand in the same words: then one answer serves both.
            let mut samples: Vec<u32> = of.runs.iter().map(|&run| sample(&runs[run])).collect();
            samples.sort_unstable();
            samples.dedup();
            samples
        };
        let wanted: Vec<_> = waiting.iter().map(|of| Wanted { asked: &of.asked, samples: wanted(of) }).collect();
        let filled = fill(&wanted, spared - before, store)?;
        if filled.is_break() || waiting.is_empty() {
            return Ok(filled);
        }
        let places: Vec<(usize, &Asked)> =
            waiting.iter().flat_map(|of| of.runs.iter().map(move |&run| (run, &of.asked))).collect();
        let keys: Vec<_> = places.iter().map(|&(run, asked)| asked.key(&model_key, sample(&runs[run]))).collect();
        for ((run, asked), answer) in places.into_iter().zip(store.get_all(&keys)?) {
            let lost = || AskError::AnswerLost { probe: asked.probe.clone(), sample: sample(&runs[run]) };
            let answer = answer.ok_or_else(lost)?;
            match answer.finish {
                FinishReason::ContextExceeded => runs[run].running.outgrown(),
                _ => runs[run].running.answer(way.read(&answer.text)),
            }
        }
    }
}

/// The conversations that wait for an answer, the first ones that have room. A run whose conversation has outgrown its model ends
/// here.
fn waiting(asker: &Asker<'_>, runs: &mut [Run<'_>], room: Room) -> Result<Vec<Waiting>, AskError> {
    let mut found: BTreeMap<AnswerKey, Waiting> = BTreeMap::new();
    let model_key = asker.model.identity().key();
    let (mut begun, mut tokens) = (0, room.tokens);
    for (place, run) in runs.iter_mut().enumerate().filter(|(_, run)| run.running.ending().is_none()) {
        let asked = conversation(asker.model, run.probe, run.episode, run.running.events(), asker.settings);
        let asked = asked.map_err(asker.role.failed())?;
        if asked.too_long(asker.role, asker.model).is_some() {
            run.running.outgrown();
            continue;
        }
        // An answer is taken to be half as long as it may be.
        let expected = asked.tokens() + run.left() * u64::from(asked.longest()) / 2;
        if begun > 0 && (begun == room.conversations || expected > tokens) {
            break;
        }
        (begun, tokens) = (begun + 1, tokens.saturating_sub(expected));
        // The key of sample 0 names the conversation and its parameters.
        let name = asked.key(&model_key, 0);
        found.entry(name).or_insert_with(|| Waiting { asked, runs: Vec::new() }).runs.push(place);
    }
    Ok(found.into_values().collect())
}

impl Episodes {
    /// Lets those who are asked in batches play all that is open: a batch for each round of answers, however many units there are.
    fn play_together(&mut self, asking: &Asking<'_>, observer: &mut dyn Observer) -> Result<(), AskError> {
        let Some(Sampling { settings, store: folder, limits }) = &asking.options.sampling else { return Ok(()) };
        if std::mem::replace(&mut self.together, true) {
            return Ok(());
        }
        let mut store = self.store.open(folder)?;
        for asker in askers(asking, settings, limits) {
            if asker.answers()?.together().is_none() {
                continue;
            }
            let units = self.units.iter().enumerate();
            let open = units.filter(|(unit, _)| !asking.run.has(part::Episodes::KIND, *unit as u32));
            let mut runs: Vec<_> = open.flat_map(|(_, probes)| begin(&asker, probes)).collect();
            let mut fill = |wanted: &[Wanted<'_>], _: u64, store: &mut Store| {
                let filled = asker.fill_together(wanted, store, observer)?;
                Ok(if filled.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            };
            if play(&asker, &mut runs, Room::ALL, &mut store, &mut fill)?.is_break() {
                return Err(asking.interrupted());
            }
        }
        Ok(())
    }

    /// What a model may be paid for in these units.
    fn ahead_of(&self, role: Role, model: &dyn Model, units: &[usize]) -> Option<(Role, Ahead)> {
        let answers = model.answers().filter(|answers| answers.is_paid_for())?;
        let (mut wanted, mut drawn) = (0, 0);
        for (_, answers, longest) in units.iter().flat_map(|unit| self.wanted(*unit)).filter(|(of, ..)| *of == role) {
            wanted += answers;
            drawn += answers * longest;
        }
        let steps = units.iter().flat_map(|unit| &self.units[*unit]).filter_map(|probe| match &probe.ask {
            Ask::Episode(episode) => Some(episode.steps),
            _ => None,
        });
        let (turns, money) = match answers.together() {
            Some(together) => (Turns::Together(steps.max().unwrap_or(0)), together.cost(0, drawn)),
            None => (Turns::Alone, answers.cost(0, drawn)),
        };
        let ahead = Ahead { what: Bought::Turns(turns), answers: wanted, read: 0, drawn, money };
        (wanted > 0).then_some((role, ahead))
    }

    /// How many answers a unit wants of whom, and how long one may be.
    fn wanted(&self, unit: usize) -> impl Iterator<Item = (Role, u64, u64)> {
        let settings = self.settings.iter();
        let asked = settings.flat_map(move |settings| self.units[unit].iter().map(move |probe| (settings, probe)));
        asked.flat_map(move |(settings, probe)| {
            let decoding = probe.decoding().unwrap_or_default();
            let (steps, longest) = match &probe.ask {
                Ask::Episode(episode) => (episode.steps, episode.max_tokens),
                _ => (0, None),
            };
            let longest = u64::from(longest.unwrap_or(settings.parameters.max_tokens));
            let asked = self.roles.iter().filter(move |role| role.is_asked(probe));
            asked.map(move |role| {
                let runs = role.sources().iter().map(|&source| u64::from(settings.answers(source, decoding)));
                (*role, runs.sum::<u64>() * u64::from(steps), longest)
            })
        })
    }
}

impl Kind for Episodes {
    fn part(&self) -> PartKind {
        part::Episodes::KIND
    }

    fn units(&self) -> usize {
        self.units.len()
    }

    fn excluded(&self) -> &[ExcludedItem] {
        &self.excluded
    }

    fn rendered_differently(&self) -> Option<&DifferentPrompts> {
        self.differently.as_ref()
    }

    fn files(&self, units: u32) -> Vec<(PartKind, u32)> {
        vec![(part::Episodes::KIND, units)]
    }

    /// At most: an episode may end before its budget does.
    fn answers(&self, unit: usize) -> u64 {
        self.wanted(unit).map(|(_, answers, _)| answers).sum()
    }

    fn longest(&self, unit: usize) -> PlannedTokens {
        by_role(self.wanted(unit).map(|(role, answers, longest)| (role, answers * longest)))
    }

    /// A store that cannot be written will do where every episode can be played from it to its end.
    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let Some(Sampling { settings, store: folder, limits }) = &asking.options.sampling else { return Ok(()) };
        let open = |(unit, _): &(usize, _)| !asking.run.has(part::Episodes::KIND, *unit as u32);
        let open: Vec<_> = self.units.iter().enumerate().filter(open).map(|(_, probes)| probes).collect();
        if open.is_empty() {
            return Ok(());
        }
        self.store.prepare(folder, |store| {
            for asker in askers(asking, settings, limits) {
                let model_key = asker.model.identity().key();
                let mut held = |wanted: &[Wanted<'_>], _: u64, store: &mut Store| {
                    let holds = |of: &Wanted<'_>| {
                        of.samples.iter().all(|sample| store.contains(&of.asked.key(&model_key, *sample)))
                    };
                    let all = wanted.iter().all(holds);
                    Ok(if all { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                };
                for probes in &open {
                    if play(&asker, &mut begin(&asker, probes), Room::ALL, store, &mut held)?.is_break() {
                        return Ok(true);
                    }
                }
            }
            Ok(false)
        })?;
        let open: Vec<usize> =
            (0..self.units.len()).filter(|unit| !asking.run.has(part::Episodes::KIND, *unit as u32)).collect();
        let ahead = asking.models.who_answer().map(|(role, model)| self.ahead_of(role, model, &open));
        self.ahead = ahead.flatten().collect();
        Ok(())
    }

    fn ahead(&self) -> &[(Role, Ahead)] {
        &self.ahead
    }

    fn run_unit(
        &mut self,
        unit: usize,
        asking: &Asking<'_>,
        _: Gates,
        observer: &mut dyn Observer,
    ) -> Result<(), AskError> {
        let Some(Sampling { settings, store: folder, limits }) = &asking.options.sampling else { return Ok(()) };
        self.play_together(asking, observer)?;
        let probes = &self.units[unit];
        let mut store = self.store.open(folder)?;
        let mut runs = Vec::new();
        for asker in askers(asking, settings, limits) {
            asking.go_on(observer)?;
            let mut of_role = begin(&asker, probes);
            let mut rounds = asker.answers()?.rounds(limits).map_err(asker.role.failed())?;
            let room = rounds.as_ref().map_or(Room::ALL, |rounds| rounds.room());
            let mut fill = |wanted: &[Wanted<'_>], spared, store: &mut Store| {
                observer.spared(spared);
                let filled = asker.fill(wanted, rounds.as_deref_mut(), store, observer)?;
                Ok(if filled.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            };
            if play(&asker, &mut of_role, room, &mut store, &mut fill)?.is_break() {
                return Err(asking.interrupted());
            }
            runs.push(of_role);
        }
        // Episode by episode, whoever acted.
        let mut rows = Vec::new();
        for probe in probes {
            for run in runs.iter().flatten().filter(|run| run.probe.id == probe.id) {
                let (transcript, outcome) = (run.running.transcript(), run.running.outcome());
                rows.push(EpisodeRow::new(&probe.id, &probe.family, (run.source, run.number), &transcript, &outcome));
            }
        }
        asking.run.write::<part::Episodes>(unit as u32, &rows)?;
        asking.done(part::Episodes::KIND, unit as u32, observer)
    }
}
