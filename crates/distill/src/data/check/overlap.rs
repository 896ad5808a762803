//! Whether the data hold what an audit asks: a student that learnt its probes is not audited by them.
//!
//! A document overlaps with a probe when it shares thirteen words in a row with one of its texts (the rule of Brown et al. 2020,
//! arXiv 2005.14165, appendix C), or when one of its texts is a probe's shorter question, word for word.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use hydrometer_probes::{Profile, Suite};
use rayon::prelude::*;

use super::Used;
use crate::DistillError;
use crate::data::finding::{Findings, Weight};
use crate::data::words::{grams, hash, words};

/// The name by which a recipe allows the overlap with all built-in suites.
pub const BUILT_IN: &str = "builtin";
/// Words in a row.
const GRAM: usize = 13;
/// The seed of built-in suites where a command names no other.
const SEED: u64 = 1;

/// The sequences of all probes of a suite.
pub(crate) struct Probes {
    name: String,
    ids: Vec<String>,
    /// Sequences, and the questions that are shorter than one, each with the first probe that has it.
    sequences: HashMap<u64, u32>,
    questions: HashMap<u64, u32>,
}

impl Probes {
    /// The built-in suites: made once, because every recipe of a process is held against the same ones.
    pub(crate) fn built_in() -> &'static [Probes] {
        static ALL: OnceLock<Vec<Probes>> = OnceLock::new();
        ALL.get_or_init(|| {
            Profile::ALL.into_par_iter().map(|profile| Probes::of(&Suite::builtin(profile, SEED))).collect()
        })
    }

    /// Those of a file, which findings and recipes call by its path.
    ///
    /// # Errors
    /// It is no suite.
    pub(crate) fn load(path: &Path) -> Result<Probes, DistillError> {
        let suite = Suite::load(path)
            .map_err(|error| DistillError::data(path, "file", "probes (`data.probes`)", error.to_string()))?;
        Ok(Probes { name: path.display().to_string(), ..Probes::of(&suite) })
    }

    fn of(suite: &Suite) -> Probes {
        let (mut sequences, mut questions) = (HashMap::new(), HashMap::new());
        for (index, probe) in (0..).zip(&suite.probes) {
            let kind = probe.ask.kind();
            for text in kind.texts() {
                for gram in grams(&words(text), GRAM) {
                    sequences.entry(gram).or_insert(index);
                }
            }
            let question = words(kind.question());
            if (1..GRAM).contains(&question.len()) {
                questions.entry(hash(&question)).or_insert(index);
            }
        }
        let ids = suite.probes.iter().map(|probe| probe.id.clone()).collect();
        Probes { name: suite.name.clone(), ids, sequences, questions }
    }

    /// The first probe that a document overlaps with.
    fn met(&self, texts: &[Vec<String>]) -> Option<&str> {
        let of_text = |text: &Vec<String>| {
            let sequence = || grams(text, GRAM).iter().find_map(|gram| self.sequences.get(gram)).copied();
            let question = || self.questions.get(&hash(text)).copied();
            if text.len() < GRAM { question() } else { sequence() }
        };
        texts.iter().find_map(of_text).map(|index| self.ids[index as usize].as_str())
    }

    fn is_allowed(&self, allowed: &[String]) -> bool {
        let built_in = self.name.starts_with("builtin:");
        allowed.iter().any(|name| *name == self.name || built_in && name == BUILT_IN)
    }
}

/// What documents are held against.
#[derive(Clone, Copy)]
pub(crate) struct Overlap<'a> {
    /// The suites.
    pub(crate) suites: &'a [&'a Probes],
    /// Names of those that may overlap.
    pub(crate) allowed: &'a [String],
}

impl Overlap<'_> {
    /// Finds the documents that overlap with a suite: refused, unless the recipe allows that suite.
    pub(in crate::data) fn look(&self, used: &[Used<'_>], found: &mut Findings) {
        let met: Vec<Vec<Option<&str>>> = used
            .par_iter()
            .map(|used| {
                let texts: Vec<_> = used.document.content.texts().iter().map(|text| words(text)).collect();
                self.suites.iter().map(|suite| suite.met(&texts)).collect()
            })
            .collect();
        for (at, suite) in self.suites.iter().enumerate() {
            let with = met.iter().map(|met| met[at]);
            say(suite, suite.is_allowed(self.allowed), used.iter().zip(with), found);
        }
    }
}

fn say<'a>(
    suite: &Probes,
    allowed: bool,
    met: impl Iterator<Item = (&'a Used<'a>, Option<&'a str>)>,
    found: &mut Findings,
) {
    let weight = if allowed { Weight::Note } else { Weight::Refusal };
    let next = if allowed {
        "; allowed by the recipe, and an audit by that suite will flatter"
    } else {
        "; take the documents out, or name the suite in `data.allow_overlap`"
    };
    let what = format!("a question, or 13 words in a row, of a probe of {}{next}", suite.name);
    for (used, probe) in met {
        if let Some(probe) = probe {
            found.add(weight, &what, format!("{} has {probe}", used.document.place));
        }
    }
}
