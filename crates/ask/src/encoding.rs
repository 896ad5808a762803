//! Vectors of free answers, by a sentence encoder: they go into the run folder, so that whoever judges needs none.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::{SampleRow, VectorRow};
use hydrometer_models::SentenceEncoder;
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Normal, Probe, normalise};

use crate::{AskError, Role};

/// Vectors of the answers whose whole text counts: for each probe one of each normal form.
pub(crate) fn vectors(
    rows: &[SampleRow],
    probes: &[Probe],
    encoder: &SentenceEncoder,
) -> Result<Vec<VectorRow>, AskError> {
    let steps: BTreeMap<&str, &[Normal]> = probes.iter().filter_map(whole).collect();
    let mut forms: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    // An answer with a label is compared by it.
    for row in rows.iter().filter(|row| row.label.is_none()) {
        if let Some(steps) = steps.get(row.probe.as_str()) {
            forms.entry(&row.probe).or_default().extend(normalise(steps, &row.text));
        }
    }
    let mut all = Vec::new();
    for (probe, forms) in forms {
        let texts: Vec<&str> = forms.iter().map(String::as_str).collect();
        let vectors = encoder.encode(&texts).map_err(Role::SentenceEncoder.failed())?;
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
    let Ask::Prompt(kind::Prompt { answer, .. }) = &probe.ask else { return None };
    probe.is_free().then_some((probe.id.as_str(), answer.as_slice()))
}
