//! Texts: scored teacher-forced, token by token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Description, Kind, check_visible};
use crate::error::Fault;
use crate::fields::{Field, Type};

pub(super) const NAME: &str = "text";
pub(super) const FIELDS: &[Field] = &[
    ("text", true, Type::Text),
    ("context", false, Type::Text),
    ("families", false, Type::Word(&["probe", "heading", "window"])),
];

/// A text scored teacher-forced: the next-token distributions at its positions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The text whose tokens are scored.
    pub text: String,
    /// Unscored text in front of it; scoring starts at the first token of `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// How windows of a long text form families.
    #[serde(default)]
    pub families: Families,
}

/// How a text probe's windows are grouped into families, the statistical unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Families {
    /// Every window of the text belongs to the probe's family.
    #[default]
    Probe,
    /// A window belongs to the section (line `= Title =`) in which it begins.
    Heading,
    /// Every window is a family of its own: for a text whose inner structure is unknown.
    Window,
}

impl Text {
    /// A text of one family, without context.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), context: None, families: Families::Probe }
    }
}

impl Kind for Text {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &str {
        &self.text
    }

    fn asked_bytes(&self) -> usize {
        self.text.len() + self.context.as_ref().map_or(0, String::len)
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.context.as_deref().unwrap_or(""), &self.text]
    }

    fn has_truth(&self) -> Option<bool> {
        None
    }

    fn described(&self) -> Description {
        let context = self.context.iter().map(|context| ("context, not scored".to_owned(), context.clone()));
        let text = ("text, scored token by token".to_owned(), self.text.clone());
        Description { facts: Vec::new(), texts: context.chain([text]).collect() }
    }

    fn check(&self) -> Result<(), Fault> {
        check_visible("text", &self.text)
    }
}
