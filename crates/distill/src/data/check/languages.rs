//! In which language documents are: trigram profiles of the crate `whatlang` (MIT licence), which knows 70. A text that the
//! detector is not sure of is in none: short texts, code, tables.

use rayon::prelude::*;
use whatlang::{Lang, detect};

use super::Used;
use crate::data::finding::{Findings, Weight};

/// Characters by which a language is told.
const SAMPLE: usize = 2_000;
/// Letters that a text must have: of shorter ones the detector is sure too often.
const LETTERS: usize = 80;

pub(super) fn look(used: &[Used<'_>], found: &mut Findings) {
    let languages: Vec<Option<Lang>> = used.par_iter().map(language).collect();
    let mut by_count: Vec<(Option<Lang>, usize)> = Vec::new();
    for language in &languages {
        match by_count.iter_mut().find(|(known, _)| known == language) {
            Some((_, count)) => *count += 1,
            None => by_count.push((*language, 1)),
        }
    }
    // The most common first; those that are not told last.
    by_count.sort_by_key(|(language, count)| (language.is_none(), std::cmp::Reverse(*count)));
    for (language, _) in by_count {
        let what = match language {
            Some(language) => format!("language: {}", language.eng_name()),
            None => "language: not told for certain".to_owned(),
        };
        for (used, _) in used.iter().zip(&languages).filter(|(_, of)| **of == language) {
            found.add(Weight::Fact, &what, used.document.place.clone());
        }
    }
}

/// Of what is learnt.
fn language(used: &Used<'_>) -> Option<Lang> {
    let content = &used.document.content;
    let answers = content.answers();
    let text = if answers.is_empty() { content.texts().join("\n") } else { answers.join("\n") };
    let sample: String = text.chars().take(SAMPLE).collect();
    sample.chars().filter(|c| c.is_alphabetic()).nth(LETTERS - 1)?;
    detect(&sample).filter(whatlang::Info::is_reliable).map(|found| found.lang())
}
