//! What goes wrong with a model, with the evidence: file, place, expected, found.

use std::path::Path;

use thiserror::Error;

use crate::Facet;
use crate::instructions::{VARIABLE, names};

/// A model that cannot be read or cannot answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The operating system refused.
    #[error("{path}: {action}: {source}")]
    Io {
        /// File or folder.
        path: String,
        /// What was tried: `cannot open`, `cannot read`.
        action: &'static str,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// The file contradicts its format, or itself.
    #[error("{path}: {at}: expected {expected}, found {found}")]
    Malformed {
        /// File.
        path: String,
        /// Tensor, metadata key, or part of the file.
        at: String,
        /// What the format or the rest of the file asks for.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The file ends before what its own header places in it: a copy or a download that did not finish.
    #[error("{path}: the file looks truncated: its header promises {promised} bytes, it has {found} ({at} is cut off)")]
    Truncated {
        /// File.
        path: String,
        /// The first part that is not there, or not whole.
        at: String,
        /// Bytes that the header asks for, as far as it could be read.
        promised: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// Something that a model needs is not there.
    #[error("{path}: {what} is missing{}", hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    Missing {
        /// File or folder.
        path: String,
        /// Tensor, key or file that is missing.
        what: String,
        /// Who asks for it, or what to do.
        hint: Option<String>,
    },
    /// Well-formed, but nothing that this program can run.
    #[error("{path}: unsupported {what} {found}; supported: {supported}")]
    Unsupported {
        /// File.
        path: String,
        /// `architecture`, `tensor type`, `tokenizer`, ….
        what: String,
        /// What the file asks for.
        found: String,
        /// What there is.
        supported: String,
    },
    /// Text or ids that the tokenizer cannot take.
    #[error("tokenizer: {reason}")]
    Tokenizer {
        /// The reason, as a fragment.
        reason: String,
    },
    /// A chat template that does not compile or refused the messages.
    #[error("chat template: {reason}")]
    Template {
        /// The reason, as a fragment.
        reason: String,
    },
    /// A token id outside the vocabulary.
    #[error("token {id} at position {position} is outside the vocabulary of {vocab} entries")]
    Token {
        /// The id.
        id: u32,
        /// Its position in the sequence.
        position: usize,
        /// Size of the vocabulary.
        vocab: usize,
    },
    /// A sequence longer than the model's context.
    #[error("a sequence of {tokens} tokens is longer than the context of {context}")]
    TooLong {
        /// Its length.
        tokens: usize,
        /// The context.
        context: usize,
    },
    /// A weight in a file that is no number: damaged, or of a training that diverged.
    #[error("tensor {tensor}: weight {index} is {found}, expected a finite number")]
    Weight {
        /// The tensor.
        tensor: String,
        /// Index of the first such weight.
        index: usize,
        /// The weight, in words.
        found: String,
    },
    /// A number that stopped being finite.
    #[error("{what}: value {index} is {found}, expected a finite number")]
    NotFinite {
        /// Tensor or row of logits.
        what: String,
        /// Index of the first such value.
        index: usize,
        /// The value, in words.
        found: String,
    },
    /// The environment names instructions that are unknown.
    #[error("{VARIABLE}: expected {}, found {found:?}", names())]
    Instructions {
        /// What the variable says.
        found: String,
    },
    /// The model has nothing of the kind that was asked for.
    #[error("the model {0}")]
    Lacks(Facet),
    /// An endpoint refused, and would refuse again.
    #[error("{endpoint}: {reason}")]
    Refused {
        /// Which one, as it was named.
        endpoint: String,
        /// What was expected, what was found, and what to do.
        reason: String,
    },
    /// An endpoint gave no answer, however often it was asked.
    #[error("{endpoint}: {reason} (asked {})", hydrometer_probes::counted::counted(u64::from(*.attempts), "time"))]
    NoAnswer {
        /// Which one, as it was named.
        endpoint: String,
        /// What happened at last.
        reason: String,
        /// How often it was asked.
        attempts: u32,
    },
    /// The budget does not allow another question to an endpoint.
    #[error("{endpoint}: the budget is spent: {reason}")]
    Budget {
        /// Which one, as it was named.
        endpoint: String,
        /// What is spent, and what the next question may cost.
        reason: String,
    },
    /// Answers that are replayed, and some that are wanted are not there.
    #[error("{place}: {missing} of {} wanted are not there; the first is {first}", hydrometer_probes::counted::counted(*.wanted, "answer"))]
    NotKept {
        /// Where they are replayed from, as it was named.
        place: String,
        /// How many are not there.
        missing: u64,
        /// How many were wanted.
        wanted: u64,
        /// Which one, in words.
        first: String,
    },
    /// Kept answers that cannot be read.
    #[error("{place}: {reason}")]
    Kept {
        /// Where, as it was named.
        place: String,
        /// The reason.
        reason: String,
    },
    /// A request that makes no sense for this model; the caller's mistake.
    #[error("{reason}")]
    Request {
        /// The reason, as a fragment.
        reason: String,
    },
}

impl From<Facet> for ModelError {
    fn from(lacking: Facet) -> Self {
        Self::Lacks(lacking)
    }
}

impl ModelError {
    /// An error of the operating system at `path`.
    pub fn io(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), action, source }
    }

    /// A file that contradicts its format, or itself.
    pub fn malformed(
        path: &Path,
        at: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Malformed {
            path: path.display().to_string(),
            at: at.into(),
            expected: expected.into(),
            found: one_line(found.into()),
        }
    }

    /// A file that ends too early.
    pub fn truncated(path: &Path, at: impl Into<String>, promised: u64, found: u64) -> Self {
        Self::Truncated { path: path.display().to_string(), at: at.into(), promised, found }
    }

    /// Something that is not there.
    pub fn missing(path: &Path, what: impl Into<String>) -> Self {
        Self::Missing { path: path.display().to_string(), what: what.into(), hint: None }
    }

    /// Something that is not there, and who asks for it.
    pub fn missing_because(path: &Path, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Missing { path: path.display().to_string(), what: what.into(), hint: Some(hint.into()) }
    }

    /// Well-formed, but unknown here.
    pub fn unsupported(
        path: &Path,
        what: impl Into<String>,
        found: impl Into<String>,
        supported: impl Into<String>,
    ) -> Self {
        Self::Unsupported {
            path: path.display().to_string(),
            what: what.into(),
            found: one_line(found.into()),
            supported: supported.into(),
        }
    }

    /// A complaint of the tokenizer.
    pub fn tokenizer(reason: impl Into<String>) -> Self {
        Self::Tokenizer { reason: one_line(reason.into()) }
    }

    /// A complaint of the chat template.
    pub fn template(reason: impl Into<String>) -> Self {
        Self::Template { reason: one_line(reason.into()) }
    }
}

/// Other libraries quote files in their messages: a line break in one could begin a line that looks like ours.
fn one_line(text: String) -> String {
    if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], "↵") } else { text }
}

/// Text from a file, cut and escaped so that it can stand in an error message.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut out: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    format!("`{out}`")
}
