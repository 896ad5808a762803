//! Making free answers comparable: steps that take the spacing, the case, or everything but the final answer away.
//!
//! A text in which a step finds nothing has no answer: `None`, a class of its own, never an empty string.

mod json;
mod number;
mod scale;
mod thoughts;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use json::{NUMBER, first_json, values};
pub(crate) use number::{is_currency, number_at, numbers, plain, raised, whole_number};
pub use thoughts::without_thoughts;

/// One step of a probe's `answer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normal {
    /// White space at the ends goes, a run of it inside becomes one space.
    Whitespace,
    /// Lower case.
    Case,
    /// The last number of the text: without separators of thousands and currency, `12.0` as `12`, `1e3` as `1000`, `3,5` as `3.5`, digits of
    /// any script as `0` to `9`. What is no one number for sure (`1/2`, `10:30`, `2.5.1`) is left whole, as it is written.
    Number,
    /// The first word of the text: letters and digits, with apostrophes and hyphens inside it.
    Word,
    /// An option letter, `A` to `H`, said as `B`, `(B)`, `B) because …` or `… the answer is B`.
    Letter,
    /// The first JSON value of the text, in a code fence or not, with sorted keys and no spaces, numbers as step `number` leaves them. Nothing
    /// empty and no reference (`[1]`) where another object or array follows.
    Json,
    /// The text after the last of these markers; the whole text where the marker does not occur, because models
    /// often answer without it and the next step decides whether there is an answer.
    After(#[schemars(length(min = 1))] String),
}

/// Applies the steps in order to what stands behind thoughts ([`without_thoughts`]); `None` where one finds nothing or only white space is
/// left: no answer.
#[must_use]
pub fn normalise(steps: &[Normal], text: &str) -> Option<String> {
    let mut text = Cow::Borrowed(without_thoughts(text)?);
    for step in steps {
        text = Cow::Owned(step.apply(&text)?);
    }
    (!text.trim().is_empty()).then(|| text.into_owned())
}

impl Normal {
    fn apply(&self, text: &str) -> Option<String> {
        match self {
            Self::Whitespace => Some(collapsed(text)),
            Self::Case => Some(text.to_lowercase()),
            Self::Number => numbers(text).pop(),
            Self::Word => first_word(text),
            Self::Letter => letter(text).map(String::from),
            Self::Json => json::canonical(text),
            Self::After(marker) => Some(text.rsplit(marker.as_str()).next().unwrap_or(text).to_owned()),
        }
    }
}

/// White space at the ends removed, runs of it inside as one space.
pub(crate) fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn first_word(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || "'’-".contains(c)));
    words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).find(|word| !word.is_empty()).map(str::to_owned)
}

/// The option letter that a text names, upper case.
///
/// In this order: the letter alone; behind the last `answer` (`answer: B`, `the answer is option B`); at the start
/// (`B) …`, `B. …`, `Option B …`); the last one in brackets.
pub(crate) fn letter(text: &str) -> Option<char> {
    let words = words(text);
    alone(text).or_else(|| after_answer(&words)).or_else(|| leading(&words)).or_else(|| bracketed(text))
}

/// Words that may stand between `answer` and its letter.
const BETWEEN: [&str; 8] = ["is", "the", "correct", "option", "choice", "letter", "would", "be"];

fn alone(text: &str) -> Option<char> {
    let mut chars = text.trim_matches(|c: char| !c.is_alphanumeric()).chars();
    let only = chars.next().filter(|_| chars.next().is_none())?.to_ascii_uppercase();
    ('A'..='H').contains(&only).then_some(only)
}

/// The words of a text, each with the character behind it.
fn words(text: &str) -> Vec<(&str, Option<char>)> {
    let not_alphanumeric = |c: char| !c.is_alphanumeric();
    text.split_inclusive(not_alphanumeric)
        .map(|piece| {
            (piece.trim_end_matches(not_alphanumeric), piece.chars().next_back().filter(|c| not_alphanumeric(*c)))
        })
        .filter(|(word, _)| !word.is_empty())
        .collect()
}

fn capital(word: &str) -> Option<char> {
    let mut chars = word.chars();
    chars.next().filter(|first| ('A'..='H').contains(first) && chars.next().is_none())
}

fn after_answer(words: &[(&str, Option<char>)]) -> Option<char> {
    let behind = |at: usize| {
        let next = words[at + 1..].iter().find(|(word, _)| !BETWEEN.contains(&word.to_lowercase().as_str()));
        next.and_then(|(word, _)| capital(word))
    };
    (0..words.len()).rev().filter(|&at| words[at].0.eq_ignore_ascii_case("answer")).find_map(behind)
}

fn leading(words: &[(&str, Option<char>)]) -> Option<char> {
    match words {
        [(word, _), (letter, _), ..] if word.eq_ignore_ascii_case("option") || word.eq_ignore_ascii_case("choice") => {
            capital(letter)
        }
        [(letter, Some(')')), ..] => capital(&letter.to_ascii_uppercase()),
        [(letter, Some('.' | ':')), ..] => capital(letter),
        _ => None,
    }
}

fn bracketed(text: &str) -> Option<char> {
    text.rmatch_indices('(').find_map(|(at, _)| match text.as_bytes().get(at + 1..at + 3) {
        Some(&[letter @ b'A'..=b'H', b')']) => Some(char::from(letter)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(steps: &[Normal], text: &str, expected: Option<&str>) {
        assert_eq!(normalise(steps, text).as_deref(), expected, "{steps:?} on {text:?}");
    }

    #[test]
    fn spacing_case_and_markers() {
        check(&[Normal::Whitespace], "  a\t b\n\nc ", Some("a b c"));
        check(&[Normal::Whitespace, Normal::Case], " Ä B", Some("ä b"));
        check(&[], " as it is ", Some(" as it is "));
        let after = Normal::After("####".into());
        check(&[after.clone(), Normal::Whitespace], "1 #### 2 #### 3", Some("3"));
        check(&[after.clone(), Normal::Number], "so it is 18.", Some("18"));
        check(&[after], "1 #### \n", None);
        for steps in [vec![], vec![Normal::Whitespace], vec![Normal::Number], vec![Normal::Letter], vec![Normal::Json]]
        {
            check(&steps, "", None);
            check(&steps, " \n\t", None);
        }
    }

    #[test]
    fn the_first_word() {
        let cases = [
            (" kitchen, and then", "kitchen"),
            ("**Blue**!", "Blue"),
            ("\"Sigrún\"", "Sigrún"),
            ("- '12'", "12"),
            ("butcher's broom", "butcher's"),
            ("great-aunt -", "great-aunt"),
        ];
        for (text, expected) in cases {
            check(&[Normal::Word], text, Some(expected));
        }
        check(&[Normal::Word], "… -- '", None);
    }

    #[test]
    fn option_letters() {
        let cases = [
            ("B", "B"),
            (" b.", "B"),
            ("(B)", "B"),
            ("**C**", "C"),
            ("Answer: B", "B"),
            ("A seems right at first, but the answer is (D) Paris", "D"),
            ("The correct answer is option C because B is wrong.", "C"),
            ("Answer: A. No, wait. Answer: B", "B"),
            ("B) because", "B"),
            ("c) because", "C"),
            ("B. Paris", "B"),
            ("Option E, since", "E"),
            ("I would take (F), not G", "F"),
        ];
        for (text, expected) in cases {
            check(&[Normal::Letter], text, Some(expected));
        }
        for text in ["A good question", "I think so", "the answer is a mystery", "Z", "no letter", "Answer I gave"] {
            check(&[Normal::Letter], text, None);
        }
    }

    #[test]
    fn the_first_json_value() {
        let cases = [
            ("{\"b\": 1, \"a\": [1, 2]}", "{\"a\":[1,2],\"b\":1}"),
            ("Here:\n```json\n{ \"x\" : true }\n```\nand {\"y\":1}", "{\"x\":true}"),
            ("[broken {\"x\": \"[\"} ]", "{\"x\":\"[\"}"),
            (" 42 ", "42"),
        ];
        for (text, expected) in cases {
            check(&[Normal::Json], text, Some(expected));
        }
        check(&[Normal::Json], "{\"open\": [1, 2", None);
        check(&[Normal::Json], &"[".repeat(10_000), None);
    }
}
