//! Safetensors files: the length of a header, the header in JSON, and the numbers, written one tensor after the other.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value, json};

/// A tensor to be written in f32.
pub(crate) struct Tensor<'a> {
    pub(crate) name: String,
    /// Outermost first.
    pub(crate) shape: Vec<usize>,
    values: Box<dyn Fn() -> Cow<'a, [f32]> + 'a>,
}

impl<'a> Tensor<'a> {
    /// Of numbers that are there.
    pub(crate) fn of(name: String, shape: Vec<usize>, values: &'a [f32]) -> Tensor<'a> {
        Tensor { name, shape, values: Box::new(move || Cow::Borrowed(values)) }
    }

    /// Of numbers that are made when they are written, and are gone afterwards.
    pub(crate) fn later(name: String, shape: Vec<usize>, values: impl Fn() -> Cow<'a, [f32]> + 'a) -> Tensor<'a> {
        Tensor { name, shape, values: Box::new(values) }
    }
}

impl Tensor<'_> {
    /// Bytes of its numbers.
    pub(crate) fn bytes(&self) -> u64 {
        4 * self.shape.iter().product::<usize>() as u64
    }
}

/// Writes the file.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write(out: impl Write, about: &Map<String, Value>, tensors: &[Tensor<'_>]) -> io::Result<()> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), Value::Object(about.clone()));
    let mut offset = 0;
    for tensor in tensors {
        let end = offset + tensor.bytes();
        let entry = json!({"dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end]});
        header.insert(tensor.name.clone(), entry);
        offset = end;
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    // Numbers begin at a multiple of eight.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut out = BufWriter::new(out);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for tensor in tensors {
        for value in &*(tensor.values)() {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    out.flush()
}
