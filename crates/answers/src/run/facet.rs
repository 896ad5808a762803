//! What a model can be asked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that a model has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// Full next-token distributions at every position.
    Logits,
    /// Token ids of a text.
    Tokens,
    /// Sequences that grow token by token.
    Sequences,
    /// Free answers to conversations.
    Answers,
    /// Log-probabilities of given options.
    Choices,
    /// A part of the next-token distribution at every position: the most probable tokens, and draws.
    Shown,
}

impl Facet {
    /// All of them, in the order in which a manifest lists them.
    pub const ALL: [Facet; 6] =
        [Facet::Logits, Facet::Tokens, Facet::Sequences, Facet::Answers, Facet::Choices, Facet::Shown];
}

/// What a model that lacks it does, as the rest of a sentence.
impl fmt::Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Facet::Logits => "shows no logits",
            Facet::Tokens => "shows no tokens",
            Facet::Sequences => "has no sequences that grow",
            Facet::Answers => "does not answer freely",
            Facet::Choices => "does not say how probable an option is",
            Facet::Shown => "shows no part of its distributions",
        })
    }
}
