//! What servers of a scheme show, as far as their kind says it. Whether one really does is found out when it is asked.

use super::address::Scheme;
use super::batch;
use super::positions::Way;

/// Something that servers of a scheme may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Answers to prompts and in episodes.
    Answers,
    /// The letter of a choice, drawn.
    DrawnLetters,
    /// The letters of a choice as the most probable first tokens.
    ListedLetters,
    /// The most probable tokens along its own answers.
    ListedAnswers,
    /// The most probable tokens, and a draw, behind any token ids.
    Positions,
    /// Every token behind any token ids.
    EveryToken,
    /// Texts as vectors.
    Embeddings,
    /// Answers in batches at a price of their own.
    Batches,
}

impl Scheme {
    /// What its servers may show.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        let lists = self.may_list_tokens();
        let takes_ids = Way::of_scheme(self.name).is_some();
        let offers = [
            (Offer::Answers, true),
            (Offer::DrawnLetters, true),
            (Offer::ListedLetters, lists),
            (Offer::ListedAnswers, lists),
            (Offer::Positions, takes_ids),
            (Offer::EveryToken, takes_ids),
            (Offer::Embeddings, self.has_embeddings()),
            (Offer::Batches, batch::provider(self.name).is_some()),
        ];
        offers.into_iter().filter(|(_, offered)| *offered).map(|(offer, _)| offer).collect()
    }

    /// Whether its servers turn texts into vectors.
    pub(super) fn has_embeddings(&self) -> bool {
        self.name != "anthropic"
    }

    /// The variable that holds headers that go with every question, as lines `Name: value`; with `_FILE` behind it, the one that names a
    /// file with them.
    #[must_use]
    pub fn headers(&self) -> String {
        super::headers::Headers::variable(self.key)
    }

    /// Whether its servers answer nobody without a key.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.base.starts_with("https://")
    }
}
