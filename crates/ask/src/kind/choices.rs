//! Choices: both models say how probable each option is after the prompt, in one or more orders of the options.

use hydrometer_answers::{ChoiceRow, Part, PartKind, PlannedTokens, part};
use hydrometer_models::{Choice, Chooses, Facet};
use hydrometer_probes::{Ask, Probe, Suite};

use super::{Asking, Gates, Kind};
use crate::units::Packing;
use crate::{AskError, AskOptions, Models, Observer, Role};

/// A choice in one option order, tokenised for both models.
struct Question {
    probe: String,
    family: String,
    rotation: u32,
    /// Option index at each displayed place.
    order: Vec<usize>,
    teacher: Choice,
    student: Choice,
}

impl Question {
    fn new([teacher, student]: [&dyn Chooses; 2], probe: &Probe, rotation: u32) -> Result<Self, AskError> {
        let (teacher, order) = teacher.question(probe, rotation).map_err(Role::Teacher.failed())?;
        let (student, _) = student.question(probe, rotation).map_err(Role::Student.failed())?;
        let (probe, family) = (probe.id.clone(), probe.family.clone());
        Ok(Self { probe, family, rotation, order, teacher, student })
    }

    /// One row for each option, in the order of the suite.
    fn rows<'a>(&'a self, teacher: &'a [f64], student: &'a [f64]) -> impl Iterator<Item = ChoiceRow> + 'a {
        let mut places: Vec<_> = self.order.iter().enumerate().collect();
        places.sort_by_key(|place| place.1);
        places.into_iter().map(move |(place, &option)| ChoiceRow {
            probe: self.probe.clone(),
            family: self.family.clone(),
            rotation: self.rotation,
            option: option as u32,
            teacher_logprob: teacher[place],
            student_logprob: student[place],
        })
    }
}

/// The choices of a suite.
pub(crate) struct Choices {
    units: Vec<Vec<Question>>,
}

impl Choices {
    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
    ) -> Result<Self, AskError> {
        let mut questions = Vec::new();
        // Where one of the two cannot choose, there is nothing to compare.
        let (Some(teacher), Some(student)) = (models.teacher.chooses(), models.student.chooses()) else {
            return Ok(Self { units: Vec::new() });
        };
        for probe in &suite.probes {
            let Ask::Choice(choice) = &probe.ask else { continue };
            for rotation in 0..options.rotations.min(choice.rotations() as u32) {
                questions.push(Question::new([teacher, student], probe, rotation)?);
            }
        }
        let units = packing.pack(questions, options.block_tokens as usize, |q| &q.family, |q| q.teacher.tokens());
        Ok(Self { units })
    }
}

impl Kind for Choices {
    fn part(&self) -> PartKind {
        part::Choices::KIND
    }

    fn units(&self) -> usize {
        self.units.len()
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
            for (question, (teacher, student)) in questions.iter().zip(teacher.iter().zip(&student)) {
                rows.extend(question.rows(teacher, student));
            }
        }
        asking.run.write::<part::Choices>(unit as u32, &rows)?;
        asking.done(part::Choices::KIND, unit as u32, observer)
    }
}

fn tokens(questions: &[Question]) -> PlannedTokens {
    let sum = |of: fn(&Question) -> &Choice| questions.iter().map(|question| of(question).tokens() as u64).sum();
    PlannedTokens { teacher_tokens: sum(|q| &q.teacher), student_tokens: sum(|q| &q.student), floor_tokens: 0 }
}
