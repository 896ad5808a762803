//! Batches under way: questions that a provider was given together and whose answers are not read yet. A record is on disk before the
//! batch is created, so that the one who is killed in between finds it again, and goes once its answers are stored.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable::{self, entries, is_temporary, sync_folder};
use crate::json::{pretty, read_json};
use crate::{Problem, RunError};

/// Version of a record; a breaking change raises the number.
pub const BATCH_FORMAT: &str = "hydrometer.batch/1";
/// Their folder in that of the store.
const BATCHES: &str = "batches";

/// One batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRecord {
    /// [`BATCH_FORMAT`].
    pub format: String,
    /// Of the model that is asked: its key.
    pub model_key: String,
    /// Names it: 32 hexadecimal digits, also at a provider that keeps a name.
    pub mark: String,
    /// What the questions are called in it, in their order.
    pub questions: Vec<String>,
    /// Seconds since 1970 when it was about to be created.
    pub begun: f64,
    /// What the provider calls it; absent where its answer to the creation is not known.
    pub id: Option<String>,
}

/// The records of a store, whose writer changes them.
#[derive(Clone, Debug)]
pub struct BatchRecords(PathBuf);

impl BatchRecords {
    /// Those of the store in this folder.
    #[must_use]
    pub fn of(store: &Path) -> BatchRecords {
        BatchRecords(store.join(BATCHES))
    }

    fn path(&self, mark: &str) -> PathBuf {
        self.0.join(format!("{mark}.json"))
    }

    /// All of them, of every model, by their names.
    ///
    /// # Errors
    /// A record is damaged or of another version: what it stands for is paid for, so nothing is asked before somebody looks.
    pub fn all(&self) -> Result<Vec<BatchRecord>, RunError> {
        let names = entries(&self.0)?.into_iter().filter(|name| name.ends_with(".json") && !is_temporary(name));
        let read = |name: String| {
            let record: BatchRecord = read_json(&self.0.join(&name))?;
            let named = format!("{}.json", record.mark) == name;
            if record.format == BATCH_FORMAT && named {
                return Ok(record);
            }
            let what =
                format!("expected a batch of the format {BATCH_FORMAT} under its own name, found {}", record.format);
            Err(RunError::StoreDamaged { path: self.0.clone(), problems: vec![Problem { file: name, what }] })
        };
        names.map(read).collect()
    }

    /// Keeps a record, in the place of an earlier one of its mark.
    ///
    /// # Errors
    /// The system refuses.
    pub fn keep(&self, record: &BatchRecord) -> Result<(), RunError> {
        fs::create_dir_all(&self.0).map_err(RunError::io("create", &self.0))?;
        let path = self.path(&record.mark);
        durable::replace(&path, &pretty(&path, record)?)
    }

    /// Removes a record: its answers are stored, or there will be none.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(&self, record: &BatchRecord) -> Result<(), RunError> {
        let path = self.path(&record.mark);
        fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
        sync_folder(&self.0)
    }
}
