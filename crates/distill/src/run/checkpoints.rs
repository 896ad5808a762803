//! The checkpoints of an arm: the newest, and the one before, for the case that the newest is damaged.
//!
//! A new one is whole before the others change their names: a kill at any moment leaves one of the two to go on from.

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_answers::RunError;
use hydrometer_models::ModelError;

use crate::DistillError;
use crate::train::{Progress, Trainer};

/// The files.
pub(super) struct Checkpoints {
    newest: PathBuf,
    previous: PathBuf,
    /// Written, and not yet the newest.
    next: PathBuf,
}

/// Where a training goes on.
pub(super) struct Resumed {
    pub(super) progress: Progress,
    /// Why the newest checkpoint was not read.
    pub(super) damaged: Option<DistillError>,
}

impl Checkpoints {
    pub(super) fn of(folder: &Path) -> Checkpoints {
        let file = |name: &str| folder.join(format!("checkpoint{name}.safetensors"));
        Checkpoints { newest: file(""), previous: file(".previous"), next: file(".next") }
    }

    /// Writes the newest; what was the newest is the one before.
    ///
    /// # Errors
    /// It cannot be written: both stay as they were.
    pub(super) fn save(&self, trainer: &Trainer, progress: Progress) -> Result<(), DistillError> {
        trainer.save(&self.next, progress)?;
        if self.newest.exists() {
            rename(&self.newest, &self.previous)?;
        }
        rename(&self.next, &self.newest)
    }

    /// Loads the newest, or, where it is damaged, the one before, which takes its place. `None` where there is neither.
    ///
    /// # Errors
    /// None of those that are there can be read.
    pub(super) fn load(&self, trainer: &mut Trainer) -> Result<Option<Resumed>, DistillError> {
        let mut damaged = None;
        if self.newest.exists() {
            match trainer.load(&self.newest) {
                Ok(progress) => return Ok(Some(Resumed { progress, damaged })),
                Err(error @ DistillError::Model(ModelError::Malformed { .. })) if self.previous.exists() => {
                    damaged = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        if !self.previous.exists() {
            return Ok(None);
        }
        match (trainer.load(&self.previous), damaged) {
            (Ok(progress), damaged) => {
                // The damaged one must not become the one before.
                rename(&self.previous, &self.newest)?;
                Ok(Some(Resumed { progress, damaged }))
            }
            (Err(_), Some(damaged)) => Err(damaged),
            (Err(error), None) => Err(error),
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), DistillError> {
    Ok(fs::rename(from, to).map_err(RunError::io("rename into place", to))?)
}
