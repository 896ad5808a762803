//! What is looked at before anything is trained: every document becomes samples or a finding with its count and examples.

use std::collections::HashSet;

use hydrometer_models::Tokenizer;

use super::document::LeftOut;
use super::{Content, Document, Encoder, NotEncoded, held_out};
use crate::train::Sample;

/// Examples that a finding keeps.
const EXAMPLES: usize = 3;

/// Something about the data that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is, as a lower-case fragment.
    pub what: String,
    /// How many documents.
    pub count: u64,
    /// Where the first of them stand.
    pub examples: Vec<String>,
    /// Whether training is refused. The others are left out or only told.
    pub refuses: bool,
}

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
    pub findings: Vec<Finding>,
    /// BLAKE3 over the hashes of all documents that are used, in order.
    pub hash: String,
}

impl Preflight {
    /// Why training is refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.refuses)
    }

    fn find(&mut self, what: &str, refuses: bool, example: String) {
        let known = self.findings.iter_mut().find(|finding| finding.what == what);
        let finding = match known {
            Some(known) => known,
            None => {
                let new = Finding { what: what.to_owned(), count: 0, examples: Vec::new(), refuses };
                self.findings.push(new);
                let last = self.findings.len() - 1;
                &mut self.findings[last]
            }
        };
        finding.count += 1;
        if finding.examples.len() < EXAMPLES {
            finding.examples.push(example);
        }
    }
}

/// Encodes all documents once each, splits off `share` of them by hash, and says what is wrong with the rest.
#[must_use]
pub fn preflight(encoder: &Encoder<'_>, documents: &[Document], left_out: &[LeftOut], share: f64) -> Preflight {
    let mut found = Preflight::default();
    for (place, why) in left_out {
        // One finding per reason, not per message number.
        let reason = why.split_once(": ").filter(|(at, _)| at.starts_with("message ")).map_or(why.as_str(), |(_, r)| r);
        found.find(&format!("left out: {reason}"), false, place.clone());
    }
    let mut seen = HashSet::new();
    let mut hasher = blake3::Hasher::new_derive_key("hydrometer training data 1");
    for document in documents {
        let place = || document.place.clone();
        if !seen.insert(document.hash) {
            found.find("left out: the same as an earlier document", false, place());
            continue;
        }
        let samples = match encoder.encode(document) {
            Ok(samples) => samples,
            Err(NotEncoded::TooLong { tokens }) => {
                let what = format!("left out: longer than the context of {} tokens", encoder.context);
                found.find(&what, false, format!("{} ({tokens} tokens)", document.place));
                continue;
            }
            Err(NotEncoded::Empty) => {
                found.find("left out: nothing to learn in it (an empty answer or text)", false, place());
                continue;
            }
            Err(NotEncoded::Refused(why)) => {
                found.find(&format!("left out: {why}"), false, place());
                continue;
            }
        };
        for sample in &samples {
            look_at(&mut found, encoder.tokenizer, sample, &document.place);
        }
        let spoken = matches!(&document.content, Content::Conversation(said) if said.len() > 2);
        if encoder.template.is_none() && spoken {
            let what = "the model has no chat template: messages are one text, and only the last answer is learnt";
            found.find(what, false, place());
        }
        hasher.update(&document.hash);
        found.documents += 1;
        if held_out(document, share) {
            found.held_out_documents.push(document.clone());
            found.held_out.extend(samples);
        } else {
            found.train.extend(samples);
        }
    }
    found.hash = format!("blake3:{}", hasher.finalize().to_hex());
    if found.train.is_empty() {
        found.find("nothing is left to train on", true, String::new());
    } else if share > 0.0 && found.held_out.is_empty() {
        found.find("no document is held out: give more documents, or a larger `held_out`", true, String::new());
    }
    found
}

fn look_at(found: &mut Preflight, tokenizer: &Tokenizer, sample: &Sample, place: &str) {
    if let Some(bos) = tokenizer.bos()
        && sample.tokens.len() > 1
        && sample.tokens[..2] == [bos, bos]
    {
        found.find("it begins with two BOS tokens; one stands in the text", false, place.to_owned());
    }
}
