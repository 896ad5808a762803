//! How a row is laid out in columns: one function per row type is schema, writer, reader and check of ranges.

use std::fmt;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// UTF-8 text, dictionary encoded.
    Text,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// 32-bit float.
    F32,
    /// 32-bit float or null.
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

/// A column: its name, the version of the part that brought it, and the numbers that it may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    name: &'static str,
    index: Option<usize>,
    since: u32,
    least: f64,
    most: f64,
}

/// The column of that name, there from version 1 on, for any number that is not NaN.
pub const fn column(name: &'static str) -> Column {
    Column { name, index: None, since: 1, least: f64::NEG_INFINITY, most: f64::INFINITY }
}

impl Column {
    /// One of several of the name: an index makes `band_mass` into `band_mass_2`.
    pub const fn at(self, index: usize) -> Column {
        Column { index: Some(index), ..self }
    }

    /// Not in files of earlier versions of the part. A row read from such a file keeps what [`Row::blank`] has there.
    pub const fn since(self, version: u32) -> Column {
        Column { since: version, ..self }
    }

    /// No number below `least` or above `most` is read or written; NaN never is.
    pub const fn within(self, least: f64, most: f64) -> Column {
        Column { least, most, ..self }
    }

    /// Whether a file of this version of the part has it.
    pub(crate) fn is_in(&self, version: u32) -> bool {
        self.since <= version
    }

    /// What is wrong with a number in it, as a lower-case fragment.
    fn fault(&self, value: f64) -> Option<String> {
        if value.is_nan() {
            return Some(format!("{self} is NaN, expected a number"));
        }
        let (least, most) = (self.least, self.most);
        (value < least || value > most).then(|| match (least.is_finite(), most.is_finite()) {
            (true, true) => format!("{self} is {value}, expected {least} to {most}"),
            (true, false) => format!("{self} is {value}, expected at least {least}"),
            _ => format!("{self} is {value}, expected at most {most}"),
        })
    }
}

impl fmt::Display for Column {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(out, "{}_{index}", self.name),
            None => out.write_str(self.name),
        }
    }
}

/// A text of which only some are known.
pub trait Word {
    /// The text as a file has it.
    fn word(&self) -> &'static str;
    /// Becomes the value that a file calls `found`.
    ///
    /// # Errors
    /// There is none; the error lists the texts that were expected.
    fn read(&mut self, found: &str) -> Result<(), String>;
}

/// The value whose name is `found`, or a list of the names that there are.
pub(crate) fn known_word<T: Copy>(all: &[T], name: fn(T) -> &'static str, found: &str) -> Result<T, String> {
    let names: Vec<_> = all.iter().map(|&value| format!("{:?}", name(value))).collect();
    all.iter().copied().find(|&value| name(value) == found).ok_or_else(|| match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    })
}

/// Visits the fields of a row in column order, reading or replacing them.
pub trait Columns {
    /// A text field.
    fn text(&mut self, column: Column, value: &mut String);
    /// A text field of which only some texts are known.
    fn word(&mut self, column: Column, value: &mut dyn Word);
    /// A u32 field.
    fn u32(&mut self, column: Column, value: &mut u32);
    /// A u64 field.
    fn u64(&mut self, column: Column, value: &mut u64);
    /// An f32 field.
    fn f32(&mut self, column: Column, value: &mut f32);
    /// An f32 field that may be unknown: null in the file.
    fn optional_f32(&mut self, column: Column, value: &mut Option<f32>);
    /// An f64 field.
    fn f64(&mut self, column: Column, value: &mut f64);
    /// A truth value.
    fn bool(&mut self, column: Column, value: &mut bool);
    /// A list of u32.
    fn u32_list(&mut self, column: Column, value: &mut Vec<u32>);
    /// A list of f32.
    fn f32_list(&mut self, column: Column, value: &mut Vec<f32>);

    /// An f32 field for each of `values`, the index behind the name.
    fn f32_each(&mut self, column: Column, values: &mut [f32]) {
        for (index, value) in values.iter_mut().enumerate() {
            self.f32(column.at(index), value);
        }
    }
}

/// A row of a Parquet file.
pub trait Row: Clone + PartialEq + fmt::Debug {
    /// A row whose fields are replaced column by column when it is read. What a column that came with a later version is
    /// where an older file lacks it stands here.
    fn blank() -> Self;
    /// Visits every field in column order; the order and names are the file format. New columns go to the end, with the
    /// version that brought them.
    fn columns(&mut self, columns: &mut dyn Columns);
}

/// The first number of a row that its column may not hold, as a lower-case fragment.
pub(crate) fn out_of_range<R: Row>(row: &mut R) -> Option<String> {
    let mut check = Ranges(None);
    row.columns(&mut check);
    check.0
}

struct Ranges(Option<String>);

impl Ranges {
    fn look(&mut self, column: Column, value: f64) {
        if self.0.is_none() {
            self.0 = column.fault(value);
        }
    }
}

impl Columns for Ranges {
    fn text(&mut self, _: Column, _: &mut String) {}
    fn word(&mut self, _: Column, _: &mut dyn Word) {}
    fn u32(&mut self, column: Column, value: &mut u32) {
        self.look(column, f64::from(*value));
    }
    fn u64(&mut self, column: Column, value: &mut u64) {
        self.look(column, *value as f64);
    }
    fn f32(&mut self, column: Column, value: &mut f32) {
        self.look(column, f64::from(*value));
    }
    fn optional_f32(&mut self, column: Column, value: &mut Option<f32>) {
        if let Some(value) = value {
            self.look(column, f64::from(*value));
        }
    }
    fn f64(&mut self, column: Column, value: &mut f64) {
        self.look(column, *value);
    }
    fn bool(&mut self, _: Column, _: &mut bool) {}
    fn u32_list(&mut self, column: Column, value: &mut Vec<u32>) {
        for (index, value) in value.iter().enumerate() {
            self.look(column.at(index), f64::from(*value));
        }
    }
    fn f32_list(&mut self, column: Column, value: &mut Vec<f32>) {
        for (index, value) in value.iter().enumerate() {
            self.look(column.at(index), f64::from(*value));
        }
    }
}
