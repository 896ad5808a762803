//! The three products of a matrix W `[out, in]` that learns: y = x Wᵀ on the way there, dx = dy W and dW = dyᵀ x on the way
//! back. All are the engine's own kernel in f32, which sums every output in an order that depends on neither threads nor
//! schedule.

use std::convert::Infallible;
use std::ops::Range;

use hydrometer_models::kernels::{Exactness, Integers, Kernel, Matrix, Part, Step, Strips, Target, Workshop};

use super::Sheet;

/// Where products are made.
pub struct Products {
    workshop: Workshop,
    kernel: Kernel,
}

/// A matrix as it lies in memory: `[rows, depth]`.
struct Plain<'a> {
    depth: usize,
    values: &'a [f32],
}

/// Columns as rows.
struct Turned<'a>(&'a Sheet);

/// A weight matrix `[out, in]` read as `[in, out]`.
struct TurnedWeights<'a> {
    columns: usize,
    values: &'a [f32],
}

macro_rules! no_integers {
    () => {
        fn integers_in(&self) -> Option<Step> {
            None
        }

        fn integers(&self, _: Range<usize>, _: Integers<'_>) -> Result<(), Infallible> {
            debug_assert!(false, "weights that learn are no integers");
            Ok(())
        }
    };
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

    no_integers!();
}

impl Matrix for Turned<'_> {
    type Error = Infallible;

    fn rows(&self) -> usize {
        let Turned(sheet) = self;
        sheet.columns
    }

    fn depth(&self) -> usize {
        let Turned(sheet) = self;
        sheet.rows
    }

    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        self.0.copy_turned(rows.start, out);
        Ok(())
    }

    no_integers!();
}

impl Matrix for TurnedWeights<'_> {
    type Error = Infallible;

    fn rows(&self) -> usize {
        self.columns
    }

    fn depth(&self) -> usize {
        self.values.len() / self.columns
    }

    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        let depth = self.depth();
        for (at, row) in self.values.chunks_exact(self.columns).enumerate() {
            for (column, &value) in row[rows.clone()].iter().enumerate() {
                out[column * depth + at] = value;
            }
        }
        Ok(())
    }

    no_integers!();
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
        Products { workshop: Workshop::new(), kernel }
    }

    /// y = x Wᵀ + b, cut into blocks of `width` columns.
    pub fn forward(&self, x: &Sheet, weights: &[f32], bias: Option<&[f32]>, width: usize) -> Sheet {
        let columns = weights.len() / x.columns;
        let mut y = Sheet::zeros(x.rows, columns, width);
        let part = Part { columns, width, bias, out: &mut y.values };
        self.multiply(x, &Plain { depth: x.columns, values: weights }, Target::Store(vec![part]));
        y
    }

    /// `y += x Wᵀ`, row-major.
    pub fn forward_into(&self, x: &Sheet, weights: &[f32], y: &mut Sheet) {
        self.multiply(x, &Plain { depth: x.columns, values: weights }, Target::Add(&mut y.values));
    }

    /// dx = dy W, cut into blocks of `width` columns.
    pub fn backward(&self, dy: &Sheet, weights: &[f32], width: usize) -> Sheet {
        let columns = weights.len() / dy.columns;
        let mut dx = Sheet::zeros(dy.rows, columns, width);
        let part = Part { columns, width, bias: None, out: &mut dx.values };
        self.multiply(dy, &TurnedWeights { columns, values: weights }, Target::Store(vec![part]));
        dx
    }

    /// `dx += dy W`, row-major.
    pub fn backward_into(&self, dy: &Sheet, weights: &[f32], dx: &mut Sheet) {
        let columns = weights.len() / dy.columns;
        self.multiply(dy, &TurnedWeights { columns, values: weights }, Target::Add(&mut dx.values));
    }

    /// `dW += dyᵀ x`; nothing where `dw` has no numbers, because W does not learn.
    pub fn weights(&self, dy: &Sheet, x: &Sheet, dw: &mut [f32]) {
        if dw.is_empty() {
            return;
        }
        let dy = Sheet { rows: dy.columns, columns: dy.rows, width: dy.rows, values: dy.turned() };
        self.multiply(&dy, &Turned(x), Target::Add(dw));
    }

    fn multiply<M: Matrix<Error = Infallible>>(&self, x: &Sheet, weights: &M, target: Target<'_>) {
        if x.rows == 0 || x.columns == 0 {
            return;
        }
        let mut strips = Strips::new(self.kernel, x.rows, x.columns);
        self.workshop.pack(&mut strips, |row, out| x.copy_row(row, out));
        let Ok(()) = self.workshop.multiply(self.kernel, &strips, weights, target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
