//! Choices: both models say how probable each option is after the prompt, in one or more orders of the options. A control
//! student is asked those that are graded.

use hydrometer_answers::{ChoiceRow, DifferentPrompts, ExcludedItem, Part, PartKind, PlannedTokens, part};
use hydrometer_models::{Choice, Chooses, Facet, Model};
use hydrometer_probes::{Ask, Probe, Suite};

use super::{Asking, Gates, Kind};
use crate::units::Packing;
use crate::{AskError, AskOptions, Models, Observer, Role};

/// A choice in one option order, tokenised for each model.
struct Question {
    probe: String,
    family: String,
    rotation: u32,
    /// Option index at each displayed place.
    order: Vec<usize>,
    teacher: Choice,
    student: Choice,
    /// `None` where the control student is not asked.
    control: Option<Choice>,
}

/// Who says how probable options are.
struct Choosers<'a> {
    teacher: &'a dyn Chooses,
    student: &'a dyn Chooses,
    control: Option<&'a dyn Chooses>,
}

impl<'a> Choosers<'a> {
    /// `None` where one of the two cannot choose: there is nothing to compare.
    fn of(models: Models<'a>) -> Option<Self> {
        let control = models.control.and_then(Model::chooses);
        Some(Self { teacher: models.teacher.chooses()?, student: models.student.chooses()?, control })
    }
}

impl Question {
    fn new(choosers: &Choosers<'_>, probe: &Probe, rotation: u32) -> Result<Self, AskError> {
        let (teacher, order) = choosers.teacher.question(probe, rotation).map_err(Role::Teacher.failed())?;
        let (student, _) = choosers.student.question(probe, rotation).map_err(Role::Student.failed())?;
        let control = choosers.control.filter(|_| Role::Control.is_asked(probe));
        let control = control.map(|control| control.question(probe, rotation)).transpose();
        let control = control.map_err(Role::Control.failed())?.map(|(control, _)| control);
        let (probe, family) = (probe.id.clone(), probe.family.clone());
        Ok(Self { probe, family, rotation, order, teacher, student, control })
    }

    /// Why it cannot be asked, as a fragment; `None` when it can.
    fn too_long(&self, models: Models<'_>) -> Option<String> {
        let both = [(Role::Teacher, models.teacher, &self.teacher), (Role::Student, models.student, &self.student)];
        let control = models.control.zip(self.control.as_ref()).map(|(model, choice)| (Role::Control, model, choice));
        both.into_iter().chain(control).find_map(|(role, model, choice)| {
            let longest = choice.longest();
            let context = model.identity().context_length.filter(|&context| longest > context as usize)?;
            Some(format!("with its longest option it takes {longest} tokens, the {role}'s context holds {context}"))
        })
    }

    /// The prompt as each model reads it; `None` where both read the same tokens or one shows none.
    fn texts(&self, models: Models<'_>) -> Option<[String; 2]> {
        let read = |model: &dyn Model, choice: &Choice| Some(model.tokens()?.decode(&choice.prompt));
        let texts = [read(models.teacher, &self.teacher)?, read(models.student, &self.student)?];
        Some(texts.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// One row for each option, in the order of the suite.
    fn rows<'a>(
        &'a self,
        teacher: &'a [f64],
        student: &'a [f64],
        control: Option<&'a [f64]>,
    ) -> impl Iterator<Item = ChoiceRow> + 'a {
        let mut places: Vec<_> = self.order.iter().enumerate().collect();
        places.sort_by_key(|place| place.1);
        places.into_iter().map(move |(place, &option)| ChoiceRow {
            probe: self.probe.clone(),
            family: self.family.clone(),
            rotation: self.rotation,
            option: option as u32,
            teacher_logprob: teacher[place],
            student_logprob: student[place],
            control_logprob: control.map(|control| control[place] as f32),
        })
    }
}

/// The choices of a suite.
pub(crate) struct Choices {
    units: Vec<Vec<Question>>,
    excluded: Vec<ExcludedItem>,
    differently: Option<DifferentPrompts>,
}

impl Choices {
    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
    ) -> Result<Self, AskError> {
        let (mut questions, mut excluded, mut differently) = (Vec::new(), Vec::new(), None);
        let Some(choosers) = Choosers::of(models) else {
            return Ok(Self { units: Vec::new(), excluded, differently });
        };
        for probe in &suite.probes {
            let Ask::Choice(choice) = &probe.ask else { continue };
            let rotations = 0..options.rotations.min(choice.rotations() as u32);
            let orders = rotations.map(|rotation| Question::new(&choosers, probe, rotation));
            let orders = orders.collect::<Result<Vec<_>, _>>()?;
            // All orders or none: an average over some of them favours what stands first.
            if let Some(reason) = orders.iter().find_map(|question| question.too_long(models)) {
                excluded.push(ExcludedItem { probe: probe.id.clone(), reason });
                continue;
            }
            if let Some([ours, theirs]) = orders.first().and_then(|question| question.texts(models)) {
                DifferentPrompts::look(&mut differently, &probe.id, &ours, &theirs);
            }
            questions.extend(orders);
        }
        let units = packing.pack(questions, options.block_tokens as usize, |q| &q.family, |q| q.teacher.tokens());
        Ok(Self { units, excluded, differently })
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

    fn run_unit(
        &mut self,
        unit: usize,
        asking: &Asking<'_>,
        _: Gates,
        observer: &mut dyn Observer,
    ) -> Result<(), AskError> {
        let lacks = |role: Role| move || role.failed()(Facet::Choices.into());
        let teacher_chooses = asking.models.teacher.chooses().ok_or_else(lacks(Role::Teacher))?;
        let student_chooses = asking.models.student.chooses().ok_or_else(lacks(Role::Student))?;
        let control_chooses = asking.models.control.and_then(Model::chooses);
        let mut rows = Vec::new();
        for questions in asking.blocks(&self.units[unit], |question| question.teacher.tokens()) {
            asking.go_on(observer)?;
            let size = tokens(questions);
            let asked: Vec<_> = questions.iter().map(|question| question.teacher.clone()).collect();
            let teacher = teacher_chooses.choose(&asked).map_err(Role::Teacher.failed())?;
            observer.progress(size.teacher_tokens);
            asking.go_on(observer)?;
            let asked: Vec<_> = questions.iter().map(|question| question.student.clone()).collect();
            let student = student_chooses.choose(&asked).map_err(Role::Student.failed())?;
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

fn tokens(questions: &[Question]) -> PlannedTokens {
    let sum = |of: fn(&Question) -> Option<&Choice>| {
        questions.iter().filter_map(of).map(|choice| choice.tokens() as u64).sum()
    };
    PlannedTokens {
        teacher_tokens: sum(|q| Some(&q.teacher)),
        student_tokens: sum(|q| Some(&q.student)),
        control_tokens: sum(|q| q.control.as_ref()),
        floor_tokens: 0,
    }
}
