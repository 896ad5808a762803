//! The free answers of a run as they are read: style and decision of each.

use std::collections::BTreeMap;

use hydrometer_answers::{SampleRow, SampleSource};
use hydrometer_metrics::style::{FEATURES, features};
use hydrometer_probes::decision::Decision;
use hydrometer_probes::{Ask, Decoding, Probe, Stratum};
use rayon::prelude::*;

use crate::readings::Reader;

/// The answers of one model to a prompt. Lists of one length.
pub(super) struct Read {
    /// Of their draws.
    pub numbers: Vec<u32>,
    styles: Vec<[f64; FEATURES]>,
    /// `None` where it could not be read.
    pub decisions: Vec<Option<Decision>>,
}

impl Read {
    fn new(prompt: &str, answers: &[&SampleRow], reader: &dyn Reader) -> Self {
        Self {
            numbers: answers.iter().map(|answer| answer.sample).collect(),
            styles: answers.iter().map(|answer| features(&answer.text)).collect(),
            decisions: answers.iter().map(|answer| reader.read(prompt, answer).ok()).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.styles.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.styles.len()
    }

    /// Decision and style of each answer.
    pub(super) fn written(&self) -> impl Iterator<Item = (Option<Decision>, [f64; FEATURES])> + '_ {
        self.decisions.iter().copied().zip(self.styles.iter().copied())
    }

    pub(super) fn unread(&self) -> usize {
        self.decisions.iter().filter(|decision| decision.is_none()).count()
    }

    /// The decisions that could be read, as classes.
    pub(super) fn codes(&self) -> Vec<u32> {
        self.numbered_codes().into_iter().map(|(_, code)| code).collect()
    }

    /// The same with the numbers of the draws.
    pub(super) fn numbered_codes(&self) -> Vec<(u32, u32)> {
        let numbered = self.numbers.iter().zip(&self.decisions);
        numbered.filter_map(|(&number, decision)| Some((number, (*decision)? as u32))).collect()
    }

    /// What stands for each answer, with the numbers of the draws.
    pub(super) fn numbered<'t, T>(&self, each: &'t [T]) -> Vec<(u32, &'t T)> {
        self.numbers.iter().copied().zip(each).collect()
    }

    /// The decision that is made most often, the first of equals, and how often of all that were read.
    fn favourite(&self) -> Option<(Decision, f64)> {
        let read = || self.decisions.iter().flatten().copied();
        let share =
            |decision: Decision| read().filter(|other| *other == decision).count() as f64 / read().count() as f64;
        let first = read().max_by(|&a, &b| share(a).total_cmp(&share(b)).then(b.cmp(&a)))?;
        Some((first, share(first)))
    }

    /// The first answer that decides so.
    fn quote(&self, answers: &[&str], decision: Decision) -> String {
        let of = answers.iter().zip(&self.decisions).find(|(_, own)| **own == Some(decision));
        of.map_or_else(String::new, |(answer, _)| (*answer).to_owned())
    }
}

/// One of the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Teacher,
    Student,
    Rerun,
    Base,
}

impl Side {
    pub(super) const ALL: [Self; 4] = [Self::Teacher, Self::Student, Self::Rerun, Self::Base];

    fn source(self) -> SampleSource {
        match self {
            Self::Teacher => SampleSource::Teacher,
            Self::Student => SampleSource::Student,
            Self::Rerun => SampleSource::Rerun,
            Self::Base => SampleSource::Base,
        }
    }
}

/// A free prompt.
pub(super) struct Free<'a> {
    pub probe: &'a Probe,
    /// Answered once by each model, without chance.
    pub once: bool,
    /// In the order of [`Side::ALL`].
    read: [Read; 4],
    texts: [Vec<&'a str>; 4],
}

/// Teacher and student decide differently.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parted {
    /// What the teacher decides most often, and an answer that does.
    pub teacher: (Decision, String),
    /// The same of the student.
    pub student: (Decision, String),
    /// How clearly: the product of both shares.
    pub clear: f64,
}

impl Free<'_> {
    /// The kind of boundary it stands at.
    pub(super) fn stratum(&self) -> Option<Stratum> {
        self.probe.boundary.as_ref().map(|boundary| boundary.stratum)
    }

    pub(super) fn of(&self, side: Side) -> &Read {
        &self.read[side as usize]
    }

    pub(super) fn parted(&self) -> Option<Parted> {
        let [(teacher, sure), (student, as_sure)] =
            [self.of(Side::Teacher).favourite()?, self.of(Side::Student).favourite()?];
        let quote = |side: Side, decision| self.of(side).quote(&self.texts[side as usize], decision);
        (teacher != student && self.probe.boundary.is_some()).then(|| Parted {
            teacher: (teacher, quote(Side::Teacher, teacher)),
            student: (student, quote(Side::Student, student)),
            clear: sure * as_sure,
        })
    }
}

/// Those of these free prompts that the teacher answered, in their order.
pub(super) fn free_prompts<'a>(
    rows: &'a [SampleRow],
    probes: impl Iterator<Item = &'a Probe>,
    reader: &dyn Reader,
) -> Vec<Free<'a>> {
    let mut of_probe: BTreeMap<&str, Vec<&'a SampleRow>> = BTreeMap::new();
    for row in rows {
        of_probe.entry(&row.probe).or_default().push(row);
    }
    let read = |probe: &'a Probe| {
        let (Ask::Prompt(prompt), Some(rows)) = (&probe.ask, of_probe.get(probe.id.as_str())) else { return None };
        let said = |side: Side| -> Vec<&'a SampleRow> {
            rows.iter().copied().filter(|row| row.source == side.source()).collect()
        };
        let answers = Side::ALL.map(said);
        let read = answers.each_ref().map(|answers| Read::new(&prompt.prompt, answers, reader));
        let texts = answers.map(|answers| answers.into_iter().map(|row| row.text.as_str()).collect());
        let once = probe.decoding() == Some(Decoding::Greedy);
        (!read[Side::Teacher as usize].is_empty()).then_some(Free { probe, once, read, texts })
    };
    let free: Vec<&Probe> = probes.filter(|probe| probe.is_free()).collect();
    free.into_par_iter().filter_map(read).collect()
}
