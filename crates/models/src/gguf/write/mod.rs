//! Writes GGUF files: the format here, whole models in [`Conversion`].

mod keys;
mod model;
mod types;

use std::io::{self, Write};

use super::{ALIGNMENT, Array, Value};
use crate::tensor::DType;
pub use model::{Conversion, Planned};
pub use types::{Types, writable};

/// A tensor to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name.
    pub name: String,
    /// Stored type.
    pub dtype: DType,
    /// Dimensions, innermost first: `[cols, rows]` of a matrix.
    pub dims: Vec<u64>,
    /// The bytes as the file shall hold them.
    pub bytes: Vec<u8>,
}

impl Tensor {
    /// An f32 tensor; `values` are row-major, `dims` innermost first.
    pub fn f32(name: &str, dims: &[u64], values: &[f32]) -> Self {
        Self {
            name: name.to_owned(),
            dtype: DType::F32,
            dims: dims.to_vec(),
            bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

/// A GGUF file in the making. Keys and tensors are written in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writer {
    pairs: Vec<(String, Value)>,
    tensors: Vec<Tensor>,
}

impl Writer {
    /// An empty file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a metadata pair. Nothing stops a caller from adding a key twice: tests of the reader need such files.
    pub fn pair(&mut self, key: &str, value: Value) -> &mut Self {
        self.pairs.push((key.to_owned(), value));
        self
    }

    /// Adds a text.
    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.pair(key, Value::String(value.to_owned()))
    }

    /// Adds a tensor.
    pub fn tensor(&mut self, tensor: Tensor) -> &mut Self {
        self.tensors.push(tensor);
        self
    }

    /// Writes version 3 with the default alignment.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let shapes =
            self.tensors.iter().map(|t| Shape { name: &t.name, dtype: t.dtype, dims: &t.dims, len: t.bytes.len() });
        out.write_all(&head(&self.pairs, &shapes.collect::<Vec<_>>()))?;
        self.tensors.iter().try_for_each(|tensor| put_tensor(out, &tensor.bytes))
    }

    /// The whole file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // Writing to memory cannot fail.
        let written = self.write(&mut out);
        debug_assert!(written.is_ok());
        out
    }
}

/// A tensor before its bytes are there.
struct Shape<'a> {
    name: &'a str,
    dtype: DType,
    /// Innermost first.
    dims: &'a [u64],
    /// Number of bytes.
    len: usize,
}

fn aligned(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT as usize)
}

/// Everything that stands before the bytes of the first tensor.
fn head(pairs: &[(String, Value)], tensors: &[Shape<'_>]) -> Vec<u8> {
    let mut head = Vec::new();
    head.extend_from_slice(b"GGUF");
    head.extend_from_slice(&3u32.to_le_bytes());
    head.extend_from_slice(&(tensors.len() as u64).to_le_bytes());
    head.extend_from_slice(&(pairs.len() as u64).to_le_bytes());
    for (key, value) in pairs {
        put_string(&mut head, key);
        head.extend_from_slice(&kind_of(value).to_le_bytes());
        put_value(&mut head, value);
    }
    let mut offset = 0u64;
    for tensor in tensors {
        put_string(&mut head, tensor.name);
        head.extend_from_slice(&(tensor.dims.len() as u32).to_le_bytes());
        for dim in tensor.dims {
            head.extend_from_slice(&dim.to_le_bytes());
        }
        head.extend_from_slice(&tensor.dtype.ggml().to_le_bytes());
        head.extend_from_slice(&offset.to_le_bytes());
        offset += aligned(tensor.len) as u64;
    }
    head.resize(aligned(head.len()), 0);
    head
}

/// The bytes of the next tensor, and zeros up to where the one after it begins.
fn put_tensor(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.write_all(&[0; ALIGNMENT as usize][..aligned(bytes.len()) - bytes.len()])
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn kind_of(value: &Value) -> u32 {
    match value {
        Value::U8(_) => 0,
        Value::I8(_) => 1,
        Value::U16(_) => 2,
        Value::I16(_) => 3,
        Value::U32(_) => 4,
        Value::I32(_) => 5,
        Value::F32(_) => 6,
        Value::Bool(_) => 7,
        Value::String(_) => 8,
        Value::Array(_) => 9,
        Value::U64(_) => 10,
        Value::I64(_) => 11,
        Value::F64(_) => 12,
    }
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::U8(v) => out.push(*v),
        Value::I8(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::U16(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::I16(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::U32(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::I32(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::U64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::I64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::F32(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::F64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::Bool(v) => out.push(u8::from(*v)),
        Value::String(v) => put_string(out, v),
        Value::Array(v) => put_array(out, v),
    }
}

fn put_array(out: &mut Vec<u8>, array: &Array) {
    macro_rules! numbers {
        ($kind:literal, $values:expr) => {{
            put_head(out, $kind, $values.len());
            out.extend($values.iter().flat_map(|v| v.to_le_bytes()));
        }};
    }
    match array {
        Array::U8(v) => numbers!(0, v),
        Array::I8(v) => numbers!(1, v),
        Array::U16(v) => numbers!(2, v),
        Array::I16(v) => numbers!(3, v),
        Array::U32(v) => numbers!(4, v),
        Array::I32(v) => numbers!(5, v),
        Array::F32(v) => numbers!(6, v),
        Array::U64(v) => numbers!(10, v),
        Array::I64(v) => numbers!(11, v),
        Array::F64(v) => numbers!(12, v),
        Array::Bool(v) => {
            put_head(out, 7, v.len());
            out.extend(v.iter().map(|&b| u8::from(b)));
        }
        Array::String(v) => {
            put_head(out, 8, v.len());
            v.iter().for_each(|s| put_string(out, s));
        }
        Array::Array(v) => {
            put_head(out, 9, v.len());
            v.iter().for_each(|a| put_array(out, a));
        }
    }
}

fn put_head(out: &mut Vec<u8>, kind: u32, len: usize) {
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&(len as u64).to_le_bytes());
}
