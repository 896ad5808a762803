//! What endpoints were paid for the sake of a run while nothing is collected: before it begins (checks, embeddings), and after it is
//! finished (a judge). `cost.jsonl` is not there yet then, or sealed. And what they were paid for answers that no run asked for.

use std::fs;
use std::path::{Path, PathBuf};

use super::cost::CostEntry;
use super::folder::refuse_foreign;
use super::layout::LEDGER;
use crate::json::read_lines;
use crate::store::Store;
use crate::{RunError, durable};

/// The folder of a store that holds them.
const PAID: &str = "paid";

/// Entries of the lines of `cost.jsonl`, in a file of their own.
#[derive(Clone, Debug)]
pub struct Ledger {
    folder: PathBuf,
    of: Of,
}

/// Beside what a ledger stands.
#[derive(Clone, Debug)]
enum Of {
    Run,
    /// A store: under the name of what was asked.
    Store(String),
}

impl Ledger {
    /// That of the run in this folder, or of the one that will stand there: `paid.jsonl`.
    #[must_use]
    pub fn of(run: &Path) -> Ledger {
        Ledger { folder: run.to_path_buf(), of: Of::Run }
    }

    /// That of answers that are asked for without a run, in the store in this folder: `paid/NAME.jsonl`, where the name says what is
    /// asked of whom. Of a name only letters and digits count.
    #[must_use]
    pub fn of_store(store: &Path, name: &str) -> Ledger {
        let name = name.chars().filter(char::is_ascii_alphanumeric).collect();
        Ledger { folder: store.to_path_buf(), of: Of::Store(name) }
    }

    fn path(&self) -> PathBuf {
        match &self.of {
            Of::Run => self.folder.join(LEDGER),
            Of::Store(name) => self.folder.join(PAID).join(format!("{name}.jsonl")),
        }
    }

    /// Adds an entry; makes the folder where it is absent.
    ///
    /// # Errors
    /// The folder holds something else than a run or a store, or the system refuses.
    pub fn append(&self, entry: &CostEntry) -> Result<(), RunError> {
        match self.of {
            Of::Run => {
                fs::create_dir_all(&self.folder).map_err(RunError::io("create", &self.folder))?;
                refuse_foreign(&self.folder)?;
            }
            Of::Store(_) => {
                Store::make(&self.folder)?;
                let paid = self.folder.join(PAID);
                fs::create_dir_all(&paid).map_err(RunError::io("create", &paid))?;
            }
        }
        let path = self.path();
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
        let path = self.path();
        // Where no folder is, there is no ledger, whatever stands there instead.
        if path.exists() { read_lines(&path) } else { Ok(Vec::new()) }
    }
}
