//! Kinds of questions, one file each: their fields, what must hold of them, and the exact words put to a model. A new kind
//! is a file here, a variant of [`Ask`] and a line in each of the two tables below it.

mod choice;
mod episode;
mod prompt;
mod text;
mod trajectory;

pub use choice::{AskedAs, Choice, ChoicePrompt, MAX_ROTATIONS};
pub use episode::{Episode, UserTurn};
pub use prompt::{Decoding, Prompt, Role, Turn};
pub use text::{Families, Text};
pub use trajectory::Trajectory;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Fault, FaultKind};
use crate::fields::Field;
use crate::validate::is_unseen;

/// What every kind of question says of itself.
pub trait Kind {
    /// The word that stands in a probe's `kind` field.
    fn name(&self) -> &'static str;

    /// What people see of it in a list: the text or the question.
    fn question(&self) -> &str;

    /// Bytes put to a model, over all orders in which it is asked.
    fn asked_bytes(&self) -> usize;

    /// Every text that it is made of, in an order that does not depend on how options are sorted.
    fn texts(&self) -> Vec<&str>;

    /// Whether it is known what is right; `None` for a kind of which that cannot be said.
    fn has_truth(&self) -> Option<bool>;

    /// The whole of it, for people.
    fn described(&self) -> Description;

    /// Whether it can be asked.
    ///
    /// # Errors
    /// What is wrong with it, what was expected and what to do.
    fn check(&self) -> Result<(), Fault>;
}

/// A question, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Short facts: name and value.
    pub facts: Vec<(&'static str, String)>,
    /// Texts under a heading.
    pub texts: Vec<(String, String)>,
}

/// What is asked of the models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(
    clippy::large_enum_variant,
    reason = "a suite holds thousands of these, and boxes in every pattern would hide what is asked"
)]
pub enum Ask {
    /// A text scored teacher-forced.
    Text(Text),
    /// A forced choice among options.
    Choice(Choice),
    /// A message that is answered freely.
    Prompt(Prompt),
    /// A conversation with a world, in which the model calls tools.
    Episode(Episode),
    /// A task that a model carried out elsewhere, judged by its log.
    Trajectory(Trajectory),
}

impl From<Text> for Ask {
    fn from(text: Text) -> Self {
        Ask::Text(text)
    }
}

impl From<Choice> for Ask {
    fn from(choice: Choice) -> Self {
        Ask::Choice(choice)
    }
}

impl From<Prompt> for Ask {
    fn from(prompt: Prompt) -> Self {
        Ask::Prompt(prompt)
    }
}

impl From<Episode> for Ask {
    fn from(episode: Episode) -> Self {
        Ask::Episode(episode)
    }
}

impl From<Trajectory> for Ask {
    fn from(trajectory: Trajectory) -> Self {
        Ask::Trajectory(trajectory)
    }
}

impl Ask {
    /// Whether a model acts in it: an episode, here or elsewhere.
    #[must_use]
    pub fn is_acted(&self) -> bool {
        matches!(self, Ask::Episode(_) | Ask::Trajectory(_))
    }

    /// As any kind of question.
    #[must_use]
    pub fn kind(&self) -> &dyn Kind {
        match self {
            Ask::Text(text) => text,
            Ask::Choice(choice) => choice,
            Ask::Prompt(prompt) => prompt,
            Ask::Episode(episode) => episode,
            Ask::Trajectory(trajectory) => trajectory,
        }
    }
}

/// The words that may stand in a probe's `kind` field.
pub(crate) const NAMES: [&str; 5] = [text::NAME, choice::NAME, prompt::NAME, episode::NAME, trajectory::NAME];

/// The fields of a kind, beside those that every probe has; none of an unknown one.
pub(crate) fn fields(name: &str) -> &'static [Field] {
    match name {
        text::NAME => text::FIELDS,
        choice::NAME => choice::FIELDS,
        prompt::NAME => prompt::FIELDS,
        episode::NAME => episode::FIELDS,
        trajectory::NAME => trajectory::FIELDS,
        _ => &[],
    }
}

pub(crate) use episode::words as episode_words;

fn check_visible(field: &str, text: &str) -> Result<(), Fault> {
    if text.chars().any(|c| !c.is_whitespace() && !is_unseen(c)) {
        return Ok(());
    }
    let white = text.chars().all(char::is_whitespace);
    Err(Fault::new(
        FaultKind::EmptyText,
        format!("a `{field}` with at least one visible character"),
        match text {
            "" => "an empty string",
            _ if white => "white space only",
            _ => "characters only that nobody sees",
        },
        "fill it in or drop the probe",
    ))
}
