//! What can be wrong with a run folder or a base file: each error says where, what was found and what to do.

use std::fmt;
use std::path::PathBuf;

use hydrometer_probes::ProbeError;

use crate::Difference;

/// One damaged or missing file of a run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File name relative to the folder.
    pub file: String,
    /// What is wrong, as a lower-case fragment.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.file, self.what)
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    const SHOWN: usize = 8;
    let mut text = String::new();
    for item in items.iter().take(SHOWN) {
        text.push_str(&format!("\n  {item}"));
    }
    if items.len() > SHOWN {
        text.push_str(&format!("\n  … and {} more", items.len() - SHOWN));
    }
    text
}

/// Why a run folder or a base file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The operating system refused: disk full, no permission, no such folder.
    #[error("cannot {action} {path}: {source}{}", .path.hint(.source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: Shown,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The folder exists, holds something and is no run.
    #[error(
        "{path} is not empty and is no run folder (it holds {found:?} and no manifest.json); \
         name an empty or a new folder"
    )]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// One of the entries found in it.
        found: String,
    },
    /// There is no run in the folder.
    #[error("{path} holds no run: manifest.json is missing; give the folder that an audit wrote")]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// A file was written in a format that this version does not read.
    #[error(
        "{path} has format {found:?}, this version reads {expected:?}; \
         read it with the hydrometer version that wrote it, or run the audit again"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Format found.
        found: String,
        /// Format expected.
        expected: String,
    },
    /// A JSON file is malformed.
    #[error("{path}, line {line}: {what}")]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The manifest's hash does not belong to its contents.
    #[error("{path}: the plan hash is {found}, the contents give {expected}; the manifest was edited or damaged")]
    PlanHash {
        /// The manifest.
        path: PathBuf,
        /// The hash in the file.
        found: String,
        /// The hash of the contents.
        expected: String,
    },
    /// The folder holds a run with another plan.
    #[error(
        "{path} holds a run with another plan:{}\nname another folder, or repeat the command that began this run",
        list(.differences)
    )]
    PlanDiffers {
        /// The folder.
        path: PathBuf,
        /// Every field that differs.
        differences: Vec<Difference>,
    },
    /// Another process is writing to the folder.
    #[error("{path} is being written by another process{}; wait for it or stop it", pid_text(.pid))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Its process id, where the lock file names one.
        pid: Option<u32>,
    },
    /// The run is finished and never changes again.
    #[error("cannot {action}: the run in {path} is finished and never changes; name another folder")]
    Finished {
        /// What was tried.
        action: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// The folder was opened for reading.
    #[error("cannot {action}: {path} was opened for reading only")]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// The run was interrupted and is not complete.
    #[error(
        "the run in {path} is not complete, missing:{}\nrepeat the command that began it: it continues where it stopped",
        list(.missing)
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        missing: Vec<String>,
    },
    /// Files are damaged, foreign or missing.
    #[error(
        "the run in {path} is damaged:{}\nrestore these files from a copy, or delete the folder and run the audit again",
        list(.problems)
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong with which file.
        problems: Vec<Problem>,
    },
    /// The folder holds something and is no answer store.
    #[error(
        "{path} is not empty and is no answer store (it holds {found:?} and no store.json); name an empty or a new folder"
    )]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// One of the entries found in it.
        found: String,
    },
    /// There is no answer store in the folder.
    #[error("{path} holds no answer store: store.json is missing; give the folder that answers were collected into")]
    NoStore {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds something and is no teacher cache.
    #[error(
        "{path} is not empty and is no teacher cache (it holds {found:?} and no cache.json); name an empty or a new folder"
    )]
    NotACache {
        /// The folder.
        path: PathBuf,
        /// One of the entries found in it.
        found: String,
    },
    /// There is no teacher cache in the folder.
    #[error(
        "{path} holds no teacher cache: cache.json is missing; give the folder that distributions were collected into"
    )]
    NoCache {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds the distributions of another teacher, or keeps them otherwise.
    #[error(
        "{path} is the cache of another teacher, or keeps its distributions otherwise:{}\nname another folder, or the same \
         teacher and settings",
        list(.differences)
    )]
    CacheDiffers {
        /// The folder.
        path: PathBuf,
        /// Every field that differs.
        differences: Vec<Difference>,
    },
    /// Segments of an answer store, or a file of distributions, are damaged.
    #[error(
        "{path} is damaged:{}\nrestore these files from a copy, or move them away: what they held is then asked again",
        list(.problems)
    )]
    StoreDamaged {
        /// The store or file.
        path: PathBuf,
        /// What is wrong with which file.
        problems: Vec<Problem>,
    },
    /// The probes of a new run are not a suite that can be asked.
    #[error(transparent)]
    Suite(#[from] ProbeError),
    /// Rows that may not be written.
    #[error("{file}, row {row}: {what}")]
    Row {
        /// The part that was to be written.
        file: String,
        /// Row within the part, from 0.
        row: usize,
        /// What is wrong.
        what: String,
    },
    /// A unit number or part that the plan does not have.
    #[error("{file} is not in the plan: there are {planned} units of this kind")]
    NotPlanned {
        /// The part that was to be written.
        file: String,
        /// Units planned.
        planned: u32,
    },
    /// A value could not be put into the file's format.
    #[error("cannot encode {file}: {what}")]
    Encode {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
    },
}

fn pid_text(pid: &Option<u32>) -> String {
    pid.map_or(String::new(), |pid| format!(" (pid {pid})"))
}

/// A path as shown in an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(pub PathBuf);

impl Shown {
    /// What the user can do about the commonest refusals.
    fn hint(&self, source: &std::io::Error) -> &'static str {
        use std::io::ErrorKind;
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "; free some space and repeat the command: it continues where it stopped"
            }
            ErrorKind::FileTooLarge => {
                "; a limit on the size of files (`ulimit -f`) stands in the way: raise it and repeat the command"
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "; name a folder that you may write to",
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => "; expected a folder, found a file: name another",
            ErrorKind::NotFound => "; check the path",
            _ => "",
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(out)
    }
}

impl RunError {
    /// Wraps an answer of the operating system.
    pub fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> RunError {
        let path = Shown(path.to_path_buf());
        move |source| RunError::Io { action, path, source }
    }

    /// Whether nothing is wrong but that there is no room: with some the same command goes on.
    pub fn is_no_room(&self) -> bool {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge))
    }
}
