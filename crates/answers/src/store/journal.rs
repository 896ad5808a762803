//! Answers that came one by one and are in no segment yet: a file to which a line is added for each, so that what was paid for
//! is on disk the moment it is whole, and a store does not become thousands of files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use hydrometer_probes::strangers::read_file;

use super::{NAME_DIGITS, SEGMENT_ANSWERS, StoredAnswer, digits};
use crate::durable::{append_line, sync_folder};
use crate::{Problem, RunError};

/// Its name in the store's folder.
pub(super) const JOURNAL: &str = "journal";
/// Bytes from which on it is long: it is in memory as a whole.
const LONG: usize = 4 << 20;

/// The lines of the file.
#[derive(Debug, Default)]
pub(super) struct Journal {
    answers: Vec<StoredAnswer>,
    bytes: usize,
    fault: Option<String>,
}

impl Journal {
    /// The journal of the store in this folder; empty where there is none. Of a damaged one nothing is read.
    pub(super) fn read(store: &Path) -> Journal {
        let bytes = match read_file(&store.join(JOURNAL)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Journal::default(),
            Err(error) => return Journal { fault: Some(format!("cannot be read: {error}")), ..Journal::default() },
        };
        // A last line without its end is of a process that was killed: the answer was not whole.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n').enumerate();
        let answers = lines.map(|(number, line)| {
            answer(&line[..line.len() - 1]).map_err(|what| format!("line {}: {what}", number + 1))
        });
        match answers.collect() {
            Ok(answers) => Journal { answers, bytes: whole, fault: None },
            Err(what) => Journal { fault: Some(what), ..Journal::default() },
        }
    }

    /// The answers, in the order in which they came.
    pub(super) fn answers(&self) -> &[StoredAnswer] {
        &self.answers
    }

    /// What is wrong with the file.
    pub(super) fn fault(&self) -> Option<Problem> {
        self.fault.clone().map(|what| Problem { file: JOURNAL.to_owned(), what })
    }

    /// Adds an answer, durably.
    pub(super) fn append(&mut self, store: &Path, answer: StoredAnswer) -> Result<(), RunError> {
        let json = serde_json::to_string(&answer)
            .map_err(|error| RunError::Encode { file: JOURNAL.to_owned(), what: error.to_string() })?;
        let line = format!("{} {json}", digits(blake3::hash(json.as_bytes())));
        append_line(&store.join(JOURNAL), &line)?;
        if self.answers.is_empty() {
            sync_folder(store)?;
        }
        self.bytes += line.len() + 1;
        self.answers.push(answer);
        Ok(())
    }

    /// Whether it is time for a segment.
    pub(super) fn is_long(&self) -> bool {
        self.answers.len() >= SEGMENT_ANSWERS || self.bytes >= LONG
    }

    /// Removes the file.
    pub(super) fn remove(store: &Path) -> Result<(), RunError> {
        let path = store.join(JOURNAL);
        fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
        sync_folder(store)
    }
}

/// The answer in a line, or what is wrong with it.
fn answer(line: &[u8]) -> Result<StoredAnswer, String> {
    let torn = || "it does not begin with the hash of its content: it is torn or changed".to_owned();
    let (hash, json) = line.split_at_checked(NAME_DIGITS).ok_or_else(torn)?;
    let json = json.strip_prefix(b" ").ok_or_else(torn)?;
    if hash != digits(blake3::hash(json)).as_bytes() {
        return Err(torn());
    }
    let answer: StoredAnswer = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    answer.fault().map_or(Ok(answer), Err)
}
