//! What is wrong with a file that another tool wrote, with the evidence: file, line, expected, found, what to do.

use std::path::PathBuf;

use hydrometer_probes::{ProbeError, quote};
use serde_json::Value;
use thiserror::Error;

/// Logged answers that cannot be used.
#[derive(Debug, Error)]
pub enum LoggedError {
    /// A file or folder cannot be opened or read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A line, item or entry of a file is wrong.
    #[error("{place}: expected {expected}, found {found}; {next}")]
    Wrong {
        /// File, and line, item or entry.
        place: String,
        /// What should have been there.
        expected: String,
        /// What was there.
        found: String,
        /// What can be done.
        next: String,
    },
    /// A published collection is wrong.
    #[error(transparent)]
    Collection(#[from] ProbeError),
    /// A model of which no answers were logged.
    #[error("no answer is by a model or in a file `{model}`; the answers are by {}", .known.join(", "))]
    UnknownModel {
        /// Who was asked for.
        model: String,
        /// Whose answers are there.
        known: Vec<String>,
    },
    /// One file, or one name in it, for both models.
    #[error("`{model}` names the answers of both models: {place}")]
    SameAnswers {
        /// The name.
        model: String,
        /// An answer that would be both the teacher's and the student's.
        place: String,
    },
    /// A filter, metric or epoch that not both models' files have.
    #[error("no {what} `{wanted}` in the files of both models; they have {}", .known.join(", "))]
    UnknownChoice {
        /// `filter`, `metric` or `epoch`.
        what: &'static str,
        /// What was asked for.
        wanted: String,
        /// What both have.
        known: Vec<String>,
    },
    /// A filter or metric that was asked for, and that one model's files do not have for a task.
    #[error("{task}the {lacks}'s files have no {what} `{wanted}` there; they have {known}")]
    LacksChoice {
        /// `filter` or `metric`.
        what: &'static str,
        /// What was asked for.
        wanted: String,
        /// Task with a colon and a space behind it; empty where the file names none.
        task: String,
        /// Which of the models lacks it.
        lacks: &'static str,
        /// What that model has, listed.
        known: String,
    },
    /// No filter that both models' files have.
    #[error("the files of the two models have no filter in common; they have {}", .known.join(", "))]
    NoCommonFilter {
        /// Filters of the one and of the other.
        known: Vec<String>,
    },
    /// Answers that have no question in common.
    #[error("no question was answered by both `{teacher}` and `{student}`{reason}")]
    NothingInCommon {
        /// Whose answers are the teacher's.
        teacher: String,
        /// Whose answers are the student's.
        student: String,
        /// Why not, as far as it is known; empty, or a fragment that begins with a colon.
        reason: String,
    },
}

impl LoggedError {
    /// The fault of a file, or of a line, item or entry of it.
    pub(super) fn wrong(
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::Wrong { place: place.into(), expected: expected.into(), found: found.into(), next: next.into() }
    }
}

/// What a message calls a value that it did not expect.
pub(super) fn shown(value: Option<&Value>) -> String {
    match value {
        None => "no such field".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(truth)) => truth.to_string(),
        Some(Value::Number(number)) => format!("the number {number}"),
        Some(Value::String(text)) => quote(text),
        Some(Value::Array(items)) => format!("an array of {}", items.len()),
        Some(Value::Object(_)) => "an object".to_owned(),
    }
}
