//! What the free answers of a run decide: by the rules, or by a judge. Models of one kind say the same to many prompts, and several numbers
//! ask what an answer decides: the rules read each prompt and answer once.

use std::collections::{BTreeSet, HashMap};

use hydrometer_answers::{Judge, SampleRow};
use hydrometer_probes::decision::{Decision, NotClassified, decide};
use hydrometer_probes::{Ask, Probe};
use rayon::prelude::*;

/// Who says what answers decide.
pub(crate) trait Reader: Sync {
    /// What an answer to a prompt probe decides, or why it cannot be read.
    fn read(&self, prompt: &str, row: &SampleRow) -> Result<Decision, String>;
}

/// What a judge said, by probe, model and number of the answer.
pub(crate) struct ByJudge<'a>(HashMap<(&'a str, &'a str, u32), [Option<Decision>; 2]>);

impl<'a> ByJudge<'a> {
    pub(crate) fn of(judge: &'a Judge) -> Self {
        let said =
            |of: &'a hydrometer_answers::JudgedAnswer| ((of.probe.as_str(), of.model.as_str(), of.sample), of.said);
        Self(judge.answers.iter().map(said).collect())
    }
}

impl Reader for ByJudge<'_> {
    fn read(&self, _prompt: &str, row: &SampleRow) -> Result<Decision, String> {
        match self.0.get(&(row.probe.as_str(), row.source.name(), row.sample)) {
            Some([Some(first), Some(second)]) if first == second => Ok(*first),
            Some([Some(_), Some(_)]) => {
                Err("the judge decides otherwise when its options stand in the other order".to_owned())
            }
            Some(_) => Err("the reply of the judge names no option".to_owned()),
            None => Err("the judge was not asked about it".to_owned()),
        }
    }
}

impl Reader for Readings<'_> {
    fn read(&self, prompt: &str, row: &SampleRow) -> Result<Decision, String> {
        self.decide(prompt, &row.text).map_err(|reason| reason.to_string())
    }
}

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
