//! The three products of a matrix W `[out, in]` that learns: y = x Wᵀ on the way there, dx = dy W and dW = dyᵀ x on the way
//! back. All are one kernel of the engine, in f32 or bf16, which sums every output in f32 in an order that depends on neither threads
//! nor schedule.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use hydrometer_models::kernels::{Exactness, Kernel, Matrix, Part, Strips, Target, Turned, Workshop};

use super::blocks::{Blocks, Weights};
use super::{Precision, Sheet, sheet};
use crate::DistillError;

/// Numbers of a matrix in a file's form that are unpacked at once on the way back.
const UNPACKED: usize = 1 << 20;

/// Where products are made.
pub struct Products {
    workshop: Workshop,
    kernel: Kernel,
    /// Memory of activations that are packed no more: pages that were touched are worth keeping.
    idle: Mutex<Vec<Strips>>,
}

/// A matrix as it lies in memory: `[rows, depth]`.
struct Plain<'a> {
    depth: usize,
    values: &'a [f32],
}

/// The columns of a sheet as rows.
struct Columns<'a> {
    count: usize,
    depth: usize,
    width: usize,
    values: &'a [f32],
}

impl<'a> Columns<'a> {
    fn of(sheet: &'a Sheet) -> Columns<'a> {
        Columns { count: sheet.columns, depth: sheet.rows, width: sheet.width, values: &sheet.values }
    }
}

impl Turned for Columns<'_> {
    fn columns(&self, rows: Range<usize>, at: Range<usize>, out: &mut [f32]) {
        sheet::columns_of((self.values, self.depth, self.width), at, rows, out);
    }
}

impl Matrix for Plain<'_> {
    type Error = Infallible;

    fn rows(&self) -> usize {
        self.values.len() / self.depth
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.values[rows.start * self.depth..rows.end * self.depth]);
        Ok(())
    }
}

impl Matrix for Columns<'_> {
    type Error = Infallible;

    fn rows(&self) -> usize {
        self.count
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        for (column, out) in rows.zip(out.chunks_exact_mut(self.depth.max(1))) {
            let (block, at) = (column / self.width * self.depth * self.width, column % self.width);
            let values = self.values[block + at..].iter().step_by(self.width);
            out.iter_mut().zip(values).for_each(|(out, value)| *out = *value);
        }
        Ok(())
    }

    fn turned(&self) -> Option<&dyn Turned> {
        Some(self)
    }
}

/// Activations that several products take: packed once for all of them.
pub struct Packed<'a> {
    sheet: &'a Sheet,
    strips: Borrowed<'a>,
}

/// Memory that goes back to where it came from.
struct Borrowed<'a> {
    from: &'a Mutex<Vec<Strips>>,
    strips: Option<Strips>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.from.lock().unwrap_or_else(PoisonError::into_inner).extend(self.strips.take());
    }
}

impl<'a> Packed<'a> {
    /// What was packed.
    pub(super) fn sheet(&self) -> &'a Sheet {
        self.sheet
    }
}

/// The activations of a product.
pub enum Left<'a> {
    /// To be packed.
    Sheet(&'a Sheet),
    /// As a kernel of the same [`Products`] reads them.
    Packed(&'a Packed<'a>),
}

impl<'a> From<&'a Sheet> for Left<'a> {
    fn from(sheet: &'a Sheet) -> Self {
        Left::Sheet(sheet)
    }
}

impl<'a> From<&'a Packed<'a>> for Left<'a> {
    fn from(packed: &'a Packed<'a>) -> Self {
        Left::Packed(packed)
    }
}

impl<'a> Left<'a> {
    fn sheet(&self) -> &'a Sheet {
        match self {
            Left::Sheet(sheet) => sheet,
            Left::Packed(packed) => packed.sheet,
        }
    }
}

impl Default for Products {
    fn default() -> Self {
        Self::new()
    }
}

impl Products {
    /// The fastest kernel in f32 that this machine has.
    #[must_use]
    pub fn new() -> Products {
        let kernel = Kernel::with(Exactness::F32).unwrap_or_else(|| Kernel::available()[0]);
        Products { workshop: Workshop::new(), kernel, idle: Mutex::default() }
    }

    /// The fastest kernel of a precision that this machine has.
    ///
    /// # Errors
    /// It has none.
    pub fn of(precision: Precision) -> Result<Products, DistillError> {
        Ok(Products { workshop: Workshop::new(), kernel: precision.kernel()?, idle: Mutex::default() })
    }

    /// Packs activations for several products.
    #[must_use]
    pub fn packed<'a>(&'a self, sheet: &'a Sheet) -> Packed<'a> {
        let strips = self.strips(sheet.rows, sheet.columns, |strips| {
            self.workshop.pack(strips, |row, out| sheet.copy_row(row, out));
        });
        Packed { sheet, strips }
    }

    /// Activations as `fill` packs them; it is not asked for none.
    fn strips(&self, rows: usize, depth: usize, fill: impl FnOnce(&mut Strips)) -> Borrowed<'_> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut strips = idle.unwrap_or_else(|| Strips::new(self.kernel, 0, depth));
        strips.fit(self.kernel, rows, depth);
        if rows > 0 && depth > 0 {
            fill(&mut strips);
        }
        Borrowed { from: &self.idle, strips: Some(strips) }
    }

    /// y = x Wᵀ + b, cut into blocks of `width` columns.
    pub fn forward<'x, 'w>(
        &self,
        x: impl Into<Left<'x>>,
        weights: impl Into<Weights<'w>>,
        bias: Option<&[f32]>,
        width: usize,
    ) -> Sheet {
        let (x, weights) = (x.into(), weights.into());
        let (rows, depth) = (x.sheet().rows, x.sheet().columns);
        let columns = weights.count() / depth;
        let mut y = Sheet::zeros(rows, columns, width);
        let part = Part { columns, width, bias, out: &mut y.values };
        self.there(&x, weights, Target::Store(vec![part]));
        y
    }

    /// `y += x Wᵀ`, row-major.
    pub fn forward_into<'x, 'w>(&self, x: impl Into<Left<'x>>, weights: impl Into<Weights<'w>>, y: &mut Sheet) {
        self.there(&x.into(), weights.into(), Target::Add(&mut y.values));
    }

    fn there(&self, x: &Left<'_>, weights: Weights<'_>, target: Target<'_>) {
        match weights {
            Weights::Numbers(values) => self.multiply(x, &Plain { depth: x.sheet().columns, values }, target),
            Weights::Blocks(blocks) => self.multiply(x, blocks, target),
        }
    }

    /// dx = dy W, cut into blocks of `width` columns.
    pub fn backward<'x, 'w>(&self, dy: impl Into<Left<'x>>, weights: impl Into<Weights<'w>>, width: usize) -> Sheet {
        let dy = dy.into();
        let (rows, outputs) = (dy.sheet().rows, dy.sheet().columns);
        match weights.into() {
            Weights::Numbers(values) => {
                let columns = values.len() / outputs;
                let mut dx = Sheet::zeros(rows, columns, width);
                let part = Part { columns, width, bias: None, out: &mut dx.values };
                self.multiply(&dy, &turned(values, outputs), Target::Store(vec![part]));
                dx
            }
            Weights::Blocks(blocks) => self.backward_in_pieces(dy.sheet(), blocks, width, UNPACKED),
        }
    }

    /// dx = Σ dy W over pieces of W, of at most so many numbers, one after the other.
    fn backward_in_pieces(&self, dy: &Sheet, blocks: &Blocks, width: usize, unpacked: usize) -> Sheet {
        let (outputs, columns) = (dy.columns, blocks.count() / dy.columns);
        let at_once = (unpacked / columns).max(1);
        let mut dx = Sheet::zeros(dy.rows, columns, width);
        for first in (0..outputs).step_by(at_once) {
            let rows = first..outputs.min(first + at_once);
            let (numbers, dy) = (blocks.read_all(rows.clone()), dy.columns_of(rows));
            let piece = self.backward(&dy, &numbers, width);
            dx.values.iter_mut().zip(&piece.values).for_each(|(sum, piece)| *sum += piece);
        }
        dx
    }

    /// `dx += dy W`, row-major.
    pub fn backward_into<'x, 'w>(&self, dy: impl Into<Left<'x>>, weights: impl Into<Weights<'w>>, dx: &mut Sheet) {
        let dy = dy.into();
        match weights.into() {
            Weights::Numbers(values) => {
                self.multiply(&dy, &turned(values, dy.sheet().columns), Target::Add(&mut dx.values));
            }
            Weights::Blocks(blocks) => {
                let added = self.backward_in_pieces(dy.sheet(), blocks, dx.columns, UNPACKED);
                dx.values.iter_mut().zip(&added.values).for_each(|(sum, added)| *sum += added);
            }
        }
    }

    /// `dW += dyᵀ x`; nothing where `dw` has no numbers, because W does not learn.
    pub fn weights(&self, dy: &Sheet, x: &Sheet, dw: &mut [f32]) {
        if dw.is_empty() || dy.rows == 0 || dy.columns == 0 {
            return;
        }
        let strips = self.strips(dy.columns, dy.rows, |strips| self.workshop.pack_turned(strips, &Columns::of(dy)));
        self.product(&strips, &Columns::of(x), Target::Add(dw));
    }

    fn multiply<M: Matrix<Error = Infallible>>(&self, x: &Left<'_>, weights: &M, target: Target<'_>) {
        let sheet = x.sheet();
        if sheet.rows == 0 || sheet.columns == 0 {
            return;
        }
        match x {
            Left::Packed(packed) => self.product(&packed.strips, weights, target),
            Left::Sheet(sheet) => self.product(&self.packed(sheet).strips, weights, target),
        }
    }

    fn product<M: Matrix<Error = Infallible>>(&self, x: &Borrowed<'_>, weights: &M, target: Target<'_>) {
        if let Some(strips) = &x.strips {
            let Ok(()) = self.workshop.multiply(self.kernel, strips, weights, target);
        }
    }
}

/// A weight matrix `[out, in]` read as `[in, out]`.
fn turned(values: &[f32], outputs: usize) -> Columns<'_> {
    let columns = values.len() / outputs;
    Columns { count: columns, depth: outputs, width: columns, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix as a file stores it, unpacked in pieces.
    #[test]
    fn products_of_blocks_are_those_of_their_numbers() {
        let (n, depth, out) = (9, 24, 18);
        let number = |i: usize| ((i * 7919 % 101) as f32 - 50.0) / 64.0;
        let w: Vec<f32> = (0..out * depth).map(number).collect();
        let bytes = w.iter().flat_map(|w| ((w.to_bits() >> 16) as u16).to_le_bytes()).collect();
        let name = "w".to_owned();
        let tensor =
            hydrometer_models::RawTensor { name, dtype: hydrometer_models::DType::BF16, rows: out, cols: depth, bytes };
        let Ok(Some(blocks)) = Blocks::of(tensor) else { unreachable!("finite numbers in BF16") };
        let numbers = blocks.read_all(0..out);
        assert_eq!(numbers, w, "as short as BF16 is");
        let products = Products::new();
        let x = Sheet::of((0..n * depth).map(|i| number(i + 3)).collect(), depth);
        let found = products.forward(&x, Weights::Blocks(&blocks), None, 6);
        assert_eq!(found.values, products.forward(&x, &numbers, None, 6).values);
        let mut dy = Sheet::zeros(n, out, 6);
        dy.values.iter_mut().enumerate().for_each(|(i, dy)| *dy = number(i + 5));
        let whole = products.backward(&dy, &numbers, 8);
        for at_once in [1, 5 * depth, 100 * depth] {
            let found = products.backward_in_pieces(&dy, &blocks, 8, at_once);
            let apart = found.values.iter().zip(&whole.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-5 && found.width == 8, "{at_once}: {apart}");
        }
    }

    /// Three products against sums written out.
    #[test]
    fn products_there_and_back_are_the_plain_sums() {
        let (n, depth, out) = (37, 24, 18);
        let number = |i: usize| ((i * 7919 % 101) as f32 - 50.0) / 64.0;
        let x = Sheet::of((0..n * depth).map(number).collect(), depth);
        let w: Vec<f32> = (0..out * depth).map(|i| number(i + 13)).collect();
        let dy = Sheet::of((0..n * out).map(|i| number(i + 5)).collect(), out);
        let products = Products::new();
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-4, "{a}, {b}");
        let sum = |f: &dyn Fn(usize) -> f32, count: usize| (0..count).map(f).sum::<f32>();
        let y = products.forward(&x, &w, None, out);
        let dx = products.backward(&dy, &w, depth);
        let mut dw = vec![1.0; w.len()];
        products.weights(&dy, &x, &mut dw);
        for (r, o) in [(0, 0), (5, 17), (36, 3)] {
            close(y.row(r)[o], sum(&|k| x.row(r)[k] * w[o * depth + k], depth));
        }
        for (r, k) in [(0, 0), (9, 23), (36, 11)] {
            close(dx.row(r)[k], sum(&|o| dy.row(r)[o] * w[o * depth + k], out));
        }
        for (o, k) in [(0, 0), (17, 23), (4, 9)] {
            close(dw[o * depth + k], 1.0 + sum(&|r| dy.row(r)[o] * x.row(r)[k], n));
        }
        let heads = products.forward(&x, &w, None, 6);
        assert_eq!(heads.values[(2 * n + 36) * 6 + 5], y.row(36)[17]);
    }
}
