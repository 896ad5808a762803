//! The parts of a run folder: what is measured, one kind of row each. A new part is a file of this folder and a line of
//! `PARTS`.

use std::collections::BTreeMap;
use std::fmt;

mod answered;
mod asked;
mod bounded;
mod choices;
mod episodes;
mod estimated;
mod file;
mod floor;
mod likelihoods;
mod positions;
mod samples;
mod scored;
mod shown;
mod sparse;
mod vectors;

pub use answered::{Answered, AnsweredRow, AnsweredStats};
pub use asked::AskedProbe;
pub use bounded::{Bounded, BoundedRow};
pub use choices::{ChoiceRow, Choices, OptionSaid, Told};
pub use episodes::{EpisodeRow, Episodes};
pub use estimated::{EstimatedRow, EstimatedStats};
pub use floor::Floor;
pub use likelihoods::{LikelihoodRow, Likelihoods, ScoredModel};
pub use positions::{Outside, PositionRow, Positions};
pub use samples::{GivenJudgment, MOST_SAMPLES, SampleRow, SampleSource, Samples};
pub use scored::{Scored, ScoredRow};
pub use shown::{ShownStudentRow, ShownStudents};
pub use sparse::{Sparse, SparseRow};
pub use vectors::{VectorRow, Vectors};

pub use crate::parquet_io::MAX_ROWS as MAX_ROWS_PER_PART;
pub use crate::parquet_io::row::{Column, Columns, Row, Word, column};

pub(crate) use asked::AskedSuite;
pub(crate) use file::PartFile;

use crate::Problem;

/// A kind of part.
pub trait Part {
    /// Its name: in file names, footers and the manifest.
    const KIND: PartKind;
    /// Version of its columns. Files of this version and of all earlier ones are read; this one is written.
    const VERSION: u32;
    /// What a file holds.
    type Row: PartRow;
}

/// A row that a part can hold.
pub trait PartRow: Row {
    /// The probe that the row belongs to.
    fn probe(&self) -> &str;

    /// Where the row stands within its probe: strictly increasing from row to row.
    fn key(&self) -> [u64; 2];

    /// What no row about this probe may say, as a lower-case fragment. Numbers outside the range of their column are found
    /// without it.
    fn check(&self, asked: &AskedProbe<'_>) -> Option<String>;

    /// What the rows of one probe in one part may not be together: place among them, and a lower-case fragment. Each has
    /// passed [`PartRow::check`], and they are in order.
    fn check_together(rows: &[Self], asked: &AskedProbe<'_>) -> Option<(usize, String)> {
        let _ = (rows, asked);
        None
    }
}

/// Name of a kind of part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartKind(&'static str);

impl PartKind {
    /// The kind of that name: lower-case letters.
    pub const fn new(name: &'static str) -> PartKind {
        PartKind(name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The kind that this program knows under a name.
    pub fn known(name: &str) -> Option<PartKind> {
        PARTS.iter().map(|part| part.kind).find(|kind| kind.0 == name)
    }

    /// File name of a unit, relative to the run folder.
    pub fn file(self, unit: u32) -> String {
        format!("parts/{}-{unit:05}.parquet", self.0)
    }
}

impl fmt::Display for PartKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

/// The rows of one unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit<R> {
    /// Unit number, from 0.
    pub number: u32,
    /// The rows, in the order in which they were written.
    pub rows: Vec<R>,
}

/// A part that this program knows.
pub(crate) struct Known {
    /// Its kind.
    pub kind: PartKind,
    /// Reads a file only to check it.
    pub count: fn(&PartFile<'_>) -> Result<Counted, Problem>,
}

/// The rows of a file that was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How many.
    pub rows: u64,
    /// How many of each probe.
    pub of_probes: BTreeMap<String, u64>,
}

impl Known {
    const fn of<P: Part>() -> Known {
        Known { kind: P::KIND, count: |file| file.read::<P>().map(|rows| Counted::of(&rows)) }
    }
}

impl Counted {
    fn of<R: PartRow>(rows: &[R]) -> Counted {
        let mut counted = Counted { rows: rows.len() as u64, of_probes: BTreeMap::new() };
        for probe in rows.chunk_by(|a, b| a.probe() == b.probe()) {
            *counted.of_probes.entry(probe[0].probe().to_owned()).or_default() += probe.len() as u64;
        }
        counted
    }
}

/// Every part, in the order of the format.
pub(crate) const PARTS: &[Known] = &[
    Known::of::<Positions>(),
    Known::of::<Floor>(),
    Known::of::<Choices>(),
    Known::of::<Likelihoods>(),
    Known::of::<Samples>(),
    Known::of::<Sparse>(),
    Known::of::<Vectors>(),
    Known::of::<Episodes>(),
    Known::of::<Scored>(),
    Known::of::<ShownStudents>(),
    Known::of::<Bounded>(),
    Known::of::<Answered>(),
];
