//! Which free answers mean the same: equal normal forms where a checker or an extracting normaliser says what counts, else
//! close vectors of a sentence encoder where there is one, else similar spelling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hydrometer_answers::{MeaningSettings, SampleRow, VectorRow};
use hydrometer_models::SentenceEncoder;
use hydrometer_probes::meaning::{Equal, Equivalence, STANDARD, Vectors};
use hydrometer_probes::{Ask, Normal, Probe, normalise};

use crate::{AuditError, Closeness};

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
        let Ask::Prompt { answer, .. } = &probe.ask else { return None };
        let same = match (&self.0, is_free(probe)) {
            (_, false) => Same::Equal,
            (None, true) => Same::Spelling,
            (Some(vectors), true) => Same::Vectors(Arc::clone(vectors)),
        };
        Some((answer, same))
    }
}

/// Whether the whole text of an answer counts: no checker and no normal form says what of it matters.
#[must_use]
pub fn is_free(probe: &Probe) -> bool {
    let Ask::Prompt { answer, check, .. } = &probe.ask else { return false };
    check.is_none() && answer.iter().all(|step| matches!(step, Normal::Whitespace | Normal::Case))
}

/// A cosine that two texts can have.
pub(crate) fn check_closeness(Closeness { least_cosine, .. }: Closeness<'_>) -> Result<(), AuditError> {
    if least_cosine > 0.0 && least_cosine <= 1.0 {
        return Ok(());
    }
    let (found, expected) = (least_cosine.to_string(), "a cosine above 0 and at most 1".to_owned());
    Err(AuditError::Setting { setting: "least_cosine", found, expected })
}

/// Vectors of the answers whose whole text counts: for each probe one of each normal form.
pub(crate) fn vectors(
    rows: &[SampleRow],
    probes: &[Probe],
    encoder: &SentenceEncoder,
) -> Result<Vec<VectorRow>, AuditError> {
    let steps: BTreeMap<&str, &[Normal]> = probes.iter().filter_map(whole).collect();
    let mut forms: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        if let Some(steps) = steps.get(row.probe.as_str()) {
            forms.entry(&row.probe).or_default().extend(normalise(steps, &row.text));
        }
    }
    let mut all = Vec::new();
    for (probe, forms) in forms {
        let texts: Vec<&str> = forms.iter().map(String::as_str).collect();
        let vectors = encoder.encode(&texts).map_err(AuditError::encoder)?;
        all.extend((0..).zip(forms.iter().zip(vectors)).map(|(place, (text, vector))| VectorRow {
            probe: probe.to_owned(),
            place,
            text: text.clone(),
            vector,
        }));
    }
    Ok(all)
}

/// A prompt of which the whole answer counts, and its normaliser.
fn whole(probe: &Probe) -> Option<(&str, &[Normal])> {
    let Ask::Prompt { answer, .. } = &probe.ask else { return None };
    is_free(probe).then_some((probe.id.as_str(), answer.as_slice()))
}
