//! What endpoints were paid for the sake of a run while nothing is collected: before it begins (checks, embeddings), and after it is
//! finished (a judge). `cost.jsonl` is not there yet then, or sealed.

use std::fs;
use std::path::{Path, PathBuf};

use super::cost::CostEntry;
use super::folder::refuse_foreign;
use super::layout::LEDGER;
use crate::json::read_lines;
use crate::{RunError, durable};

/// The entries that stand beside a run, in a file of their own: `paid.jsonl`, of the lines of `cost.jsonl`.
#[derive(Clone, Debug)]
pub struct Ledger(PathBuf);

impl Ledger {
    /// That of the run in this folder, or of the one that will stand there.
    #[must_use]
    pub fn of(run: &Path) -> Ledger {
        Ledger(run.to_path_buf())
    }

    /// Adds an entry; makes the folder where it is absent.
    ///
    /// # Errors
    /// The folder holds something else than a run, or the system refuses.
    pub fn append(&self, entry: &CostEntry) -> Result<(), RunError> {
        fs::create_dir_all(&self.0).map_err(RunError::io("create", &self.0))?;
        refuse_foreign(&self.0)?;
        let path = self.0.join(LEDGER);
        let line = serde_json::to_string(entry)
            .map_err(|error| RunError::Encode { file: LEDGER.to_owned(), what: error.to_string() })?;
        durable::drop_torn_line(&path)?;
        durable::append_line(&path, &line)
    }

    /// The entries, in the order of writing; a last line torn by a crash is left out.
    ///
    /// # Errors
    /// A malformed line, or the system refuses.
    pub fn entries(&self) -> Result<Vec<CostEntry>, RunError> {
        let path = self.0.join(LEDGER);
        // Where no folder is, there is no ledger, whatever stands there instead.
        if path.exists() { read_lines(&path) } else { Ok(Vec::new()) }
    }
}
