//! One weight tensor as the file holds it: raw bytes, dequantised row by row on request.

use std::ops::Range;

use crate::ModelError;
use crate::instructions::vectors;
use crate::kernels::unpack::{has_minima, integers_in, unpack, unpack_integers};
use crate::kernels::{Integers, Step};

/// How the numbers of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, non_camel_case_types)]
pub enum DType {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q8_1,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    Q8_K,
}

/// What a type is called, and how its numbers lie in blocks.
struct Row {
    dtype: DType,
    /// Its number in a GGUF file.
    ggml: u32,
    name: &'static str,
    /// Values and bytes of a block.
    block: (usize, usize),
}

const fn row(dtype: DType, ggml: u32, name: &'static str, block: (usize, usize)) -> Row {
    Row { dtype, ggml, name, block }
}

const TYPES: [Row; 15] = [
    row(DType::F32, 0, "F32", (1, 4)),
    row(DType::F16, 1, "F16", (1, 2)),
    row(DType::Q4_0, 2, "Q4_0", (32, 18)),
    row(DType::Q4_1, 3, "Q4_1", (32, 20)),
    row(DType::Q5_0, 6, "Q5_0", (32, 22)),
    row(DType::Q5_1, 7, "Q5_1", (32, 24)),
    row(DType::Q8_0, 8, "Q8_0", (32, 34)),
    row(DType::Q8_1, 9, "Q8_1", (32, 36)),
    row(DType::Q2_K, 10, "Q2_K", (256, 84)),
    row(DType::Q3_K, 11, "Q3_K", (256, 110)),
    row(DType::Q4_K, 12, "Q4_K", (256, 144)),
    row(DType::Q5_K, 13, "Q5_K", (256, 176)),
    row(DType::Q6_K, 14, "Q6_K", (256, 210)),
    row(DType::Q8_K, 15, "Q8_K", (256, 292)),
    row(DType::BF16, 30, "BF16", (1, 2)),
];

impl DType {
    fn row(self) -> &'static Row {
        // Every variant has its row; a test walks them all.
        TYPES.iter().find(|row| row.dtype == self).unwrap_or(&TYPES[0])
    }

    /// The type with this number in a GGUF file.
    pub fn from_ggml(number: u32) -> Option<Self> {
        TYPES.iter().find(|row| row.ggml == number).map(|row| row.dtype)
    }

    /// The type of this name, in capitals or not.
    pub fn from_name(name: &str) -> Option<Self> {
        TYPES.iter().find(|row| row.name.eq_ignore_ascii_case(name)).map(|row| row.dtype)
    }

    /// Its number in a GGUF file.
    pub fn ggml(self) -> u32 {
        self.row().ggml
    }

    /// `Q4_K`, `F16`, ….
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// All names, for error messages.
    pub fn all() -> String {
        TYPES.each_ref().map(|row| row.name).join(", ")
    }

    /// Values per block; a row must be a whole number of blocks.
    pub fn block_len(self) -> usize {
        self.row().block.0
    }

    /// Bytes per block.
    pub fn block_bytes(self) -> usize {
        self.row().block.1
    }

    /// Bytes that `values` values take, or `None` when they are no whole number of blocks or too many.
    pub fn bytes_of(self, values: usize) -> Option<usize> {
        if !values.is_multiple_of(self.block_len()) {
            return None;
        }
        (values / self.block_len()).checked_mul(self.block_bytes())
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Values that are dequantised at a time: small enough to stay in the first-level cache for the check.
const CHUNK: usize = 1 << 12;

/// A weight tensor `[rows, cols]` (row-major, `[out, in]`) in its stored form; a vector has one row.
#[derive(Clone, Debug)]
pub struct RawTensor {
    /// Canonical (GGUF) name.
    pub name: String,
    /// Stored type.
    pub dtype: DType,
    /// Number of rows (outputs).
    pub rows: usize,
    /// Number of columns (inputs).
    pub cols: usize,
    /// The bytes as the file holds them, `rows · bytes_of(cols)`.
    pub bytes: Vec<u8>,
}

impl RawTensor {
    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.bytes.len() / self.rows.max(1)
    }

    /// Writes the rows `rows` as f32, row-major, into `out` of `rows.len() · cols` values.
    ///
    /// # Errors
    /// A range outside the tensor or an `out` of another length ([`ModelError::Request`]), and a weight that is NaN
    /// or infinite ([`ModelError::Weight`]).
    pub fn dequantize(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        if rows.start > rows.end || rows.end > self.rows || out.len() != rows.len() * self.cols {
            return Err(ModelError::Request {
                reason: format!(
                    "tensor {}: rows {rows:?} into {} values, of {} rows of {} values",
                    self.name,
                    out.len(),
                    self.rows,
                    self.cols
                ),
            });
        }
        let row_bytes = self.row_bytes();
        let mut bytes = &self.bytes[rows.start * row_bytes..rows.end * row_bytes];
        let blocks = (CHUNK / self.dtype.block_len()).max(1);
        let mut done = 0;
        for values in out.chunks_mut(blocks * self.dtype.block_len()) {
            let taken = values.len() / self.dtype.block_len() * self.dtype.block_bytes();
            let (now, rest) = bytes.split_at(taken);
            bytes = rest;
            unpack(vectors(), self.dtype, now, values);
            // On bits, because a sum of floats cannot be vectorised; the search only when it is needed.
            const EXPONENT: u32 = 0x7f80_0000;
            if values.iter().fold(false, |bad, v| bad | (v.to_bits() & EXPONENT == EXPONENT)) {
                self.first_not_finite(rows.start * self.cols + done, values)?;
            }
            done += values.len();
        }
        Ok(())
    }

    /// How many numbers share a scale, where they are small integers with scales.
    pub(crate) fn integers_in(&self) -> Option<Step> {
        integers_in(self.dtype)
    }

    /// Whether its steps may have a minimum beside their scale.
    pub(crate) fn has_minima(&self) -> bool {
        has_minima(self.dtype)
    }

    /// Writes the rows `rows` as the integers that they are.
    ///
    /// # Errors
    /// A type without integers ([`ModelError::Request`]), and a weight that is NaN or infinite ([`ModelError::Weight`]).
    pub(crate) fn integers(&self, rows: Range<usize>, out: Integers<'_>) -> Result<(), ModelError> {
        let bytes = &self.bytes[rows.start * self.row_bytes()..rows.end * self.row_bytes()];
        let Integers { values, scales, minima } = out;
        let to = Integers { values, scales: &mut *scales, minima: &mut *minima };
        if unpack_integers(vectors(), self.dtype, bytes, to).is_none() {
            let reason = format!("tensor {}: {} has no integers for products in i16", self.name, self.dtype);
            return Err(ModelError::Request { reason });
        }
        if !scales.iter().chain(&*minima).all(|scale| scale.is_finite()) {
            self.dequantize(rows.clone(), &mut vec![0.0; rows.len() * self.cols])?;
        }
        Ok(())
    }

    fn first_not_finite(&self, offset: usize, values: &[f32]) -> Result<(), ModelError> {
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(i) => {
                let (tensor, found) = (self.name.clone(), values[i].to_string());
                Err(ModelError::Weight { tensor, index: offset + i, found })
            }
        }
    }
}
