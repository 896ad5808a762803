//! The distillation set that the user names, and the embedder that measures distances from it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use hydrometer_answers::SetKnobs;
use hydrometer_answers::logged::{Prompts, prompts};
use hydrometer_ask::radius::{self, DistillationSet, RadiusError};
use hydrometer_ask::set_knobs;
use hydrometer_models::{Address, EmbeddingEndpoint, ModelError, ModelSpec};
use hydrometer_probes::counted::counted;

use super::spending::Spending;
use crate::engine::{network, not_opened, open_encoder};
use crate::failure::Failure;
use crate::files;
use crate::terminal::Terminal;

/// Who measures distances.
#[derive(Debug, clap::Args)]
pub struct RadiusArguments {
    /// Who measures the distances: the folder of a sentence encoder (BERT: all-MiniLM, bge, e5, gte, …), or an endpoint with
    /// embeddings, such as openai:URL#MODEL (`hydrometer models`). Default: hashed n-grams of characters and words, which need
    /// no file. Never the teacher or the student.
    #[arg(long, value_name = "ENCODER", requires = "trained_on")]
    radius_encoder: Option<String>,
}

/// The prompts of a distillation set.
pub struct TrainingPrompts {
    /// As the origin of distances.
    pub distances: DistillationSet,
    /// How hard they say they are, where they say it.
    pub knobs: Option<SetKnobs>,
}

impl RadiusArguments {
    /// Reads the distillation set in these files; `None` without any. The models that are audited (`audited`, by role and name)
    /// measure nothing. An endpoint is paid from what may be spent.
    ///
    /// # Errors
    /// A file or the encoder cannot be used.
    pub fn open(
        &self,
        files: &[PathBuf],
        audited: &[(&str, &str)],
        spending: Option<&Spending>,
        terminal: &Terminal,
    ) -> Result<Option<TrainingPrompts>, Failure> {
        if files.is_empty() {
            return Ok(None);
        }
        let embedder = match &self.radius_encoder {
            Some(name) => {
                let address =
                    Address::parse(name).map_err(|error| Failure::input(format!("--radius-encoder: {error}")))?;
                neutral(name, address.as_ref(), audited)?;
                terminal.say(&format!("opening sentence encoder {name}; it measures the distances"));
                match address {
                    Some(address) => {
                        let network = match spending {
                            Some(spending) => network().paying(spending.purse.clone()),
                            None => network(),
                        };
                        let opened = EmbeddingEndpoint::connect(address, &network, files::embeddings().as_deref());
                        radius::served(opened.map_err(|error| not_opened("--radius-encoder", error))?)
                    }
                    None => radius::sentences(open_encoder(Path::new(name))?),
                }
            }
            None => radius::ngrams(),
        };
        let all = read(files)?;
        terminal.say(&format!("reading the distillation set of {}", counted(all.words.len() as u64, "prompt")));
        let knobs = set_knobs(names(files), &all);
        Ok(Some(TrainingPrompts { distances: DistillationSet::new(names(files), all.words, embedder), knobs }))
    }
}

/// Refuses an encoder that is one of the models that are audited.
fn neutral(name: &str, address: Option<&Address>, audited: &[(&str, &str)]) -> Result<(), Failure> {
    let is_same = |spec: &ModelSpec| match (address, spec) {
        (Some(address), spec) => spec.endpoint().is_some_and(|other| other.may_be(address)),
        (None, ModelSpec::Local(folder)) => folder == Path::new(name),
        (None, _) => false,
    };
    let same = audited.iter().find(|(_, model)| ModelSpec::from_str(model).is_ok_and(|spec| is_same(&spec)));
    same.map_or(Ok(()), |(role, _)| {
        let reason = format!(
            "--radius-encoder {name}: it is the {role}, expected an encoder that is neither teacher nor student"
        );
        Err(Failure::input(reason).hint("name another encoder, or leave it out: hashed n-grams need none"))
    })
}

/// The prompts in these files.
///
/// # Errors
/// A file cannot be read, or a row of it has no prompt.
pub fn read(files: &[PathBuf]) -> Result<Prompts, Failure> {
    let mut all = Prompts::default();
    for file in files {
        all.append(prompts(file).map_err(|error| {
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
        if let RadiusError::Embedder(error @ (ModelError::Budget { .. } | ModelError::NoAnswer { .. })) = error {
            return not_opened("--radius-encoder", error);
        }
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
