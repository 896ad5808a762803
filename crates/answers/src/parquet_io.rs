//! Rows to Parquet bytes and back, by the column writer of the `parquet` crate without arrow.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hydrometer_probes::strangers::{contained, open_file};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{BoolType, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

mod columns;
mod extent;
pub(crate) mod row;

use columns::{Append, Cursors, Lists, Values};
use row::{Column, ColumnType, Columns, Row, Word};

/// Most rows that one file may hold; a file that claims more is refused before anything is allocated.
pub const MAX_ROWS: usize = 1 << 20;
/// Most entries that the lists of one column are believed to have together.
pub(crate) const MAX_LIST_ENTRIES: usize = 1 << 24;

/// Most bytes of text in one column.
const MAX_TEXT: usize = 1 << 28;

/// The footer's key for the format.
pub(crate) const KEY_FORMAT: &str = "hydrometer.format";
/// The footer's key for the version of a part; a file without it is of version 1.
pub(crate) const KEY_VERSION: &str = "hydrometer.part_version";

/// What a file's footer must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Mark>);

/// One key of a footer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    key: &'static str,
    value: String,
    /// What another value means, as a lower-case fragment.
    otherwise: Option<&'static str>,
}

impl Stamp {
    /// The footer of a file of this format.
    pub fn format(format: &str) -> Stamp {
        Stamp(Vec::new()).with(KEY_FORMAT, format.to_owned(), None)
    }

    /// The same with another key. `otherwise` says what it means that a file has another value there.
    pub fn with(mut self, key: &'static str, value: String, otherwise: Option<&'static str>) -> Stamp {
        self.0.push(Mark { key, value, otherwise });
        self
    }
}

/// Which columns a file is expected to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Those of the row, in order, as they were in the file's version: at most this one.
    UpTo {
        /// What the files hold, for people.
        name: &'static str,
        /// The newest version that is read.
        version: u32,
    },
    /// Those of the row among others: the others are not read.
    AtLeast,
}

/// Names and types of the columns that a row has in one version.
struct SchemaOf {
    version: u32,
    columns: Vec<(String, ColumnType)>,
}

impl SchemaOf {
    fn row<R: Row>(version: u32) -> Vec<(String, ColumnType)> {
        let mut schema = SchemaOf { version, columns: Vec::new() };
        R::blank().columns(&mut schema);
        schema.columns
    }

    fn push(&mut self, column: Column, of: ColumnType) {
        if column.is_in(self.version) {
            self.columns.push((column.to_string(), of));
        }
    }
}

impl Columns for SchemaOf {
    fn text(&mut self, column: Column, _: &mut String) {
        self.push(column, ColumnType::Text);
    }
    fn word(&mut self, column: Column, _: &mut dyn Word) {
        self.push(column, ColumnType::Text);
    }
    fn u32(&mut self, column: Column, _: &mut u32) {
        self.push(column, ColumnType::U32);
    }
    fn u64(&mut self, column: Column, _: &mut u64) {
        self.push(column, ColumnType::U64);
    }
    fn f32(&mut self, column: Column, _: &mut f32) {
        self.push(column, ColumnType::F32);
    }
    fn optional_f32(&mut self, column: Column, _: &mut Option<f32>) {
        self.push(column, ColumnType::OptionalF32);
    }
    fn f64(&mut self, column: Column, _: &mut f64) {
        self.push(column, ColumnType::F64);
    }
    fn bool(&mut self, column: Column, _: &mut bool) {
        self.push(column, ColumnType::Bool);
    }
    fn u32_list(&mut self, column: Column, _: &mut Vec<u32>) {
        self.push(column, ColumnType::U32List);
    }
    fn f32_list(&mut self, column: Column, _: &mut Vec<f32>) {
        self.push(column, ColumnType::F32List);
    }
}

fn schema(columns: &[(String, ColumnType)]) -> Result<Arc<Type>, ParquetError> {
    let fields = columns
        .iter()
        .map(|(name, column)| {
            let unsigned = Some(LogicalType::integer(32, false));
            let (physical, logical, repetition) = match column {
                ColumnType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
                ColumnType::U32 => (Physical::INT32, unsigned, Repetition::REQUIRED),
                ColumnType::U64 => (Physical::INT64, Some(LogicalType::integer(64, false)), Repetition::REQUIRED),
                ColumnType::F32 => (Physical::FLOAT, None, Repetition::REQUIRED),
                ColumnType::OptionalF32 => (Physical::FLOAT, None, Repetition::OPTIONAL),
                ColumnType::F64 => (Physical::DOUBLE, None, Repetition::REQUIRED),
                ColumnType::Bool => (Physical::BOOLEAN, None, Repetition::REQUIRED),
                ColumnType::U32List => return list(name, Physical::INT32, unsigned),
                ColumnType::F32List => return list(name, Physical::FLOAT, None),
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

/// A list that is never null, of values that are never null.
fn list(name: &str, physical: Physical, logical: Option<LogicalType>) -> Result<Arc<Type>, ParquetError> {
    let required = Repetition::REQUIRED;
    let element = Type::primitive_type_builder("element", physical)
        .with_logical_type(logical)
        .with_repetition(required)
        .build()?;
    let entries = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    let list = Type::group_type_builder(name)
        .with_logical_type(Some(LogicalType::List))
        .with_repetition(required)
        .with_fields(vec![Arc::new(entries)])
        .build()?;
    Ok(Arc::new(list))
}

fn properties(stamp: &Stamp, columns: &[(String, ColumnType)]) -> Result<Arc<WriterProperties>, ParquetError> {
    let pairs = stamp.0.iter().map(|mark| KeyValue::new(mark.key.to_owned(), mark.value.clone())).collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(pairs));
    for (name, column) in columns {
        if *column == ColumnType::Text {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(name.as_str()), true);
        }
    }
    Ok(Arc::new(properties.build()))
}

/// The bytes of a file: one row group, however many rows. `rows` are only read; their columns are visited as they are for
/// reading.
pub(crate) fn encode<R: Row>(stamp: &Stamp, rows: &mut [R]) -> Result<Vec<u8>, ParquetError> {
    let layout = SchemaOf::row::<R>(u32::MAX);
    let mut columns: Vec<Values> = layout.iter().map(|(_, column)| Values::empty(*column)).collect();
    for row in rows {
        row.columns(&mut Append { columns: &mut columns, next: 0 });
    }
    let mut writer = SerializedFileWriter::new(Vec::new(), schema(&layout)?, properties(stamp, &layout)?)?;
    let mut group = writer.next_row_group()?;
    for (values, (name, _)) in columns.iter().zip(&layout) {
        check_texts(name, values).map_err(ParquetError::General)?;
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
            Values::U32List(v) => write_lists::<Int32Type>(&mut column, v)?,
            Values::F32List(v) => write_lists::<FloatType>(&mut column, v)?,
        };
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
}

fn write_lists<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    lists: &Lists<T::T>,
) -> Result<usize, ParquetError> {
    column.typed::<T>().write_batch(&lists.values, Some(&lists.definition), Some(&lists.repetition))
}

/// Opens a file that somebody else wrote: its footer, extent and pages are looked at before anything is decoded.
pub(crate) fn open_bounded(mut file: File) -> Result<SerializedFileReader<File>, String> {
    extent::check_footer(&mut file)?;
    let length = file.metadata().map_err(|source| format!("cannot be read: {source}"))?.len();
    let mut pages = file.try_clone().map_err(|source| format!("cannot be read: {source}"))?;
    let reader = SerializedFileReader::new(file).map_err(|error| not_parquet(&error))?;
    check_extent(reader.metadata(), length)?;
    extent::check_pages(&mut pages, chunks(reader.metadata()))?;
    Ok(reader)
}

/// Reads a file back, or those of its columns that the row has. The error is a lower-case fragment that says what is wrong with the file.
pub(crate) fn decode<R: Row>(path: &Path, stamp: &Stamp, expect: Expect) -> Result<Vec<R>, String> {
    // The parquet crate asserts some of what it reads. Everything known is checked beforehand; this is the last net,
    // so that a hostile file in a folder from elsewhere is an error and not the end of the process.
    contained(|| decode_checked(path, stamp, expect))
        .unwrap_or_else(|| Err("is no Parquet file that can be decoded".to_owned()))
}

fn decode_checked<R: Row>(path: &Path, stamp: &Stamp, expect: Expect) -> Result<Vec<R>, String> {
    let reader = open_bounded(open_file(path).map_err(|source| format!("cannot be opened: {source}"))?)?;
    check_stamp(reader.metadata(), stamp)?;
    let version = match expect {
        Expect::UpTo { name, version } => version_of(reader.metadata(), name, version)?,
        Expect::AtLeast => u32::MAX,
    };
    let layout = SchemaOf::row::<R>(version);
    let places = check_schema(reader.metadata(), &layout, expect)?;
    // The file says no more than `MAX_ROWS`, and holds as many.
    let rows = reader.metadata().file_metadata().num_rows() as usize;
    let mut columns: Vec<Values> = layout.iter().map(|(_, column)| Values::empty(*column)).collect();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(|error| not_parquet(&error))?;
        for (column, (place, (name, _))) in columns.iter_mut().zip(places.iter().zip(&layout)) {
            read_column(group.as_ref(), *place, rows, column).map_err(|error| format!("column {name}: {error}"))?;
            check_texts(name, column)?;
        }
    }
    let mut cursor = Cursors::new(&columns, version);
    let mut out = Vec::with_capacity(rows);
    for place in 0..rows {
        let mut row = R::blank();
        cursor.begin(place);
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

fn footer<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
}

fn check_stamp(metadata: &ParquetMetaData, stamp: &Stamp) -> Result<(), String> {
    for Mark { key, value: expected, otherwise } in &stamp.0 {
        match (footer(metadata, key), otherwise) {
            // Which versions are read is no matter of being equal.
            _ if *key == KEY_VERSION => {}
            (Some(found), _) if found == expected => {}
            (Some(found), Some(otherwise)) => {
                return Err(format!("{otherwise}: footer says {key} = {found:?}, expected {expected:?}"));
            }
            (Some(found), None) => return Err(format!("footer says {key} = {found:?}, expected {expected:?}")),
            (None, _) => return Err(format!("footer does not say {key}: the file was not written by hydrometer")),
        }
    }
    Ok(())
}

/// Version of a file's layout, which this program must know.
fn version_of(metadata: &ParquetMetaData, name: &str, newest: u32) -> Result<u32, String> {
    let Some(found) = footer(metadata, KEY_VERSION) else { return Ok(1) };
    match found.parse::<u32>() {
        Ok(version) if (1..=newest).contains(&version) => Ok(version),
        Ok(version) if version > newest => {
            Err(format!("{name} version {version}, this program reads up to {newest}: read it with a newer hydrometer"))
        }
        _ => Err(format!("footer says {KEY_VERSION} = {found:?}, expected a number of at least 1")),
    }
}

/// Every column chunk lies within the file and claims no more values than rows.
fn check_extent(metadata: &ParquetMetaData, length: u64) -> Result<(), String> {
    let claimed = metadata.file_metadata().num_rows();
    if usize::try_from(claimed).map_or(true, |rows| rows > MAX_ROWS) {
        return Err(format!("claims {claimed} rows, at most {MAX_ROWS} are allowed"));
    }
    let mut in_groups: i64 = 0;
    for group in metadata.row_groups() {
        in_groups = in_groups.saturating_add(group.num_rows());
        for column in group.columns() {
            if !matches!(column.compression(), Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_)) {
                let (path, packed) = (column.column_path(), column.compression());
                return Err(format!(
                    "is packed with {packed} (column {path}): write it again with zstd, Snappy or unpacked"
                ));
            }
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size()).and_then(|end| u64::try_from(end).ok());
            let inside = start >= 0 && column.compressed_size() >= 0 && end.is_some_and(|end| end <= length);
            let most = match column.column_descr().max_rep_level() {
                0 => group.num_rows(),
                _ => MAX_LIST_ENTRIES as i64,
            };
            if !inside || !(group.num_rows()..=most).contains(&column.num_values()) {
                return Err(format!("is damaged: the footer misplaces column {}", column.column_path()));
            }
        }
    }
    if in_groups != claimed {
        return Err(format!("is damaged: claims {claimed} rows and holds {in_groups}"));
    }
    Ok(())
}

/// The place of every column chunk in the file, which [`check_extent`] has seen to be inside it.
fn chunks(metadata: &ParquetMetaData) -> impl Iterator<Item = (String, Range<u64>)> {
    metadata.row_groups().iter().flat_map(|group| group.columns()).map(|column| {
        let (start, length) = column.byte_range();
        (column.column_path().to_string(), start..start.saturating_add(length))
    })
}

/// A dictionary holds a text once, however many rows point to it; as rows they would be as many copies.
fn check_texts(name: &str, column: &Values) -> Result<(), String> {
    let Values::Text(texts) = column else { return Ok(()) };
    let bytes = texts.iter().fold(0, |sum: usize, text| sum.saturating_add(text.len()));
    if bytes > MAX_TEXT {
        return Err(format!("column {name} holds {bytes} bytes of text, at most {MAX_TEXT} are read"));
    }
    Ok(())
}

fn names(schema: &Type) -> Vec<&str> {
    schema.get_fields().iter().map(|field| field.name()).collect()
}

/// Where in the file each column of the row stands.
fn check_schema(
    metadata: &ParquetMetaData,
    layout: &[(String, ColumnType)],
    expect: Expect,
) -> Result<Vec<usize>, String> {
    let expected = schema(layout).map_err(|error| error.to_string())?;
    let found = metadata.file_metadata().schema();
    if expect != Expect::AtLeast && names(found) != names(&expected) {
        return Err(format!("has columns {:?}, expected {:?}", names(found), names(&expected)));
    }
    // A place among the fields is a place among the columns: every field has one column, of its own type.
    if metadata.file_metadata().schema_descr().num_columns() != found.get_fields().len() {
        return Err("has another number of columns than fields".to_owned());
    }
    let place = |want: &Arc<Type>| {
        let name = want.name();
        let place = found.get_fields().iter().position(|have| have.name() == name);
        let place = place.ok_or_else(|| format!("has no column {name:?}"))?;
        if !same_type(&found.get_fields()[place], want) {
            return Err(format!("column {name} has another type than its version gives it"));
        }
        Ok(place)
    };
    expected.get_fields().iter().map(place).collect()
}

fn same_type(have: &Type, want: &Type) -> bool {
    have.get_basic_info().repetition() == want.get_basic_info().repetition()
        && match (have.is_primitive(), want.is_primitive()) {
            (true, true) => have.get_physical_type() == want.get_physical_type(),
            (false, false) => {
                let (a, b) = (have.get_fields(), want.get_fields());
                names(have) == names(want) && a.iter().zip(b).all(|(a, b)| same_type(a, b))
            }
            _ => false,
        }
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
        Values::U32List(v) => read_lists::<Int32Type>(group, index, limit, v),
        Values::F32List(v) => read_lists::<FloatType>(group, index, limit, v),
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

fn read_lists<T: DataType>(
    group: &dyn RowGroupReader,
    index: usize,
    limit: usize,
    into: &mut Lists<T::T>,
) -> Result<(), ParquetError> {
    let begun = into.repetition.iter().filter(|&&level| level == 0).count();
    let mut column = get_typed_column_reader::<T>(group.get_column_reader(index)?);
    let (definition, repetition) = (Some(&mut into.definition), Some(&mut into.repetition));
    column.read_records(limit - begun.min(limit), definition, repetition, &mut into.values).map(|_| ())
}
