//! Ladders: one scene asked at several distances from the centre of its axis, so that it can be seen where a model falls.
//!
//! A ladder is one family: the same setting, harder at every rung. Each rung is a prompt that carries its knob, and is
//! judged by a checker, never by wording. An axis is a file with its row of [`AXES`]; a kind is a line of its list.

mod horizon;
mod instructions;
mod kinds;
mod reasoning;
mod said;
mod shift;
mod tools;
mod words;

use std::collections::BTreeSet;

use super::Chance;
use crate::kind::Prompt;
use crate::{Ask, Decoding, Knob, Probe};
use kinds::LadderKind;

pub use shift::{NoLadder, ShiftPair, shift_ladder, shifted, show_pairs};

/// An axis with the knob that leads away from its centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgeAxis {
    /// Capability axis of the probes.
    pub axis: &'static str,
    /// What is turned.
    pub knob: &'static str,
    /// Unit of its values.
    pub unit: &'static str,
    /// What a value of it says.
    pub meaning: &'static str,
    /// Success of one who guesses, on average over the kinds, in [0, 1).
    pub chance: f64,
    /// The value that stands for radius 1 where nothing says what a student was trained to.
    pub trained_to: f64,
    /// The values at which every ladder is asked, increasing: six, so that each of six rings is one of them.
    pub rungs: &'static [f64],
}

/// Every axis that has ladders.
pub const AXES: &[EdgeAxis] = &[reasoning::AXIS, instructions::AXIS, tools::AXIS, horizon::AXIS, shift::AXIS];

/// The tag of every rung.
const LADDER: &str = "ladder";

/// The value of a knob that stands for radius 1 where nothing says what a student was trained to; `None` for a knob
/// that no axis has.
#[must_use]
pub fn trained_to(axis: &str, knob: &str) -> Option<f64> {
    AXES.iter().find(|known| known.axis == axis && known.knob == knob).map(|known| known.trained_to)
}

/// Whether a probe is a rung of a ladder of prompts that [`ladders`] can make more of.
#[must_use]
pub fn is_rung(probe: &Probe) -> bool {
    let Some(knob) = &probe.knob else { return false };
    AXES.iter().any(|axis| axis.axis == probe.axis && axis.knob == knob.name)
        && probe.tags.iter().any(|tag| tag == LADDER)
        && matches!(probe.ask, Ask::Prompt(_))
}

/// Fresh ladders: `count` families of one axis, or of each axis where none is named, every rung of them. None for an axis
/// that has no ladders.
///
/// The same seed gives the same bytes on every platform. No two probes of one call have the same words, so that there are fewer
/// ladders than `count` where an axis has no more of them; each has thousands.
#[must_use]
pub fn ladders(axis: Option<&str>, count: usize, seed: u64) -> Vec<Probe> {
    let wanted = AXES.iter().filter(|known| axis.is_none_or(|axis| axis == known.axis));
    wanted
        .flat_map(
            |known| {
                if known.axis == shift::AXIS.axis { shift::centre(count, seed) } else { of_axis(known, count, seed) }
            },
        )
        .collect()
}

/// Families of one axis, its kinds in turn.
fn of_axis(axis: &EdgeAxis, count: usize, seed: u64) -> Vec<Probe> {
    let kinds: Vec<&LadderKind> = kinds::KINDS.iter().filter(|kind| kind.axis.axis == axis.axis).collect();
    let mut told = BTreeSet::new();
    let families = (0..count).map_while(|number| {
        let kind = kinds[number % kinds.len()];
        Some(ladder(kind, number, fresh(kind, number, seed, &mut told)?))
    });
    families.flatten().collect()
}

/// Draws a ladder of which no rung has been asked before: families with one text would be one family. None where an axis has
/// hardly another one left.
fn fresh(kind: &LadderKind, number: usize, seed: u64, told: &mut BTreeSet<String>) -> Option<Vec<Prompt>> {
    const ATTEMPTS: usize = 1000;
    let purpose = format!("edge/{}/{}", kind.axis.axis, kind.name);
    let mut chance = Chance::new(&purpose, seed, number as u64);
    for _ in 0..ATTEMPTS {
        let rungs = (kind.make)(&mut chance, kind.axis.rungs);
        let texts: BTreeSet<String> = rungs.iter().map(words_of).collect();
        if texts.len() == rungs.len() && texts.is_disjoint(told) {
            told.extend(texts);
            return Some(rungs);
        }
    }
    None
}

/// What tells a prompt from others.
pub(super) fn words_of(prompt: &Prompt) -> String {
    let turns = prompt.turns.iter().map(|turn| turn.text.as_str());
    turns.chain([prompt.prompt.as_str()]).collect::<Vec<_>>().join("\n")
}

/// A ladder as probes.
fn ladder(kind: &LadderKind, number: usize, rungs: Vec<Prompt>) -> Vec<Probe> {
    let family = format!("edge/{}/{}/{number:04}", kind.axis.axis, kind.name);
    let probe = |(prompt, &value): (Prompt, &f64)| Probe {
        id: format!("{family}/{}", rung_name(kind.axis, value)),
        family: family.clone(),
        axis: kind.axis.axis.to_owned(),
        tags: vec![LADDER.to_owned(), kind.name.to_owned()],
        knob: Some(knob(kind.axis, value)),
        boundary: None,
        // What a model can do, without the noise of draws: half as many families tell as much.
        ask: Ask::Prompt(Prompt { decoding: Decoding::Greedy, ..prompt }),
    };
    rungs.into_iter().zip(kind.axis.rungs).map(probe).collect()
}

/// `d03` for the depth 3.
fn rung_name(axis: &EdgeAxis, value: f64) -> String {
    let letter = axis.knob.chars().next().unwrap_or('k');
    format!("{letter}{value:02}")
}

fn knob(axis: &EdgeAxis, value: f64) -> Knob {
    Knob { chance: Some(axis.chance), ..Knob::new(axis.knob, value) }
}
