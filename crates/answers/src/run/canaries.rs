//! What endpoints answered to canary prompts: short questions that are asked twice at a time, so that a model that changes under its
//! name is noticed. Kept in `canaries.json` of the run folder, and beside the answers of a store.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::folder::{RunFolder, refuse_foreign};
use super::layout::CANARIES;
use crate::json::{pretty, read_json};
use crate::{Problem, RunError, durable};

/// Version of the file; a breaking change raises the number.
pub const CANARIES_FORMAT: &str = "hydrometer.canaries/1";
/// Their folder in that of a store.
const FOLDER: &str = "canaries";

/// `canaries.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canaries {
    /// [`CANARIES_FORMAT`].
    pub format: String,
    /// One for each model that was asked.
    pub models: Vec<CanaryModel>,
}

/// A model and its canaries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryModel {
    /// Its key, as answers are kept under.
    pub model_key: String,
    /// For people.
    pub model_name: String,
    /// Whether a change was accepted before it was asked on.
    pub accepted: bool,
    /// Each time at which they were asked, in order.
    pub asked: Vec<CanaryAsking>,
}

/// One time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryAsking {
    /// When that was.
    pub at: CanaryTime,
    /// Prompt by prompt.
    pub prompts: Vec<CanaryPrompt>,
}

/// When canaries were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryTime {
    /// When the answer store got the first answers of the model.
    Stored,
    /// Before the run.
    Began,
    /// When it went on.
    Resumed,
    /// When all was answered.
    Ended,
}

/// One prompt, asked twice at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryPrompt {
    /// Its words.
    pub prompt: String,
    /// What was answered.
    pub answers: [CanaryAnswer; 2],
}

/// What an answer showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CanaryAnswer {
    /// The most probable first tokens with their log-probabilities in nats.
    FirstTokens {
        /// Each text once.
        listed: Vec<(String, f64)>,
        /// What any other has at most.
        others: f64,
    },
    /// Words.
    Words(String),
}

impl Canaries {
    /// None yet.
    #[must_use]
    pub fn none() -> Canaries {
        Canaries { format: CANARIES_FORMAT.to_owned(), models: Vec::new() }
    }

    /// Those in the folder of a run, or of one that will stand there.
    ///
    /// # Errors
    /// The file is damaged, of another version, or cannot be read.
    pub fn read(run: &Path) -> Result<Canaries, RunError> {
        read(&run.join(CANARIES))?.map_or_else(|| Ok(Canaries::none()), Ok)
    }

    /// Keeps them; makes the folder where it is absent.
    ///
    /// # Errors
    /// The folder holds something else than a run, or the system refuses.
    pub fn write(&self, run: &Path) -> Result<(), RunError> {
        fs::create_dir_all(run).map_err(RunError::io("create", run))?;
        refuse_foreign(run)?;
        let path = run.join(CANARIES);
        durable::replace(&path, &pretty(&path, self)?)
    }

    /// Those that stand beside the answers of this model in a store; `None` where there are none.
    ///
    /// # Errors
    /// The file is damaged, of another version, or cannot be read.
    pub fn stored(store: &Path, model_key: &str) -> Result<Option<CanaryModel>, RunError> {
        let Some(found) = read(&in_store(store, model_key))? else { return Ok(None) };
        Ok(found.models.into_iter().find(|of| of.model_key == model_key))
    }

    /// Keeps a model's beside its answers in a store that is there.
    ///
    /// # Errors
    /// The system refuses.
    pub fn store(store: &Path, model: CanaryModel) -> Result<(), RunError> {
        let path = in_store(store, &model.model_key);
        fs::create_dir_all(store.join(FOLDER)).map_err(RunError::io("create", store))?;
        let canaries = Canaries { models: vec![model], ..Canaries::none() };
        durable::replace(&path, &pretty(&path, &canaries)?)
    }

    /// Those of a model.
    #[must_use]
    pub fn of(&self, model_key: &str) -> Option<&CanaryModel> {
        self.models.iter().find(|of| of.model_key == model_key)
    }
}

impl RunFolder {
    /// Canaries of the models of this run.
    ///
    /// # Errors
    /// As [`Canaries::read`].
    pub fn canaries(&self) -> Result<Canaries, RunError> {
        Canaries::read(self.path())
    }
}

fn in_store(store: &Path, model_key: &str) -> PathBuf {
    let key = model_key.strip_prefix("blake3:").unwrap_or(model_key);
    let name: String = key.chars().filter(char::is_ascii_hexdigit).take(32).collect();
    store.join(FOLDER).join(format!("{name}.json"))
}

fn read(path: &Path) -> Result<Option<Canaries>, RunError> {
    if !path.exists() {
        return Ok(None);
    }
    let found: Canaries = read_json(path)?;
    if found.format == CANARIES_FORMAT {
        return Ok(Some(found));
    }
    let what = format!("expected the format {CANARIES_FORMAT}, found {}", found.format);
    let file = CANARIES.to_owned();
    Err(RunError::Damaged { path: path.parent().unwrap_or(path).to_path_buf(), problems: vec![Problem { file, what }] })
}
