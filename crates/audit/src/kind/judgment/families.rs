//! The members of a family at a boundary, in their parts: rungs that are climbed, pairs, attacks with their twins, requests that are put both ways.

use std::collections::BTreeMap;

use hydrometer_metrics::measure::judgment::{Change, Form, Ladder, Lean, boundary};
use hydrometer_probes::{Boundary, MemberRole, Rung};

use super::{Deed, Faced, Judged, Other, View, decision_of};

/// The members of a family.
pub(super) struct Members<'f, 'a> {
    pub name: &'f str,
    pub form: Form,
    /// Those that were asked in this form.
    pub members: Vec<&'f Faced<'a>>,
    /// All of them.
    whole: Vec<&'f Faced<'a>>,
}

/// A ladder that both models decided about on every rung, from the bottom.
pub(super) struct Climbed<'f, 'a> {
    pub rungs: Vec<&'f Faced<'a>>,
    pub rung: &'f Rung,
}

impl Judged<'_> {
    /// The members of each family that were asked in one form.
    pub(super) fn families(&self) -> Vec<Members<'_, '_>> {
        self.families_of(&|_| true)
    }

    /// Of these members.
    pub(super) fn families_of(&self, wanted: &dyn Fn(&Boundary) -> bool) -> Vec<Members<'_, '_>> {
        let mut families: BTreeMap<(&str, Form), Vec<&Faced<'_>>> = BTreeMap::new();
        for faced in self.faced.iter().filter(|faced| wanted(faced.boundary)) {
            families.entry((faced.probe.family.as_str(), faced.form)).or_default().push(faced);
        }
        let whole = |name: &str| -> Vec<&Faced<'_>> {
            [Form::Forced, Form::Free]
                .into_iter()
                .filter_map(|form| families.get(&(name, form)))
                .flatten()
                .copied()
                .collect()
        };
        families
            .iter()
            .map(|(&(name, form), members)| Members { name, form, members: members.clone(), whole: whole(name) })
            .collect()
    }
}

/// Whether a model decides otherwise on one than on the other.
pub(super) fn flips([first, second]: [&Faced<'_>; 2], [on_first, on_second]: [&View; 2]) -> bool {
    first.decision(on_first) != second.decision(on_second)
}

impl<'f, 'a> Members<'f, 'a> {
    fn with<'m>(&'m self, wanted: &'m MemberRole) -> impl Iterator<Item = &'f Faced<'a>> + 'm {
        self.members.iter().copied().filter(move |faced| faced.boundary.role == *wanted)
    }

    pub(super) fn ladders(&self) -> Vec<Climbed<'f, 'a>> {
        let mut found: Vec<Climbed<'f, 'a>> = Vec::new();
        for &faced in &self.members {
            let MemberRole::Rung(rung) = &faced.boundary.role else { continue };
            match found.iter_mut().find(|of| (&of.rung.toward, of.rung.of) == (&rung.toward, rung.of)) {
                Some(ladder) => ladder.rungs.push(faced),
                None => found.push(Climbed { rungs: vec![faced], rung }),
            }
        }
        for ladder in &mut found {
            ladder.rungs.sort_by_key(|faced| faced.rung_number());
        }
        // Half a ladder has its boundary elsewhere.
        found.retain(|ladder| {
            let numbers = ladder.rungs.iter().map(|faced| faced.rung_number());
            numbers.eq((1..=ladder.rung.of).map(Some))
        });
        found
    }

    pub(super) fn contrasts(&self) -> Vec<(&'f Faced<'a>, &'f Faced<'a>, Change)> {
        let Some(original) = self.with(&MemberRole::Original).next() else { return Vec::new() };
        let flipped = self.with(&MemberRole::Flipped).map(|other| (original, other, Change::LoadBearing));
        let said = self.with(&MemberRole::Paraphrase).map(|other| (original, other, Change::Wording));
        flipped.chain(said).collect()
    }

    pub(super) fn attacks(&self) -> Vec<(&'f Faced<'a>, &'f Faced<'a>)> {
        let Some(twin) = self.with(&MemberRole::Twin).next() else { return Vec::new() };
        self.with(&MemberRole::Attack).map(|attack| (attack, twin)).collect()
    }

    /// The free members with the same request as a forced choice.
    pub(super) fn both_ways(&self) -> Vec<(&'f Faced<'a>, &'f Faced<'a>)> {
        if self.form != Form::Free {
            return Vec::new();
        }
        let forced = |free: &Faced<'_>| {
            let mut all = self.whole.iter().copied();
            all.find(|other| other.form == Form::Forced && other.boundary.role == free.boundary.role)
        };
        self.members.iter().filter_map(|&free| Some((forced(free)?, free))).collect()
    }
}

impl Climbed<'_, '_> {
    /// P(crossed) on every rung; `None` where a model said nothing that counts.
    pub(super) fn crossed(&self, of: Other) -> Option<Vec<f64>> {
        let toward = |faced: &Faced<'_>| match faced.form {
            Form::Forced => faced.labels.iter().position(|label| *label == self.rung.toward),
            Form::Free => decision_of(&self.rung.toward).map(|decision| Deed::of(decision) as usize),
        };
        self.rungs.iter().map(|faced| Some(of(faced)?.shares[toward(faced)?])).collect()
    }

    fn lean(&self) -> Option<Lean> {
        self.rung.lean.map(|lean| match lean {
            hydrometer_probes::Lean::Permissive => Lean::Permissive,
            hydrometer_probes::Lean::Restrictive => Lean::Restrictive,
        })
    }

    pub(super) fn measured(&self, other: Other) -> Option<Ladder> {
        let teacher = boundary(&self.crossed(|faced| Some(&faced.teacher))?);
        Some(Ladder { teacher, student: boundary(&self.crossed(other)?), lean: self.lean() })
    }
}
