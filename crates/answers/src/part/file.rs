//! One part file: encoded, decoded, and its rows held against the suite.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{AskedSuite, MAX_ROWS_PER_PART, Part, PartKind, PartRow};
use crate::parquet_io::row::out_of_range;
use crate::parquet_io::{self, Expect, KEY_VERSION, Stamp};
use crate::{Problem, RunError, durable};

const KEY_RUN: &str = "hydrometer.run_id";
const KEY_KIND: &str = "hydrometer.kind";
const KEY_UNIT: &str = "hydrometer.unit";

/// A part file of a run, there or to be written.
pub(crate) struct PartFile<'a> {
    /// The run folder.
    pub folder: &'a Path,
    /// Its format.
    pub format: &'static str,
    /// The run that it belongs to.
    pub run_id: &'a str,
    /// What the run asks.
    pub suite: &'a AskedSuite,
    /// Kind of part.
    pub kind: PartKind,
    /// Number of the unit.
    pub unit: u32,
}

impl PartFile<'_> {
    /// Name relative to the run folder.
    pub fn name(&self) -> String {
        self.kind.file(self.unit)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(self.name())
    }

    fn stamp<P: Part>(&self) -> Stamp {
        Stamp::format(self.format)
            .with(KEY_RUN, self.run_id.to_owned(), Some("belongs to another run"))
            .with(KEY_KIND, self.kind.name().to_owned(), None)
            .with(KEY_UNIT, self.unit.to_string(), None)
            .with(KEY_VERSION, P::VERSION.to_string(), None)
    }

    /// Writes the file, after the rows were checked as they are when they are read.
    ///
    /// # Errors
    /// A row that no part may hold ([`RunError::Row`]), or the system refuses.
    pub fn write<P: Part>(&self, rows: &[P::Row]) -> Result<(), RunError> {
        let file = self.name();
        if rows.len() > MAX_ROWS_PER_PART {
            let what = format!("a part holds at most {MAX_ROWS_PER_PART} rows, this one has {}", rows.len());
            return Err(RunError::Row { file, row: MAX_ROWS_PER_PART, what });
        }
        let mut rows = rows.to_vec();
        if let Some((row, what)) = faulty_row(&mut rows, self.suite) {
            return Err(RunError::Row { file, row, what });
        }
        let bytes = parquet_io::encode(&self.stamp::<P>(), &mut rows)
            .map_err(|error| RunError::Encode { file, what: error.to_string() })?;
        durable::replace(&self.path(), &bytes)
    }

    /// Reads the file and checks all of it.
    ///
    /// # Errors
    /// It is missing, damaged, of another run or of a version that this program does not know, or a row is one that no
    /// part may hold.
    pub fn read<P: Part>(&self) -> Result<Vec<P::Row>, Problem> {
        let problem = |what: String| Problem { file: self.name(), what };
        let path = self.path();
        if !path.exists() {
            return Err(problem("is missing".to_owned()));
        }
        let expect = Expect::UpTo { name: P::KIND.name(), version: P::VERSION };
        let mut rows = parquet_io::decode::<P::Row>(&path, &self.stamp::<P>(), expect).map_err(problem)?;
        match faulty_row(&mut rows, self.suite) {
            Some((row, what)) => Err(problem(format!("row {row}: {what}"))),
            None => Ok(rows),
        }
    }
}

/// The first row that no part may hold, with what is wrong with it.
///
/// Every number is in its column's range. A part holds whole runs of probes known to the suite; within a probe the rows
/// stand in strictly increasing order; each says what its probe allows, and so do those of a probe together. The rows are
/// only read.
fn faulty_row<R: PartRow>(rows: &mut [R], suite: &AskedSuite) -> Option<(usize, String)> {
    let ranges = rows.iter_mut().enumerate().find_map(|(place, row)| Some((place, out_of_range(row)?)));
    if ranges.is_some() {
        return ranges;
    }
    let mut seen: HashSet<&str> = HashSet::new();
    let mut start = 0;
    for group in rows.chunk_by(|a, b| a.probe() == b.probe()) {
        let id = group[0].probe();
        let Some(asked) = suite.probe(id) else {
            return Some((start, format!("probe {id:?} is not in the suite")));
        };
        if !seen.insert(id) {
            return Some((start, format!("rows out of order: probe {id:?} appears twice")));
        }
        let mut before: Option<[u64; 2]> = None;
        for (place, row) in group.iter().enumerate() {
            if let Some(what) = row.check(&asked) {
                return Some((start + place, what));
            }
            let key = row.key();
            if let Some(before) = before.filter(|before| *before >= key) {
                return Some((start + place, format!("rows out of order: {before:?} before {key:?} in probe {id:?}")));
            }
            before = Some(key);
        }
        if let Some((place, what)) = R::check_together(group, &asked) {
            return Some((start + place, what));
        }
        start += group.len();
    }
    None
}
