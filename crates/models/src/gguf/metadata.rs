//! The key-value part of a GGUF file.

use std::collections::BTreeMap;
use std::path::Path;

use super::cursor::Cursor;
use crate::ModelError;
use crate::error::shown;

/// Fewest bytes of a pair: length of the key, type, a value of one byte.
pub(super) const SMALLEST_PAIR: u64 = 8 + 4 + 1;
/// Longest key, as the format fixes it.
const LONGEST_KEY: u64 = 65_535;
/// Arrays of arrays of arrays … that are believed. No known file nests at all.
const DEEPEST: usize = 4;

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    U64(u64),
    I64(i64),
    F32(f32),
    F64(f64),
    Bool(bool),
    String(String),
    Array(Array),
}

/// A metadata array; one type for all its elements.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Array {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    String(Vec<String>),
    Array(Vec<Array>),
}

impl Value {
    /// What it is, for error messages: `string`, `array of 3 u32`, ….
    pub fn describe(&self) -> String {
        match self {
            Self::U8(v) => format!("u8 {v}"),
            Self::I8(v) => format!("i8 {v}"),
            Self::U16(v) => format!("u16 {v}"),
            Self::I16(v) => format!("i16 {v}"),
            Self::U32(v) => format!("u32 {v}"),
            Self::I32(v) => format!("i32 {v}"),
            Self::U64(v) => format!("u64 {v}"),
            Self::I64(v) => format!("i64 {v}"),
            Self::F32(v) => format!("f32 {v}"),
            Self::F64(v) => format!("f64 {v}"),
            Self::Bool(v) => format!("bool {v}"),
            Self::String(v) => format!("string {}", shown(v)),
            Self::Array(v) => {
                let (len, of) = v.len_and_type();
                format!("array of {len} {of}")
            }
        }
    }
}

impl Array {
    /// Number of elements and the name of their type.
    pub fn len_and_type(&self) -> (usize, &'static str) {
        match self {
            Self::U8(v) => (v.len(), "u8"),
            Self::I8(v) => (v.len(), "i8"),
            Self::U16(v) => (v.len(), "u16"),
            Self::I16(v) => (v.len(), "i16"),
            Self::U32(v) => (v.len(), "u32"),
            Self::I32(v) => (v.len(), "i32"),
            Self::U64(v) => (v.len(), "u64"),
            Self::I64(v) => (v.len(), "i64"),
            Self::F32(v) => (v.len(), "f32"),
            Self::F64(v) => (v.len(), "f64"),
            Self::Bool(v) => (v.len(), "bool"),
            Self::String(v) => (v.len(), "strings"),
            Self::Array(v) => (v.len(), "arrays"),
        }
    }
}

/// All metadata of a file, by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    pairs: BTreeMap<String, Value>,
}

impl Metadata {
    /// These pairs; of two with one key the last.
    pub(super) fn of(pairs: &[(String, Value)]) -> Self {
        Self { pairs: pairs.iter().cloned().collect() }
    }

    pub(super) fn read(cursor: &mut Cursor<'_>, count: u64) -> Result<Self, ModelError> {
        let mut pairs = BTreeMap::new();
        for index in 0..count {
            let key = cursor.string(&format!("metadata key {index}"), LONGEST_KEY)?;
            let kind = cursor.u32(&at(&key))?;
            let value = read_value(cursor, &at(&key), kind)?;
            if pairs.insert(key.clone(), value).is_some() {
                return Err(cursor.error(&at(&key), "one value", "two"));
            }
        }
        Ok(Self { pairs })
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.pairs.get(key)
    }

    /// All pairs, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.pairs.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// The value of `key`, which must be there.
    ///
    /// # Errors
    /// It is not.
    pub fn required(&self, path: &Path, key: &str) -> Result<&Value, ModelError> {
        self.get(key).ok_or_else(|| ModelError::missing(path, at(key)))
    }

    /// An unsigned integer of any width.
    ///
    /// # Errors
    /// The key is missing or holds something else.
    pub fn size(&self, path: &Path, key: &str) -> Result<usize, ModelError> {
        let value = self.required(path, key)?;
        let size = match value {
            Value::U8(v) => Some(usize::from(*v)),
            Value::U16(v) => Some(usize::from(*v)),
            Value::U32(v) => usize::try_from(*v).ok(),
            Value::U64(v) => usize::try_from(*v).ok(),
            Value::I8(v) => usize::try_from(*v).ok(),
            Value::I16(v) => usize::try_from(*v).ok(),
            Value::I32(v) => usize::try_from(*v).ok(),
            Value::I64(v) => usize::try_from(*v).ok(),
            _ => None,
        };
        size.ok_or_else(|| wrong(path, key, "a whole number from 0", value))
    }

    /// [`Metadata::size`], or `None` where the key is absent.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn optional_size(&self, path: &Path, key: &str) -> Result<Option<usize>, ModelError> {
        self.get(key).map(|_| self.size(path, key)).transpose()
    }

    /// A floating-point number, or `None` where the key is absent.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn optional_f32(&self, path: &Path, key: &str) -> Result<Option<f32>, ModelError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::F32(v)) => Ok(Some(*v)),
            Some(Value::F64(v)) => Ok(Some(*v as f32)),
            Some(other) => Err(wrong(path, key, "a floating-point number", other)),
        }
    }

    /// A truth value, or `None` where the key is absent.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn optional_bool(&self, path: &Path, key: &str) -> Result<Option<bool>, ModelError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(v)) => Ok(Some(*v)),
            Some(other) => Err(wrong(path, key, "a truth value", other)),
        }
    }

    /// A text, or `None` where the key is absent.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn optional_str(&self, path: &Path, key: &str) -> Result<Option<&str>, ModelError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(v)) => Ok(Some(v)),
            Some(other) => Err(wrong(path, key, "a string", other)),
        }
    }

    /// A text, which must be there.
    ///
    /// # Errors
    /// The key is missing or holds something else.
    pub fn str(&self, path: &Path, key: &str) -> Result<&str, ModelError> {
        self.required(path, key)?;
        self.optional_str(path, key).map(Option::unwrap_or_default)
    }

    /// An array of strings, or `None` where the key is absent.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn optional_strings(&self, path: &Path, key: &str) -> Result<Option<&[String]>, ModelError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(Array::String(v))) => Ok(Some(v)),
            Some(other) => Err(wrong(path, key, "an array of strings", other)),
        }
    }
}

pub(crate) fn at(key: &str) -> String {
    format!("metadata key {}", shown(key))
}

fn wrong(path: &Path, key: &str, expected: &str, found: &Value) -> ModelError {
    ModelError::malformed(path, at(key), expected, found.describe())
}

const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

fn read_value(cursor: &mut Cursor<'_>, at: &str, kind: u32) -> Result<Value, ModelError> {
    Ok(match kind {
        0 => Value::U8(u8::from_le_bytes(cursor.array(at)?)),
        1 => Value::I8(i8::from_le_bytes(cursor.array(at)?)),
        2 => Value::U16(u16::from_le_bytes(cursor.array(at)?)),
        3 => Value::I16(i16::from_le_bytes(cursor.array(at)?)),
        4 => Value::U32(u32::from_le_bytes(cursor.array(at)?)),
        5 => Value::I32(i32::from_le_bytes(cursor.array(at)?)),
        6 => Value::F32(f32::from_le_bytes(cursor.array(at)?)),
        BOOL => Value::Bool(read_bool(cursor, at)?),
        STRING => Value::String(cursor.string(at, u64::MAX)?),
        ARRAY => Value::Array(read_array(cursor, at, 1)?),
        10 => Value::U64(u64::from_le_bytes(cursor.array(at)?)),
        11 => Value::I64(i64::from_le_bytes(cursor.array(at)?)),
        12 => Value::F64(f64::from_le_bytes(cursor.array(at)?)),
        _ => return Err(cursor.error(at, "a value type from 0 to 12", kind.to_string())),
    })
}

fn read_bool(cursor: &mut Cursor<'_>, at: &str) -> Result<bool, ModelError> {
    match cursor.array::<1>(at)?[0] {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(cursor.error(at, "0 or 1", other.to_string())),
    }
}

fn read_array(cursor: &mut Cursor<'_>, at: &str, depth: usize) -> Result<Array, ModelError> {
    if depth > DEEPEST {
        return Err(cursor.error(at, format!("arrays at most {DEEPEST} deep"), "deeper ones"));
    }
    let kind = cursor.u32(at)?;
    let len = cursor.u64(at)?;
    macro_rules! numbers {
        ($variant:ident, $type:ty) => {{
            const SIZE: usize = size_of::<$type>();
            cursor.expect(at, len, SIZE as u64)?;
            let bytes = cursor.bytes(at, usize::try_from(len).unwrap_or(usize::MAX).saturating_mul(SIZE))?;
            let (values, _) = bytes.as_chunks::<SIZE>();
            Array::$variant(values.iter().map(|b| <$type>::from_le_bytes(*b)).collect())
        }};
    }
    Ok(match kind {
        0 => numbers!(U8, u8),
        1 => numbers!(I8, i8),
        2 => numbers!(U16, u16),
        3 => numbers!(I16, i16),
        4 => numbers!(U32, u32),
        5 => numbers!(I32, i32),
        6 => numbers!(F32, f32),
        BOOL => {
            cursor.expect(at, len, 1)?;
            Array::Bool((0..len).map(|_| read_bool(cursor, at)).collect::<Result<_, _>>()?)
        }
        STRING => {
            cursor.expect(at, len, 8)?;
            let mut strings = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
            for _ in 0..len {
                strings.push(cursor.string(at, u64::MAX)?);
            }
            Array::String(strings)
        }
        ARRAY => {
            cursor.expect(at, len, 12)?;
            let mut arrays = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
            for _ in 0..len {
                arrays.push(read_array(cursor, at, depth + 1)?);
            }
            Array::Array(arrays)
        }
        10 => numbers!(U64, u64),
        11 => numbers!(I64, i64),
        12 => numbers!(F64, f64),
        _ => return Err(cursor.error(at, "an element type from 0 to 12", kind.to_string())),
    })
}
