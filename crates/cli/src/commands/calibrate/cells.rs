//! The audits of a calibration on disk: one small file for each that is whole, and a folder for the one under way.

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_ask::{AskOptions, Models, Observer, Plan, collect};
use hydrometer_audit::Policy;
use hydrometer_audit::calibrate::{CELL_FORMAT, Cell, Setup};
use hydrometer_probes::Suite;

use crate::commands::as_json;
use crate::failure::Failure;
use crate::files;

/// Audits that are wanted.
#[derive(Default)]
pub(super) struct Sorted {
    /// Those that are there.
    pub(super) there: Vec<Cell>,
    /// Seed and defect of the others, in their order.
    pub(super) missing: Vec<(u64, String)>,
}

/// The folder of a calibration.
pub(super) struct Cells {
    folder: PathBuf,
    setup: String,
}

impl Cells {
    /// Opens the folder of a calibration, or makes it.
    ///
    /// # Errors
    /// It holds a calibration of another setup, or cannot be written.
    pub(super) fn open(folder: &Path, setup: &Setup) -> Result<Self, Failure> {
        let cells = folder.join("cells");
        fs::create_dir_all(&cells).map_err(|error| Failure::file("create", &cells, &error))?;
        let file = folder.join("setup.json");
        if file.exists() {
            let there: Setup = read(&file)?;
            let differs = setup.differences(&there);
            if !differs.is_empty() {
                let reason = format!("{} holds a calibration of another setup", folder.display());
                let hint = "name another folder with --out, or give the same teacher, suite, settings and policy";
                return Err(Failure::input(format!("{reason}: {}", differs.join("; "))).hint(hint));
            }
        } else {
            files::write(&file, as_json(setup)?.as_bytes())?;
        }
        Ok(Self { folder: folder.to_path_buf(), setup: setup.hash() })
    }

    /// Of the audits that are wanted, those that are there, and the others in their order.
    ///
    /// # Errors
    /// A file is damaged.
    pub(super) fn sorted<'a>(&self, wanted: impl Iterator<Item = (u64, &'a [String])>) -> Result<Sorted, Failure> {
        let Sorted { mut there, mut missing } = Sorted::default();
        for (seed, defects) in wanted {
            for defect in defects {
                let file = self.file(defect, seed);
                if !file.exists() {
                    missing.push((seed, defect.clone()));
                    continue;
                }
                let cell: Cell = read(&file)?;
                let expected = (CELL_FORMAT, self.setup.as_str(), defect.as_str(), seed);
                if (cell.format.as_str(), cell.setup.as_str(), cell.defect.as_str(), cell.seed) != expected {
                    let reason = format!("{}: expected the audit of {defect} with seed {seed}", file.display());
                    let found = format!("found {} with seed {} of another setup or format", cell.defect, cell.seed);
                    return Err(Failure::input(format!("{reason}, {found}")).hint("delete the file: it is made again"));
                }
                there.push(cell);
            }
        }
        Ok(Sorted { there, missing })
    }

    /// The answer store of a seed: its students are asked what its teacher was asked.
    pub(super) fn store(&self, seed: u64) -> PathBuf {
        self.work(seed).join("answers")
    }

    /// Audits one student and keeps what counts.
    ///
    /// # Errors
    /// A model or the folder fails, or the user interrupts; the same call continues.
    pub(super) fn audit(
        &self,
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        policy: &Policy,
        (defect, seed): (&str, u64),
        observer: &mut dyn Observer,
    ) -> Result<Cell, Failure> {
        let folder = self.work(seed).join(defect);
        fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
        let run = collect(Plan::new(models, suite, options)?, None, &folder, observer)?;
        let cell = Cell::of(&hydrometer_audit::statement(&run, policy)?, &self.setup, defect, seed);
        drop(run);
        files::write(&self.file(defect, seed), as_json(&cell)?.as_bytes())?;
        remove(&folder)?;
        self.clear_but(seed)?;
        Ok(cell)
    }

    /// Removes what was under way: all is whole.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        remove(&self.folder.join("work"))
    }

    /// Removes the answers of every seed but this one: seeds are finished one after the other.
    fn clear_but(&self, seed: u64) -> Result<(), Failure> {
        let work = self.folder.join("work");
        let entries = fs::read_dir(&work).map_err(|error| Failure::file("read", &work, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| Failure::file("read", &work, &error))?.path();
            if path != self.work(seed) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    fn work(&self, seed: u64) -> PathBuf {
        self.folder.join("work").join(seed.to_string())
    }

    fn file(&self, defect: &str, seed: u64) -> PathBuf {
        self.folder.join("cells").join(format!("{defect}-{seed}.json"))
    }
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::file("remove", folder, &error)),
        _ => Ok(()),
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    serde_json::from_str(&files::read_text(file)?).map_err(|error| {
        Failure::input(format!("{} is damaged: {error}", file.display())).hint("delete it: it is made again")
    })
}
