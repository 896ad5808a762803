//! Is the folder whole? The marker of a finished run, and the checks against it and against the plan.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use hydrometer_probes::strangers::open_file;
use serde::{Deserialize, Serialize};

use super::complete::Found;
use super::folder::RunFolder;
use super::layout::{COST, FINISHED, FORMAT, MANIFEST, PARTS as FOLDER, PROBES};
use super::manifest::PlannedTokens;
use super::units::UnitCounts;
use crate::durable;
use crate::json::{pretty, read_json};
use crate::part::{Counted, PARTS, PartKind};
use crate::{Problem, RunError};

/// One file of a finished run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealed {
    /// Name relative to the run folder.
    pub file: String,
    /// Rows, for a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Length in bytes.
    pub bytes: u64,
    /// `blake3:` hash of the bytes.
    pub hash: String,
}

/// How far a run went that stopped once its gates were decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// The first units of each kind, which are there; later ones were not asked.
    pub units: UnitCounts,
    /// Tokens computed for them.
    pub computed: PlannedTokens,
}

/// `finished.json`: written once, when every unit is there; from then on nothing in the list changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finished {
    /// Format of the run folder.
    pub format: String,
    /// The run id.
    pub run_id: String,
    /// Where the run stopped; `None`, and absent from the file, where it asked everything that was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// The files, in the order of the format.
    pub files: Vec<Sealed>,
}

impl Finished {
    /// Reads the seal of a run.
    ///
    /// # Errors
    /// Another format, a field or a kind of part that this version does not know, or the system refuses.
    pub fn read(path: &Path) -> Result<Finished, RunError> {
        let finished: Finished = read_json(path)?;
        if finished.format != FORMAT {
            let (found, expected) = (finished.format, FORMAT.to_owned());
            return Err(RunError::Format { path: path.to_path_buf(), found, expected });
        }
        Ok(finished)
    }
}

impl RunFolder {
    /// Checks every part and writes the seal.
    pub(super) fn seal(&self) -> Result<(), RunError> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(RunError::Unfinished { path: self.path().to_path_buf(), missing });
        }
        let mut files = vec![seal(self.path(), MANIFEST, None)?, seal(self.path(), PROBES, None)?];
        let mut problems = Vec::new();
        for (kind, unit) in self.planned() {
            match self.count(kind, unit) {
                Ok(counted) => files.push(seal(self.path(), &kind.file(unit), Some(counted.rows))?),
                Err(problem) => problems.push(problem),
            }
        }
        if self.path().join(COST).exists() {
            files.push(seal(self.path(), COST, None)?);
        }
        self.refuse(problems)?;
        let run_id = self.manifest().run_id().to_owned();
        let path = self.path().join(FINISHED);
        let finished = Finished { format: FORMAT.to_owned(), run_id, stopped: self.stopped().cloned(), files };
        durable::replace(&path, &pretty(&path, &finished)?)
    }

    /// Checks all of the folder against the plan and, when it is finished, against its hashes.
    ///
    /// # Errors
    /// [`RunError::Damaged`] with every file concerned.
    pub fn verify(&self) -> Result<(), RunError> {
        let mut problems = Vec::new();
        let mut sealed: HashMap<String, Option<u64>> = HashMap::new();
        if self.is_finished() {
            let finished = Finished::read(&self.path().join(FINISHED))?;
            if finished.run_id != self.manifest().run_id() {
                let what = format!("belongs to another run: {}", finished.run_id);
                problems.push(Problem { file: FINISHED.to_owned(), what });
            }
            problems.extend(self.unsealed(&finished));
            problems.extend(self.strangers()?);
            self.refuse(std::mem::take(&mut problems))?;
            problems.extend(finished.files.iter().filter_map(|sealed| changed(self.path(), sealed)));
            sealed.extend(finished.files.into_iter().map(|sealed| (sealed.file, sealed.rows)));
        }
        let mut found = Found::default();
        for (kind, unit) in self.planned() {
            let file = kind.file(unit);
            let named = problems.iter().any(|problem| problem.file == file);
            if named || !self.has(kind, unit) {
                continue;
            }
            match (self.count(kind, unit), sealed.get(&file)) {
                (Err(problem), _) => problems.push(problem),
                (Ok(Counted { rows, .. }), Some(sealed)) if *sealed != Some(rows) => {
                    let said = sealed.map_or("no number".to_owned(), |rows| rows.to_string());
                    problems.push(Problem { file, what: format!("has {rows} rows, {FINISHED} says {said}") });
                }
                (Ok(counted), _) => found.add(kind, counted),
            }
        }
        // What is missing of a damaged file is not missing besides.
        if self.is_finished() && problems.is_empty() {
            problems.extend(found.unanswered(self.manifest(), self.stopped(), self.probes()));
        }
        self.refuse(problems)
    }

    /// Files among the parts that are no part of the run: what nobody reads should not look as if it counted.
    fn strangers(&self) -> Result<Vec<Problem>, RunError> {
        let planned: HashSet<String> = self.planned().map(|(kind, unit)| kind.file(unit)).collect();
        let there = durable::entries(&self.path().join(FOLDER))?.into_iter().map(|name| format!("{FOLDER}/{name}"));
        let strange = there.filter(|file| !planned.contains(file) && !durable::is_temporary(file));
        Ok(strange.map(|file| Problem { file, what: "is no part of this run".to_owned() }).collect())
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
        let too_far = |stopped: &Stopped| stopped.units.at_most(&self.manifest().units) != stopped.units;
        match self.stopped() {
            Some(_) if self.manifest().settings.deciding.is_none() => {
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
        Err(RunError::Damaged { path: self.path().to_path_buf(), problems })
    }

    /// Reads a part only to check it.
    fn count(&self, kind: PartKind, unit: u32) -> Result<Counted, Problem> {
        let file = self.part(kind, unit);
        match PARTS.iter().find(|known| known.kind == kind) {
            Some(known) => (known.count)(&file),
            None => Err(Problem { file: file.name(), what: "is of a kind that this version does not know".to_owned() }),
        }
    }
}

/// Length and hash of a file.
fn seal(folder: &Path, file: &str, rows: Option<u64>) -> Result<Sealed, RunError> {
    let path = folder.join(file);
    let mut hasher = blake3::Hasher::new();
    let bytes = open_file(&path)
        .and_then(|mut source| std::io::copy(&mut source, &mut hasher))
        .map_err(RunError::io("read", &path))?;
    Ok(Sealed { file: file.to_owned(), rows, bytes, hash: format!("blake3:{}", hasher.finalize().to_hex()) })
}

/// What differs between the sealed file and the one in the folder now.
fn changed(folder: &Path, sealed: &Sealed) -> Option<Problem> {
    let problem = |what: String| Some(Problem { file: sealed.file.clone(), what });
    match seal(folder, &sealed.file, sealed.rows) {
        Err(RunError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            problem("is missing".to_owned())
        }
        Err(RunError::Io { source, .. }) => problem(format!("cannot be read: {source}")),
        Err(other) => problem(other.to_string()),
        Ok(found) if found.bytes != sealed.bytes => {
            problem(format!("has {} bytes, the finished run had {}", found.bytes, sealed.bytes))
        }
        Ok(found) if found.hash != sealed.hash => problem("was changed after the run finished".to_owned()),
        Ok(_) => None,
    }
}
