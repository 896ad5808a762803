//! How free answers are written and what they decide: the distances of style and of decision, prompt by prompt.

use std::collections::BTreeMap;

use hydrometer_metrics::kernel::{d2, same};
use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::illusion::{Copied, Distances, JUDGMENT_COPIED, SURFACE_COPIED};
use hydrometer_metrics::style::{FEATURES, Scale, features};
use hydrometer_probes::Stratum;
use hydrometer_probes::decision::{Decision, decide};
use rayon::prelude::*;

use super::Prompt;
use crate::statement::{GapBase, Illusion, IllusionStratum};

/// The answers of one model to a prompt, as they are read.
#[derive(Default)]
struct Read {
    styles: Vec<[f64; FEATURES]>,
    /// Of those whose decision could be read.
    decisions: Vec<Decision>,
    unread: usize,
}

impl Read {
    /// Decisions are read at a boundary of judgment alone.
    fn new<'t>(prompt: &Prompt<'_>, answers: impl Iterator<Item = &'t str>) -> Self {
        let mut read = Self::default();
        for answer in answers {
            read.styles.push(features(answer));
            match prompt.probe.boundary.as_ref().map(|_| decide(prompt.text, answer)) {
                Some(Ok(decision)) => read.decisions.push(decision),
                Some(Err(_)) => read.unread += 1,
                None => {}
            }
        }
        read
    }

    fn codes(&self) -> Vec<u32> {
        self.decisions.iter().map(|decision| *decision as u32).collect()
    }

    /// The decision that is made most often, the first of equals, and how often of all that were read.
    fn favourite(&self) -> Option<(Decision, f64)> {
        let share = |decision: Decision| {
            self.decisions.iter().filter(|other| **other == decision).count() as f64 / self.decisions.len() as f64
        };
        let first = self.decisions.iter().copied().max_by(|&a, &b| share(a).total_cmp(&share(b)).then(b.cmp(&a)))?;
        Some((first, share(first)))
    }
}

/// A free prompt.
struct Free {
    /// Its place among the prompts.
    place: usize,
    teacher: Read,
    student: Read,
    rerun: Read,
    base: Read,
}

/// What style and decisions of a run's free answers come to.
pub(crate) struct Copying {
    from: GapBase,
    /// Those that count, with their distances: student and rerun.
    prompts: Vec<Counted>,
    at_boundary: u64,
    unread: [f64; 2],
}

struct Counted {
    place: usize,
    family: String,
    stratum: Option<Stratum>,
    student: Copied,
    rerun: Copied,
    /// What each decides most often, where the two differ.
    parted: Option<Parted>,
}

/// Teacher and student decide differently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parted {
    /// What the teacher decides most often.
    pub teacher: Decision,
    /// What the student does.
    pub student: Decision,
    /// How clearly: the product of both shares.
    pub clear: f64,
}

impl Copying {
    /// Reads the free answers of a run. Where judgment is measured the style of the same prompts is, and of no others.
    pub(crate) fn of(prompts: &[Prompt<'_>], from: GapBase) -> Self {
        let places: Vec<usize> = (0..prompts.len()).filter(|&place| prompts[place].probe.is_free()).collect();
        let free: Vec<Free> = places.into_par_iter().map(|place| read(place, &prompts[place])).collect();
        let starts: Vec<Option<usize>> = (0..free.len()).map(|own| stranger(prompts, &free, own)).collect();
        let start = |own: usize| match from {
            GapBase::Model => Some(&free[own].base),
            GapBase::AnotherPrompt => starts[own].map(|other| &free[other].teacher),
        };
        let pooled: Vec<[f64; FEATURES]> = free
            .iter()
            .flat_map(|prompt| [&prompt.teacher, &prompt.base])
            .flat_map(|read| read.styles.iter().copied())
            .collect();
        let scale = Scale::fit(&pooled);
        let counted = |own: usize| {
            let prompt = &free[own];
            let probe = prompts[prompt.place].probe;
            let of = |model: &Read| copied(&prompt.teacher, model, start(own)?, &scale, probe.boundary.is_some());
            let nothing = Copied { style: None, at_boundary: probe.boundary.is_some(), decision: None };
            Counted {
                place: prompt.place,
                family: probe.family.clone(),
                stratum: probe.boundary.as_ref().map(|boundary| boundary.stratum),
                student: of(&prompt.student).unwrap_or(nothing),
                rerun: of(&prompt.rerun).unwrap_or(nothing),
                parted: parted(prompt),
            }
        };
        let mut all: Vec<Counted> = (0..free.len()).into_par_iter().map(counted).collect();
        if all.iter().any(|prompt| prompt.student.decision.is_some()) {
            all.retain(|prompt| prompt.stratum.is_some());
            for prompt in &mut all {
                for copied in [&mut prompt.student, &mut prompt.rerun] {
                    copied.style = copied.style.filter(|_| copied.decision.is_some());
                }
            }
        }
        let at_boundary = || free.iter().filter(|prompt| prompts[prompt.place].probe.boundary.is_some());
        let share = |of: fn(&Free) -> &Read| {
            let unread: usize = at_boundary().map(|prompt| of(prompt).unread).sum();
            let all: usize = at_boundary().map(|prompt| of(prompt).styles.len()).sum();
            unread as f64 / all.max(1) as f64
        };
        Self {
            from,
            at_boundary: at_boundary().count() as u64,
            unread: [share(|prompt| &prompt.teacher), share(|prompt| &prompt.student)],
            prompts: all,
        }
    }

    /// Adds the distances to the sums of the student, and of the teacher against its own second run.
    pub(crate) fn add_to(&self, [sums, rerun]: [&mut Sums; 2]) {
        for prompt in &self.prompts {
            sums.copied(&prompt.family, &prompt.student);
            rerun.copied(&prompt.family, &prompt.rerun);
        }
    }

    /// Shares of the teacher's and of the student's answers whose decision could not be read.
    pub(crate) fn unread(&self) -> [f64; 2] {
        self.unread
    }

    /// Where both models decide, and differ: place among the prompts, the clearest first.
    pub(crate) fn parted(&self) -> Vec<(usize, Parted)> {
        let mut found: Vec<_> = self.prompts.iter().filter_map(|prompt| Some((prompt.place, prompt.parted?))).collect();
        found.sort_by(|a, b| b.1.clear.total_cmp(&a.1.clear));
        found
    }

    /// As a statement says it; `None` where nothing was answered freely.
    pub(crate) fn illusion(&self, level: f64) -> Option<Illusion> {
        let count = |of: fn(&Copied) -> bool| self.prompts.iter().filter(|prompt| of(&prompt.student)).count() as u64;
        let mut strata: BTreeMap<Stratum, Vec<&Counted>> = BTreeMap::new();
        for prompt in &self.prompts {
            if let Some(stratum) = prompt.stratum {
                strata.entry(stratum).or_default().push(prompt);
            }
        }
        let stratum = |(stratum, prompts): (Stratum, Vec<&Counted>)| {
            let mut sums = Sums::new();
            prompts.iter().for_each(|prompt| sums.copied(&prompt.family, &prompt.student));
            let [surface, judgment] = [&SURFACE_COPIED, &JUDGMENT_COPIED].map(|of| of.estimate(&sums, level));
            IllusionStratum {
                stratum,
                prompts: prompts.len() as u64,
                missing: judgment.as_ref().err().or(surface.as_ref().err()).map(ToString::to_string),
                surface: surface.ok(),
                judgment: judgment.ok(),
            }
        };
        (!self.prompts.is_empty()).then(|| Illusion {
            base: self.from,
            written: count(|copied| copied.style.is_some()),
            at_boundary: self.at_boundary,
            decided: count(|copied| copied.decision.is_some()),
            teacher_unread: self.unread[0],
            student_unread: self.unread[1],
            strata: strata.into_iter().map(stratum).collect(),
        })
    }
}

fn read(place: usize, prompt: &Prompt<'_>) -> Free {
    let [teacher, student, rerun] = [&prompt.teacher, &prompt.student, &prompt.rerun]
        .map(|said| Read::new(prompt, said.iter().map(|said| said.row.text.as_str())));
    Free { place, teacher, student, rerun, base: Read::new(prompt, prompt.base.iter().copied()) }
}

/// The next prompt at the same kind of boundary, or where it is at none on the same axis, that belongs to another family.
fn stranger(prompts: &[Prompt<'_>], free: &[Free], own: usize) -> Option<usize> {
    let of = |place: usize| prompts[free[place].place].probe;
    let stratum = |place: usize| of(place).boundary.as_ref().map(|boundary| boundary.stratum);
    let alike = |other: usize| match stratum(own) {
        Some(_) => stratum(other) == stratum(own),
        None => of(other).axis == of(own).axis,
    };
    let mut next = (own + 1..free.len()).chain(0..own);
    next.find(|&other| alike(other) && of(other).family != of(own).family)
}

/// Distances of a model in the student's place; `None` where all of them are unknown.
fn copied(teacher: &Read, model: &Read, start: &Read, scale: &Scale, at_boundary: bool) -> Option<Copied> {
    let style = |x: &[f64; FEATURES], y: &[f64; FEATURES]| scale.rbf(x, y);
    let distances = |left: Option<f64>, whole: Option<f64>| Some(Distances { left: left?, whole: whole? });
    let [of_teacher, of_model, of_start] = [teacher, model, start].map(Read::codes);
    let style = distances(d2(&teacher.styles, &model.styles, &style), d2(&teacher.styles, &start.styles, &style));
    let decision = distances(d2(&of_teacher, &of_model, &same), d2(&of_teacher, &of_start, &same));
    (style.is_some() || decision.is_some()).then_some(Copied { style, at_boundary, decision })
}

fn parted(prompt: &Free) -> Option<Parted> {
    let ((teacher, sure), (student, as_sure)) = (prompt.teacher.favourite()?, prompt.student.favourite()?);
    (teacher != student).then_some(Parted { teacher, student, clear: sure * as_sure })
}
