//! The header of a safetensors file. The JSON is read by the `safetensors` crate, which checks that offsets follow
//! one another and fit shapes; lengths are compared with the file before anything is allocated.

use std::path::Path;

use hydrometer_probes::strangers::check_keys;
use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::error::shown;
use crate::source::Source;
use crate::{DType, ModelError, RawTensor, TensorShape};

/// Longest header, as the format fixes it.
const LONGEST: u64 = 100_000_000;

/// A tensor's place in its file.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// Name in the file.
    pub(super) name: String,
    dtype: Dtype,
    dims: Vec<usize>,
    /// First byte, from the start of the file.
    pub(super) offset: u64,
    /// Number of bytes.
    pub(super) bytes: u64,
}

impl Stored {
    /// Stored type, rows and columns, as far as the decoder can read them.
    pub(super) fn shape(&self, path: &Path) -> Result<TensorShape, ModelError> {
        let at = format!("tensor {}", shown(&self.name));
        let dtype = match self.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            other => {
                let found = format!("{other:?} of {at}");
                return Err(ModelError::unsupported(path, "tensor type", found, "F32, F16, BF16"));
            }
        };
        match self.dims[..] {
            [cols] => Ok(TensorShape { dtype, rows: 1, cols }),
            [rows, cols] => Ok(TensorShape { dtype, rows, cols }),
            _ => Err(ModelError::malformed(path, at, "one or two dimensions", format!("{:?}", self.dims))),
        }
    }

    /// Its bytes, under its name in the file.
    pub(super) fn read(&self, source: &Source, shape: TensorShape) -> Result<RawTensor, ModelError> {
        let TensorShape { dtype, rows, cols } = shape;
        let bytes = source.read(&format!("tensor {}", shown(&self.name)), self.offset, self.bytes)?;
        Ok(RawTensor { name: self.name.clone(), dtype, rows, cols, bytes })
    }
}

pub(super) fn read(source: &Source) -> Result<Vec<Stored>, ModelError> {
    let path = source.path();
    let whole = |at: &str, promised: u64| {
        let torn = promised > source.len();
        if torn { Err(ModelError::truncated(path, at, promised, source.len())) } else { Ok(()) }
    };
    whole("header length", 8)?;
    let mut length = [0; 8];
    length.copy_from_slice(&source.read("header length", 0, 8)?);
    let length = u64::from_le_bytes(length);
    if length > LONGEST {
        let expected = format!("at most {LONGEST} bytes");
        return Err(ModelError::malformed(path, "header length", expected, length.to_string()));
    }
    whole("header", 8 + length)?;
    let header = source.read("header", 8, length)?;
    let metadata: Metadata = check_keys(&header)
        .and_then(|()| serde_json::from_slice(&header))
        .map_err(|e| ModelError::malformed(path, "header", "a safetensors header", e.to_string()))?;
    let start = 8 + length;
    let data = metadata.data_len() as u64;
    whole("tensor data", start.saturating_add(data))?;
    if start + data != source.len() {
        let found = format!("{} bytes", source.len() - start);
        return Err(ModelError::malformed(path, "tensor data", format!("{data} bytes after the header"), found));
    }
    let tensors = metadata.tensors();
    let mut stored: Vec<Stored> = tensors
        .into_iter()
        .map(|(name, info)| Stored {
            name,
            dtype: info.dtype,
            dims: info.shape.clone(),
            offset: start + info.data_offsets.0 as u64,
            bytes: (info.data_offsets.1 - info.data_offsets.0) as u64,
        })
        .collect();
    stored.sort_by_key(|s| s.offset);
    Ok(stored)
}
