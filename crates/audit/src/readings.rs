//! What the rules say of the free answers of a run. Models of one kind say the same to many prompts, and several numbers ask what an
//! answer decides: each prompt and answer is read once.

use std::collections::{BTreeSet, HashMap};

use hydrometer_answers::SampleRow;
use hydrometer_probes::decision::{Decision, NotClassified, decide};
use hydrometer_probes::{Ask, Probe};
use rayon::prelude::*;

/// Decisions by prompt and answer.
#[derive(Default)]
pub(crate) struct Readings<'a>(HashMap<(&'a str, &'a str), Result<Decision, NotClassified>>);

impl<'a> Readings<'a> {
    /// Of the answers to prompts that ask for words or stand at a boundary of judgment.
    pub(crate) fn of(probes: &'a [Probe], rows: &'a [SampleRow]) -> Self {
        let read = |probe: &&Probe| probe.boundary.is_some() || probe.is_free();
        let asked: HashMap<&str, &str> = probes
            .iter()
            .filter(read)
            .filter_map(|probe| match &probe.ask {
                Ask::Prompt(prompt) => Some((probe.id.as_str(), prompt.prompt.as_str())),
                _ => None,
            })
            .collect();
        let said = |row: &'a SampleRow| Some((*asked.get(row.probe.as_str())?, row.text.as_str()));
        let all: BTreeSet<(&str, &str)> = rows.iter().filter_map(said).collect();
        Self(all.into_par_iter().map(|(prompt, answer)| ((prompt, answer), decide(prompt, answer))).collect())
    }

    /// What an answer decides.
    pub(crate) fn decide(&self, prompt: &str, answer: &str) -> Result<Decision, NotClassified> {
        match self.0.get(&(prompt, answer)) {
            Some(known) => *known,
            None => decide(prompt, answer),
        }
    }
}
