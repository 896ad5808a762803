//! The run folder: created or resumed by one writer, read by anyone.

use std::fs;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hydrometer_probes::{Probe, ProbeError, Suite};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::layout::{
    CANARIES, CHECKS, COST, FINISHED, FORMAT, LEDGER, LOCK, MANIFEST, PARTS, PROBES, REPORT, STATEMENT,
};
use super::manifest::Manifest;
use super::units::UnitCounts;
use super::verify::{Finished, Stopped};
use crate::durable::{self, Lock, entries};
use crate::json::{lines, pretty, read_json, read_lines};
use crate::part::{AskedSuite, Part, PartFile, PartKind, Unit};
use crate::{CostEntry, Problem, RunError};

/// Who may change the folder.
#[derive(Debug)]
enum Access {
    /// This process, until the run is finished.
    Writer {
        /// Held, never read.
        _lock: Lock,
    },
    /// Nobody.
    Reader,
}

/// A run on disk. See `docs/run-folder.md`.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    manifest: Manifest,
    suite: AskedSuite,
    access: Access,
    /// Where a finished run stopped early; set once.
    stopped: OnceLock<Stopped>,
}

impl RunFolder {
    /// Creates a run in an absent or empty folder, or continues the run that is there when its plan is the same.
    ///
    /// Leftovers of a killed process are removed. The folder stays locked until the value is dropped. A finished
    /// run may be opened this way too; it refuses every write of a part.
    ///
    /// # Errors
    /// The probes are no suite ([`RunError::Suite`]), the folder holds something else ([`RunError::NotARun`]), another plan ([`RunError::PlanDiffers`]), is in use
    /// ([`RunError::Locked`]), is damaged, or the system refuses.
    pub fn create_or_resume(path: &Path, manifest: &Manifest, probes: &[Probe]) -> Result<RunFolder, RunError> {
        manifest.check_sealed(&path.join(MANIFEST))?;
        let suite = Suite { name: manifest.suite_name.clone(), probes: probes.to_vec() };
        suite.validate()?;
        fs::create_dir_all(path).map_err(RunError::io("create", path))?;
        refuse_foreign(path)?;
        let lock = Lock::take(path, LOCK)?;
        // Another process may have created the run between the look and the lock.
        refuse_foreign(path)?;
        let access = Access::Writer { _lock: lock };
        let planned = path.join(MANIFEST);
        let parts = path.join(PARTS);
        if planned.exists() {
            let found = Manifest::read(&planned)?;
            let differences = found.differences(manifest);
            if !differences.is_empty() {
                return Err(RunError::PlanDiffers { path: path.to_path_buf(), differences });
            }
            let run = RunFolder::assemble(path, found, suite.probes, access)?;
            run.tidy()?;
            fs::create_dir_all(&parts).map_err(RunError::io("create", &parts))?;
            if run.is_finished() {
                run.verify()?;
            } else {
                // A process killed between the manifest and the suite leaves only the manifest.
                run.write_probes()?;
                durable::drop_torn_line(&path.join(COST))?;
            }
            return Ok(run);
        }
        // The manifest goes first: with it the folder is a run, without it nothing in the folder is touched.
        let run = RunFolder::assemble(path, manifest.clone(), suite.probes, access)?;
        run.tidy()?;
        durable::replace(&planned, &pretty(&planned, manifest)?)?;
        run.write_probes()?;
        fs::create_dir_all(&parts).map_err(RunError::io("create", &parts))?;
        durable::sync_folder(path)?;
        Ok(run)
    }

    /// Opens a finished run for reading and checks all of it: hashes, footers, order and values of every row.
    ///
    /// # Errors
    /// No run here, another format, an interrupted run ([`RunError::Unfinished`]), or damage
    /// ([`RunError::Damaged`]) with the name of every file concerned.
    pub fn open(path: &Path) -> Result<RunFolder, RunError> {
        let run = RunFolder::open_unchecked(path)?;
        if !run.is_finished() {
            let mut missing = run.missing();
            missing.push(FINISHED.to_owned());
            return Err(RunError::Unfinished { path: path.to_path_buf(), missing });
        }
        run.verify()?;
        Ok(run)
    }

    /// Opens a run for reading without looking at its parts: to say how far an interrupted run is. The suite is checked as
    /// it was before it was asked.
    ///
    /// # Errors
    /// No run here, another format, or a manifest or suite that cannot be read or used.
    pub fn open_unchecked(path: &Path) -> Result<RunFolder, RunError> {
        let planned = path.join(MANIFEST);
        if !planned.exists() {
            return Err(RunError::NoRun { path: path.to_path_buf() });
        }
        let manifest = Manifest::read(&planned)?;
        let damaged = |what: String| {
            let problems = vec![Problem { file: PROBES.to_owned(), what }];
            RunError::Damaged { path: path.to_path_buf(), problems }
        };
        let probes = match read_lines::<Probe>(&path.join(PROBES)) {
            Err(RunError::Io { source, .. }) => return Err(damaged(format!("cannot be read: {source}"))),
            other => other?,
        };
        let suite = Suite { name: manifest.suite_name.clone(), probes };
        if suite.hash() != manifest.suite_hash {
            return Err(damaged(match path.join(PROBES).exists() {
                true => format!("its hash is {}, the manifest says {}", suite.hash(), manifest.suite_hash),
                false => "is missing".to_owned(),
            }));
        }
        suite.validate().map_err(|error| damaged(unusable(&error)))?;
        RunFolder::assemble(path, manifest, suite.probes, Access::Reader)
    }

    fn assemble(path: &Path, manifest: Manifest, probes: Vec<Probe>, access: Access) -> Result<RunFolder, RunError> {
        let finished = path.join(FINISHED);
        let stopped = match finished.exists() {
            true => Finished::read(&finished)?.stopped,
            false => None,
        };
        let stopped = stopped.map_or_else(OnceLock::new, OnceLock::from);
        Ok(RunFolder { path: path.to_path_buf(), manifest, suite: AskedSuite::new(probes), access, stopped })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was planned.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The suite as asked, in order.
    pub fn probes(&self) -> &[Probe] {
        self.suite.probes()
    }

    /// Where a finished run stopped, its gates being decided; `None` where it asked, or will ask, all of its plan.
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.get()
    }

    /// The units that the run keeps: the planned ones, or those before it stopped.
    fn units_kept(&self) -> UnitCounts {
        let planned = &self.manifest.units;
        self.stopped().map_or_else(|| planned.clone(), |stopped| stopped.units.at_most(planned))
    }

    /// Whether every unit is there and the run never changes again.
    pub fn is_finished(&self) -> bool {
        self.path.join(FINISHED).exists()
    }

    /// Whether the part of a unit is there.
    pub fn has(&self, kind: PartKind, unit: u32) -> bool {
        self.path.join(kind.file(unit)).exists()
    }

    /// Parts that are planned and not there, by file name.
    pub fn missing(&self) -> Vec<String> {
        let absent = |&(kind, unit): &(PartKind, u32)| !self.has(kind, unit);
        self.planned().filter(absent).map(|(kind, unit)| kind.file(unit)).collect()
    }

    /// Writes the rows of a unit.
    ///
    /// # Errors
    /// A finished run, a unit outside the plan, a row that no part may hold, or the system refuses.
    pub fn write<P: Part>(&self, unit: u32, rows: &[P::Row]) -> Result<(), RunError> {
        self.writable("write a part")?;
        let planned = self.manifest.units.of(P::KIND);
        if unit >= planned {
            return Err(RunError::NotPlanned { file: P::KIND.file(unit), planned });
        }
        self.part(P::KIND, unit).write::<P>(rows)
    }

    /// The rows of one kind of part, unit by unit.
    pub fn read<P: Part>(&self) -> Units<'_, P> {
        Units { run: self, next: 0, part: PhantomData }
    }

    /// Every row of one kind of part, in the order of the units.
    ///
    /// # Errors
    /// A unit is missing or damaged.
    pub fn rows<P: Part>(&self) -> Result<Vec<P::Row>, RunError> {
        let mut rows = Vec::new();
        for unit in self.read::<P>() {
            rows.extend(unit?.rows);
        }
        Ok(rows)
    }

    /// The rows of one unit.
    ///
    /// # Errors
    /// The unit is missing, damaged or none that the run keeps.
    pub fn rows_of<P: Part>(&self, unit: u32) -> Result<Vec<P::Row>, RunError> {
        let problem = match unit < self.units_kept().of(P::KIND) {
            true => match self.part(P::KIND, unit).read::<P>() {
                Ok(rows) => return Ok(rows),
                Err(problem) => problem,
            },
            false => Problem { file: P::KIND.file(unit), what: "is none of the units that the run keeps".to_owned() },
        };
        Err(RunError::Damaged { path: self.path.clone(), problems: vec![problem] })
    }

    /// Adds a line to `cost.jsonl`.
    ///
    /// # Errors
    /// A finished run, or the system refuses.
    pub fn append_cost(&self, entry: &CostEntry) -> Result<(), RunError> {
        self.writable("append a cost")?;
        let path = self.path.join(COST);
        let line = serde_json::to_string(entry)
            .map_err(|error| RunError::Encode { file: COST.to_owned(), what: error.to_string() })?;
        durable::append_line(&path, &line)
    }

    /// What the run cost so far, in the order of writing; a last line torn by a crash is left out.
    ///
    /// # Errors
    /// A malformed line, or the system refuses.
    pub fn costs(&self) -> Result<Vec<CostEntry>, RunError> {
        read_lines(&self.path.join(COST))
    }

    /// Seals the run: checks every part and writes counts and hashes to `finished.json`. Calling it again is fine.
    ///
    /// # Errors
    /// Parts are missing ([`RunError::Unfinished`]) or damaged, or the system refuses.
    pub fn finish(&self) -> Result<(), RunError> {
        if self.is_finished() {
            return self.verify();
        }
        self.writable("finish the run")?;
        self.seal()
    }

    /// Seals a run that stopped early, as [`RunFolder::finish`] does, with the units that it has.
    ///
    /// # Errors
    /// As [`RunFolder::finish`].
    pub fn finish_early(&self, stopped: Stopped) -> Result<(), RunError> {
        if self.is_finished() {
            return self.verify();
        }
        self.writable("finish the run")?;
        self.stopped.get_or_init(|| stopped);
        self.seal()
    }

    /// Writes `statement.json`, which is a function of the folder: replacing it by the same bytes is fine.
    ///
    /// # Errors
    /// The run is not finished, or the system refuses.
    pub fn write_statement(&self, json: &str) -> Result<(), RunError> {
        self.write_derived(STATEMENT, json)
    }

    /// Writes `report.html`.
    ///
    /// # Errors
    /// As [`RunFolder::write_statement`].
    pub fn write_report(&self, html: &str) -> Result<(), RunError> {
        self.write_derived(REPORT, html)
    }

    /// Writes a file of our own making beside the statement.
    pub(super) fn write_derived_json<T: Serialize>(&self, file: &str, value: &T) -> Result<(), RunError> {
        let json = pretty(&self.path.join(file), value)?;
        self.write_derived(file, &String::from_utf8_lossy(&json))
    }

    /// Reads one; `None` where there is none.
    pub(super) fn read_derived_json<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, RunError> {
        let path = self.path.join(file);
        if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
    }

    /// The parts that the run keeps, in the order of the format.
    pub(super) fn planned(&self) -> impl Iterator<Item = (PartKind, u32)> {
        let units: Vec<_> = self.units_kept().kinds().collect();
        units.into_iter().flat_map(|(kind, units)| (0..units).map(move |unit| (kind, unit)))
    }

    /// The file of a unit.
    pub(super) fn part(&self, kind: PartKind, unit: u32) -> PartFile<'_> {
        let (folder, run_id) = (self.path.as_path(), self.manifest.run_id());
        PartFile { folder, format: FORMAT, run_id, suite: &self.suite, kind, unit }
    }

    fn write_probes(&self) -> Result<(), RunError> {
        let path = self.path.join(PROBES);
        durable::replace(&path, &lines(&path, self.suite.probes())?)
    }

    fn writable(&self, action: &'static str) -> Result<(), RunError> {
        if self.is_finished() {
            return Err(RunError::Finished { action, path: self.path.clone() });
        }
        match self.access {
            Access::Writer { .. } => Ok(()),
            Access::Reader => Err(RunError::ReadOnly { action, path: self.path.clone() }),
        }
    }

    fn write_derived(&self, file: &str, text: &str) -> Result<(), RunError> {
        if !self.is_finished() {
            return Err(RunError::Unfinished { path: self.path.clone(), missing: vec![FINISHED.to_owned()] });
        }
        durable::replace(&self.path.join(file), text.as_bytes())
    }

    /// Removes temporary files that killed processes left.
    fn tidy(&self) -> Result<(), RunError> {
        durable::remove_leftovers(&[&self.path, &self.path.join(PARTS)])
    }
}

/// The units of one kind of part, in order. Each is read and checked when it is asked for.
#[derive(Debug)]
pub struct Units<'a, P> {
    run: &'a RunFolder,
    next: u32,
    part: PhantomData<P>,
}

impl<P: Part> Iterator for Units<'_, P> {
    type Item = Result<Unit<P::Row>, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next;
        if number >= self.run.units_kept().of(P::KIND) {
            return None;
        }
        self.next += 1;
        Some(self.run.rows_of::<P>(number).map(|rows| Unit { number, rows }))
    }
}

/// What is wrong with a suite, and on which line.
fn unusable(error: &ProbeError) -> String {
    match error.fault() {
        Some((Some(line), fault)) => format!("line {line}: {fault}"),
        Some((None, fault)) => fault.to_string(),
        None => error.to_string(),
    }
}

/// Refuses a folder that holds something and no manifest: nothing of the user's is ever touched. What was found and paid before a run
/// began is its own.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), RunError> {
    if path.join(MANIFEST).exists() {
        return Ok(());
    }
    let temporary = |name: &String| {
        [MANIFEST, CHECKS, CANARIES].iter().any(|file| name.starts_with(file)) && durable::is_temporary(name)
    };
    let ours = |name: &String| [LOCK, LEDGER, CHECKS, CANARIES].contains(&name.as_str()) || temporary(name);
    match entries(path)?.into_iter().find(|name| !ours(name)) {
        Some(found) => Err(RunError::NotARun { path: path.to_path_buf(), found }),
        None => Ok(()),
    }
}
