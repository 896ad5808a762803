//! Which free answers mean the same: equal normal forms where a checker or an extracting normaliser says what counts, else
//! close vectors of a sentence encoder where there is one, else similar spelling.

use std::sync::Arc;

use hydrometer_answers::{MeaningSettings, VectorRow};
use hydrometer_probes::kind;
use hydrometer_probes::meaning::{Equal, Equivalence, STANDARD, Vectors};
use hydrometer_probes::{Ask, Normal, Probe};

/// How the answers to one prompt are compared.
pub(crate) enum Same<'a> {
    Equal,
    Spelling,
    Vectors(Arc<Vectors<'a>>),
}

impl Equivalence for Same<'_> {
    fn same(&self, a: &str, b: &str) -> bool {
        match self {
            Same::Equal => Equal.same(a, b),
            Same::Spelling => STANDARD.same(a, b),
            Same::Vectors(vectors) => vectors.same(a, b),
        }
    }
}

/// What the answers of a run mean.
pub(crate) struct Meanings<'a>(Option<Arc<Vectors<'a>>>);

impl<'a> Meanings<'a> {
    /// From the vectors of a run; without `settings` from spelling.
    pub(crate) fn new(rows: &'a [VectorRow], settings: Option<&MeaningSettings>) -> Self {
        let of = || rows.iter().map(|row| (row.text.clone(), row.vector.as_slice())).collect();
        Self(settings.map(|settings| Arc::new(Vectors { of: of(), least_cosine: settings.least_cosine })))
    }

    /// Normal form of a prompt's answers, and which of them mean the same; `None` for other probes.
    pub(crate) fn of<'p>(&self, probe: &'p Probe) -> Option<(&'p [Normal], Same<'a>)> {
        let Ask::Prompt(kind::Prompt { answer, .. }) = &probe.ask else { return None };
        let same = match (&self.0, probe.is_free()) {
            (_, false) => Same::Equal,
            (None, true) => Same::Spelling,
            (Some(vectors), true) => Same::Vectors(Arc::clone(vectors)),
        };
        Some((answer, same))
    }
}
