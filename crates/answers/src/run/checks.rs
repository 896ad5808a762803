//! What checks of endpoints found before a run began: kept as soon as it is there, so that a command that was killed does not pay for
//! them again.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::folder::refuse_foreign;
use super::layout::CHECKS;
use crate::json::{pretty, read_json};
use crate::{RunError, durable};

/// Version of the file; a breaking change raises the number.
pub const CHECKS_FORMAT: &str = "hydrometer.checks/1";

/// `checks.json` of a run folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// [`CHECKS_FORMAT`].
    pub format: String,
    /// One for each model that was looked at.
    pub models: Vec<CheckedModel>,
}

/// What was found of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedModel {
    /// Its key, as answers are kept under.
    pub model_key: String,
    /// The key of the model whose template its own was compared with, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// Each check, in the order in which they are shown.
    pub checks: Vec<KeptCheck>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCheck {
    /// Its name, by which it is accepted.
    pub name: String,
    /// What it looks at.
    pub what: String,
    /// What it makes wrong where it fails.
    pub spoils: CheckSpoils,
    /// What it came to.
    pub outcome: CheckOutcome,
    /// The evidence, or the reason.
    pub evidence: String,
    /// What to do, where it failed.
    pub hint: Option<String>,
}

/// What a failed check makes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckSpoils {
    /// Nothing that is measured.
    Nothing,
    /// Numbers on log-probabilities.
    LogProbabilities,
    /// Whatever the model answers.
    Answers,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// It could not be looked at.
    NotOffered,
}

impl Checks {
    /// What was kept in the folder of a run, or of one that will stand there; of another version nothing is believed.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub fn read(run: &Path) -> Result<Checks, RunError> {
        let none = Checks { format: CHECKS_FORMAT.to_owned(), models: Vec::new() };
        let path = run.join(CHECKS);
        if !path.exists() {
            return Ok(none);
        }
        let found: Checks = read_json(&path)?;
        Ok(if found.format == CHECKS_FORMAT { found } else { none })
    }

    /// Keeps them; makes the folder where it is absent.
    ///
    /// # Errors
    /// The folder holds something else than a run, or the system refuses.
    pub fn write(&self, run: &Path) -> Result<(), RunError> {
        fs::create_dir_all(run).map_err(RunError::io("create", run))?;
        refuse_foreign(run)?;
        let path = run.join(CHECKS);
        durable::replace(&path, &pretty(&path, self)?)
    }
}
