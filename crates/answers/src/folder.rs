//! The run folder: created or resumed by one writer, read by anyone.

use std::collections::HashSet;
use std::fs;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hydrometer_probes::{Probe, Suite};

use crate::durable::{self, Lock};
use crate::json::{check_sealed, pretty, probe_lines, read_json, read_lines, read_manifest};
use crate::manifest::{FORMAT, Manifest, UnitCounts};
use crate::parquet_io::{self, Expect, Stamp};
use crate::part::{MAX_ROWS_PER_PART, Part, PartKind, PartRow};
use crate::rows::{ChoiceRow, LikelihoodRow, PositionRow, SampleRow, SparseRow, VectorRow};
use crate::verify::{self, Finished, Stopped};
use crate::{CostEntry, Problem, RunError};

const MANIFEST: &str = "manifest.json";
pub(crate) const PROBES: &str = "probes.jsonl";
const COST: &str = "cost.jsonl";
const FINISHED: &str = "finished.json";
const STATEMENT: &str = "statement.json";
const REPORT: &str = "report.html";
const LOCK: &str = "hydrometer.lock";
const PARTS: &str = "parts";

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
    probes: Vec<Probe>,
    known: HashSet<String>,
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
    /// The folder holds something else ([`RunError::NotARun`]), another plan ([`RunError::PlanDiffers`]), is in use
    /// ([`RunError::Locked`]), is damaged, or the system refuses.
    pub fn create_or_resume(path: &Path, manifest: &Manifest, probes: &[Probe]) -> Result<RunFolder, RunError> {
        check_sealed(&path.join(MANIFEST), manifest)?;
        fs::create_dir_all(path).map_err(RunError::io("create", path))?;
        refuse_foreign(path)?;
        let lock = Lock::take(path, LOCK)?;
        // Another process may have created the run between the look and the lock.
        refuse_foreign(path)?;
        let access = Access::Writer { _lock: lock };
        let planned = path.join(MANIFEST);
        let parts = path.join(PARTS);
        if planned.exists() {
            let found = read_manifest(&planned)?;
            let differences = found.differences(manifest);
            if !differences.is_empty() {
                return Err(RunError::PlanDiffers { path: path.to_path_buf(), differences });
            }
            let run = RunFolder::assemble(path, found, probes.to_vec(), access)?;
            run.tidy()?;
            fs::create_dir_all(&parts).map_err(RunError::io("create", &parts))?;
            if run.is_finished() {
                run.verify()?;
            } else {
                // A process killed between the manifest and the suite leaves only the manifest.
                durable::replace(&path.join(PROBES), &probe_lines(probes)?)?;
                durable::drop_torn_line(&path.join(COST))?;
            }
            return Ok(run);
        }
        // The manifest goes first: with it the folder is a run, without it nothing in the folder is touched.
        let run = RunFolder::assemble(path, manifest.clone(), probes.to_vec(), access)?;
        run.tidy()?;
        durable::replace(&planned, &pretty(&planned, manifest)?)?;
        durable::replace(&path.join(PROBES), &probe_lines(probes)?)?;
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

    /// Opens a run for reading without looking at its parts: to say how far an interrupted run is.
    ///
    /// # Errors
    /// No run here, another format, or an unreadable manifest or suite.
    pub fn open_unchecked(path: &Path) -> Result<RunFolder, RunError> {
        let planned = path.join(MANIFEST);
        if !planned.exists() {
            return Err(RunError::NoRun { path: path.to_path_buf() });
        }
        let manifest = read_manifest(&planned)?;
        let probes = read_lines::<Probe>(&path.join(PROBES))?;
        let suite = Suite { name: manifest.suite_name.clone(), probes };
        if suite.hash() != manifest.suite_hash {
            let what = match path.join(PROBES).exists() {
                true => format!("its hash is {}, the manifest says {}", suite.hash(), manifest.suite_hash),
                false => "is missing".to_owned(),
            };
            let problems = vec![Problem { file: PROBES.to_owned(), what }];
            return Err(RunError::Damaged { path: path.to_path_buf(), problems });
        }
        RunFolder::assemble(path, manifest, suite.probes, Access::Reader)
    }

    fn assemble(path: &Path, manifest: Manifest, probes: Vec<Probe>, access: Access) -> Result<RunFolder, RunError> {
        let known = probes.iter().map(|probe| probe.id.clone()).collect();
        let finished = path.join(FINISHED);
        let finished = finished.exists().then(|| read_json::<Finished>(&finished)).transpose()?;
        let stopped = finished.and_then(|finished| finished.stopped).map(OnceLock::from).unwrap_or_default();
        Ok(RunFolder { path: path.to_path_buf(), manifest, probes, known, access, stopped })
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
        &self.probes
    }

    /// Where a finished run stopped, its gates being decided; `None` where it asked, or will ask, all of its plan.
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.get()
    }

    /// The units that the run keeps: the planned ones, or those before it stopped.
    fn units_kept(&self) -> UnitCounts {
        self.stopped().map_or(self.manifest.units, |stopped| stopped.units.at_most(&self.manifest.units))
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

    /// Writes the positions of a unit, teacher against student.
    ///
    /// # Errors
    /// A finished run, a unit outside the plan, a row that no part may hold, or the system refuses.
    pub fn write_positions(&self, unit: u32, rows: &[PositionRow]) -> Result<(), RunError> {
        self.write(PartKind::Positions, unit, rows)
    }

    /// Writes the positions of a unit, teacher against itself. Rows and errors as [`RunFolder::write_positions`].
    ///
    /// # Errors
    /// As [`RunFolder::write_positions`].
    pub fn write_floor(&self, unit: u32, rows: &[PositionRow]) -> Result<(), RunError> {
        self.write(PartKind::Floor, unit, rows)
    }

    /// Writes the option log-probabilities of a unit.
    ///
    /// # Errors
    /// As [`RunFolder::write_positions`].
    pub fn write_choices(&self, unit: u32, rows: &[ChoiceRow]) -> Result<(), RunError> {
        self.write(PartKind::Choices, unit, rows)
    }

    /// Writes the window log-likelihoods of a unit.
    ///
    /// # Errors
    /// As [`RunFolder::write_positions`].
    pub fn write_likelihoods(&self, unit: u32, rows: &[LikelihoodRow]) -> Result<(), RunError> {
        self.write(PartKind::Likelihoods, unit, rows)
    }

    /// Writes the sampled answers of a unit.
    ///
    /// # Errors
    /// As [`RunFolder::write_positions`].
    pub fn write_samples(&self, unit: u32, rows: &[SampleRow]) -> Result<(), RunError> {
        self.write(PartKind::Samples, unit, rows)
    }

    /// Writes the positions of a unit, the teacher's distributions from a cache against the student.
    ///
    /// # Errors
    /// As [`RunFolder::write_positions`].
    pub fn write_sparse(&self, unit: u32, rows: &[SparseRow]) -> Result<(), RunError> {
        self.write(PartKind::Sparse, unit, rows)
    }

    /// Writes the vectors of a unit's sampled answers.
    ///
    /// # Errors
    /// As [`RunFolder::write_positions`].
    pub fn write_vectors(&self, unit: u32, rows: &[VectorRow]) -> Result<(), RunError> {
        self.write(PartKind::Vectors, unit, rows)
    }

    /// Positions, teacher against student, unit by unit.
    pub fn positions(&self) -> Units<'_, PositionRow> {
        self.units(PartKind::Positions)
    }

    /// Positions, teacher against itself, unit by unit.
    pub fn floor(&self) -> Units<'_, PositionRow> {
        self.units(PartKind::Floor)
    }

    /// Option log-probabilities, unit by unit.
    pub fn choices(&self) -> Units<'_, ChoiceRow> {
        self.units(PartKind::Choices)
    }

    /// Window log-likelihoods, unit by unit.
    pub fn likelihoods(&self) -> Units<'_, LikelihoodRow> {
        self.units(PartKind::Likelihoods)
    }

    /// Sampled answers, unit by unit.
    pub fn samples(&self) -> Units<'_, SampleRow> {
        self.units(PartKind::Samples)
    }

    /// Positions, the teacher's distributions from a cache against the student, unit by unit.
    pub fn sparse(&self) -> Units<'_, SparseRow> {
        self.units(PartKind::Sparse)
    }

    /// Vectors of sampled answers, unit by unit.
    pub fn vectors(&self) -> Units<'_, VectorRow> {
        self.units(PartKind::Vectors)
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

    fn seal(&self) -> Result<(), RunError> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(RunError::Unfinished { path: self.path.clone(), missing });
        }
        let mut files = vec![verify::seal(&self.path, MANIFEST, None)?, verify::seal(&self.path, PROBES, None)?];
        let mut problems = Vec::new();
        for (kind, unit) in self.planned() {
            match self.rows_of(kind, unit) {
                Ok(rows) => files.push(verify::seal(&self.path, &kind.file(unit), Some(rows))?),
                Err(problem) => problems.push(problem),
            }
        }
        if self.path.join(COST).exists() {
            files.push(verify::seal(&self.path, COST, None)?);
        }
        self.refuse(problems)?;
        let run_id = self.manifest.run_id().to_owned();
        let path = self.path.join(FINISHED);
        let finished = Finished { format: FORMAT.to_owned(), run_id, stopped: self.stopped().copied(), files };
        durable::replace(&path, &pretty(&path, &finished)?)
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

    /// Checks all of the folder against the plan and, when it is finished, against its hashes.
    ///
    /// # Errors
    /// [`RunError::Damaged`] with every file concerned.
    pub fn verify(&self) -> Result<(), RunError> {
        let mut problems = Vec::new();
        if self.is_finished() {
            let finished: Finished = read_json(&self.path.join(FINISHED))?;
            if finished.run_id != self.manifest.run_id() {
                let what = format!("belongs to another run: {}", finished.run_id);
                problems.push(Problem { file: FINISHED.to_owned(), what });
            }
            problems.extend(self.unsealed(&finished));
            self.refuse(std::mem::take(&mut problems))?;
            problems.extend(finished.files.iter().filter_map(|sealed| verify::changed(&self.path, sealed)));
        }
        for (kind, unit) in self.planned() {
            let file = kind.file(unit);
            let named = problems.iter().any(|problem| problem.file == file);
            if !named && self.has(kind, unit) {
                problems.extend(self.rows_of(kind, unit).err());
            }
        }
        self.refuse(problems)
    }

    /// Where the list of the finished run is not the list of the plan.
    fn unsealed(&self, finished: &Finished) -> Vec<Problem> {
        let problem = |file: &str, what: String| Problem { file: file.to_owned(), what };
        let listed: HashSet<&str> = finished.files.iter().map(|sealed| sealed.file.as_str()).collect();
        let parts = self.planned().map(|(kind, unit)| kind.file(unit));
        let planned: HashSet<String> = [MANIFEST.to_owned(), PROBES.to_owned()].into_iter().chain(parts).collect();
        let forgotten = planned.iter().filter(|file| !listed.contains(file.as_str()));
        let mut problems: Vec<Problem> =
            forgotten.map(|file| problem(file, format!("is planned and not listed in {FINISHED}"))).collect();
        let too_far = |stopped: &Stopped| stopped.units.at_most(&self.manifest.units) != stopped.units;
        match self.stopped() {
            Some(_) if self.manifest.settings.deciding.is_none() => {
                problems.push(problem(FINISHED, "stopped early, which the plan does not allow".to_owned()));
            }
            Some(stopped) if too_far(stopped) => {
                problems.push(problem(FINISHED, "stopped after more units than were planned".to_owned()));
            }
            _ => {}
        }
        // A name outside the plan is not followed: it could lead anywhere.
        let strange = listed.iter().filter(|file| **file != COST && !planned.contains(**file));
        problems.extend(strange.map(|file| problem(file, format!("is listed in {FINISHED} and not planned"))));
        problems.sort_by(|a, b| a.file.cmp(&b.file));
        problems
    }

    fn refuse(&self, problems: Vec<Problem>) -> Result<(), RunError> {
        if problems.is_empty() {
            return Ok(());
        }
        Err(RunError::Damaged { path: self.path.clone(), problems })
    }

    fn planned(&self) -> impl Iterator<Item = (PartKind, u32)> {
        let units = self.units_kept();
        PartKind::ALL.into_iter().flat_map(move |kind| (0..units.of(kind)).map(move |unit| (kind, unit)))
    }

    fn units<R: PartRow>(&self, kind: PartKind) -> Units<'_, R> {
        Units { run: self, kind, next: 0, row: PhantomData }
    }

    fn stamp(&self, kind: PartKind, unit: u32) -> Stamp {
        Stamp::part(self.manifest.run_id(), kind, unit)
    }

    fn write<R: PartRow>(&self, kind: PartKind, unit: u32, rows: &[R]) -> Result<(), RunError> {
        self.writable("write a part")?;
        let file = kind.file(unit);
        let planned = self.manifest.units.of(kind);
        if unit >= planned {
            return Err(RunError::NotPlanned { file, planned });
        }
        if rows.len() > MAX_ROWS_PER_PART {
            let what = format!("a part holds at most {MAX_ROWS_PER_PART} rows, this one has {}", rows.len());
            return Err(RunError::Row { file, row: MAX_ROWS_PER_PART, what });
        }
        if let Some((row, what)) = verify::faulty_row(rows, &self.known) {
            return Err(RunError::Row { file, row, what });
        }
        let bytes = parquet_io::encode(&self.stamp(kind, unit), rows)
            .map_err(|error| RunError::Encode { file: file.clone(), what: error.to_string() })?;
        durable::replace(&self.path.join(file), &bytes)
    }

    fn read<R: PartRow>(&self, kind: PartKind, unit: u32) -> Result<Vec<R>, Problem> {
        let file = kind.file(unit);
        let path = self.path.join(&file);
        if !path.exists() {
            return Err(Problem { file, what: "is missing".to_owned() });
        }
        let rows = match parquet_io::decode::<R>(&path, &self.stamp(kind, unit), Expect::Exactly) {
            Ok(rows) => rows,
            Err(what) => return Err(Problem { file, what }),
        };
        match verify::faulty_row(&rows, &self.known) {
            Some((row, what)) => Err(Problem { file, what: format!("row {row}: {what}") }),
            None => Ok(rows),
        }
    }

    /// Reads a part only to check it; the number of its rows.
    fn rows_of(&self, kind: PartKind, unit: u32) -> Result<u64, Problem> {
        let rows = match kind {
            PartKind::Positions | PartKind::Floor => self.read::<PositionRow>(kind, unit)?.len(),
            PartKind::Choices => self.read::<ChoiceRow>(kind, unit)?.len(),
            PartKind::Likelihoods => self.read::<LikelihoodRow>(kind, unit)?.len(),
            PartKind::Samples => self.read::<SampleRow>(kind, unit)?.len(),
            PartKind::Sparse => self.read::<SparseRow>(kind, unit)?.len(),
            PartKind::Vectors => self.read::<VectorRow>(kind, unit)?.len(),
        };
        Ok(rows as u64)
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

/// Parts of one kind, in unit order. Each is read and checked when it is asked for.
#[derive(Debug)]
pub struct Units<'a, R> {
    run: &'a RunFolder,
    kind: PartKind,
    next: u32,
    row: PhantomData<R>,
}

impl<R: PartRow> Iterator for Units<'_, R> {
    type Item = Result<Part<R>, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let unit = self.next;
        if unit >= self.run.units_kept().of(self.kind) {
            return None;
        }
        self.next += 1;
        Some(match self.run.read(self.kind, unit) {
            Ok(rows) => Ok(Part { unit, rows }),
            Err(problem) => Err(RunError::Damaged { path: self.run.path.clone(), problems: vec![problem] }),
        })
    }

    /// Skips units without reading them.
    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        self.next = self.next.saturating_add(u32::try_from(skipped).unwrap_or(u32::MAX));
        self.next()
    }
}

/// Refuses a folder that holds something and no manifest: nothing of the user's is ever touched.
fn refuse_foreign(path: &Path) -> Result<(), RunError> {
    if path.join(MANIFEST).exists() {
        return Ok(());
    }
    let ours = |name: &String| name == LOCK || (name.starts_with(MANIFEST) && durable::is_temporary(name));
    match entries(path)?.into_iter().find(|name| !ours(name)) {
        Some(found) => Err(RunError::NotARun { path: path.to_path_buf(), found }),
        None => Ok(()),
    }
}

/// Names in a folder, sorted; an absent folder has none.
pub(crate) fn entries(folder: &Path) -> Result<Vec<String>, RunError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("list", folder)(error)),
    };
    let mut names = listing
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(RunError::io("list", folder))?;
    names.sort();
    Ok(names)
}
