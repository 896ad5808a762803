//! Products of one tile in f32 on the calling thread: what attention is put together from, whose operands are small and come
//! from everywhere.

use super::layout::COLUMNS;
use super::transpose::Transpose;
use super::words::{words, words_mut};
use super::{Exactness, Kernel, Piece, Started};

/// What the numbers of a tile were before a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// Of no concern: the product is written.
    Fresh,
    /// A part of the sum: the product is added.
    Grows,
}

/// The fastest f32 kernel of this machine, ready on this thread.
pub struct Tiles {
    started: Started,
    transpose: Transpose,
}

impl Tiles {
    /// Columns of a tile.
    pub const COLUMNS: usize = COLUMNS;

    /// Readies the calling thread.
    #[must_use]
    pub fn start() -> Tiles {
        // There always is a kernel in f32, and the portable one comes last.
        let kernel = Kernel::with(Exactness::F32).unwrap_or(Kernel(None));
        Tiles { started: kernel.start(), transpose: Transpose::detect() }
    }

    /// Rows of a tile on this machine.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.started.layout().rows
    }

    /// `tile[rows][32] (+)= strip[depth][rows] · block[depth][32]`, with as many rows as [`Tiles::rows`].
    ///
    /// # Panics
    /// Operands that are shorter.
    pub fn multiply(&self, depth: usize, strip: &[f32], block: &[f32], tile: &mut [f32], sum: Sum) {
        let piece = Piece { steps: depth, rows: self.started.layout().rows, add: sum == Sum::Grows, minima: false };
        self.started.multiply(piece, words(strip), words(block), tile, &[]);
    }

    /// Turns `[count ≤ 16][len]` into `[len][width]`, of which each row lies `stride` numbers behind the one before; columns
    /// without a row become zero.
    ///
    /// # Panics
    /// Numbers that do not fit.
    pub fn turn(&self, rows: &[f32], count: usize, out: &mut [f32], stride: usize, width: usize) {
        let len = rows.len() / count.max(1);
        self.transpose.transpose(words(rows), count, len, len, words_mut(out), stride, width);
    }
}
