//! Items of a suite that a run does not ask, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A probe that cannot be asked: found before anything is asked, so that it costs itself and not the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExcludedItem {
    /// Its id.
    pub probe: String,
    /// Why, as a lower-case fragment.
    pub reason: String,
    /// Whose context is too short for it: `teacher`, `student`, `base` or `control`; `None`, and absent from the file, where that is
    /// not the reason or an earlier version did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_of: Option<String>,
    /// Whose tokenizer or chat template does not take it, or reads it otherwise than the teacher's, in the same words; `None`, and absent from the file, where that is not the
    /// reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
}

impl ExcludedItem {
    /// A probe that no model can be asked.
    #[must_use]
    pub fn new(probe: &str, reason: impl Into<String>) -> ExcludedItem {
        ExcludedItem { probe: probe.to_owned(), reason: reason.into(), context_of: None, refused_by: None }
    }
}
