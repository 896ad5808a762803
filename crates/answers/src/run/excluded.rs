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
}
