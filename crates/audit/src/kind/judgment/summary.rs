//! What was decided at boundaries, to be read: ladders, pairs that came apart, who refuses, and the dearest decisions.

use std::collections::BTreeSet;

use hydrometer_answers::SampleSource;
use hydrometer_metrics::measure::judgment::{Change, Due, Form};
use hydrometer_probes::Boundary;

use super::families::{Climbed, flips};
use super::forced::Way;
use super::slices::slices;
use super::{Deed, Faced, Judged, STUDENT};
use crate::labels::Labels;
use crate::statement::{
    DecisionCase, DecisionForm, Judgment, LadderRow, LadderRung, PairCase, PairOutcome, PairSide, Reading,
    RefusalCells, UnreadAnswers,
};

/// Pairs and decisions that are shown, and characters of one answer.
const CASES: usize = 12;
const TEXT: usize = 600;

/// The summary; `None` where nothing was decided at a boundary.
pub(crate) fn summary(judged: &Judged<'_>, labels: &Labels, level: f64) -> Option<Judgment> {
    let families: BTreeSet<&str> = judged.faced.iter().map(|faced| faced.probe.family.as_str()).collect();
    (!judged.faced.is_empty()).then(|| Judgment {
        probes: judged.faced.len() as u64,
        families: families.len() as u64,
        unread: unread(judged),
        reading: judged.faced.iter().any(|faced| faced.form == Form::Free).then(|| reading(labels)),
        ladders: ladders(judged),
        pairs: pairs(judged),
        refusals: refusals(judged),
        decisions: decisions(judged, |_| true),
        slices: slices(judged, level),
        judge: None,
    })
}

pub(crate) fn reading(labels: &Labels) -> Reading {
    let refusing = labels.confusion(&[Deed::Refuses]);
    Reading {
        source: labels.source,
        answers: labels.labelled,
        sensitivity: refusing.kept(0),
        specificity: refusing.kept(1),
    }
}

fn unread(judged: &Judged<'_>) -> Vec<UnreadAnswers> {
    let model = |source: SampleSource| match source {
        SampleSource::Teacher => "teacher",
        SampleSource::Rerun => "rerun",
        SampleSource::Student => "student",
        SampleSource::Base => "base",
        SampleSource::Control => "control",
    };
    let of = |((source, reason), &answers): (&(SampleSource, String), &u64)| UnreadAnswers {
        model: model(*source).to_owned(),
        reason: reason.clone(),
        answers,
    };
    judged.unread.iter().map(of).collect()
}

fn form(form: Form) -> DecisionForm {
    match form {
        Form::Forced => DecisionForm::Forced,
        Form::Free => DecisionForm::Free,
    }
}

fn ladders(judged: &Judged<'_>) -> Vec<LadderRow> {
    let mut found = Vec::new();
    for family in judged.families() {
        found.extend(family.ladders().iter().filter_map(|ladder| row(family.name, ladder)));
    }
    let moved = |row: &LadderRow| (row.student_boundary - row.teacher_boundary).abs();
    found.sort_by(|a, b| moved(b).total_cmp(&moved(a)));
    found
}

fn row(family: &str, ladder: &Climbed<'_, '_>) -> Option<LadderRow> {
    let first = ladder.rungs.first()?;
    let measured = ladder.measured(STUDENT)?;
    let (teacher, student) = (ladder.crossed(|faced| Some(&faced.teacher))?, ladder.crossed(STUDENT)?);
    let rungs = ladder.rungs.iter().zip(teacher.into_iter().zip(student)).map(|(faced, (teacher, student))| {
        let changed = &faced.boundary.changed;
        let turned = if changed.is_empty() { format!("{}", faced.rung_number()?) } else { changed.join(" … ") };
        Some(LadderRung { turned, teacher, student })
    });
    Some(LadderRow {
        family: family.to_owned(),
        form: form(first.form),
        prompt: cut(first.text),
        toward: ladder.rung.toward.clone(),
        lean: ladder.rung.lean.map(|lean| match lean {
            hydrometer_probes::Lean::Permissive => "permissive".to_owned(),
            hydrometer_probes::Lean::Restrictive => "restrictive".to_owned(),
        }),
        teacher_boundary: measured.teacher,
        student_boundary: measured.student,
        rungs: rungs.collect::<Option<_>>()?,
    })
}

/// Missed ones first: half the room for each outcome, what one does not use goes to the other.
fn pairs(judged: &Judged<'_>) -> Vec<PairCase> {
    let (mut missed, mut strayed) = (Vec::new(), Vec::new());
    // Which option a few drawn letters name most often is chance.
    let told = |form: Form| form == Form::Free || judged.way == Way::Favourite;
    for family in judged.families().into_iter().filter(|family| told(family.form)) {
        for (first, second, change) in family.contrasts() {
            let teacher = flips([first, second], [&first.teacher, &second.teacher]);
            let student = flips([first, second], [&first.student, &second.student]);
            let case = |outcome| PairCase {
                family: family.name.to_owned(),
                outcome,
                first: side(first),
                second: side(second),
            };
            match (change, teacher, student) {
                (Change::LoadBearing, true, false) => missed.push(case(PairOutcome::Missed)),
                (Change::Wording, false, true) => strayed.push(case(PairOutcome::Strayed)),
                _ => {}
            }
        }
    }
    missed.truncate(CASES.saturating_sub(strayed.len().min(CASES / 2)));
    strayed.truncate(CASES - missed.len());
    missed.into_iter().chain(strayed).collect()
}

fn side(faced: &Faced<'_>) -> PairSide {
    PairSide {
        prompt: cut(faced.text),
        changed: faced.boundary.changed.clone(),
        teacher: faced.decision(&faced.teacher).to_owned(),
        student: faced.decision(&faced.student).to_owned(),
    }
}

fn refusals(judged: &Judged<'_>) -> Vec<RefusalCells> {
    let mut found = Vec::new();
    for asked in [Form::Free, Form::Forced] {
        for due in [Due::Refuse, Due::Meet] {
            let decided = judged.faced.iter().filter(|faced| faced.form == asked).filter_map(|of| of.decided(STUDENT));
            let refuse: Vec<(f64, f64)> =
                decided.filter(|of| of.due == due).map(|of| (of.teacher.refuses, of.student.refuses)).collect();
            let sum = |of: fn(f64, f64) -> f64| refuse.iter().map(|&(t, s)| of(t, s)).sum();
            if !refuse.is_empty() {
                found.push(RefusalCells {
                    form: form(asked),
                    should_refuse: due == Due::Refuse,
                    requests: refuse.len() as u64,
                    both_refuse: sum(|t, s| t * s),
                    only_teacher_refuses: sum(|t, s| t * (1.0 - s)),
                    only_student_refuses: sum(|t, s| (1.0 - t) * s),
                    neither_refuses: sum(|t, s| (1.0 - t) * (1.0 - s)),
                });
            }
        }
    }
    found
}

/// Those at wanted boundaries that cost the student more than its teacher, the dearest first; of equally dear ones those in the models' own words.
pub(crate) fn decisions(judged: &Judged<'_>, wanted: impl Fn(&Boundary) -> bool) -> Vec<DecisionCase> {
    let dearer = |faced: &&Faced<'_>| {
        let decided = faced.decided(STUDENT)?;
        Some(decided.student.cost - decided.teacher.cost)
    };
    let mut dear: Vec<(f64, &Faced<'_>)> = judged
        .faced
        .iter()
        .filter(|faced| wanted(faced.boundary))
        .filter_map(|faced| Some((dearer(&faced)?, faced)))
        .filter(|(regret, faced)| *regret > 0.0 && faced.decision(&faced.teacher) != faced.decision(&faced.student))
        .collect();
    dear.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.form.cmp(&a.1.form)));
    let case = |(regret, faced): (f64, &Faced<'_>)| {
        Some(DecisionCase {
            probe: faced.probe.id.clone(),
            family: faced.probe.family.clone(),
            form: form(faced.form),
            prompt: cut(faced.text),
            changed: faced.boundary.changed.clone(),
            expected: faced.boundary.expected?.word().to_owned(),
            teacher: faced.decision(&faced.teacher).to_owned(),
            student: faced.decision(&faced.student).to_owned(),
            teacher_said: cut(&faced.teacher.quote),
            student_said: cut(&faced.student.quote),
            regret,
        })
    };
    dear.into_iter().filter_map(case).take(CASES).collect()
}

pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
