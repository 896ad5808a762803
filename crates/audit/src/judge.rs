//! What a judge says of a run's free answers, beside what the rules say: its own numbers, corrected where answers are labelled, and the
//! answers about which rules, judge and labels differ. No gate rests on any of it.

use std::collections::BTreeMap;

use hydrometer_answers::{Judge, SampleRow, SampleSource, judged_rows};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::illusion::{ILLUSION_GAP, JUDGMENT_COPIED, SURFACE_COPIED, illusion_gap};
use hydrometer_metrics::measure::{Definition, Sums};
use hydrometer_probes::decision::{Decision, decide};
use hydrometer_probes::{Ask, Probe};

use crate::AuditError;
use crate::evidence::{Evidence, Rows};
use crate::issue::number;
use crate::kind::answers::copied::Copying;
use crate::kind::judgment::corrected::{correctable, corrected};
use crate::kind::judgment::summary::{cut, reading};
use crate::kind::judgment::{Deed, judged};
use crate::labels::{Label, Labels};
use crate::readings::{ByJudge, Reader};
use crate::statement::{self, Disagreement, JudgedNumber, Judgment};

/// Disagreements that are shown.
const CASES: usize = 24;

/// The summary with what the judge says, where one was asked.
pub(crate) fn beside(summary: Judgment, evidence: &Evidence<'_>) -> Result<Judgment, AuditError> {
    let judge = evidence.rows.judge.as_ref().map(|judge| of(judge, evidence)).transpose()?;
    Ok(Judgment { judge, ..summary })
}

fn of(judge: &Judge, evidence: &Evidence<'_>) -> Result<statement::Judge, AuditError> {
    let (rows, level) = (evidence.rows, evidence.level);
    let reader = ByJudge::of(judge);
    let labels = Labels::of_judge(&rows.probes, &rows.samples, &rows.given_labels, &reader)?;
    let found = judged(rows, None, &reader)?;
    let (mut sums, mut rerun) = (Sums::new(), Sums::new());
    found.add_to(&mut sums, &mut rerun);
    let of_metric = |definition: &'static Definition| {
        let estimate = definition.estimate(&sums, level).ok()?;
        let corrected = labels.as_ref().and_then(|labels| corrected(&found, labels, definition));
        let corrected = corrected.map(|found| number(&found, &estimate, level));
        Some(JudgedNumber { metric: definition.id.to_owned(), estimate, corrected })
    };
    let compared = compared(rows, &reader);
    let both = compared.iter().filter(|of| of.rules.is_some() && of.judge.is_some());
    let agree = both.clone().filter(|of| of.rules.map(Deed::read) == of.judge.map(Deed::read)).count();
    let differ: Vec<&Compared<'_>> = compared.iter().filter(|of| of.differ()).collect();
    let count =
        |wanted: fn(&[Option<Decision>; 2]) -> bool| judge.answers.iter().filter(|of| wanted(&of.said)).count() as u64;
    Ok(statement::Judge {
        model: judge.judge.clone(),
        is_also: is_also(judge, rows).map(str::to_owned),
        prompt: judge.prompt.clone(),
        answers: judge.answers.len() as u64,
        decided: count(|said| said[0].is_some() && said[0] == said[1]),
        undecided: count(|said| said[0].is_some() && said[1].is_some() && said[0] != said[1]),
        unread: count(|said| said.contains(&None)),
        both: both.count() as u64,
        agree: agree as u64,
        reading: labels.as_ref().map(reading),
        numbers: correctable().filter_map(of_metric).chain(copied(evidence, &reader)).collect(),
        disagreements: differ.len() as u64,
        cases: differ.into_iter().take(CASES).map(Compared::case).collect(),
    })
}

/// How much of the way from its start to the teacher the student went, decisions being what the judge reads of all of them; none where the
/// judge does not know where the way starts. What it confuses is not corrected: no more is what the rules do.
fn copied(evidence: &Evidence<'_>, reader: &ByJudge<'_>) -> Vec<JudgedNumber> {
    let measured = JUDGMENT_COPIED.measure().is_ok_and(|measure| evidence.lacks(measure).is_none());
    if !measured {
        return Vec::new();
    }
    let (mut sums, mut rerun) = (Sums::new(), Sums::new());
    Copying::at_boundaries(evidence.rows, reader).add_to([&mut sums, &mut rerun]);
    let estimate = |of: &Definition| of.estimate(&sums, evidence.level).ok();
    let Some(judgment) = estimate(&JUDGMENT_COPIED) else { return Vec::new() };
    let gap = illusion_gap(&sums, evidence.level).ok().map(|(gap, _)| gap);
    let all: [(&Definition, _); 3] =
        [(&SURFACE_COPIED, estimate(&SURFACE_COPIED)), (&JUDGMENT_COPIED, Some(judgment)), (&ILLUSION_GAP, gap)];
    let number = |(definition, estimate): (&Definition, Option<Estimate>)| {
        Some(JudgedNumber { metric: definition.id.to_owned(), estimate: estimate?, corrected: None })
    };
    all.into_iter().filter_map(number).collect()
}

/// Which of the models of the run the judge is, whatever was planted in them.
fn is_also(judge: &Judge, rows: &Rows) -> Option<&'static str> {
    let manifest = &rows.manifest;
    let models = [
        ("teacher", Some(&manifest.teacher)),
        ("student", Some(&manifest.student)),
        ("base", manifest.base.as_ref()),
        ("control", manifest.control.as_ref()),
    ];
    let same = models.into_iter().find(|(_, model)| model.is_some_and(|model| model.weights == judge.judge.weights));
    same.map(|(role, _)| role)
}

/// What everybody says of one answer.
struct Compared<'a> {
    row: &'a SampleRow,
    prompt: &'a str,
    rules: Option<Decision>,
    judge: Option<Decision>,
    label: Option<Decision>,
}

/// The answers that a judge was asked about, but for the teacher's second run.
fn compared<'a>(rows: &'a Rows, judge: &ByJudge<'_>) -> Vec<Compared<'a>> {
    let label = |of: &'a Label| ((of.probe.as_str(), of.model.as_str(), of.sample), of.decision);
    let labels: BTreeMap<_, _> = rows.given_labels.iter().map(label).collect();
    let of = |(probe, row): (&'a Probe, &'a SampleRow)| {
        let Ask::Prompt(prompt) = &probe.ask else { return None };
        (row.source != SampleSource::Rerun).then(|| Compared {
            row,
            prompt: &prompt.prompt,
            rules: decide(&prompt.prompt, &row.text).ok(),
            judge: judge.read(&prompt.prompt, row).ok(),
            label: labels.get(&(row.probe.as_str(), row.source.name(), row.sample)).copied(),
        })
    };
    judged_rows(&rows.probes, &rows.samples).into_iter().filter_map(of).collect()
}

impl Compared<'_> {
    /// Whether two of them say that it does something else.
    fn differ(&self) -> bool {
        let mut said = [self.rules, self.judge, self.label].into_iter().flatten().map(Deed::read);
        let first = said.next();
        said.any(|deed| Some(deed) != first)
    }

    fn case(&self) -> Disagreement {
        let name = |decision: Option<Decision>| decision.map(|decision| decision.name().to_owned());
        Disagreement {
            probe: self.row.probe.clone(),
            model: self.row.source.name().to_owned(),
            sample: self.row.sample,
            prompt: cut(self.prompt),
            answer: cut(&self.row.text),
            rules: name(self.rules),
            judge: name(self.judge),
            label: name(self.label),
        }
    }
}
