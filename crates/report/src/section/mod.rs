//! The sections of a report, a file each: what to say of a statement, before any format.
//!
//! To add one, write its file with a function `section` and name it below, as a module and in the list. Every format
//! shows it then, and the test of hostile text covers it; no format knows any section by name.

mod answer_cases;
mod answers;
mod calibration;
mod choices;
mod cite;
mod compat;
mod cost;
mod documents;
mod episodes;
mod evidence;
mod findings;
mod forgetting;
pub(crate) mod gates;
mod geometry;
mod headline;
#[cfg(test)]
mod hostile;
mod identities;
mod illusion;
mod imprint;
mod judgment;
mod masthead;
mod method;
mod metrics;
mod notes;
mod numbers;
mod outcome;
mod quantiles;
mod retention;
mod slices;
mod source;
mod subject;
mod truth;

pub(crate) use source::{Source, drawn};

use crate::document::{Document, Section};

/// Every section, in the order of the page.
const SECTIONS: &[fn(&Source<'_>) -> Section] = &[
    subject::section,
    headline::section,
    findings::section,
    gates::section,
    geometry::section,
    evidence::section,
    retention::section,
    quantiles::section,
    slices::section,
    answers::section,
    illusion::section,
    forgetting::section,
    calibration::section,
    truth::section,
    choices::section,
    answer_cases::section,
    judgment::section,
    episodes::section,
    documents::section,
    metrics::section,
    compat::section,
    identities::section,
    notes::section,
    cost::section,
    method::section,
    cite::section,
    imprint::section,
];

/// The whole report on a statement.
pub(crate) fn document(source: &Source<'_>) -> Document {
    Document {
        masthead: masthead::masthead(source.statement),
        sections: SECTIONS.iter().map(|section| section(source)).collect(),
    }
}
