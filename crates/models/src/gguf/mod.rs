//! GGUF files, version 2 and 3, little endian: header, metadata, tensor infos, tensors on request.
//!
//! The reader is our own although candle has one: candle's allocates what the file declares, so a header of 30 bytes
//! can ask for terabytes. Here every count and length is checked against the bytes that are left before anything is
//! allocated. Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

mod config;
mod cursor;
mod metadata;
pub mod quantize;
pub mod write;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::shown;
use crate::source::Source;
use crate::tensor::{DType, RawTensor};
use crate::{ModelError, config::DecoderConfig};
use cursor::Cursor;
pub use metadata::{Array, Metadata, Value};

/// Longest name of a tensor, as the format fixes it.
const LONGEST_NAME: u64 = 64;
/// Fewest bytes of a tensor info: length of the name, number of dimensions, type, offset.
const SMALLEST_INFO: u64 = 8 + 4 + 4 + 8;
/// Tensors start at multiples of this unless `general.alignment` says otherwise.
const ALIGNMENT: u64 = 32;

/// Types that exist in GGUF files but that nothing here decodes, named so that the refusal can say what it met.
const OTHER_TYPES: [(u32, &str); 15] = [
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (39, "MXFP4"),
];

/// Where a tensor is and what it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name in the file.
    pub name: String,
    /// Stored type.
    pub dtype: DType,
    /// Dimensions, innermost first as the file has them: `[cols, rows]` of a matrix.
    pub dims: Vec<u64>,
    /// First byte, from the start of the file.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// An opened GGUF file: metadata in memory, tensors on disk.
#[derive(Clone, Debug)]
pub struct Gguf {
    source: Source,
    version: u32,
    metadata: Metadata,
    tensors: Vec<TensorInfo>,
    by_name: HashMap<String, usize>,
}

impl Gguf {
    /// Opens a file and checks its header, metadata and tensor infos.
    ///
    /// # Errors
    /// Anything in the file that contradicts the format or the file's size, duplicates, overlapping tensors, and
    /// tensor types that nothing here decodes.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        Self::read(Source::open(path)?)
    }

    /// The same for bytes in memory; `name` stands for the path in errors.
    ///
    /// # Errors
    /// As [`Gguf::open`].
    pub fn from_bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Self, ModelError> {
        Self::read(Source::memory(name, bytes))
    }

    /// A file that is yet to be written, for whoever asks what its readers will find: there are no bytes behind the tensors.
    pub(crate) fn unwritten(
        name: &str,
        pairs: &[(String, Value)],
        tensors: Vec<TensorInfo>,
    ) -> Result<Self, ModelError> {
        let source = Source::memory(name, Vec::new());
        let by_name = index(&source, &tensors)?;
        Ok(Self { source, version: 3, metadata: Metadata::of(pairs), tensors, by_name })
    }

    fn read(source: Source) -> Result<Self, ModelError> {
        let mut cursor = Cursor::new(&source);
        let version = read_version(&mut cursor)?;
        let tensor_count = cursor.u64("number of tensors")?;
        let key_count = cursor.u64("number of metadata keys")?;
        cursor.expect("number of metadata keys", key_count, metadata::SMALLEST_PAIR)?;
        let metadata = Metadata::read(&mut cursor, key_count)?;
        cursor.expect("number of tensors", tensor_count, SMALLEST_INFO)?;
        let mut tensors = Vec::with_capacity(usize::try_from(tensor_count).unwrap_or(0));
        for index in 0..tensor_count {
            tensors.push(read_info(&mut cursor, index)?);
        }
        place(&source, cursor.position(), alignment(&source, &metadata)?, &mut tensors)?;
        let by_name = index(&source, &tensors)?;
        Ok(Self { source, version, metadata, tensors, by_name })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Version of the format: 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.source.len()
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// All tensors, in the order of the file.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The tensor of this name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.by_name.get(name).map(|&i| &self.tensors[i])
    }

    /// Reads a tensor's bytes.
    ///
    /// # Errors
    /// The tensor is missing or has more than two dimensions, or the file cannot be read.
    pub fn tensor(&self, name: &str) -> Result<RawTensor, ModelError> {
        let path = self.path();
        let info = self.info(name).ok_or_else(|| ModelError::missing(path, format!("tensor {}", shown(name))))?;
        let (cols, rows) = self.shape(info)?;
        Ok(RawTensor {
            name: info.name.clone(),
            dtype: info.dtype,
            rows,
            cols,
            bytes: self.source.read(&format!("tensor {}", shown(name)), info.offset, info.bytes)?,
        })
    }

    /// Columns and rows; trailing dimensions of 1 do not count.
    pub(crate) fn shape(&self, info: &TensorInfo) -> Result<(usize, usize), ModelError> {
        let significant = info.dims.iter().rposition(|&d| d != 1).map_or(1, |last| last + 1);
        let size = |d: u64| usize::try_from(d).unwrap_or(usize::MAX);
        match info.dims.get(..significant).unwrap_or_default() {
            [] => Ok((1, 1)),
            [cols] => Ok((size(*cols), 1)),
            [cols, rows] => Ok((size(*cols), size(*rows))),
            _ => Err(ModelError::malformed(
                self.path(),
                format!("tensor {}", shown(&info.name)),
                "one or two dimensions",
                format!("{:?}", info.dims),
            )),
        }
    }

    /// What the decoder needs to know, checked.
    ///
    /// # Errors
    /// Unknown architecture, missing or contradictory metadata.
    pub fn config(&self) -> Result<DecoderConfig, ModelError> {
        config::read(self)
    }

    /// `blake3:` hash of the whole file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn hash(&self) -> Result<String, ModelError> {
        self.source.hash()
    }
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<u32, ModelError> {
    let magic = cursor.array::<4>("magic")?;
    if &magic != b"GGUF" {
        return Err(cursor.error("magic", "`GGUF`", shown(&String::from_utf8_lossy(&magic))));
    }
    let version = cursor.u32("version")?;
    let path = cursor.path();
    match version {
        2 | 3 => Ok(version),
        // Version 1 has 32-bit counts: such files are from summer 2023 and were superseded within weeks.
        1 => Err(ModelError::unsupported(
            path,
            "GGUF version",
            "1 (counts of 32 bits, superseded in 2023; convert the model again)",
            "2, 3",
        )),
        _ if matches!(version.swap_bytes(), 1..=0xffff) => Err(ModelError::unsupported(
            path,
            "byte order",
            format!("big endian (version {})", version.swap_bytes()),
            "little endian",
        )),
        _ => Err(ModelError::unsupported(path, "GGUF version", version.to_string(), "2, 3")),
    }
}

fn read_info(cursor: &mut Cursor<'_>, index: u64) -> Result<TensorInfo, ModelError> {
    let at = format!("tensor {index}");
    let name = cursor.string(&format!("name of {at}"), LONGEST_NAME)?;
    let at = format!("tensor {}", shown(&name));
    let count = cursor.u32(&at)?;
    if count > 4 {
        return Err(cursor.error(&at, "at most 4 dimensions", count.to_string()));
    }
    let mut dims = Vec::with_capacity(count as usize);
    for _ in 0..count {
        dims.push(cursor.u64(&at)?);
    }
    let number = cursor.u32(&at)?;
    let Some(dtype) = DType::from_ggml(number) else {
        let name = OTHER_TYPES.iter().find(|t| t.0 == number).map_or(String::new(), |t| format!(" ({})", t.1));
        let found = format!("{number}{name} of {at}");
        return Err(ModelError::unsupported(cursor.path(), "tensor type", found, DType::all()));
    };
    let offset = cursor.u64(&at)?;
    let bytes = bytes_of(cursor, &at, dtype, &dims)?;
    Ok(TensorInfo { name, dtype, dims, offset, bytes })
}

fn bytes_of(cursor: &Cursor<'_>, at: &str, dtype: DType, dims: &[u64]) -> Result<u64, ModelError> {
    if dims.contains(&0) {
        return Err(cursor.error(at, "positive dimensions", format!("{dims:?}")));
    }
    let cols = dims.first().copied().unwrap_or(1);
    let block = dtype.block_len() as u64;
    if !cols.is_multiple_of(block) {
        let expected = format!("rows of a multiple of {block} values for {dtype}");
        return Err(cursor.error(at, expected, cols.to_string()));
    }
    dims.iter()
        .try_fold(1u64, |product, &d| product.checked_mul(d))
        .and_then(|values| (values / block).checked_mul(dtype.block_bytes() as u64))
        .ok_or_else(|| cursor.error(at, "a size below 2^64 bytes", format!("dimensions {dims:?}")))
}

fn alignment(source: &Source, metadata: &Metadata) -> Result<u64, ModelError> {
    const KEY: &str = "general.alignment";
    if metadata.get(KEY).is_none() {
        return Ok(ALIGNMENT);
    }
    let alignment = metadata.size(source.path(), KEY)? as u64;
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(ModelError::malformed(
            source.path(),
            metadata::at(KEY),
            "a power of two up to 2^20",
            alignment.to_string(),
        ));
    }
    Ok(alignment)
}

/// Turns offsets within the data section into offsets within the file; no tensor may leave it or overlap another.
fn place(source: &Source, header_end: u64, alignment: u64, tensors: &mut [TensorInfo]) -> Result<(), ModelError> {
    let path = source.path();
    let start = header_end.next_multiple_of(alignment);
    for info in tensors.iter_mut() {
        let at = format!("tensor {}", shown(&info.name));
        if !info.offset.is_multiple_of(alignment) {
            let expected = format!("an offset that is a multiple of {alignment}");
            return Err(ModelError::malformed(path, at, expected, info.offset.to_string()));
        }
        let end = info.offset.checked_add(start).and_then(|first| first.checked_add(info.bytes));
        if end.is_none() {
            let found = format!("{} bytes at offset {}", info.bytes, info.offset);
            return Err(ModelError::malformed(path, at, "an end below 2^64 bytes", found));
        }
        info.offset += start;
    }
    let mut by_offset: Vec<&TensorInfo> = tensors.iter().collect();
    by_offset.sort_by_key(|info| info.offset);
    for pair in by_offset.windows(2) {
        if pair[0].offset + pair[0].bytes > pair[1].offset {
            return Err(ModelError::malformed(
                path,
                format!("tensor {}", shown(&pair[1].name)),
                format!("bytes of its own, after those of tensor {}", shown(&pair[0].name)),
                format!("an overlap at byte {}", pair[1].offset),
            ));
        }
    }
    // The last tensor ends the file; one that is not whole is all that a copy which broke off leaves to see.
    let end = |info: &TensorInfo| info.offset + info.bytes;
    let cut = by_offset.iter().find(|info| end(info) > source.len());
    if let (Some(cut), Some(last)) = (cut, by_offset.last()) {
        let at = format!("tensor {}", shown(&cut.name));
        return Err(ModelError::truncated(path, at, end(last), source.len()));
    }
    Ok(())
}

fn index(source: &Source, tensors: &[TensorInfo]) -> Result<HashMap<String, usize>, ModelError> {
    let mut by_name = HashMap::with_capacity(tensors.len());
    for (i, info) in tensors.iter().enumerate() {
        if by_name.insert(info.name.clone(), i).is_some() {
            let at = format!("tensor {}", shown(&info.name));
            return Err(ModelError::malformed(source.path(), at, "one tensor of this name", "two"));
        }
    }
    Ok(by_name)
}
