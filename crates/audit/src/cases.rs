//! Cases a reader can look at: the worst documents token by token, and the choices that moved.

use crate::answers::{Prompt, Said, share};
use crate::choices::AskedChoice;
use crate::scored::Scored;
use crate::statement::{AnswerCase, AnswerClass, ChoiceCase, ChoiceOutcome, OptionCase, TokenEvidence, WorstDocument};

const DOCUMENTS: usize = 5;
const TOKENS: usize = 400;
const CHOICES: usize = 24;
/// Meaning classes shown of one prompt, and characters of one answer.
const CLASSES: usize = 6;
const TEXT: usize = 1500;
/// Positions below which a mean says little about a document.
const FEWEST: usize = 8;

/// The documents (windows) with the largest mean divergence, worst first.
pub(crate) fn worst_documents(rows: &[Scored<'_>]) -> Vec<WorstDocument> {
    let mean = |rows: &[Scored<'_>]| rows.iter().map(|r| f64::from(r.kl)).sum::<f64>() / rows.len() as f64;
    let windows = rows.chunk_by(|a, b| a.probe == b.probe && a.window == b.window);
    let mut worst: Vec<_> = windows.filter(|w| w.len() >= FEWEST).map(|w| (mean(w), w)).collect();
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    worst.into_iter().take(DOCUMENTS).filter(|w| w.0 > 0.0).map(|(mean_kl, rows)| document(mean_kl, rows)).collect()
}

fn document(mean_kl: f64, rows: &[Scored<'_>]) -> WorstDocument {
    let tokens = rows.iter().take(TOKENS).map(|row| TokenEvidence {
        text: row.token_text.to_owned(),
        kl: row.kl.into(),
        teacher: row.teacher_top1_text.to_owned(),
        teacher_prob: row.teacher_top1_prob.into(),
        student: row.student_top1_text.to_owned(),
        student_prob: row.student_top1_prob.into(),
    });
    WorstDocument {
        id: format!("{}#{}", rows[0].probe, rows[0].window),
        family: rows[0].family.to_owned(),
        mean_kl,
        tokens: tokens.collect(),
    }
}

/// Lost, gained and most moved choices, in that order, the most distant first in each.
pub(crate) fn choices(choices: &[AskedChoice<'_>]) -> Vec<ChoiceCase> {
    let rank = |outcome| match outcome {
        ChoiceOutcome::Lost => 0,
        ChoiceOutcome::Gained => 1,
        ChoiceOutcome::Moved => 2,
    };
    let mut all: Vec<_> = choices.iter().filter(|d| d.distance() > 0.0).collect();
    all.sort_by(|a, b| rank(a.outcome()).cmp(&rank(b.outcome())).then(b.distance().total_cmp(&a.distance())));
    // A third for each outcome; what one does not use goes to the next.
    let mut shown = Vec::new();
    for (i, outcome) in [ChoiceOutcome::Lost, ChoiceOutcome::Gained, ChoiceOutcome::Moved].into_iter().enumerate() {
        let room = CHOICES * (i + 1) / 3 - shown.len();
        shown.extend(all.iter().filter(|d| d.outcome() == outcome).take(room).map(|d| case(d)));
    }
    shown
}

/// Lost, gained and most moved prompts, in that order, the most distant first in each.
pub(crate) fn answers(prompts: &[Prompt<'_>]) -> Vec<AnswerCase> {
    let mut all: Vec<_> = prompts.iter().filter(|p| p.distance() > 0.0).collect();
    all.sort_by(|a, b| b.distance().total_cmp(&a.distance()));
    let mut shown = Vec::new();
    for (i, outcome) in [ChoiceOutcome::Lost, ChoiceOutcome::Gained, ChoiceOutcome::Moved].into_iter().enumerate() {
        let room = CHOICES * (i + 1) / 3 - shown.len();
        shown.extend(all.iter().filter(|p| p.outcome() == outcome).take(room).map(|p| answer_case(p)));
    }
    shown
}

fn answer_case(prompt: &Prompt<'_>) -> AnswerCase {
    let mut classes: Vec<_> = (0..prompt.classes.len() as u32)
        .map(|class| (share(&prompt.teacher, class), share(&prompt.student, class), class))
        .filter(|&(teacher, student, _)| teacher + student > 0.0)
        .collect();
    classes.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    let rest = classes.split_off(classes.len().min(CLASSES));
    let class = |&(teacher, student, class): &(f64, f64, u32)| {
        let of = |said: &[Said<'_>]| said.iter().find(|said| said.class == class).map(|said| cut(&said.row.text));
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
