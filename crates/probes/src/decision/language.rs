//! In which language an answer is, as far as its decision depends on it.
//!
//! Function words tell a language that there are rules for; where there are few of them, the detector that checks of
//! instructions use is asked, and an answer too short for both is taken to be in the language of its prompt.

use super::NotClassified;
use super::words::{self, Words};

/// Share of function words above which a text is in a language: running English has 0.4 to 0.5, lists have 0.2.
const ENOUGH: f64 = 0.25;
/// Share above which it is even if the detector is sure of another one: neighbours share some of these words.
const SURE: f64 = 0.4;
/// Share from which the detector may give a prompt to a language.
const FEW: f64 = 0.12;
/// Words from which an answer is judged by itself alone.
const LONG: usize = 8;
/// Characters by which a language is told.
const SAMPLE: usize = 2_000;

/// The words of the answer's language.
pub(super) fn of(prompt: &str, answer: &str) -> Result<&'static Words, NotClassified> {
    let prose = super::reading::without_code(answer);
    let text: String = prose.chars().take(SAMPLE).collect();
    let (words, count) = nearest(&text);
    let found = whatlang::detect(&text);
    let other = found.filter(|found| found.lang().code() != words.iso639_3);
    let contested = other.as_ref().is_some_and(whatlang::Info::is_reliable);
    if count >= 3 && words.share(&text) >= if contested { SURE } else { ENOUGH } {
        return Ok(words);
    }
    if let Some(other) = other {
        if other.script() != whatlang::Script::Latin || other.is_reliable() {
            return Err(NotClassified::OtherLanguage(other.lang().code()));
        }
        if count >= LONG {
            return Err(NotClassified::UnknownLanguage);
        }
    } else if count >= LONG {
        return Ok(words);
    }
    let (of_prompt, count) = nearest(prompt);
    let detected = || whatlang::detect(prompt).is_some_and(|found| found.lang().code() == of_prompt.iso639_3);
    let share = of_prompt.share(prompt);
    let known = share >= ENOUGH || share >= FEW && detected();
    if count >= 3 && known && std::ptr::eq(of_prompt, words) { Ok(words) } else { Err(NotClassified::UnknownLanguage) }
}

/// The language with the largest share of function words, and how many words the text has.
fn nearest(text: &str) -> (&'static Words, usize) {
    let mut best = &words::all()[0];
    for words in words::all() {
        if words.share(text) > best.share(text) {
            best = words;
        }
    }
    (best, tokens(text).count())
}

impl Words {
    /// The share of function words.
    fn share(&self, text: &str) -> f64 {
        let (mut all, mut function) = (0usize, 0usize);
        for token in tokens(text) {
            all += 1;
            function += usize::from(self.function_words.contains(&token.to_lowercase()));
        }
        function as f64 / all.max(1) as f64
    }
}

/// Words without what follows an apostrophe; numbers are none.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split(|c: char| !(c.is_alphabetic() || c == '\'' || c == '\u{2019}'));
    pieces
        .map(|piece| piece.split(['\'', '\u{2019}']).next().unwrap_or_default())
        .filter(|piece| piece.chars().any(char::is_alphabetic))
}
