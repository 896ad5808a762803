//! Graded probes: where each lies on its axis, and how every model did on it.

use std::collections::BTreeMap;

use hydrometer_answers::{EpisodeRow, SampleRow, SampleSource};
use hydrometer_probes::{Checked, Knob, Probe};

use crate::AuditError;
use crate::evidence::Rows;
use crate::kind::answers::checker;
use crate::kind::choices::AskedChoice;
use crate::kind::episodes::{self, Successes};

/// A probe that both models were asked, of which it is known what is right.
pub(crate) struct Success<'a> {
    pub probe: &'a Probe,
    /// Share of the teacher's answers that are right.
    pub teacher: f64,
    pub student: f64,
    /// Of the teacher's second run.
    pub ceiling: Option<f64>,
    /// Of the student before distillation.
    pub base: Option<f64>,
    /// Of the control student.
    pub control: Option<f64>,
}

impl Success<'_> {
    /// With the teacher's second run in its place, where the student drew with the random numbers of that.
    fn beside(self, paired: bool) -> Self {
        let teacher = self.ceiling.filter(|_| paired).unwrap_or(self.teacher);
        Self { teacher, ..self }
    }
}

/// One of them with a knob.
#[derive(Clone, Copy)]
pub(crate) struct Graded<'a> {
    pub probe: &'a Probe,
    pub knob: &'a Knob,
    pub teacher: f64,
    pub student: f64,
    pub ceiling: Option<f64>,
    pub base: Option<f64>,
    pub control: Option<f64>,
}

/// The answered prompts and the episodes of which it is known what is right, in the order of the suite.
///
/// # Errors
/// A checker that cannot be used.
pub(crate) fn successes(rows: &Rows) -> Result<Vec<Success<'_>>, AuditError> {
    let answers = by_probe(&rows.samples);
    let paired = rows.manifest.settings.paired();
    let mut found = Vec::new();
    for probe in &rows.probes {
        if let Some(rows) = answers.get(probe.id.as_str()) {
            found.extend(answered(probe, rows)?.map(|success| success.beside(paired)));
        }
    }
    let acted = episodes::successes(&rows.episodes, &rows.probes).into_iter().map(acted);
    found.extend(acted.map(|success| success.beside(paired)));
    Ok(found)
}

/// Rows of answers, and the probes that they answer.
pub(crate) struct Answers<'a> {
    pub probes: &'a [Probe],
    pub samples: &'a [SampleRow],
    pub episodes: &'a [EpisodeRow],
    /// The student drew with the random numbers of the teacher's second run: its success is then set beside that run's.
    pub paired: bool,
}

/// The graded probes that both models were asked, in the order of the suite.
///
/// # Errors
/// A checker that cannot be used.
pub(crate) fn graded<'a>(
    Answers { probes, samples, episodes, paired }: &Answers<'a>,
    choices: &[AskedChoice<'a>],
) -> Result<Vec<Graded<'a>>, AuditError> {
    let answers = by_probe(samples);
    let choices: BTreeMap<&str, &AskedChoice<'a>> =
        choices.iter().map(|choice| (choice.probe.id.as_str(), choice)).collect();
    let mut found = Vec::new();
    for probe in *probes {
        let Some(knob) = &probe.knob else { continue };
        let graded = match (answers.get(probe.id.as_str()), choices.get(probe.id.as_str())) {
            (Some(rows), _) => answered(probe, rows)?.map(|success| success.beside(*paired)).and_then(with_knob),
            (None, Some(choice)) => chosen(probe, knob, choice),
            (None, None) => None,
        };
        found.extend(graded);
    }
    let acted = episodes::successes(episodes, probes).into_iter().map(acted);
    found.extend(acted.map(|success| success.beside(*paired)).filter_map(with_knob));
    Ok(found)
}

fn by_probe(samples: &[SampleRow]) -> BTreeMap<&str, Vec<&SampleRow>> {
    let mut answers: BTreeMap<&str, Vec<&SampleRow>> = BTreeMap::new();
    for row in samples {
        answers.entry(&row.probe).or_default().push(row);
    }
    answers
}

/// `None` without a knob.
fn with_knob(success: Success<'_>) -> Option<Graded<'_>> {
    let Success { probe, teacher, student, ceiling, base, control } = success;
    Some(Graded { probe, knob: probe.knob.as_ref()?, teacher, student, ceiling, base, control })
}

/// Shares of right answers; `None` where nobody knows what is right, or one of the models was not asked.
fn answered<'a>(probe: &'a Probe, rows: &[&SampleRow]) -> Result<Option<Success<'a>>, AuditError> {
    let checker = checker(probe)?;
    let share = |source: SampleSource| -> Option<f64> {
        let of_source = rows.iter().filter(|row| row.source == source);
        let right = |row: &&SampleRow| {
            let checked = || checker.as_ref().map(|check| check.check(&row.text) == Checked::Right);
            row.outcome.right().or_else(checked)
        };
        let judged: Vec<bool> = of_source.map(right).collect::<Option<_>>()?;
        (!judged.is_empty()).then(|| judged.iter().filter(|right| **right).count() as f64 / judged.len() as f64)
    };
    let (Some(teacher), Some(student)) = (share(SampleSource::Teacher), share(SampleSource::Student)) else {
        return Ok(None);
    };
    let [ceiling, base, control] = [SampleSource::Rerun, SampleSource::Base, SampleSource::Control].map(share);
    Ok(Some(Success { probe, teacher, student, ceiling, base, control }))
}

/// Shares of runs that succeed.
fn acted(found: Successes<'_>) -> Success<'_> {
    let Successes { probe, teacher, student, rerun, base, control } = found;
    Success { probe, teacher, student, ceiling: rerun, base, control }
}

/// Whether each model holds the right option for the most probable; `None` without a right one, or where the most probable one is not
/// known.
fn chosen<'a>(probe: &'a Probe, knob: &'a Knob, choice: &AskedChoice<'_>) -> Option<Graded<'a>> {
    let truth = choice.truth?;
    let right = |options: &[f64]| f64::from(u8::from(choice.favourite(options) == truth));
    let [teacher, student] = [choice.right(0)?, choice.right(1)?].map(|right| f64::from(u8::from(right)));
    let control = choice.control.as_deref().map(right);
    Some(Graded { probe, knob, teacher, student, ceiling: None, base: None, control })
}
