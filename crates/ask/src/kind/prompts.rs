//! Prompts: every model answers freely, several times. Prompts that the teacher is not asked come last.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::store::Store;
use hydrometer_answers::{
    DifferentPrompts, ExcludedItem, Part, PartKind, PlannedTokens, SampleRow, SampleSettings, SampleSource, ScoredRow,
    TeacherAsked, part,
};
use hydrometer_models::{Model, SampleLimits};
use hydrometer_probes::Suite;
use hydrometer_probes::families::order_in;

use super::{Asking, Gates, Kind};
use crate::answering::{Asked, Asker, UNIT_PROMPTS};
use crate::encoding::vectors;
use crate::observer::Costs;
use crate::roles::taken;
use crate::scoring::{score, scorers};
use crate::shared_store::SharedStore;
use crate::units::{Packing, pack};
use crate::{Ahead, AskError, AskOptions, Closeness, Models, Observer, Role, Sampling};

/// One prompt as each model reads it.
struct Prompt {
    family: String,
    asked: Vec<(Role, Asked)>,
}

impl Prompt {
    fn of(&self, role: Role) -> Option<&Asked> {
        self.asked.iter().find(|asked| asked.0 == role).map(|asked| &asked.1)
    }
}

/// The prompts of a suite.
pub(crate) struct Prompts {
    units: Vec<Vec<Prompt>>,
    excluded: Vec<ExcludedItem>,
    differently: Option<DifferentPrompts>,
    /// The first unit of those that only the student answers.
    student_from: usize,
    settings: Option<SampleSettings>,
    encoded: bool,
    /// Who scores the teacher's answers.
    scorers: Vec<Role>,
    teacher_asked: Option<TeacherAsked>,
    /// Open where a unit is still to be asked.
    store: SharedStore,
    /// What is paid for.
    ahead: Vec<(Role, Ahead)>,
    /// Whether those who are asked in batches were.
    together: bool,
}

impl Prompts {
    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
        store: SharedStore,
    ) -> Result<Self, AskError> {
        let settings = options.sampling.as_ref().map(|sampling| &sampling.settings);
        let Readable { prompts, excluded, differently } =
            settings.map_or(Ok(Readable::default()), |settings| readable(models, suite, settings))?;
        let (both, alone) = match packing {
            Packing::ByFamily { .. } => (prompts, Vec::new()),
            Packing::InOrder => asked_of_teacher(prompts, options),
        };
        let mut units = packing.pack(both, UNIT_PROMPTS, |prompt| &prompt.family, |_| 1);
        let student_from = units.len();
        units.extend(pack(alone, UNIT_PROMPTS, |_| 1));
        Ok(Self {
            units,
            excluded,
            differently,
            student_from,
            settings: settings.cloned(),
            encoded: models.meaning.is_some(),
            scorers: scorers(models),
            teacher_asked: options.teacher_asked,
            store,
            ahead: Vec::new(),
            together: false,
        })
    }
}

/// The free questions of a suite that fit into every context, and what was found on reading them.
#[derive(Default)]
struct Readable {
    prompts: Vec<Prompt>,
    excluded: Vec<ExcludedItem>,
    differently: Option<DifferentPrompts>,
}

fn readable(models: Models<'_>, suite: &Suite, settings: &SampleSettings) -> Result<Readable, AskError> {
    let mut found = Readable::default();
    // Where one of the two does not answer, there is nothing to compare.
    if models.teacher.answers().is_none() || models.student.answers().is_none() {
        return Ok(found);
    }
    for probe in &suite.probes {
        let read = |(role, model): (Role, &dyn Model)| {
            let asked = Asked::new(model, probe, settings).map_err(|error| role.does_not_take(&probe.id, error));
            Some(asked.transpose()?.map(|asked| (role, asked)))
        };
        let asked = models.who_answer_to(probe).filter_map(read).collect::<Result<Vec<_>, _>>();
        let Some(asked) = taken(asked, &mut found.excluded)? else { continue };
        let too_long = |(role, model): (Role, &dyn Model)| {
            asked.iter().find(|(of, _)| *of == role).and_then(|(_, asked)| asked.too_long(role, model))
        };
        if let Some(item) = models.who_answer_to(probe).find_map(too_long) {
            found.excluded.push(item);
            continue;
        }
        let words = |of: Role, model: &dyn Model| asked.iter().find(|(role, _)| *role == of)?.1.words(model);
        if let (Some(ours), Some(theirs)) = (words(Role::Teacher, models.teacher), words(Role::Student, models.student))
        {
            DifferentPrompts::look(&mut found.differently, &probe.id, &ours, &theirs);
        }
        found.prompts.extend((!asked.is_empty()).then(|| Prompt { family: probe.family.clone(), asked }));
    }
    Ok(found)
}

/// The prompts that both models answer, and those of the student alone.
fn asked_of_teacher(prompts: Vec<Prompt>, options: &AskOptions) -> (Vec<Prompt>, Vec<Prompt>) {
    let Some(TeacherAsked::Families(most)) = options.teacher_asked else { return (prompts, Vec::new()) };
    let place = |prompt: &Prompt| order_in(options.seed, &prompt.family);
    let mut places: Vec<_> = prompts.iter().map(place).collect::<BTreeSet<_>>().into_iter().collect();
    places.truncate(most as usize);
    prompts.into_iter().partition(|prompt| places.binary_search(&place(prompt)).is_ok())
}

/// Who asks each model that answers.
pub(super) fn askers<'a>(
    asking: &Asking<'a>,
    settings: &'a SampleSettings,
    limits: &'a SampleLimits,
) -> impl Iterator<Item = Asker<'a>> {
    let costs = Some(Costs::Run(asking.run));
    asking.models.who_answer().map(move |(role, model)| Asker { model, role, settings, limits, costs })
}

impl Prompts {
    /// What a unit asks of whom, and how many answers to it are wanted.
    fn wanted(&self, unit: usize) -> impl Iterator<Item = (Role, &Asked, u64)> {
        let asked = self.units[unit].iter().flat_map(|prompt| &prompt.asked);
        let asked = asked.filter(move |(role, _)| unit < self.student_from || *role == Role::Student);
        let settings = self.settings.iter();
        settings
            .flat_map(move |settings| asked.clone().map(|(role, asked)| (*role, asked, asked.answers(*role, settings))))
    }

    /// Asks those who are asked in batches everything that is open.
    fn ask_together(&mut self, asking: &Asking<'_>, observer: &mut dyn Observer) -> Result<(), AskError> {
        let Some(Sampling { settings, store: folder, limits }) = &asking.options.sampling else { return Ok(()) };
        if std::mem::replace(&mut self.together, true) {
            return Ok(());
        }
        let mut store = self.store.open(folder)?;
        for asker in askers(asking, settings, limits) {
            let open = |unit: &usize| {
                let answers = asker.role == Role::Student || *unit < self.student_from;
                answers && !asking.run.has(part::Samples::KIND, *unit as u32)
            };
            let prompts = (0..self.units.len()).filter(open).flat_map(|unit| &self.units[unit]);
            let asked: Vec<_> = prompts.filter_map(|prompt| prompt.of(asker.role)).collect();
            if asker.ask_together(&asked, &mut store, observer)?.is_break() {
                return Err(asking.interrupted());
            }
        }
        Ok(())
    }

    /// The teacher's answers of a unit as those score them who show their logits, prompt by prompt.
    fn scored(
        &self,
        prompts: &[Prompt],
        rows: &[SampleRow],
        asking: &Asking<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<ScoredRow>, AskError> {
        let mut all = Vec::new();
        for (role, model) in asking.models.who_answer().filter(|(role, _)| self.scorers.contains(role)) {
            let of_probe: BTreeMap<&str, &Asked> = prompts
                .iter()
                .filter_map(|prompt| prompt.of(role))
                .map(|asked| (asked.probe.as_str(), asked))
                .collect();
            let of_teacher = |row: &&SampleRow| matches!(row.source, SampleSource::Teacher | SampleSource::Rerun);
            let answers = rows.iter().filter(of_teacher);
            let answers = answers.filter_map(|row| Some((*of_probe.get(row.probe.as_str())?, row)));
            let answers: Vec<_> = answers.filter(|(asked, _)| asked.is_drawn()).collect();
            let go_on = || asking.go_on(&*observer);
            all.extend(score((role, model), &answers, asking.options.block_tokens as usize, &go_on)?);
        }
        let place: BTreeMap<&str, usize> = prompts
            .iter()
            .filter_map(|prompt| prompt.of(Role::Student))
            .zip(0..)
            .map(|(asked, at)| (asked.probe.as_str(), at))
            .collect();
        all.sort_by_key(|row: &ScoredRow| place.get(row.probe.as_str()).copied());
        Ok(all)
    }
}

/// Tokens of answers by who gives them; those of the student before distillation stand with a control's.
pub(super) fn by_role(tokens: impl Iterator<Item = (Role, u64)>) -> PlannedTokens {
    let mut all = PlannedTokens::default();
    for (role, tokens) in tokens {
        match role {
            Role::Teacher => all.teacher_tokens += tokens,
            Role::Student => all.student_tokens += tokens,
            _ => all.control_tokens += tokens,
        }
    }
    all
}

impl Kind for Prompts {
    fn part(&self) -> PartKind {
        part::Samples::KIND
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
        let of = |made: bool| if made { units } else { 0 };
        vec![
            (part::Samples::KIND, units),
            (part::Vectors::KIND, of(self.encoded)),
            (part::Scored::KIND, of(!self.scorers.is_empty())),
        ]
    }

    fn answers(&self, unit: usize) -> u64 {
        self.wanted(unit).map(|(_, _, answers)| answers).sum()
    }

    fn longest(&self, unit: usize) -> PlannedTokens {
        let longest = self.wanted(unit).map(|(role, asked, answers)| (role, answers * u64::from(asked.longest())));
        by_role(longest)
    }

    fn goes_on(&self) -> bool {
        self.teacher_asked.is_some()
    }

    /// A store that cannot be written is noticed before texts are scored. It will do where it holds every answer.
    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let Some(Sampling { settings, store: folder, limits }) = &asking.options.sampling else { return Ok(()) };
        let is_open = |(unit, _): &(usize, _)| !asking.run.has(part::Samples::KIND, *unit as u32);
        let open: Vec<_> = self.units.iter().enumerate().filter(is_open).flat_map(|(_, prompts)| prompts).collect();
        if open.is_empty() {
            return Ok(());
        }
        let lacks = |store: &mut Store| {
            let lacks = |asker: Asker<'_>| {
                let asked: Vec<_> = open.iter().filter_map(|prompt| prompt.of(asker.role)).collect();
                asker.missing(&asked, store) > 0
            };
            Ok(askers(asking, settings, limits).any(lacks))
        };
        self.store.prepare(folder, lacks)?;
        let store = self.store.open(folder)?;
        for asker in askers(asking, settings, limits) {
            let units = self.units.iter().enumerate().filter(is_open);
            let units = units.filter(|(unit, _)| asker.role == Role::Student || *unit < self.student_from);
            let asked: Vec<_> =
                units.flat_map(|(_, prompts)| prompts).filter_map(|prompt| prompt.of(asker.role)).collect();
            self.ahead.extend(asker.ahead(&asked, &store).map(|ahead| (asker.role, ahead)));
            // A model that replays answers may lack some; a run that may stop early need not want them.
            if asking.options.until_decided.is_none() {
                asker.check(&asked, &store)?;
            }
        }
        Ok(())
    }

    fn ahead(&self) -> &[(Role, Ahead)] {
        &self.ahead
    }

    fn run_unit(
        &mut self,
        unit: usize,
        asking: &Asking<'_>,
        gates: Gates,
        observer: &mut dyn Observer,
    ) -> Result<(), AskError> {
        let Some(Sampling { settings, store: folder, limits }) = &asking.options.sampling else { return Ok(()) };
        self.ask_together(asking, observer)?;
        let prompts = &self.units[unit];
        let student_alone = gates == Gates::Decided || unit >= self.student_from;
        let mut store = self.store.open(folder)?;
        let store = &mut *store;
        let askers = askers(asking, settings, limits);
        let askers: Vec<_> = askers.filter(|asker| !student_alone || asker.role == Role::Student).collect();
        for asker in &askers {
            asking.go_on(observer)?;
            let asked: Vec<_> = prompts.iter().filter_map(|prompt| prompt.of(asker.role)).collect();
            if asker.ask(&asked, store, observer)?.is_break() {
                return Err(asking.interrupted());
            }
        }
        let mut of_roles = Vec::with_capacity(askers.len());
        for asker in &askers {
            let asked: Vec<_> = prompts.iter().filter_map(|prompt| prompt.of(asker.role)).collect();
            of_roles.push((asker.role, asker.rows(&asked, store)?.into_iter()));
        }
        // Prompt by prompt, whoever answered.
        let mut rows = Vec::new();
        for prompt in prompts {
            for (role, of_role) in &mut of_roles {
                rows.extend(prompt.of(*role).and_then(|_| of_role.next()).into_iter().flatten());
            }
        }
        if let Some(Closeness { encoder, .. }) = asking.models.meaning {
            asking.run.write::<part::Vectors>(unit as u32, &vectors(&rows, asking.run.probes(), encoder)?)?;
        }
        if !self.scorers.is_empty() {
            let scored = self.scored(prompts, &rows, asking, observer)?;
            asking.run.write::<part::Scored>(unit as u32, &scored)?;
        }
        asking.run.write::<part::Samples>(unit as u32, &rows)?;
        asking.done(part::Samples::KIND, unit as u32, observer)
    }
}
