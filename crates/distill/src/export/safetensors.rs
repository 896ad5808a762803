//! Safetensors files: the length of a header, the header in JSON, and the numbers, written one tensor after the other.

use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value, json};

/// A tensor to be written in f32.
pub(crate) struct Tensor<'a> {
    pub(crate) name: String,
    /// Outermost first.
    pub(crate) shape: Vec<usize>,
    pub(crate) values: &'a [f32],
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
        let end = offset + 4 * tensor.values.len();
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
    for value in tensors.iter().flat_map(|tensor| tensor.values) {
        out.write_all(&value.to_le_bytes())?;
    }
    out.flush()
}
