//! The distillation set that the user names, and the embedder that measures distances from it.

use std::path::{Path, PathBuf};

use hydrometer_answers::logged::prompts;
use hydrometer_ask::radius::{self, Radius, RadiusError};
use hydrometer_probes::counted::{counted, grouped};

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
    /// A file or the encoder cannot be used, or the set has no extent.
    pub fn open(&self, files: &[PathBuf], terminal: &Terminal) -> Result<Option<Radius>, Failure> {
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
        let mut all = Vec::new();
        for file in files {
            all.extend(prompts(file).map_err(|error| {
                Failure::input(error).hint(
                    "a distillation set has a row for each prompt: `messages`, or a `prompt`, `instruction`, `question` or \
                     `text`",
                )
            })?);
        }
        terminal.say(&format!("measuring the distillation set of {}", counted(all.len() as u64, "prompt")));
        let radius = Radius::new(files.iter().map(|file| name(file)).collect(), &all, embedder)?;
        let set = radius.trained_on();
        if set.compared < set.rows {
            terminal.say(&format!(
                "probes are compared with {} of {} prompts, those of the least hashes",
                grouped(set.compared),
                grouped(set.rows)
            ));
        }
        Ok(Some(radius))
    }
}

/// What a file is called, without its folder, which says nothing to others.
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
            RadiusError::Embedder(_) | RadiusError::Probe(_) | RadiusError::Placed(_) => failure,
        }
    }
}
