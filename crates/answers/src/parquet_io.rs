//! Rows to Parquet bytes and back, by the column writer of the `parquet` crate without arrow.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

use crate::manifest::FORMAT;
use crate::part::{ColumnName, ColumnType, Columns, MAX_ROWS_PER_PART, PartKind, PartRow};

/// Footer keys of every part.
const KEY_FORMAT: &str = "hydrometer.format";
const KEY_RUN: &str = "hydrometer.run_id";
const KEY_KIND: &str = "hydrometer.kind";
const KEY_UNIT: &str = "hydrometer.unit";

/// What a part's footer must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp<'a> {
    pub run_id: &'a str,
    pub kind: PartKind,
    pub unit: u32,
}

/// The values of one column.
#[derive(Clone, Debug)]
enum Values {
    Text(Vec<ByteArray>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    OptionalF32(Vec<i16>, Vec<f32>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
}

impl Values {
    fn empty(column: ColumnType) -> Values {
        match column {
            ColumnType::Text => Values::Text(Vec::new()),
            ColumnType::U32 => Values::I32(Vec::new()),
            ColumnType::U64 => Values::I64(Vec::new()),
            ColumnType::F32 => Values::F32(Vec::new()),
            ColumnType::OptionalF32 => Values::OptionalF32(Vec::new(), Vec::new()),
            ColumnType::F64 => Values::F64(Vec::new()),
            ColumnType::Bool => Values::Bool(Vec::new()),
        }
    }
}

/// Names and types of the columns of `R`.
#[derive(Default)]
struct SchemaOf(Vec<(String, ColumnType)>);

impl SchemaOf {
    fn row<R: PartRow>() -> Vec<(String, ColumnType)> {
        let mut schema = SchemaOf::default();
        R::blank().columns(&mut schema);
        schema.0
    }

    fn push(&mut self, name: ColumnName, column: ColumnType) {
        self.0.push((name.to_string(), column));
    }
}

impl Columns for SchemaOf {
    fn text(&mut self, name: ColumnName, _: &mut String) {
        self.push(name, ColumnType::Text);
    }
    fn u32(&mut self, name: ColumnName, _: &mut u32) {
        self.push(name, ColumnType::U32);
    }
    fn u64(&mut self, name: ColumnName, _: &mut u64) {
        self.push(name, ColumnType::U64);
    }
    fn f32(&mut self, name: ColumnName, _: &mut f32) {
        self.push(name, ColumnType::F32);
    }
    fn optional_f32(&mut self, name: ColumnName, _: &mut f32) {
        self.push(name, ColumnType::OptionalF32);
    }
    fn f64(&mut self, name: ColumnName, _: &mut f64) {
        self.push(name, ColumnType::F64);
    }
    fn bool(&mut self, name: ColumnName, _: &mut bool) {
        self.push(name, ColumnType::Bool);
    }
}

/// Appends a row's fields to the columns.
struct Append<'a> {
    columns: &'a mut [Values],
    next: usize,
}

impl Append<'_> {
    fn column(&mut self) -> Option<&mut Values> {
        self.next += 1;
        self.columns.get_mut(self.next - 1)
    }
}

impl Columns for Append<'_> {
    fn text(&mut self, _: ColumnName, value: &mut String) {
        if let Some(Values::Text(column)) = self.column() {
            column.push(ByteArray::from(value.as_str()));
        }
    }
    fn u32(&mut self, _: ColumnName, value: &mut u32) {
        if let Some(Values::I32(column)) = self.column() {
            column.push(value.cast_signed());
        }
    }
    fn u64(&mut self, _: ColumnName, value: &mut u64) {
        if let Some(Values::I64(column)) = self.column() {
            column.push(value.cast_signed());
        }
    }
    fn f32(&mut self, _: ColumnName, value: &mut f32) {
        if let Some(Values::F32(column)) = self.column() {
            column.push(*value);
        }
    }
    fn optional_f32(&mut self, _: ColumnName, value: &mut f32) {
        if let Some(Values::OptionalF32(levels, column)) = self.column() {
            levels.push(i16::from(!value.is_nan()));
            if !value.is_nan() {
                column.push(*value);
            }
        }
    }
    fn f64(&mut self, _: ColumnName, value: &mut f64) {
        if let Some(Values::F64(column)) = self.column() {
            column.push(*value);
        }
    }
    fn bool(&mut self, _: ColumnName, value: &mut bool) {
        if let Some(Values::Bool(column)) = self.column() {
            column.push(*value);
        }
    }
}

fn schema<R: PartRow>() -> Result<Arc<Type>, ParquetError> {
    let fields = SchemaOf::row::<R>()
        .iter()
        .map(|(name, column)| {
            let (physical, logical, repetition) = match column {
                ColumnType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
                ColumnType::U32 => (Physical::INT32, Some(LogicalType::integer(32, false)), Repetition::REQUIRED),
                ColumnType::U64 => (Physical::INT64, Some(LogicalType::integer(64, false)), Repetition::REQUIRED),
                ColumnType::F32 => (Physical::FLOAT, None, Repetition::REQUIRED),
                ColumnType::OptionalF32 => (Physical::FLOAT, None, Repetition::OPTIONAL),
                ColumnType::F64 => (Physical::DOUBLE, None, Repetition::REQUIRED),
                ColumnType::Bool => (Physical::BOOLEAN, None, Repetition::REQUIRED),
            };
            let field = Type::primitive_type_builder(name, physical)
                .with_logical_type(logical)
                .with_repetition(repetition)
                .build()?;
            Ok(Arc::new(field))
        })
        .collect::<Result<Vec<_>, ParquetError>>()?;
    Ok(Arc::new(Type::group_type_builder("row").with_fields(fields).build()?))
}

fn properties(stamp: &Stamp, columns: &[(String, ColumnType)]) -> Result<Arc<WriterProperties>, ParquetError> {
    let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(vec![
            pair(KEY_FORMAT, FORMAT.to_owned()),
            pair(KEY_RUN, stamp.run_id.to_owned()),
            pair(KEY_KIND, stamp.kind.name().to_owned()),
            pair(KEY_UNIT, stamp.unit.to_string()),
        ]));
    for (name, column) in columns {
        if *column == ColumnType::Text {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(name.as_str()), true);
        }
    }
    Ok(Arc::new(properties.build()))
}

/// The bytes of a part file: one row group, however many rows.
pub(crate) fn encode<R: PartRow>(stamp: &Stamp, rows: &[R]) -> Result<Vec<u8>, ParquetError> {
    let layout = SchemaOf::row::<R>();
    let mut columns: Vec<Values> = layout.iter().map(|(_, column)| Values::empty(*column)).collect();
    for row in rows {
        row.clone().columns(&mut Append { columns: &mut columns, next: 0 });
    }
    let mut writer = SerializedFileWriter::new(Vec::new(), schema::<R>()?, properties(stamp, &layout)?)?;
    let mut group = writer.next_row_group()?;
    for values in &columns {
        let Some(mut column) = group.next_column()? else {
            return Err(ParquetError::General("the schema has fewer columns than the row".to_owned()));
        };
        match values {
            Values::Text(v) => column.typed::<ByteArrayType>().write_batch(v, None, None)?,
            Values::I32(v) => column.typed::<Int32Type>().write_batch(v, None, None)?,
            Values::I64(v) => column.typed::<Int64Type>().write_batch(v, None, None)?,
            Values::F32(v) => column.typed::<FloatType>().write_batch(v, None, None)?,
            Values::OptionalF32(levels, v) => column.typed::<FloatType>().write_batch(v, Some(levels), None)?,
            Values::F64(v) => column.typed::<DoubleType>().write_batch(v, None, None)?,
            Values::Bool(v) => column.typed::<BoolType>().write_batch(v, None, None)?,
        };
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
}

/// Reads a part file back. The error is a lower-case fragment that says what is wrong with the file.
pub(crate) fn decode<R: PartRow>(path: &Path, stamp: &Stamp) -> Result<Vec<R>, String> {
    // The parquet crate asserts some of what it reads. Everything known is checked beforehand; this is the last net,
    // so that a hostile file in a folder from elsewhere is an error and not the end of the process.
    std::panic::catch_unwind(|| decode_checked(path, stamp))
        .unwrap_or_else(|_| Err("is no Parquet file that can be decoded".to_owned()))
}

fn decode_checked<R: PartRow>(path: &Path, stamp: &Stamp) -> Result<Vec<R>, String> {
    let file = File::open(path).map_err(|source| format!("cannot be opened: {source}"))?;
    let length = file.metadata().map_err(|source| format!("cannot be read: {source}"))?.len();
    let reader = SerializedFileReader::new(file).map_err(|error| not_parquet(&error))?;
    check_stamp(reader.metadata(), stamp)?;
    let layout = SchemaOf::row::<R>();
    check_schema::<R>(reader.metadata())?;
    let rows = check_extent(reader.metadata(), length)?;
    let mut columns: Vec<Values> = layout.iter().map(|(_, column)| Values::empty(*column)).collect();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(|error| not_parquet(&error))?;
        for (index, column) in columns.iter_mut().enumerate() {
            read_column(group.as_ref(), index, rows, column)
                .map_err(|error| format!("column {}: {error}", layout[index].0))?;
        }
    }
    let mut cursor = Cursors::new(&columns);
    let mut out = Vec::with_capacity(rows);
    for _ in 0..rows {
        let mut row = R::blank();
        cursor.next = 0;
        row.columns(&mut cursor);
        out.push(row);
    }
    match cursor.fault {
        Some(what) => Err(what),
        None => Ok(out),
    }
}

fn not_parquet(error: &ParquetError) -> String {
    format!("is no complete Parquet file ({error})")
}

fn check_stamp(metadata: &ParquetMetaData, stamp: &Stamp) -> Result<(), String> {
    let pairs = metadata.file_metadata().key_value_metadata();
    let value = |key: &str| pairs.and_then(|p| p.iter().find(|pair| pair.key == key)).and_then(|p| p.value.clone());
    let expected = [
        (KEY_FORMAT, FORMAT.to_owned()),
        (KEY_RUN, stamp.run_id.to_owned()),
        (KEY_KIND, stamp.kind.name().to_owned()),
        (KEY_UNIT, stamp.unit.to_string()),
    ];
    for (key, expected) in expected {
        match value(key) {
            Some(found) if found == expected => {}
            Some(found) if key == KEY_RUN => {
                return Err(format!("belongs to another run: its run id is {found}, this run is {expected}"));
            }
            Some(found) => return Err(format!("footer says {key} = {found:?}, expected {expected:?}")),
            None => return Err(format!("footer does not say {key}: the file was not written by hydrometer")),
        }
    }
    Ok(())
}

/// Every column chunk lies within the file and claims no more values than rows; the number of rows.
fn check_extent(metadata: &ParquetMetaData, length: u64) -> Result<usize, String> {
    let claimed = metadata.file_metadata().num_rows();
    let rows = usize::try_from(claimed).ok().filter(|rows| *rows <= MAX_ROWS_PER_PART);
    let rows = rows.ok_or_else(|| format!("claims {claimed} rows, at most {MAX_ROWS_PER_PART} are allowed"))?;
    let mut in_groups: i64 = 0;
    for group in metadata.row_groups() {
        in_groups = in_groups.saturating_add(group.num_rows());
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size()).and_then(|end| u64::try_from(end).ok());
            let inside = start >= 0 && column.compressed_size() >= 0 && end.is_some_and(|end| end <= length);
            if !inside || column.num_values() != group.num_rows() {
                return Err(format!("is damaged: the footer misplaces column {}", column.column_path()));
            }
        }
    }
    if in_groups != claimed {
        return Err(format!("is damaged: claims {claimed} rows and holds {in_groups}"));
    }
    Ok(rows)
}

fn check_schema<R: PartRow>(metadata: &ParquetMetaData) -> Result<(), String> {
    let expected = schema::<R>().map_err(|error| error.to_string())?;
    let found = metadata.file_metadata().schema();
    let names = |schema: &Type| -> Vec<String> { schema.get_fields().iter().map(|f| f.name().to_owned()).collect() };
    if names(found) != names(&expected) {
        return Err(format!("has columns {:?}, expected {:?}", names(found), names(&expected)));
    }
    for (have, want) in found.get_fields().iter().zip(expected.get_fields()) {
        let same = have.is_primitive()
            && have.get_physical_type() == want.get_physical_type()
            && have.get_basic_info().repetition() == want.get_basic_info().repetition();
        if !same {
            return Err(format!("column {} has another type than this format version gives it", want.name()));
        }
    }
    Ok(())
}

fn read_column(group: &dyn RowGroupReader, index: usize, limit: usize, into: &mut Values) -> Result<(), ParquetError> {
    match into {
        Values::Text(v) => read_plain::<ByteArrayType>(group, index, limit, v),
        Values::I32(v) => read_plain::<Int32Type>(group, index, limit, v),
        Values::I64(v) => read_plain::<Int64Type>(group, index, limit, v),
        Values::F32(v) => read_plain::<FloatType>(group, index, limit, v),
        Values::F64(v) => read_plain::<DoubleType>(group, index, limit, v),
        Values::Bool(v) => read_plain::<BoolType>(group, index, limit, v),
        Values::OptionalF32(levels, v) => {
            let mut column = get_typed_column_reader::<FloatType>(group.get_column_reader(index)?);
            column.read_records(limit - levels.len().min(limit), Some(levels), None, v).map(|_| ())
        }
    }
}

fn read_plain<T: DataType>(
    group: &dyn RowGroupReader,
    index: usize,
    limit: usize,
    into: &mut Vec<T::T>,
) -> Result<(), ParquetError> {
    let mut column = get_typed_column_reader::<T>(group.get_column_reader(index)?);
    column.read_records(limit - into.len().min(limit), None, None, into).map(|_| ())
}

/// Takes the next value of every column in turn.
struct Cursors<'a> {
    columns: Vec<Cursor<'a>>,
    next: usize,
    fault: Option<String>,
}

enum Cursor<'a> {
    Text(std::slice::Iter<'a, ByteArray>),
    I32(std::slice::Iter<'a, i32>),
    I64(std::slice::Iter<'a, i64>),
    F32(std::slice::Iter<'a, f32>),
    OptionalF32(std::slice::Iter<'a, i16>, std::slice::Iter<'a, f32>),
    F64(std::slice::Iter<'a, f64>),
    Bool(std::slice::Iter<'a, bool>),
}

impl<'a> Cursors<'a> {
    fn new(columns: &'a [Values]) -> Cursors<'a> {
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
            })
            .collect();
        Cursors { columns, next: 0, fault: None }
    }

    /// Stores the next value of the next column, or remembers that the column is too short.
    fn take<T>(&mut self, name: ColumnName, value: &mut T, read: impl FnOnce(&mut Cursor) -> Option<Option<T>>) {
        let found = self.columns.get_mut(self.next).and_then(read);
        self.next += 1;
        match found {
            Some(Some(found)) => *value = found,
            Some(None) => self.fail(format!("column {name} holds text that is not UTF-8")),
            None => self.fail(format!("column {name} has fewer values than the file has rows")),
        }
    }

    fn fail(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }
}

impl Columns for Cursors<'_> {
    fn text(&mut self, name: ColumnName, value: &mut String) {
        self.take(name, value, |cursor| match cursor {
            Cursor::Text(v) => v.next().map(|bytes| bytes.as_utf8().ok().map(str::to_owned)),
            _ => None,
        });
    }
    fn u32(&mut self, name: ColumnName, value: &mut u32) {
        self.take(name, value, |cursor| match cursor {
            Cursor::I32(v) => v.next().map(|v| Some(v.cast_unsigned())),
            _ => None,
        });
    }
    fn u64(&mut self, name: ColumnName, value: &mut u64) {
        self.take(name, value, |cursor| match cursor {
            Cursor::I64(v) => v.next().map(|v| Some(v.cast_unsigned())),
            _ => None,
        });
    }
    fn f32(&mut self, name: ColumnName, value: &mut f32) {
        self.take(name, value, |cursor| match cursor {
            Cursor::F32(v) => v.next().map(|v| Some(*v)),
            _ => None,
        });
    }
    fn optional_f32(&mut self, name: ColumnName, value: &mut f32) {
        self.take(name, value, |cursor| match cursor {
            Cursor::OptionalF32(levels, v) => match levels.next() {
                Some(0) => Some(Some(f32::NAN)),
                Some(_) => v.next().map(|v| Some(*v)),
                None => None,
            },
            _ => None,
        });
    }
    fn f64(&mut self, name: ColumnName, value: &mut f64) {
        self.take(name, value, |cursor| match cursor {
            Cursor::F64(v) => v.next().map(|v| Some(*v)),
            _ => None,
        });
    }
    fn bool(&mut self, name: ColumnName, value: &mut bool) {
        self.take(name, value, |cursor| match cursor {
            Cursor::Bool(v) => v.next().map(|v| Some(*v)),
            _ => None,
        });
    }
}
