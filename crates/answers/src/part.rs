//! Kinds of parts, and how a row is laid out in columns: one function per row type is schema, writer and reader.

use std::fmt;

/// Most rows that one part may hold; a file that claims more is refused before anything is allocated.
pub const MAX_ROWS_PER_PART: usize = 1 << 20;

/// The kinds of part files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartKind {
    /// Scored positions, teacher against student.
    Positions,
    /// Scored positions, teacher against itself.
    Floor,
    /// Option log-probabilities.
    Choices,
    /// Window log-likelihoods.
    Likelihoods,
    /// Sampled answers.
    Samples,
    /// Scored positions, the teacher's distributions from a cache against the student.
    Sparse,
    /// Vectors of sampled answers, by a sentence encoder.
    Vectors,
}

impl PartKind {
    /// All kinds, in the order of the format.
    pub const ALL: [PartKind; 7] = [
        PartKind::Positions,
        PartKind::Floor,
        PartKind::Choices,
        PartKind::Likelihoods,
        PartKind::Samples,
        PartKind::Sparse,
        PartKind::Vectors,
    ];

    /// Name of the kind in file names.
    pub fn name(self) -> &'static str {
        match self {
            PartKind::Positions => "positions",
            PartKind::Floor => "floor",
            PartKind::Choices => "choices",
            PartKind::Likelihoods => "likelihoods",
            PartKind::Samples => "samples",
            PartKind::Sparse => "sparse",
            PartKind::Vectors => "vectors",
        }
    }

    /// File name of a unit, relative to the run folder.
    pub fn file(self, unit: u32) -> String {
        format!("parts/{}-{unit:05}.parquet", self.name())
    }
}

impl fmt::Display for PartKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The rows of one unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Part<R> {
    /// Unit number, from 0.
    pub unit: u32,
    /// The rows, in the order in which they were written.
    pub rows: Vec<R>,
}

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text, dictionary encoded.
    Text,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// 32-bit float.
    F32,
    /// 32-bit float or null; NaN in memory is null on disk.
    OptionalF32,
    /// 64-bit float.
    F64,
    /// Truth value.
    Bool,
    /// List of unsigned 32-bit integers.
    U32List,
    /// List of 32-bit floats.
    F32List,
}

/// Name of a column: an index makes `band_mass` into `band_mass_2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnName(pub &'static str, pub Option<usize>);

impl fmt::Display for ColumnName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(index) => write!(out, "{}_{index}", self.0),
            None => out.write_str(self.0),
        }
    }
}

/// Visits the fields of a row in column order, reading or replacing them.
pub trait Columns {
    /// A text field.
    fn text(&mut self, name: ColumnName, value: &mut String);
    /// A u32 field.
    fn u32(&mut self, name: ColumnName, value: &mut u32);
    /// A u64 field.
    fn u64(&mut self, name: ColumnName, value: &mut u64);
    /// An f32 field that is never NaN.
    fn f32(&mut self, name: ColumnName, value: &mut f32);
    /// An f32 field whose NaN means "undefined".
    fn optional_f32(&mut self, name: ColumnName, value: &mut f32);
    /// An f64 field that is never NaN.
    fn f64(&mut self, name: ColumnName, value: &mut f64);
    /// A truth value.
    fn bool(&mut self, name: ColumnName, value: &mut bool);
    /// A list of u32.
    fn u32_list(&mut self, name: ColumnName, value: &mut Vec<u32>);
    /// A list of f32 that are never NaN.
    fn f32_list(&mut self, name: ColumnName, value: &mut Vec<f32>);
}

/// A row of a Parquet file.
pub trait Row: Clone + PartialEq + fmt::Debug {
    /// A row of empty fields, replaced column by column when reading.
    fn blank() -> Self;
    /// Visits every field in column order; the order and names are the file format.
    fn columns(&mut self, columns: &mut dyn Columns);
}

/// A row that a part can hold.
pub trait PartRow: Row {
    /// The probe that the row belongs to.
    fn probe(&self) -> &str;
    /// Where the row stands within its probe: strictly increasing from row to row.
    fn key(&self) -> [u64; 2];
    /// What no file may hold, as a lower-case fragment: NaN, or a number outside its range.
    fn fault(&self) -> Option<String>;
}
