//! What the audits of a calibration ask.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::builtin::{judgment, small_world};
use hydrometer_probes::kind::Prompt;
use hydrometer_probes::{Ask, Normal, Probe, Profile, Suite};

use super::super::suite::{SEED, Texts};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Families of choices and of prompts for the teacher that ships: more than the 59 without which no gate on 5 % passes.
const FAMILIES: usize = 72;
/// Ladders of each axis of its small world: enough for the rings of the teacher itself to hold, so that a reach can be lost.
const LADDERS: usize = 32;
/// Families of each kind of boundary of judgment.
const BOUNDARIES: usize = 16;

/// Where suites come from.
pub(super) enum Source {
    /// A generator: another suite for every seed.
    Drawn(fn(u64) -> Suite),
    /// Files: the same suite for every seed.
    Same(Suite),
}

impl Source {
    /// As the flags say; `ships`: for the teacher that ships, which has a suite of its own that it can answer.
    ///
    /// # Errors
    /// A file cannot be read or is no suite.
    pub(super) fn of(texts: &Texts, ships: bool, terminal: &Terminal) -> Result<Self, Failure> {
        Ok(match texts.built_in() {
            Some(_) if ships && texts.unsaid() => Self::Drawn(embedded),
            Some(profile) => Self::Drawn(generator(profile)),
            None => Self::Same(texts.suite(SEED, terminal)?),
        })
    }

    /// The suite of a seed.
    pub(super) fn suite(&self, seed: u64) -> Suite {
        match self {
            Self::Drawn(draw) => draw(seed),
            Self::Same(suite) => suite.clone(),
        }
    }
}

fn generator(profile: Profile) -> fn(u64) -> Suite {
    match profile {
        Profile::Quick => |seed| Suite::builtin(Profile::Quick, seed),
        Profile::Standard => |seed| Suite::builtin(Profile::Standard, seed),
        Profile::Full => |seed| Suite::builtin(Profile::Full, seed),
    }
}

/// What the knobs of the small world count from: the student of the demo saw them up to here.
pub(super) fn trained_to() -> BTreeMap<String, f64> {
    ["reasoning.depth", "tool_use.tools", "novel_instructions.constraints"].map(|knob| (knob.to_owned(), 2.0)).into()
}

/// Small enough to be audited hundreds of times: the texts of the quick suite; one choice and one prompt of each of the first
/// families of the full one, without prompts that want numbers or JSON, which the teacher cannot give; ladders of the small world that
/// it knows; and boundaries of judgment, where what it decides is given to it.
fn embedded(seed: u64) -> Suite {
    let can = |prompt: &Prompt| !prompt.answer.iter().any(|step| matches!(step, Normal::Json | Normal::Number));
    let texts = Suite::builtin(Profile::Quick, seed).probes.into_iter();
    let texts = texts.filter(|probe| matches!(probe.ask, Ask::Text(_)));
    let mut full = Suite::builtin(Profile::Full, seed).probes;
    full.retain(|probe| probe.boundary.is_none());
    let choices = one_of_each(&full, |probe| matches!(probe.ask, Ask::Choice(_)));
    let prompts =
        one_of_each(&full, |probe| probe.knob.is_none() && matches!(&probe.ask, Ask::Prompt(prompt) if can(prompt)));
    let boundaries = judgment::families(seed, BOUNDARIES);
    let probes = texts.chain(choices).chain(prompts).chain(small_world(LADDERS, seed)).chain(boundaries).collect();
    Suite { name: "embedded".to_owned(), probes }
}

/// The first probe of each of the first families.
fn one_of_each(probes: &[Probe], fits: impl Fn(&Probe) -> bool) -> Vec<Probe> {
    let mut families = BTreeSet::new();
    let mut first = |probe: &&Probe| families.len() < FAMILIES && families.insert(probe.family.clone());
    probes.iter().filter(|probe| fits(probe)).filter(|probe| first(probe)).cloned().collect()
}
