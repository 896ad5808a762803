//! Episodes: every model acts in the same worlds. All episodes of a unit advance together: a model that can go on from what it
//! holds of a conversation does so as soon as it has answered, others are asked round by round for all that wait for them.

use std::ops::ControlFlow;

use hydrometer_answers::store::Store;
use hydrometer_answers::{
    DifferentPrompts, EpisodeRow, ExcludedItem, Part, PartKind, PlannedTokens, SampleSettings, part,
};
use hydrometer_models::{Model, Room};
use hydrometer_probes::world::Running;
use hydrometer_probes::{Ask, Probe, Suite};

use super::playing::{Play, conversation};
use super::prompts::{askers, by_role};
use super::{Asking, Gates, Kind};
use crate::answering::Wanted;
use crate::observer::{Bought, Turns};
use crate::roles::taken;
use crate::shared_store::SharedStore;
use crate::units::Packing;
use crate::{Ahead, AskError, AskOptions, Models, Observer, Role, Sampling};

/// Episodes of a unit: many, because those that go on decode together.
const UNIT_EPISODES: usize = 512;

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
            let mut play = Play::begin(&asker, open.flat_map(|(_, probes)| probes), Room::ALL)?;
            let mut fill = |wanted: &[Wanted<'_>], _: u64, store: &mut Store| {
                let filled = asker.fill_together(wanted, store, observer)?;
                Ok(if filled.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            };
            if play.in_rounds(&mut store, &mut fill)?.is_break() {
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
                let mut play = Play::begin(&asker, open.iter().copied().flatten(), Room::ALL)?;
                if play.in_rounds(store, &mut held)?.is_break() {
                    return Ok(true);
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
        let askers: Vec<_> = askers(asking, settings, limits).collect();
        let mut runs = Vec::new();
        for asker in &askers {
            asking.go_on(observer)?;
            let conversations = asker.answers()?.conversations(limits).map_err(asker.role.failed())?;
            let room = conversations.as_ref().map_or(Room::ALL, |conversations| conversations.room());
            let mut play = Play::begin(asker, probes, room)?;
            let played = match conversations {
                Some(mut conversations) => play.in_conversations(&mut *conversations, &mut store, observer)?,
                None => play.in_rounds(&mut store, &mut |wanted, spared, store| {
                    observer.spared(spared);
                    Ok(asker.fill(wanted, store, observer)?.map_continue(|_| ()))
                })?,
            };
            if played.is_break() {
                return Err(asking.interrupted());
            }
            runs.push(play.runs);
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
