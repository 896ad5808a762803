//! The columns of rows in memory: filled row by row, taken apart again row by row.

use parquet::data_type::ByteArray;

use super::row::{Column, ColumnType, Columns, Word};

/// The values of one column.
#[derive(Clone, Debug)]
pub enum Values {
    Text(Vec<ByteArray>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    OptionalF32(Vec<i16>, Vec<f32>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    U32List(Lists<i32>),
    F32List(Lists<f32>),
}

/// Lists of values as Parquet has them: an entry per value, and one without a value per empty list.
#[derive(Clone, Debug, Default)]
pub struct Lists<T> {
    /// 1 where the entry is a value.
    pub definition: Vec<i16>,
    /// 0 where the entry begins a list.
    pub repetition: Vec<i16>,
    pub values: Vec<T>,
}

impl<T> Lists<T> {
    fn push(&mut self, list: impl ExactSizeIterator<Item = T>) {
        let entries = list.len().max(1);
        let level = i16::from(list.len() > 0);
        self.definition.extend(std::iter::repeat_n(level, entries));
        self.repetition.extend((0..entries).map(|entry| i16::from(entry > 0)));
        self.values.extend(list);
    }
}

impl Values {
    pub fn empty(column: ColumnType) -> Values {
        match column {
            ColumnType::Text => Values::Text(Vec::new()),
            ColumnType::U32 => Values::I32(Vec::new()),
            ColumnType::U64 => Values::I64(Vec::new()),
            ColumnType::F32 => Values::F32(Vec::new()),
            ColumnType::OptionalF32 => Values::OptionalF32(Vec::new(), Vec::new()),
            ColumnType::F64 => Values::F64(Vec::new()),
            ColumnType::Bool => Values::Bool(Vec::new()),
            ColumnType::U32List => Values::U32List(Lists::default()),
            ColumnType::F32List => Values::F32List(Lists::default()),
        }
    }
}

/// Appends a row's fields to the columns.
pub struct Append<'a> {
    pub columns: &'a mut [Values],
    pub next: usize,
}

impl Append<'_> {
    fn column(&mut self) -> Option<&mut Values> {
        self.next += 1;
        self.columns.get_mut(self.next - 1)
    }
}

impl Columns for Append<'_> {
    fn text(&mut self, _: Column, value: &mut String) {
        if let Some(Values::Text(column)) = self.column() {
            column.push(ByteArray::from(value.as_str()));
        }
    }
    fn word(&mut self, _: Column, value: &mut dyn Word) {
        if let Some(Values::Text(column)) = self.column() {
            column.push(ByteArray::from(value.word()));
        }
    }
    fn u32(&mut self, _: Column, value: &mut u32) {
        if let Some(Values::I32(column)) = self.column() {
            column.push(value.cast_signed());
        }
    }
    fn u64(&mut self, _: Column, value: &mut u64) {
        if let Some(Values::I64(column)) = self.column() {
            column.push(value.cast_signed());
        }
    }
    fn f32(&mut self, _: Column, value: &mut f32) {
        if let Some(Values::F32(column)) = self.column() {
            column.push(*value);
        }
    }
    fn optional_f32(&mut self, _: Column, value: &mut Option<f32>) {
        if let Some(Values::OptionalF32(levels, column)) = self.column() {
            levels.push(i16::from(value.is_some()));
            column.extend(*value);
        }
    }
    fn f64(&mut self, _: Column, value: &mut f64) {
        if let Some(Values::F64(column)) = self.column() {
            column.push(*value);
        }
    }
    fn bool(&mut self, _: Column, value: &mut bool) {
        if let Some(Values::Bool(column)) = self.column() {
            column.push(*value);
        }
    }
    fn u32_list(&mut self, _: Column, value: &mut Vec<u32>) {
        if let Some(Values::U32List(column)) = self.column() {
            column.push(value.iter().map(|v| v.cast_signed()));
        }
    }
    fn f32_list(&mut self, _: Column, value: &mut Vec<f32>) {
        if let Some(Values::F32List(column)) = self.column() {
            column.push(value.iter().copied());
        }
    }
}

/// Takes the next value of every column in turn. Columns that the file's version of the part lacks are passed over.
pub struct Cursors<'a> {
    columns: Vec<Cursor<'a>>,
    version: u32,
    row: usize,
    next: usize,
    pub fault: Option<String>,
}

enum Cursor<'a> {
    Text(std::slice::Iter<'a, ByteArray>),
    I32(std::slice::Iter<'a, i32>),
    I64(std::slice::Iter<'a, i64>),
    F32(std::slice::Iter<'a, f32>),
    OptionalF32(std::slice::Iter<'a, i16>, std::slice::Iter<'a, f32>),
    F64(std::slice::Iter<'a, f64>),
    Bool(std::slice::Iter<'a, bool>),
    U32List(ListCursor<'a, i32>),
    F32List(ListCursor<'a, f32>),
}

/// Takes one list after the other.
struct ListCursor<'a, T> {
    definition: &'a [i16],
    repetition: &'a [i16],
    values: &'a [T],
}

impl<'a, T> ListCursor<'a, T> {
    fn new(lists: &'a Lists<T>) -> ListCursor<'a, T> {
        ListCursor { definition: &lists.definition, repetition: &lists.repetition, values: &lists.values }
    }

    /// The values of the next list; `None` when there is no list left, or not all of its values.
    fn next(&mut self) -> Option<&'a [T]> {
        let (_, rest) = self.repetition.split_first()?;
        let entries = 1 + rest.iter().take_while(|&&level| level > 0).count();
        let (definition, after) = self.definition.split_at_checked(entries)?;
        let present = definition.iter().filter(|&&level| level > 0).count();
        let (values, remaining) = self.values.split_at_checked(present)?;
        (self.repetition, self.definition, self.values) = (&self.repetition[entries..], after, remaining);
        Some(values)
    }
}

impl<'a> Cursors<'a> {
    pub fn new(columns: &'a [Values], version: u32) -> Cursors<'a> {
        let columns = columns
            .iter()
            .map(|column| match column {
                Values::Text(v) => Cursor::Text(v.iter()),
                Values::I32(v) => Cursor::I32(v.iter()),
                Values::I64(v) => Cursor::I64(v.iter()),
                Values::F32(v) => Cursor::F32(v.iter()),
                Values::OptionalF32(levels, v) => Cursor::OptionalF32(levels.iter(), v.iter()),
                Values::F64(v) => Cursor::F64(v.iter()),
                Values::Bool(v) => Cursor::Bool(v.iter()),
                Values::U32List(v) => Cursor::U32List(ListCursor::new(v)),
                Values::F32List(v) => Cursor::F32List(ListCursor::new(v)),
            })
            .collect();
        Cursors { columns, version, row: 0, next: 0, fault: None }
    }

    /// Begins with the columns of a row again.
    pub fn begin(&mut self, row: usize) {
        (self.row, self.next) = (row, 0);
    }

    /// Stores the next value of the next column, or remembers that the column is too short.
    fn take<T>(&mut self, column: Column, value: &mut T, read: impl FnOnce(&mut Cursor) -> Option<Option<T>>) {
        if !column.is_in(self.version) {
            return;
        }
        let found = self.columns.get_mut(self.next).and_then(read);
        self.next += 1;
        match found {
            Some(Some(found)) => *value = found,
            Some(None) => self.fail(format!("column {column} holds text that is not UTF-8")),
            None => self.fail(format!("column {column} has fewer values than the file has rows")),
        }
    }

    fn fail(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }
}

impl Columns for Cursors<'_> {
    fn text(&mut self, column: Column, value: &mut String) {
        self.take(column, value, |cursor| match cursor {
            Cursor::Text(v) => v.next().map(|bytes| bytes.as_utf8().ok().map(str::to_owned)),
            _ => None,
        });
    }
    fn word(&mut self, column: Column, value: &mut dyn Word) {
        let mut text = value.word().to_owned();
        self.text(column, &mut text);
        if let Err(expected) = value.read(&text) {
            let row = self.row;
            self.fail(format!("row {row}: {column} is {text:?}, expected {expected}"));
        }
    }
    fn u32(&mut self, column: Column, value: &mut u32) {
        self.take(column, value, |cursor| match cursor {
            Cursor::I32(v) => v.next().map(|v| Some(v.cast_unsigned())),
            _ => None,
        });
    }
    fn u64(&mut self, column: Column, value: &mut u64) {
        self.take(column, value, |cursor| match cursor {
            Cursor::I64(v) => v.next().map(|v| Some(v.cast_unsigned())),
            _ => None,
        });
    }
    fn f32(&mut self, column: Column, value: &mut f32) {
        self.take(column, value, |cursor| match cursor {
            Cursor::F32(v) => v.next().map(|v| Some(*v)),
            _ => None,
        });
    }
    fn optional_f32(&mut self, column: Column, value: &mut Option<f32>) {
        self.take(column, value, |cursor| match cursor {
            Cursor::OptionalF32(levels, v) => match levels.next() {
                Some(0) => Some(Some(None)),
                Some(_) => v.next().map(|v| Some(Some(*v))),
                None => None,
            },
            _ => None,
        });
    }
    fn f64(&mut self, column: Column, value: &mut f64) {
        self.take(column, value, |cursor| match cursor {
            Cursor::F64(v) => v.next().map(|v| Some(*v)),
            _ => None,
        });
    }
    fn bool(&mut self, column: Column, value: &mut bool) {
        self.take(column, value, |cursor| match cursor {
            Cursor::Bool(v) => v.next().map(|v| Some(*v)),
            _ => None,
        });
    }
    fn u32_list(&mut self, column: Column, value: &mut Vec<u32>) {
        self.take(column, value, |cursor| match cursor {
            Cursor::U32List(v) => v.next().map(|list| Some(list.iter().map(|v| v.cast_unsigned()).collect())),
            _ => None,
        });
    }
    fn f32_list(&mut self, column: Column, value: &mut Vec<f32>) {
        self.take(column, value, |cursor| match cursor {
            Cursor::F32List(v) => v.next().map(|list| Some(list.to_vec())),
            _ => None,
        });
    }
}
