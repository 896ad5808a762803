//! What is looked at before anything is trained: every document becomes samples or a finding with its count and examples.

use std::collections::HashSet;

use super::check::{Overlap, Used, look};
use super::document::LeftOut;
use super::finding::{Finding, Findings, Weight};
use super::lengths::Lengths;
use super::{Content, Document, Encoder, NotEncoded, held_out};
use crate::train::Sample;

/// The data, ready to train on.
#[derive(Clone, Debug, Default)]
pub struct Preflight {
    /// Samples that are trained on.
    pub train: Vec<Sample>,
    /// Samples that only measure.
    pub held_out: Vec<Sample>,
    /// The documents that they are of.
    pub held_out_documents: Vec<Document>,
    /// Documents of both.
    pub documents: u64,
    /// What was found.
    pub findings: Findings,
    /// BLAKE3 over the hashes of all documents that are used, in order.
    pub hash: String,
}

impl Preflight {
    /// Why training is refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.weight == Weight::Refusal)
    }

    /// How long the samples are; `None` without any.
    #[must_use]
    pub fn lengths(&self) -> Option<Lengths> {
        Lengths::of(self.train.iter().chain(&self.held_out))
    }
}

/// Encodes all documents once each, splits off `share` of them by hash, and says what is wrong with the rest.
#[must_use]
pub fn preflight(encoder: &Encoder<'_>, documents: &[Document], left_out: &[LeftOut], share: f64) -> Preflight {
    preflight_against(encoder, documents, left_out, share, Overlap { suites: &[], allowed: &[] })
}

/// As [`preflight`], and looks for overlap with what an audit asks.
#[must_use]
pub(crate) fn preflight_against(
    encoder: &Encoder<'_>,
    documents: &[Document],
    left_out: &[LeftOut],
    share: f64,
    overlap: Overlap<'_>,
) -> Preflight {
    let mut data = Preflight::default();
    let found = &mut data.findings;
    for (place, why) in left_out {
        // One finding per reason, not per message number.
        let reason = why.split_once(": ").filter(|(at, _)| at.starts_with("message ")).map_or(why.as_str(), |(_, r)| r);
        found.add(Weight::Note, &format!("left out: {reason}"), place.clone());
    }
    let mut seen = HashSet::new();
    let mut used = Vec::new();
    let mut hasher = blake3::Hasher::new_derive_key("hydrometer training data 1");
    for document in documents {
        let samples = match encoded(encoder, document, &mut seen) {
            Ok(samples) => samples,
            Err((why, example)) => {
                found.add(Weight::Note, &format!("left out: {why}"), example);
                continue;
            }
        };
        let spoken = matches!(&document.content, Content::Conversation(said) if said.len() > 2);
        if encoder.template.is_none() && spoken {
            let what = "the model has no chat template: messages are one text, and only the last answer is learnt";
            found.add(Weight::Note, what, document.place.clone());
        }
        hasher.update(&document.hash);
        let held_out = held_out(document, share);
        let begins = samples.first().map_or(Vec::new(), |first| first.tokens.iter().copied().take(2).collect());
        used.push(Used { document, held_out, begins });
        data.documents += 1;
        if held_out {
            data.held_out_documents.push(document.clone());
            data.held_out.extend(samples);
        } else {
            data.train.extend(samples);
        }
    }
    data.hash = format!("blake3:{}", hasher.finalize().to_hex());
    look(&used, encoder, found);
    overlap.look(&used, found);
    if data.train.is_empty() {
        found.add(Weight::Refusal, "nothing is left to train on", String::new());
    } else if share > 0.0 && data.held_out.is_empty() {
        let what = "no document is held out: give more documents, or a larger `held_out`";
        found.add(Weight::Refusal, what, String::new());
    }
    data
}

/// The samples of a document that was not seen before; why there are none, and where.
fn encoded(
    encoder: &Encoder<'_>,
    document: &Document,
    seen: &mut HashSet<[u8; 32]>,
) -> Result<Vec<Sample>, (String, String)> {
    let place = document.place.clone();
    if !seen.insert(document.hash) {
        return Err(("the same as an earlier document".to_owned(), place));
    }
    if let Some(finish) = document.origin.finish.as_ref().filter(|_| document.origin.is_cut_off()) {
        return Err((
            format!("the answer was cut off, says its record (`{finish}`), and its end would be learnt"),
            place,
        ));
    }
    encoder.encode(document).map_err(|why| match why {
        NotEncoded::TooLong { tokens } => {
            (format!("longer than the context of {} tokens", encoder.context), format!("{place} ({tokens} tokens)"))
        }
        NotEncoded::Empty => ("nothing to learn in it (an empty answer or text)".to_owned(), place),
        NotEncoded::Refused(why) => (why, place),
    })
}
