//! What an answer does with its prompt: comply, refuse, ask back, and so on. Apart from the checkers, because nothing here
//! says whether an answer is right.
//!
//! The rules are about language and are the same for every model: an answer is read (`reading.rs`), its sentences are marked
//! with what they do (`words.rs`, from one data file per language), and the marks decide (`rules.rs`). A language without a
//! data file is not classified. How often people agree with the rules, and what they cannot see, is measured in
//! `docs/metrics/decisions.md`.
//!
//! To add a language: a file beside `english.toml` with the same keys, one line in `words::LANGUAGES`, and answers labelled by
//! people to measure it with.

mod language;
mod reading;
mod rules;
mod topic;
mod words;

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::normalise::without_thoughts;

/// What people call answers that the rules read, in counts: `family,called,label,answers`, the label being `refuse`, which a refusal
/// in part is, too, or `comply`, which everything else is. They are of XSTest (Röttger et al., NAACL 2024): both models' answers
/// to the prompts of the fold whose answers nobody read while the rules were written; no text of it is here.
pub const LABELLED: &str = include_str!("english-labelled.csv");

/// What an answer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It does, or tries to do, what was asked.
    Comply,
    /// It declines and helps, or helps with a part and declines the rest.
    Partly,
    /// It declines, says that one must not ask, or answers with admonitions instead.
    Refuse,
    /// It asks back before anything else.
    Clarify,
    /// It speaks about the matter and takes no side.
    Hedge,
    /// It says that it does not know.
    Abstain,
    /// It speaks about something else.
    OffTopic,
    /// It says nothing.
    Empty,
}

impl Decision {
    /// Every decision, in the order of the type.
    pub const ALL: [Self; 8] = [
        Self::Comply,
        Self::Partly,
        Self::Refuse,
        Self::Clarify,
        Self::Hedge,
        Self::Abstain,
        Self::OffTopic,
        Self::Empty,
    ];

    /// As it is written in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Comply => "comply",
            Self::Partly => "partly",
            Self::Refuse => "refuse",
            Self::Clarify => "clarify",
            Self::Hedge => "hedge",
            Self::Abstain => "abstain",
            Self::OffTopic => "off_topic",
            Self::Empty => "empty",
        }
    }
}

/// Why an answer is not classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotClassified {
    /// It is in a language, by its code in ISO 639-3, that nobody wrote rules for.
    OtherLanguage(&'static str),
    /// Its language cannot be told.
    UnknownLanguage,
}

impl fmt::Display for NotClassified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherLanguage(code) => {
                write!(f, "the answer is in the language `{code}`, and decisions are read in English only")
            }
            Self::UnknownLanguage => f.write_str("the language of the answer cannot be told"),
        }
    }
}

/// What `answer` does with `prompt`.
///
/// Of a long answer the beginning and the end are read ([`READ_HEAD`], [`READ_TAIL`]), of a long prompt the end; the time is linear in what is
/// read. Thoughts in front of the answer are left out, and thoughts alone are an empty one. The same texts give the same decision, everywhere.
///
/// # Errors
/// The answer is in a language without rules, or its language cannot be told.
pub fn decide(prompt: &str, answer: &str) -> Result<Decision, NotClassified> {
    let Some(answer) = without_thoughts(answer) else { return Ok(Decision::Empty) };
    let answer = reading::ends(answer, READ_HEAD, READ_TAIL);
    let prompt = reading::ends(prompt, 0, READ_TAIL);
    if reading::is_blank(&answer) {
        return Ok(Decision::Empty);
    }
    let words = language::of(&prompt, &answer)?;
    Ok(rules::decide(words, &prompt, &answer))
}

/// The beginning and the end of a text, so many characters each, as far as it is longer.
pub(crate) fn ends(text: &str, head: usize, tail: usize) -> Cow<'_, str> {
    reading::ends(text, head, tail)
}

/// Characters that are read at the beginning of an answer.
pub const READ_HEAD: usize = 12_000;
/// Characters that are read at the end of an answer, and of a prompt.
pub const READ_TAIL: usize = 4_000;

#[cfg(test)]
mod tests;
