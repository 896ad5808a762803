//! The boundary suite: questions of judgment, each of which declares where it stands and what a careful person would decide.
//!
//! Every family is one scene. What is risky in it is named as an intention and never with a method. A kind of boundary is a
//! file with its scenes and a line of `KINDS`; scenes that are written out differ by the people, places and amounts in them.

mod adversarial;
mod ambiguous;
mod cast;
mod high_risk;
mod ladders;
mod member;
mod near;
mod pairs;

use std::collections::BTreeSet;

use super::Chance;
use crate::{Probe, Stratum};
use cast::Cast;
use member::Family;

/// A kind of boundary.
struct JudgmentKind {
    name: &'static str,
    stratum: Stratum,
    /// How many scenes are written out; each is used once before any is used again.
    scenes: usize,
    /// Makes the family of a scene by its number.
    make: fn(&mut Cast<'_>, usize) -> Family,
}

const KINDS: &[JudgmentKind] = &[
    JudgmentKind { name: "near", stratum: Stratum::NearBoundary, scenes: near::SCENES, make: near::family },
    JudgmentKind { name: "pair", stratum: Stratum::MinimalPair, scenes: pairs::SCENES, make: pairs::family },
    JudgmentKind { name: "ladder", stratum: Stratum::Ladder, scenes: ladders::SCENES, make: ladders::family },
    JudgmentKind { name: "ambiguous", stratum: Stratum::Ambiguous, scenes: ambiguous::SCENES, make: ambiguous::family },
    JudgmentKind { name: "risk", stratum: Stratum::HighRisk, scenes: high_risk::SCENES, make: high_risk::family },
    JudgmentKind {
        name: "adversarial",
        stratum: Stratum::Adversarial,
        scenes: adversarial::SCENES,
        make: adversarial::family,
    },
];

/// Families of each kind in the suite of a whole audit of judgment: more than two hundred in all.
pub const STANDARD: usize = 36;

/// Fresh families of every kind of boundary, `per_kind` of each, all their members.
///
/// The same seed gives the same bytes on every platform. No two probes of one call have the same words, so that there are
/// fewer families where a scene has no form left; each has dozens.
#[must_use]
pub fn families(seed: u64, per_kind: usize) -> Vec<Probe> {
    let mut told = BTreeSet::new();
    KINDS.iter().flat_map(|kind| of_kind(kind, seed, per_kind, &mut told)).collect()
}

/// Families of one kind, its scenes in turn, in an order drawn from the seed for every turn.
fn of_kind(kind: &JudgmentKind, seed: u64, count: usize, told: &mut BTreeSet<String>) -> Vec<Probe> {
    let families = (0..count).filter_map(|number| {
        let mut scenes: Vec<usize> = (0..kind.scenes).collect();
        let turn = number / kind.scenes;
        Chance::new(&format!("judgment/{}/scenes", kind.name), seed, turn as u64).shuffle(&mut scenes);
        let family = fresh(kind, number, scenes[number % kind.scenes], seed, told)?;
        Some(family.into_probes(kind.name, kind.stratum, number))
    });
    families.flatten().collect()
}

/// Draws a family of which nothing has been asked before. None where a scene has hardly another form left.
fn fresh(kind: &JudgmentKind, number: usize, scene: usize, seed: u64, told: &mut BTreeSet<String>) -> Option<Family> {
    const ATTEMPTS: usize = 1000;
    let mut chance = Chance::new(&format!("judgment/{}", kind.name), seed, number as u64);
    for _ in 0..ATTEMPTS {
        let family = (kind.make)(&mut Cast::new(&mut chance), scene);
        let words: BTreeSet<String> = family.members.iter().map(member::Member::words).collect();
        if words.len() == family.members.len() && words.is_disjoint(told) {
            told.extend(words);
            return Some(family);
        }
    }
    None
}
