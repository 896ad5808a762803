//! Graded probes: where each lies on its axis, and how every model did on it.

use std::collections::BTreeMap;

use hydrometer_answers::{SampleRow, SampleSource};
use hydrometer_metrics::measure::choices::top;
use hydrometer_probes::{Checked, Knob, Probe};

use crate::AuditError;
use crate::evidence::Rows;
use crate::kind::answers::checker;
use crate::kind::choices::AskedChoice;
use crate::kind::episodes::{self, Successes};

/// A probe with a knob, on which it is known what is right.
pub(super) struct Graded<'a> {
    pub probe: &'a Probe,
    pub knob: &'a Knob,
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

/// The graded probes that both models were asked, in the order of the suite.
///
/// # Errors
/// A checker that cannot be used.
pub(super) fn graded<'a>(rows: &'a Rows, choices: &[AskedChoice<'a>]) -> Result<Vec<Graded<'a>>, AuditError> {
    let mut answers: BTreeMap<&str, Vec<&SampleRow>> = BTreeMap::new();
    for row in &rows.samples {
        answers.entry(&row.probe).or_default().push(row);
    }
    let choices: BTreeMap<&str, &AskedChoice<'a>> =
        choices.iter().map(|choice| (choice.probe.id.as_str(), choice)).collect();
    let mut found = Vec::new();
    for probe in &rows.probes {
        let Some(knob) = &probe.knob else { continue };
        let graded = match (answers.get(probe.id.as_str()), choices.get(probe.id.as_str())) {
            (Some(rows), _) => answered(probe, knob, rows)?,
            (None, Some(choice)) => chosen(probe, knob, choice),
            (None, None) => None,
        };
        found.extend(graded);
    }
    found.extend(episodes::successes(&rows.episodes, &rows.probes).into_iter().filter_map(acted));
    Ok(found)
}

/// Shares of right answers; `None` where nobody knows what is right, or one of the models was not asked.
fn answered<'a>(probe: &'a Probe, knob: &'a Knob, rows: &[&SampleRow]) -> Result<Option<Graded<'a>>, AuditError> {
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
    Ok(Some(Graded { probe, knob, teacher, student, ceiling, base, control }))
}

/// Shares of runs that succeed; `None` without a knob.
fn acted(found: Successes<'_>) -> Option<Graded<'_>> {
    let Successes { probe, teacher, student, rerun, base, control } = found;
    Some(Graded { probe, knob: probe.knob.as_ref()?, teacher, student, ceiling: rerun, base, control })
}

/// Whether each model holds the right option for the most probable; `None` without a right one.
fn chosen<'a>(probe: &'a Probe, knob: &'a Knob, choice: &AskedChoice<'_>) -> Option<Graded<'a>> {
    let truth = choice.truth?;
    let right = |options: &[f64]| f64::from(u8::from(top(options) == truth));
    let (teacher, student) = (right(&choice.teacher), right(&choice.student));
    let control = choice.control.as_deref().map(right);
    Some(Graded { probe, knob, teacher, student, ceiling: None, base: None, control })
}
