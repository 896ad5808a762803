//! Whether an answer speaks about something else than its prompt: none of the prompt's words comes back in it.
//!
//! Only plain cases are found. A short answer need not repeat a word, and an answer that repeats one may still miss the
//! question.

use std::collections::BTreeSet;

use super::reading::Reading;
use super::words::Words;

/// Content words of a prompt that an answer could take up.
const ASKED: usize = 3;
/// Content words of an answer that is long enough to have taken one up.
const ANSWERED: usize = 25;
/// Letters by which forms of one word are told.
const STEM: usize = 4;

/// None of the prompt's subjects in an answer that is long enough to have one.
pub(super) fn is_another(words: &Words, prompt: &Reading, answer: &Reading) -> bool {
    if answer.code || answer.quoted > 0 {
        return false;
    }
    let (asked, answered) = (subjects(words, prompt), subjects(words, answer));
    asked.len() >= ASKED && answered.len() >= ANSWERED && asked.is_disjoint(&answered)
}

/// The first letters of every content word.
fn subjects<'a>(words: &Words, reading: &'a Reading) -> BTreeSet<&'a str> {
    let tokens = reading.sentences.iter().flat_map(|sentence| sentence.text.split(|c: char| !c.is_alphanumeric()));
    tokens
        .filter(|token| token.chars().nth(STEM - 2).is_some())
        .filter(|token| !words.function_words.contains(*token) && !words.asking_words.contains(*token))
        .map(|token| token.char_indices().nth(STEM).map_or(token, |(end, _)| &token[..end]))
        .collect()
}
