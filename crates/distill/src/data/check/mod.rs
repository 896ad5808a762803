//! What is looked for in the documents that are used, one file each.

mod begins;
mod control_tokens;
mod cut_off;
mod languages;
mod licences;
mod near_duplicates;
mod overlap;
mod unsaid;

pub use overlap::BUILT_IN;
pub(crate) use overlap::{Overlap, Probes};

use super::finding::Findings;
use super::{Document, Encoder};

/// A document that is used.
pub(super) struct Used<'a> {
    /// The document.
    pub(super) document: &'a Document,
    /// Whether it only measures.
    pub(super) held_out: bool,
    /// The first two tokens.
    pub(super) begins: Vec<u32>,
}

/// All of them, but for the overlap with probes, which needs the probes.
pub(super) fn look(used: &[Used<'_>], encoder: &Encoder<'_>, found: &mut Findings) {
    begins::look(used, encoder.tokenizer.bos(), found);
    control_tokens::look(used, encoder, found);
    cut_off::look(used, found);
    unsaid::look(used, encoder, found);
    near_duplicates::look(used, found);
    licences::look(used, found);
    languages::look(used, found);
}
