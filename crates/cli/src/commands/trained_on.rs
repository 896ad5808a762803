//! The distillation set that the user names, and the embedder that measures distances from it.

use std::path::{Path, PathBuf};

use hydrometer_answers::logged::prompts;
use hydrometer_ask::radius::{self, DistillationSet, RadiusError};
use hydrometer_probes::counted::counted;

use crate::engine::open_encoder;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Who measures distances.
#[derive(Debug, clap::Args)]
pub struct RadiusArguments {
    /// Folder of a sentence encoder (BERT: all-MiniLM, bge, e5, gte, …) that measures the distances. Default: hashed n-grams of
    /// characters and words, which need no file. Never the teacher or the student.
    #[arg(long, value_name = "DIR", requires = "trained_on")]
    radius_encoder: Option<PathBuf>,
}

impl RadiusArguments {
    /// Reads the distillation set in these files; `None` without any.
    ///
    /// # Errors
    /// A file or the encoder cannot be used.
    pub fn open(&self, files: &[PathBuf], terminal: &Terminal) -> Result<Option<DistillationSet>, Failure> {
        if files.is_empty() {
            return Ok(None);
        }
        let embedder = match &self.radius_encoder {
            Some(folder) => {
                terminal.say(&format!("opening sentence encoder {}; it measures the distances", folder.display()));
                radius::sentences(open_encoder(folder)?)
            }
            None => radius::ngrams(),
        };
        let all = read(files)?;
        terminal.say(&format!("measuring the distillation set of {}", counted(all.len() as u64, "prompt")));
        Ok(Some(DistillationSet::new(names(files), all, embedder)))
    }
}

/// The prompts in these files.
///
/// # Errors
/// A file cannot be read, or a row of it has no prompt.
pub fn read(files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for file in files {
        all.extend(prompts(file).map_err(|error| {
            Failure::input(error)
                .hint("expected a row for each prompt: `messages`, or a `prompt`, `instruction`, `question` or `text`")
        })?);
    }
    Ok(all)
}

/// What files are called, without their folders, which say nothing to others.
pub fn names(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|file| name(file)).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

impl From<RadiusError> for Failure {
    fn from(error: RadiusError) -> Self {
        let failure = Self::input(&error);
        match error {
            RadiusError::Set(_) | RadiusError::Copies { .. } => {
                failure.hint("--trained-on wants the prompts that the student was distilled on, hundreds of them")
            }
            RadiusError::Embedder(_) | RadiusError::Probe(_) | RadiusError::Placed(_) | RadiusError::Unmeasured(_) => {
                failure
            }
        }
    }
}
