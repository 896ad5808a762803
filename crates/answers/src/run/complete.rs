//! Is everything answered that the plan asks? A run says that it is finished; a probe without rows would be in no number,
//! and nobody would see it.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::{Ask, Probe};

use super::layout::PROBES;
use super::manifest::Manifest;
use super::regime::Regime;
use super::settings::RunSettings;
use super::verify::Stopped;
use crate::part::{
    Bounded, Choices, Counted, Episodes, Likelihoods, Part, PartKind, Positions, Samples, ShownStudents, Sparse,
};
use crate::{ExcludedItem, Problem, SampleSource};

/// Most probes that are named.
const NAMED: usize = 3;

/// Rows of each probe, by kind of part.
#[derive(Debug, Default)]
pub(super) struct Found(BTreeMap<PartKind, BTreeMap<String, u64>>);

impl Found {
    /// Adds the rows of a file.
    pub fn add(&mut self, kind: PartKind, counted: Counted) {
        let of_kind = self.0.entry(kind).or_default();
        for (probe, rows) in counted.of_probes {
            *of_kind.entry(probe).or_default() += rows;
        }
    }

    /// Probes that the plan asks and that have not the rows of an answer.
    ///
    /// A run that stopped early asked a part of its suite. Earlier versions left out texts without a token to score and did
    /// not list them.
    pub fn unanswered(&self, manifest: &Manifest, stopped: Option<&Stopped>, probes: &[Probe]) -> Vec<Problem> {
        if stopped.is_some() {
            return Vec::new();
        }
        let excluded: BTreeSet<&str> = manifest.excluded.iter().flatten().map(|item| item.probe.as_str()).collect();
        let asked = |probe: &&Probe| match &probe.ask {
            Ask::Text(_) => manifest.excluded.is_some(),
            Ask::Choice(_) | Ask::Prompt(_) | Ask::Episode(_) | Ask::Trajectory(_) => true,
        };
        let asked = probes.iter().filter(asked).filter(|probe| !excluded.contains(probe.id.as_str()));
        let mut faults: Vec<_> = asked.filter_map(|probe| self.fault(probe, manifest)).collect();
        let more = faults.len().saturating_sub(NAMED);
        faults.truncate(NAMED);
        if more > 0 {
            faults.push(format!("{more} more probes have not all their rows"));
        }
        let strange =
            manifest.excluded.iter().flatten().filter(|item| !probes.iter().any(|probe| probe.id == item.probe));
        faults.extend(
            strange.map(|ExcludedItem { probe, .. }| format!("probe {probe:?} is excluded and not in the suite")),
        );
        faults.into_iter().map(|what| Problem { file: PROBES.to_owned(), what }).collect()
    }

    /// What is missing of a probe, as a lower-case fragment.
    fn fault(&self, probe: &Probe, manifest: &Manifest) -> Option<String> {
        let kinds: &[PartKind] = match &probe.ask {
            Ask::Text(_) => &[Positions::KIND, Sparse::KIND, ShownStudents::KIND, Bounded::KIND, Likelihoods::KIND],
            Ask::Choice(_) => &[Choices::KIND],
            Ask::Prompt(_) => &[Samples::KIND],
            Ask::Episode(_) | Ask::Trajectory(_) => &[Episodes::KIND],
        };
        // A run that asks nothing of the kind has no files for it.
        if kinds.iter().all(|&kind| manifest.units.of(kind) == 0) {
            return None;
        }
        let rows: u64 = kinds.iter().filter_map(|kind| self.0.get(kind)?.get(&probe.id)).sum();
        let expected = expected(probe, manifest);
        let right = expected.map_or(rows > 0, |expected| rows == expected);
        (!right).then(|| {
            let (id, kind) = (&probe.id, probe.ask.kind().name());
            let expected = expected.map_or("some".to_owned(), |expected| expected.to_string());
            format!("probe {id:?}, a {kind}, has {rows} rows in the parts of this finished run, expected {expected}")
        })
    }
}

/// The rows that a plan wants of a probe; `None` where that depends on more than the plan.
fn expected(probe: &Probe, manifest: &Manifest) -> Option<u64> {
    let RunSettings { rotations, samples, teacher_asked, .. } = &manifest.settings;
    match &probe.ask {
        Ask::Text(_) | Ask::Trajectory(_) => None,
        Ask::Choice(choice) => {
            let rotations = u64::from(*rotations).min(choice.rotations() as u64);
            Some(rotations * choice.options.len() as u64)
        }
        Ask::Prompt(_) | Ask::Episode(_) if teacher_asked.is_some() || manifest.regime() == Regime::GivenAnswers => {
            None
        }
        Ask::Prompt(_) | Ask::Episode(_) => samples.as_ref().map(|samples| {
            let asked = SampleSource::ALL.into_iter().filter(|source| match source {
                SampleSource::Teacher | SampleSource::Rerun | SampleSource::Student => true,
                SampleSource::Base => manifest.base.is_some(),
                SampleSource::Control => manifest.control.is_some() && probe.is_graded(),
            });
            let decoding = probe.decoding().unwrap_or_default();
            asked.map(|source| u64::from(samples.answers(source, decoding))).sum()
        }),
    }
}
