//! What can be wrong with a probe file, with the evidence: file, line, expected, found, what to do.

use std::fmt;
use std::path::PathBuf;

/// A file or suite of probes that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The file or folder cannot be opened or read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// One line (or row, or probe) is wrong.
    #[error("{file}:{line}: {fault}")]
    Line {
        /// File name, or the suite's name for a suite in memory.
        file: String,
        /// Line number from 1; for a suite in memory the line its probe would stand on.
        line: u64,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
    /// The file as a whole is wrong.
    #[error("{file}: {fault}")]
    File {
        /// File name, or the suite's name for a suite in memory.
        file: String,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
}

impl ProbeError {
    pub(crate) fn line(file: &str, line: u64, fault: Fault) -> Self {
        Self::Line { file: file.to_owned(), line, fault: Box::new(fault) }
    }

    pub(crate) fn file(file: &str, fault: Fault) -> Self {
        Self::File { file: file.to_owned(), fault: Box::new(fault) }
    }

    /// The fault and its line, where the error is about content and not about reading.
    #[must_use]
    pub fn fault(&self) -> Option<(Option<u64>, &Fault)> {
        match self {
            Self::Io { .. } => None,
            Self::Line { line, fault, .. } => Some((Some(*line), fault)),
            Self::File { fault, .. } => Some((None, fault)),
        }
    }
}

/// What kind of fault it is, for code that reacts to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Not one JSON object.
    BadJson,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The line is longer than [`crate::LINE_LIMIT`].
    LineTooLong,
    /// A field that no probe has.
    UnknownField,
    /// A field that must be there is not.
    MissingField,
    /// A field of the wrong JSON type or with an unknown word.
    WrongType,
    /// An identifier with characters outside the allowed set, empty or too long.
    BadId,
    /// Two probes with one identifier.
    DuplicateId,
    /// A family, axis or tag that is empty, too long or has control characters.
    BadName,
    /// A text, prompt or option without a visible character.
    EmptyText,
    /// Fewer than two or more than eight options.
    OptionCount,
    /// Two equal options.
    DuplicateOption,
    /// The true answer is not among the options.
    TruthOutOfRange,
    /// A checker or a step of a prompt that cannot be used.
    BadCheck,
    /// A knob that is no place on an axis.
    BadKnob,
    /// A boundary that says of its probe what does not hold.
    BadBoundary,
    /// An episode that cannot be played: its world, turns, faults or goal.
    BadEpisode,
    /// No probe at all.
    EmptySuite,
    /// A table without the column asked for, or of no known shape.
    UnknownColumns,
    /// A row that the table reader cannot split, or a cell that cannot be understood.
    BadRow,
    /// Not TOML of the shape that is read.
    BadToml,
    /// A file type that is not read.
    UnknownFormat,
}

/// One fault: what was expected, what was found, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// What should have been there.
    pub expected: String,
    /// What was there.
    pub found: String,
    /// What the author of the file can do.
    pub next: String,
}

impl Fault {
    pub(crate) fn new(
        kind: FaultKind,
        expected: impl Into<String>,
        found: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { kind, expected: expected.into(), found: found.into(), next: next.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}; {}", self.expected, self.found, self.next)
    }
}

/// Shows a piece of somebody's file in a message: quoted, escaped, at most 60 characters.
#[must_use]
pub fn quote(text: &str) -> String {
    const SHOWN: usize = 60;
    let short: String = text.chars().take(SHOWN).collect();
    let dots = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("`{}{dots}`", short.chars().map(shown).collect::<String>())
}

/// A character as a message shows it: marks of quotation as they are, what acts on a terminal escaped.
fn shown(c: char) -> String {
    if matches!(c, '"' | '\'') { c.to_string() } else { c.escape_debug().to_string() }
}

/// Somebody's words within a message of a library: no control characters, and not without end.
pub(crate) fn plain(message: &str) -> String {
    const SHOWN: usize = 1500;
    message.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
