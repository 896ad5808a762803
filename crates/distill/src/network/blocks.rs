//! Matrices that do not learn and stay as their file stores them: in blocks of small integers, or in 16-bit floats. A product
//! unpacks what it needs, piece by piece, so that no matrix of f32 exists whole (as QLoRA, Dettmers et al. 2023, arXiv
//! 2305.14314).

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use hydrometer_models::kernels::Matrix;
use hydrometer_models::{DType, ModelError, RawTensor};
use rayon::prelude::*;

/// A matrix as a file stores it.
#[derive(Clone, Debug)]
pub struct Blocks(Arc<RawTensor>);

/// Where the numbers of a matrix are.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// In f32.
    Numbers(&'a [f32]),
    /// In a file's form.
    Blocks(&'a Blocks),
}

impl<'a> From<&'a Vec<f32>> for Weights<'a> {
    fn from(numbers: &'a Vec<f32>) -> Self {
        Weights::Numbers(numbers)
    }
}

impl<'a> Weights<'a> {
    /// Numbers, or the blocks that are there in their place.
    pub(super) fn of(numbers: &'a [f32], blocks: Option<&'a Blocks>) -> Self {
        blocks.map_or(Weights::Numbers(numbers), Weights::Blocks)
    }

    /// Number of weights.
    pub(crate) fn count(self) -> usize {
        match self {
            Weights::Numbers(numbers) => numbers.len(),
            Weights::Blocks(blocks) => blocks.count(),
        }
    }
}

impl PartialEq for Blocks {
    fn eq(&self, other: &Self) -> bool {
        (self.0.dtype, self.0.rows, &self.0.bytes) == (other.0.dtype, other.0.rows, &other.0.bytes)
    }
}

impl Blocks {
    /// A tensor whose numbers are all finite; `None` where it is in f32 anyway.
    ///
    /// # Errors
    /// A number that is not finite.
    pub(super) fn of(tensor: RawTensor) -> Result<Option<Blocks>, ModelError> {
        if tensor.dtype == DType::F32 {
            return Ok(None);
        }
        (0..tensor.rows).into_par_iter().try_for_each_init(Vec::new, |row, at| {
            row.resize(tensor.cols, 0.0);
            tensor.dequantize(at..at + 1, row)
        })?;
        Ok(Some(Blocks(Arc::new(tensor))))
    }

    /// Outputs.
    pub(super) fn rows(&self) -> usize {
        self.0.rows
    }

    /// Number of weights.
    pub(super) fn count(&self) -> usize {
        self.0.rows * self.0.cols
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes.len()
    }

    /// Rows in f32.
    pub(super) fn read(&self, rows: Range<usize>, out: &mut [f32]) {
        // Every number was looked at when the file was read. Were one not finite all the same, the loss would not be, and the
        // trainer ends with that.
        if self.0.dequantize(rows, out).is_err() {
            out.fill(f32::NAN);
        }
    }

    /// Rows in f32, by as many threads as there are.
    pub(super) fn read_all(&self, rows: Range<usize>) -> Vec<f32> {
        let mut numbers = vec![0.0; rows.len() * self.0.cols];
        numbers.par_chunks_exact_mut(self.0.cols).zip(rows).for_each(|(out, row)| self.read(row..row + 1, out));
        numbers
    }
}

impl Matrix for Blocks {
    type Error = Infallible;

    fn rows(&self) -> usize {
        self.0.rows
    }

    fn depth(&self) -> usize {
        self.0.cols
    }

    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        self.read(rows, out);
        Ok(())
    }
}
