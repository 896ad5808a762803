//! What goes wrong between a recipe and a student.

use std::path::Path;

use hydrometer_answers::RunError;
use hydrometer_metrics::PositionError;
use hydrometer_metrics::sparse::SparseComparisonError;
use hydrometer_models::ModelError;
use thiserror::Error;

/// Distillation cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DistillError {
    /// A recipe that cannot be followed.
    #[error("{path}: {at}: expected {expected}, found {found}")]
    Recipe {
        /// The file.
        path: String,
        /// The key.
        at: String,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// Data that cannot be read.
    #[error("{path}: {at}: expected {expected}, found {found}")]
    Data {
        /// The file.
        path: String,
        /// Line or part.
        at: String,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A student that cannot be trained or written.
    #[error("{reason}")]
    Student {
        /// Why, as a fragment.
        reason: String,
        /// What can.
        hint: String,
    },
    /// Teacher and student do not fit.
    #[error("teacher and student do not fit: {reason}")]
    Pair {
        /// Why.
        reason: String,
    },
    /// A folder that another recipe, other data or another teacher has begun.
    #[error("{path} was begun with another {what}: {expected} there, {found} now")]
    Other {
        /// The folder.
        path: String,
        /// `recipe`, `data`, `teacher`.
        what: &'static str,
        /// What the folder has.
        expected: String,
        /// What is asked for now.
        found: String,
    },
    /// A cache of distributions that keeps too little of each.
    #[error("{path}: {what}: expected {expected}, found {found}")]
    Cache {
        /// The folder.
        path: String,
        /// The setting of the loss or of the cache.
        what: &'static str,
        /// What the loss needs.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A cache of distributions that was filled from other data.
    #[error("{path} lacks the distributions of {missing} of {samples} samples")]
    NotCached {
        /// The folder.
        path: String,
        /// Samples that it lacks.
        missing: u64,
        /// All samples.
        samples: u64,
    },
    /// Numbers left the range of floats.
    #[error("step {step}: the {what} is not finite; a smaller learning rate or a longer warm-up is the usual cure")]
    Diverged {
        /// The step.
        step: u64,
        /// `loss` or `gradient`.
        what: &'static str,
    },
    /// Somebody asked to stop; the checkpoint is written.
    #[error("interrupted at step {step}; the same command goes on from there")]
    Interrupted {
        /// The step.
        step: u64,
    },
    /// The teacher or the student's origin.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A row of the teacher that is no distribution.
    #[error("teacher: {0}")]
    Row(#[from] PositionError),
    /// A row that cannot be compared with what is kept of the teacher.
    #[error(transparent)]
    Sparse(#[from] SparseComparisonError),
    /// The file system.
    #[error(transparent)]
    Folder(#[from] RunError),
}

impl DistillError {
    /// A file of data that is not what it seems.
    pub fn data(path: &Path, at: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (at, expected, found) = (at.into(), expected.into(), found.into());
        Self::Data { path: path.display().to_string(), at, expected, found }
    }

    /// A setting of a recipe.
    pub fn recipe(path: &Path, at: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (at, expected, found) = (at.into(), expected.into(), found.into());
        Self::Recipe { path: path.display().to_string(), at, expected, found }
    }
}
