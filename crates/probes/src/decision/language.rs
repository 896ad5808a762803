//! In which language an answer is, as far as its decision depends on it.
//!
//! Function words tell a language that there are rules for; where there are few of them, the detector that checks of
//! instructions use is asked, and an answer too short for both is taken to be in the language of its prompt.

use super::NotClassified;
use super::words::{self, Words};

/// Share of function words above which a text is in a language: running English has 0.4 to 0.5, lists have 0.2.
const ENOUGH: f64 = 0.25;
/// Share below which a text that the detector gives to another language is not in this one.
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
    let share = |words: &Words| words.share(&text);
    if count >= 3 && share(words) >= ENOUGH {
        return Ok(words);
    }
    let found = whatlang::detect(&text);
    let other = found.filter(|found| found.lang().code() != words.iso639_3);
    if let Some(other) = &other {
        let foreign_script = other.script() != whatlang::Script::Latin;
        if foreign_script || (other.is_reliable() || count >= LONG) && share(words) < FEW {
            return Err(NotClassified::OtherLanguage(other.lang().code()));
        }
    }
    if count >= LONG && other.is_none() {
        return Ok(words);
    }
    let (of_prompt, count) = nearest(prompt);
    let known = count >= 3 && of_prompt.share(prompt) >= FEW;
    if known && std::ptr::eq(of_prompt, words) { Ok(words) } else { Err(NotClassified::UnknownLanguage) }
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
