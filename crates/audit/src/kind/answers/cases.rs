//! Cases to read: the prompts whose answers moved.

use crate::kind::answers::{JudgedSample, Prompt, share};
use crate::kind::by_outcome;
use crate::statement::{AnswerCase, AnswerClass};

/// Meaning classes shown of one prompt, and characters of one answer.
const CLASSES: usize = 6;
const TEXT: usize = 1500;

/// Lost, gained and most moved prompts, in that order, the most distant first in each.
pub(crate) fn cases(prompts: &[Prompt<'_>]) -> Vec<AnswerCase> {
    by_outcome(prompts, Prompt::distance, Prompt::outcome).into_iter().map(case).collect()
}

fn case(prompt: &Prompt<'_>) -> AnswerCase {
    let mut classes: Vec<_> = (0..prompt.classes.len() as u32)
        .map(|class| (share(&prompt.teacher, class), share(&prompt.student, class), class))
        .filter(|&(teacher, student, _)| teacher + student > 0.0)
        .collect();
    classes.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    let rest = classes.split_off(classes.len().min(CLASSES));
    let class = |&(teacher, student, class): &(f64, f64, u32)| {
        let of =
            |said: &[JudgedSample<'_>]| said.iter().find(|said| said.class == class).map(|said| cut(&said.row.text));
        let answers = prompt.teacher.iter().chain(&prompt.student);
        AnswerClass {
            label: prompt.classes[class as usize].as_deref().map(cut),
            right: answers.filter(|said| said.class == class).find_map(|said| said.right),
            teacher,
            student,
            teacher_text: of(&prompt.teacher),
            student_text: of(&prompt.student),
        }
    };
    AnswerCase {
        probe: prompt.probe.id.clone(),
        family: prompt.probe.family.clone(),
        axis: prompt.probe.axis.clone(),
        prompt: cut(prompt.text),
        outcome: prompt.outcome(),
        classes: classes.iter().map(class).collect(),
        others: [rest.iter().map(|class| class.0).sum(), rest.iter().map(|class| class.1).sum()],
    }
}

/// The beginning of a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
