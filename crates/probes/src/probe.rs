//! The probe: one question, its family and its tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Check;
use crate::error::Fault;
use crate::kind::{Choice, Kind, Prompt, Text};

/// What is asked of the models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ask {
    /// A text scored teacher-forced.
    Text(Text),
    /// A forced choice among options.
    Choice(Choice),
    /// A message that is answered freely.
    Prompt(Prompt),
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

impl Ask {
    /// As any kind of question.
    #[must_use]
    pub fn kind(&self) -> &dyn Kind {
        match self {
            Ask::Text(text) => text,
            Ask::Choice(choice) => choice,
            Ask::Prompt(prompt) => prompt,
        }
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Unique within a suite; letters, digits, `-`, `_`, `.`, `/`, `:`.
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[A-Za-z0-9._/:-]+$"))]
    pub id: String,
    /// Probes that share a family are not independent: paraphrases, minimal pairs, rungs, chunks of a document.
    pub family: String,
    /// Capability axis or domain: `reasoning`, `refusal`, `prose`, `code`, …
    pub axis: String,
    /// Free tags; each becomes a slice of the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What is asked.
    #[serde(flatten)]
    pub ask: Ask,
}

impl Probe {
    /// What judges an answer to it; `None` where nothing does.
    ///
    /// # Errors
    /// As [`Check::new`]; never for a probe of a suite that was validated.
    pub fn checker(&self) -> Result<Option<Check>, Fault> {
        match &self.ask {
            Ask::Prompt(prompt) => prompt.checker(),
            _ => Ok(None),
        }
    }

    /// Whether it is answered freely and the whole text of an answer counts.
    #[must_use]
    pub fn is_free(&self) -> bool {
        matches!(&self.ask, Ask::Prompt(prompt) if prompt.is_free())
    }
}

/// An ordered set of probes.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// Name for people: a file name or `builtin:standard`.
    pub name: String,
    /// The probes, unique ids, in order.
    pub probes: Vec<Probe>,
}
