//! Cases to read: the choices that moved.

use crate::kind::by_outcome;
use crate::kind::choices::AskedChoice;
use crate::statement::{ChoiceCase, OptionCase};

/// Lost, gained and most moved choices, in that order, the most distant first in each.
pub(crate) fn cases(choices: &[AskedChoice<'_>]) -> Vec<ChoiceCase> {
    by_outcome(choices, AskedChoice::distance, AskedChoice::outcome).into_iter().map(case).collect()
}

fn case(choice: &AskedChoice<'_>) -> ChoiceCase {
    let options = choice.options.iter().enumerate().map(|(i, text)| OptionCase {
        text: text.clone(),
        truth: choice.truth.map(|t| t == i),
        teacher: choice.teacher[i],
        student: choice.student[i],
    });
    ChoiceCase {
        probe: choice.probe.id.clone(),
        family: choice.probe.family.clone(),
        axis: choice.probe.axis.clone(),
        prompt: choice.prompt.to_owned(),
        outcome: choice.outcome(),
        options: options.collect(),
    }
}
