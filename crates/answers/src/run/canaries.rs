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
/// Most models, times, prompts of a time and tokens of a list that are believed: comparing takes longer than reading.
const MOST: [usize; 4] = [16, 10_000, 12, 64];
/// How far rounding may lift a log-probability above 0.
const ROUNDING: f64 = 1e-6;

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

    /// All that stand beside answers in a store, in the order of their files.
    ///
    /// # Errors
    /// A file is damaged, of another version, or cannot be read.
    pub fn all_stored(store: &Path) -> Result<Vec<CanaryModel>, RunError> {
        let folder = store.join(FOLDER);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let listed = fs::read_dir(&folder).map_err(RunError::io("read", &folder))?;
        let paths: Result<Vec<PathBuf>, _> = listed.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut paths = paths.map_err(RunError::io("read", &folder))?;
        // What is written at this moment stands under another name.
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let found: Result<Vec<Option<Canaries>>, RunError> = paths.iter().map(|path| read(path)).collect();
        Ok(found?.into_iter().flatten().flat_map(|found| found.models).collect())
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

    /// What of them is no canaries of ours, as a fragment.
    fn fault(&self) -> Option<String> {
        let [models, times, prompts, tokens] = MOST;
        let too_many = |what: &str, found: usize, most: usize| {
            (found > most).then(|| format!("expected at most {most} {what}, found {found}"))
        };
        let of_answer = |answer: &CanaryAnswer| {
            let CanaryAnswer::FirstTokens { listed, others } = answer else { return None };
            too_many("tokens of a list", listed.len(), tokens).or_else(|| {
                let mut logprobs = listed.iter().map(|(_, logprob)| logprob).chain([others]);
                let wrong = logprobs.find(|logprob| !(logprob.is_finite() && **logprob <= ROUNDING))?;
                Some(format!("expected a log-probability, found {wrong}"))
            })
        };
        let of_time = |asked: &CanaryAsking| {
            too_many("prompts of a time", asked.prompts.len(), prompts)
                .or_else(|| asked.prompts.iter().flat_map(|prompt| &prompt.answers).find_map(of_answer))
        };
        let of_model = |model: &CanaryModel| {
            too_many("times", model.asked.len(), times).or_else(|| model.asked.iter().find_map(of_time))
        };
        too_many("models", self.models.len(), models).or_else(|| self.models.iter().find_map(of_model))
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
    let other = found.format != CANARIES_FORMAT;
    let other = other.then(|| format!("expected the format {CANARIES_FORMAT}, found {}", found.format));
    let Some(what) = other.or_else(|| found.fault()) else { return Ok(Some(found)) };
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let path = path.parent().unwrap_or(path).to_path_buf();
    Err(RunError::Damaged { path, problems: vec![Problem { file, what }] })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn canaries(listed: Vec<(String, f64)>, others: f64, prompts: usize) -> Canaries {
        let answer = CanaryAnswer::FirstTokens { listed, others };
        let prompt = CanaryPrompt { prompt: "p".to_owned(), answers: [answer.clone(), answer] };
        let asked = vec![CanaryAsking { at: CanaryTime::Began, prompts: vec![prompt; prompts] }];
        let (model_key, model_name) = ("blake3:00".to_owned(), "m".to_owned());
        Canaries { models: vec![CanaryModel { model_key, model_name, accepted: false, asked }], ..Canaries::none() }
    }

    #[test]
    fn what_a_stranger_made_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let check = |canaries: &Canaries, expected: Option<&str>| {
            canaries.write(folder.path()).unwrap();
            let found = Canaries::read(folder.path());
            match expected {
                None => assert_eq!(&found.unwrap(), canaries),
                Some(expected) => assert!(found.unwrap_err().to_string().contains(expected), "{expected}"),
            }
        };
        let tokens = |count: usize, logprob: f64| (0..count).map(|i| (format!("{i}"), logprob)).collect::<Vec<_>>();
        check(&canaries(tokens(20, -3.5), -7.25, 8), None);
        check(&canaries(tokens(65, -3.5), -7.25, 8), Some("at most 64 tokens of a list, found 65"));
        check(&canaries(tokens(2, 3.5), -7.25, 8), Some("expected a log-probability, found 3.5"));
        check(&canaries(tokens(2, -3.5), 0.5, 8), Some("expected a log-probability, found 0.5"));
        check(&canaries(tokens(2, -3.5), -7.25, 13), Some("at most 12 prompts of a time, found 13"));
        let other = Canaries { format: "hydrometer.canaries/2".to_owned(), ..Canaries::none() };
        check(&other, Some("found hydrometer.canaries/2"));
        assert_eq!(Canaries::read(&folder.path().join("nowhere")).unwrap(), Canaries::none());
    }
}
