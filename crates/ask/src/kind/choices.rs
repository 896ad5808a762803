//! Choices: both models say how probable each option is after the prompt, in one or more orders of the options. A control
//! student is asked those that are graded. A model that says nothing of options is asked for letters.

use std::ops::ControlFlow;

use hydrometer_answers::store::Store;
use hydrometer_answers::{ChoiceRow, DifferentPrompts, ExcludedItem, OptionSaid, Part, PartKind, PlannedTokens, part};
use hydrometer_models::{Choice, Chooses, Facet, Model, ModelError};
use hydrometer_probes::{Ask, Probe, Suite};

use super::{Asking, Gates, Kind};
use crate::letters::{By, LetterAsker, Lettered, Said};
use crate::observer::Costs;
use crate::roles::taken;
use crate::shared_store::SharedStore;
use crate::units::Packing;
use crate::{Ahead, AskError, AskOptions, Models, Observer, Role, Sampling};

/// A choice in one option order, tokenised for each model.
struct Question {
    probe: String,
    family: String,
    rotation: u32,
    /// Option index at each displayed place.
    order: Vec<usize>,
    teacher: Form,
    student: Form,
    /// `None` where the control student is not asked.
    control: Option<Choice>,
    /// Tokens that the teacher computes for it, or room for as many: what it begins with as the question before it does not count.
    size: usize,
}

/// As one model is asked.
enum Form {
    /// For the log-probabilities of the options.
    Scored(Choice),
    /// For a letter.
    Lettered(Box<Lettered>),
}

impl Form {
    fn scored(&self) -> Option<&Choice> {
        match self {
            Form::Scored(choice) => Some(choice),
            Form::Lettered(_) => None,
        }
    }

    fn lettered(&self) -> Option<&Lettered> {
        match self {
            Form::Scored(_) => None,
            Form::Lettered(question) => Some(question),
        }
    }

    /// Tokens that are computed for it behind another one, or room for as many.
    fn size(&self, behind: Option<&Form>) -> usize {
        const OF_LETTERS: usize = 64;
        self.scored().map_or(OF_LETTERS, |choice| choice.tokens_beside(behind.and_then(Form::scored)))
    }
}

/// Who is asked, and how.
#[derive(Clone, Copy)]
enum Chooser<'a> {
    /// It says how probable options are.
    Scores(&'a dyn Chooses),
    /// It is asked for letters.
    Answers(&'a dyn Model, &'a Sampling),
}

impl<'a> Chooser<'a> {
    fn of(model: &'a dyn Model, options: &'a AskOptions) -> Option<Self> {
        if let Some(chooses) = model.chooses() {
            return Some(Self::Scores(chooses));
        }
        // Gates that are decided early need bounds on what one family can show, which draws and bounded options do not have.
        let letters = options.letters.as_ref().filter(|_| options.until_decided.is_none())?;
        model.letters().map(|_| Self::Answers(model, letters))
    }

    fn question(self, probe: &Probe, rotation: u32) -> Result<(Form, Vec<usize>), ModelError> {
        match self {
            Self::Scores(chooses) => {
                chooses.question(probe, rotation).map(|(choice, order)| (Form::Scored(choice), order))
            }
            Self::Answers(model, letters) => {
                let question = Lettered::new(model, probe, rotation, letters);
                question.map(|(question, order)| (Form::Lettered(Box::new(question)), order))
            }
        }
    }
}

/// Who says how probable options are.
struct Choosers<'a> {
    teacher: Chooser<'a>,
    student: Chooser<'a>,
    control: Option<&'a dyn Chooses>,
}

impl<'a> Choosers<'a> {
    /// `None` where one of the two cannot choose: there is nothing to compare.
    fn of(models: Models<'a>, options: &'a AskOptions) -> Option<Self> {
        let control = models.control.and_then(Model::chooses);
        let (teacher, student) = (Chooser::of(models.teacher, options)?, Chooser::of(models.student, options)?);
        Some(Self { teacher, student, control })
    }

    fn asks_for_letters(&self) -> bool {
        [self.teacher, self.student].iter().any(|chooser| matches!(chooser, Chooser::Answers(..)))
    }
}

impl Question {
    /// A question, or the probe as one that a model does not take.
    fn new(choosers: &Choosers<'_>, probe: &Probe, rotation: u32) -> Result<Self, Result<ExcludedItem, AskError>> {
        let refused = |role: Role| move |error| role.does_not_take(&probe.id, error);
        let (teacher, order) = choosers.teacher.question(probe, rotation).map_err(refused(Role::Teacher))?;
        let (student, _) = choosers.student.question(probe, rotation).map_err(refused(Role::Student))?;
        let control = choosers.control.filter(|_| Role::Control.is_asked(probe));
        let control = control.map(|control| control.question(probe, rotation)).transpose();
        let control = control.map_err(refused(Role::Control))?.map(|(control, _)| control);
        let (probe, family, size) = (probe.id.clone(), probe.family.clone(), teacher.size(None));
        Ok(Self { probe, family, rotation, order, teacher, student, control, size })
    }

    /// As teacher or student is asked.
    fn form(&self, role: Role) -> &Form {
        if role == Role::Teacher { &self.teacher } else { &self.student }
    }

    fn lettered(&self, role: Role) -> Option<&Lettered> {
        self.form(role).lettered()
    }

    /// Why it cannot be asked; `None` when it can.
    fn too_long(&self, models: Models<'_>) -> Option<ExcludedItem> {
        let both = [
            (Role::Teacher, models.teacher, self.teacher.scored()),
            (Role::Student, models.student, self.student.scored()),
        ];
        let both = both.into_iter().filter_map(|(role, model, choice)| Some((role, model, choice?)));
        let control = models.control.zip(self.control.as_ref()).map(|(model, choice)| (Role::Control, model, choice));
        both.chain(control).find_map(|(role, model, choice)| {
            let longest = choice.longest();
            let context = model.identity().context_length.filter(|&context| longest > context as usize)?;
            let reason =
                format!("with its longest option it takes {longest} tokens, the {role}'s context holds {context}");
            Some(role.too_short_for(&self.probe, reason))
        })
    }

    /// The prompt as each model reads it; `None` where both read the same tokens or one shows none.
    fn texts(&self, models: Models<'_>) -> Option<[String; 2]> {
        let read = |model: &dyn Model, form: &Form| Some(model.tokens()?.decode(&form.scored()?.prompt));
        let texts = [read(models.teacher, &self.teacher)?, read(models.student, &self.student)?];
        Some(texts.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// One row for each option, in the order of the suite.
    fn rows<'a>(
        &'a self,
        teacher: &'a Said,
        student: &'a Said,
        control: Option<&'a [f64]>,
    ) -> impl Iterator<Item = ChoiceRow> + 'a {
        let mut places: Vec<_> = self.order.iter().enumerate().collect();
        places.sort_by_key(|place| place.1);
        places.into_iter().map(move |(place, &option)| ChoiceRow {
            probe: self.probe.clone(),
            family: self.family.clone(),
            rotation: self.rotation,
            option: option as u32,
            teacher_logprob: teacher[place].0,
            student_logprob: student[place].0,
            control_logprob: control.map(|control| control[place] as f32),
            teacher_said: teacher[place].1,
            student_said: student[place].1,
        })
    }
}

/// The choices of a suite.
pub(crate) struct Choices {
    units: Vec<Vec<Question>>,
    excluded: Vec<ExcludedItem>,
    differently: Option<DifferentPrompts>,
    /// Letters that are drawn for each order, where a model is asked for letters.
    letters: Option<u32>,
    /// Who is asked for letters, and how it says them: known once it is prepared.
    by: Vec<(Role, By)>,
    store: SharedStore,
    ahead: Vec<(Role, Ahead)>,
    /// Whether those who are asked in batches were.
    together: bool,
}

impl Choices {
    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
        store: SharedStore,
    ) -> Result<Self, AskError> {
        let (mut questions, mut excluded, mut differently) = (Vec::new(), Vec::new(), None);
        let nothing = Self {
            units: Vec::new(),
            excluded: Vec::new(),
            differently: None,
            letters: None,
            by: Vec::new(),
            store,
            ahead: Vec::new(),
            together: false,
        };
        let Some(choosers) = Choosers::of(models, options) else { return Ok(nothing) };
        let for_letters = choosers.asks_for_letters();
        for probe in &suite.probes {
            let Ask::Choice(choice) = &probe.ask else { continue };
            let rotations = 0..options.rotations.min(choice.rotations() as u32);
            let orders = rotations.map(|rotation| Question::new(&choosers, probe, rotation));
            let Some(orders) = taken(orders.collect::<Result<Vec<_>, _>>(), &mut excluded)? else { continue };
            // All orders or none: an average over some of them favours what stands first.
            if let Some(item) = orders.iter().find_map(|question| question.too_long(models)) {
                excluded.push(item);
                continue;
            }
            if let Some([ours, theirs]) = orders.first().and_then(|question| question.texts(models)) {
                DifferentPrompts::look(&mut differently, &probe.id, &ours, &theirs);
            }
            for mut question in orders {
                question.size = question.teacher.size(questions.last().map(|last: &Question| &last.teacher));
                questions.push(question);
            }
        }
        let units = packing.pack(questions, options.block_tokens as usize, |q| &q.family, |q| q.size);
        let drawn = options.letters.as_ref().map(|letters| letters.settings.per_probe);
        let letters = drawn.filter(|_| for_letters && !units.is_empty());
        Ok(Self { units, excluded, differently, letters, ..nothing })
    }
}

impl Kind for Choices {
    fn part(&self) -> PartKind {
        part::Choices::KIND
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
        vec![(part::Choices::KIND, units)]
    }

    fn tokens(&self, unit: usize) -> PlannedTokens {
        tokens(&self.units[unit])
    }

    fn letters(&self) -> Option<u32> {
        self.letters
    }

    fn answers(&self, unit: usize) -> u64 {
        let of_role = |(role, by): &(Role, By)| {
            let each = if *by == By::List { 1 } else { u64::from(self.letters.unwrap_or(0)) };
            each * self.units[unit].iter().filter(|question| question.lettered(*role).is_some()).count() as u64
        };
        self.by.iter().map(of_role).sum()
    }

    /// How each model says letters is found out before anything is asked, where something is still to be asked.
    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let Some(letters) = asking.options.letters.as_ref().filter(|_| self.letters.is_some()) else { return Ok(()) };
        if self.open(asking).next().is_none() {
            return Ok(());
        }
        let lettered = |role| self.open(asking).filter_map(|question| question.lettered(role)).collect::<Vec<_>>();
        let askers = || ROLES.into_iter().map(|role| (asker(asking, role, letters), lettered(role)));
        let mut by = Vec::new();
        self.store.prepare(&letters.store, |store: &mut Store| {
            let lacks = |(asker, questions): (LetterAsker<'_>, Vec<&Lettered>)| {
                asker.missing(&questions, By::List, store) > 0 && asker.missing(&questions, By::Draws, store) > 0
            };
            Ok(askers().any(lacks))
        })?;
        let store = self.store.open(&letters.store)?;
        let mut ahead = Vec::new();
        for (asker, questions) in askers().filter(|(_, questions)| !questions.is_empty()) {
            let found = asker.by(&questions, &store)?;
            ahead.extend(asker.ahead(&questions, found, &store).map(|ahead| (asker.role, ahead)));
            by.push((asker.role, found));
        }
        drop(store);
        (self.by, self.ahead) = (by, ahead);
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
        self.ask_together(asking, observer)?;
        let control_chooses = asking.models.control.and_then(Model::chooses);
        let mut rows = Vec::new();
        for questions in asking.blocks(&self.units[unit], |question| question.size) {
            asking.go_on(observer)?;
            let size = tokens(questions);
            let teacher = self.ask(Role::Teacher, asking, questions, observer)?;
            observer.progress(size.teacher_tokens);
            asking.go_on(observer)?;
            let student = self.ask(Role::Student, asking, questions, observer)?;
            observer.progress(size.student_tokens);
            asking.go_on(observer)?;
            let asked: Vec<_> = questions.iter().filter_map(|question| question.control.clone()).collect();
            let control = control_chooses.map_or(Ok(Vec::new()), |control| control.choose(&asked));
            let mut control = control.map_err(Role::Control.failed())?.into_iter();
            observer.progress(size.control_tokens);
            for (question, (teacher, student)) in questions.iter().zip(teacher.iter().zip(&student)) {
                let control = question.control.as_ref().and_then(|_| control.next());
                rows.extend(question.rows(teacher, student, control.as_deref()));
            }
        }
        asking.run.write::<part::Choices>(unit as u32, &rows)?;
        asking.done(part::Choices::KIND, unit as u32, observer)
    }
}

/// Those who are compared.
const ROLES: [Role; 2] = [Role::Teacher, Role::Student];

fn model_of<'a>(asking: &Asking<'a>, role: Role) -> &'a dyn Model {
    if role == Role::Teacher { asking.models.teacher } else { asking.models.student }
}

fn asker<'a>(asking: &Asking<'a>, role: Role, sampling: &'a Sampling) -> LetterAsker<'a> {
    LetterAsker { model: model_of(asking, role), role, sampling, costs: Some(Costs::Run(asking.run)) }
}

impl Choices {
    /// The questions of units that are still to be asked.
    fn open<'a>(&'a self, asking: &'a Asking<'_>) -> impl Iterator<Item = &'a Question> {
        let is_open = |(unit, _): &(usize, _)| !asking.run.has(part::Choices::KIND, *unit as u32);
        self.units.iter().enumerate().filter(is_open).flat_map(|(_, questions)| questions)
    }

    /// Asks those who are asked in batches for all letters that are open.
    fn ask_together(&mut self, asking: &Asking<'_>, observer: &mut dyn Observer) -> Result<(), AskError> {
        let Some(sampling) = asking.options.letters.as_ref().filter(|_| !self.by.is_empty()) else { return Ok(()) };
        if std::mem::replace(&mut self.together, true) {
            return Ok(());
        }
        let mut store = self.store.open(&sampling.store)?;
        for &(role, by) in &self.by {
            let lettered: Vec<_> = self.open(asking).filter_map(|question| question.lettered(role)).collect();
            if asker(asking, role, sampling).ask_together(&lettered, by, &mut store, observer)?.is_break() {
                return Err(asking.interrupted());
            }
        }
        Ok(())
    }

    /// What teacher or student says of the options of each question.
    fn ask(
        &self,
        role: Role,
        asking: &Asking<'_>,
        questions: &[Question],
        observer: &mut dyn Observer,
    ) -> Result<Vec<Said>, AskError> {
        let lettered: Vec<_> = questions.iter().filter_map(|question| question.lettered(role)).collect();
        if let (Some(sampling), Some((_, by))) = (&asking.options.letters, self.by.iter().find(|(of, _)| *of == role))
            && !lettered.is_empty()
        {
            let mut store = self.store.open(&sampling.store)?;
            return match asker(asking, role, sampling).ask(&lettered, *by, &mut store, observer)? {
                ControlFlow::Continue(said) => Ok(said),
                ControlFlow::Break(()) => Err(asking.interrupted()),
            };
        }
        let chooses = model_of(asking, role).chooses().ok_or(Facet::Choices.into()).map_err(role.failed())?;
        let asked: Vec<_> = questions.iter().filter_map(|question| question.form(role).scored().cloned()).collect();
        let exact = |logprobs: Vec<f64>| logprobs.into_iter().map(|one| (one, OptionSaid::default())).collect();
        Ok(chooses.choose(&asked).map_err(role.failed())?.into_iter().map(exact).collect())
    }
}

fn tokens(questions: &[Question]) -> PlannedTokens {
    let sum = |of: fn(&Question) -> Option<&Choice>| {
        questions.iter().filter_map(of).map(|choice| choice.tokens() as u64).sum()
    };
    PlannedTokens {
        teacher_tokens: sum(|q| q.teacher.scored()),
        student_tokens: sum(|q| q.student.scored()),
        control_tokens: sum(|q| q.control.as_ref()),
        floor_tokens: 0,
    }
}
