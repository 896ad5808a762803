//! Choices that the student lost, gained or moved most on, side by side with the teacher.

use hydrometer_audit::statement::{ChoiceCase, OptionCase};

use super::outcome;
use super::source::Source;
use crate::document::{Block, Case, PAGE, Section, Side, Text};

pub(super) fn section(source: &Source<'_>) -> Section {
    let choices = &source.statement.choices;
    let section = Section::new("choices", "Choices side by side").on(PAGE);
    if choices.is_empty() {
        return section.with(Block::absent("No choice was asked, or none moved."));
    }
    let cases = choices.iter().map(|choice| (choice.outcome, case(choice)));
    section.with_all(outcome::groups(cases.collect(), "the probabilities moved most"))
}

fn case(choice: &ChoiceCase) -> Case {
    Case {
        probe: choice.probe.clone(),
        axis: choice.axis.clone(),
        family: choice.family.clone(),
        prompt: choice.prompt.clone(),
        rows_are: ("Option", "Options with both models' probabilities"),
        rows: choice.options.iter().map(side).collect(),
        texts: Vec::new(),
    }
}

fn side(option: &OptionCase) -> Side {
    Side {
        label: Text::foreign(&option.text),
        right: (option.truth == Some(true)).then_some("true"),
        teacher: option.teacher,
        student: option.student,
    }
}
