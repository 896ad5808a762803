//! Prompts that the student lost, gained or moved most on: the answers of both models, by what they mean.

use hydrometer_audit::statement::{AnswerCase, AnswerClass};

use super::outcome;
use super::source::Source;
use crate::document::{Block, Case, PAGE, Said, Section, Side, Style, Text, Who};
use crate::text::{cut, visible};

/// Columns of a prompt and of a class's form that are shown before anything is unfolded.
const PROMPT: usize = 320;
const LABEL: usize = 120;

pub(super) fn section(source: &Source<'_>) -> Section {
    let cases = &source.statement.answer_cases;
    let section = Section::new("answer-cases", "Answers side by side").on(PAGE);
    if cases.is_empty() {
        return section.with(Block::absent("Nothing was answered freely, or no prompt moved."));
    }
    let groups = cases.iter().map(|one| (one.outcome, case(one))).collect();
    section
        .with(Block::lead("Answers that mean the same are one class; the bars are each model's share of its answers."))
        .with_all(outcome::groups(groups, "the answers moved most"))
}

fn case(case: &AnswerCase) -> Case {
    let prompt = visible(&case.prompt);
    let short = cut(&prompt, PROMPT);
    let [teacher, student] = case.others;
    let others = Side { label: Text::of(Style::Stated, "others"), right: None, teacher, student };
    let whole = (short != prompt).then(|| Said { who: None, title: "Prompt".into(), text: case.prompt.clone() });
    Case {
        probe: case.probe.clone(),
        axis: case.axis.clone(),
        family: case.family.clone(),
        prompt: short,
        rows_are: ("Answer", "Classes of answers with both models' shares"),
        rows: case.classes.iter().map(side).chain((teacher + student > 0.0).then_some(others)).collect(),
        texts: whole.into_iter().chain(case.classes.iter().flat_map(texts)).collect(),
    }
}

fn side(class: &AnswerClass) -> Side {
    let right = (class.right == Some(true)).then_some("right");
    Side { label: label(class), right, teacher: class.teacher, student: class.student }
}

fn texts(class: &AnswerClass) -> impl Iterator<Item = Said> {
    let sides = [(Who::Teacher, &class.teacher_text), (Who::Student, &class.student_text)];
    sides.into_iter().filter_map(|(who, text)| Some(Said { who: Some(who), title: label(class), text: text.clone()? }))
}

/// What the answers of a class have in common.
fn label(class: &AnswerClass) -> Text {
    match &class.label {
        Some(label) => Text::foreign(cut(&visible(label), LABEL)),
        None => Text::of(Style::Stated, "no answer"),
    }
}
