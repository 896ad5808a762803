//! Activations of a block: `[columns / width][rows][width]`. With `width = columns` that is row-major; with the width of a
//! head every head lies apart, as attention reads it.

use std::ops::Range;

use hydrometer_models::kernels::zeros;

/// Numbers of every row, cut into blocks of columns.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Columns of a block.
    pub width: usize,
    /// The numbers.
    pub values: Vec<f32>,
}

impl Sheet {
    /// Zeros.
    #[must_use]
    pub fn zeros(rows: usize, columns: usize, width: usize) -> Sheet {
        Sheet { rows, columns, width, values: zeros(rows * columns) }
    }

    /// Row-major numbers.
    #[must_use]
    pub fn of(values: Vec<f32>, columns: usize) -> Sheet {
        Sheet { rows: values.len() / columns, columns, width: columns, values }
    }

    /// The blocks of every row as rows of their own: `[columns / width · rows][width]`.
    pub(super) fn heads_as_rows(self) -> Sheet {
        Sheet { rows: self.rows * self.columns / self.width, columns: self.width, ..self }
    }

    /// Back from [`Sheet::heads_as_rows`].
    pub(super) fn rows_as_heads(self, rows: usize) -> Sheet {
        Sheet { rows, columns: self.rows / rows.max(1) * self.width, ..self }
    }

    /// A row of a row-major sheet.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        debug_assert_eq!(self.width, self.columns);
        &self.values[row * self.columns..][..self.columns]
    }

    /// One whole row.
    pub(super) fn copy_row(&self, row: usize, out: &mut [f32]) {
        for (block, out) in out.chunks_exact_mut(self.width).enumerate() {
            out.copy_from_slice(&self.values[(block * self.rows + row) * self.width..][..self.width]);
        }
    }

    /// Some columns of every row, row-major.
    pub(super) fn columns_of(&self, columns: Range<usize>) -> Sheet {
        let mut some = Sheet::zeros(self.rows, columns.len(), columns.len());
        columns_of((&self.values, self.rows, self.width), 0..self.rows, columns, &mut some.values);
        some
    }

    /// Sum of every column over the rows, in f64.
    pub(super) fn column_sums(&self) -> Vec<f64> {
        let mut sums = vec![0.0f64; self.columns];
        for (block, sums) in sums.chunks_exact_mut(self.width).enumerate() {
            let values = &self.values[block * self.rows * self.width..][..self.rows * self.width];
            for row in values.chunks_exact(self.width) {
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
            }
        }
        sums
    }
}

/// Some columns of some rows of numbers `[columns / width][rows][width]`, row-major.
pub(super) fn columns_of(
    (values, all, width): (&[f32], usize, usize),
    rows: Range<usize>,
    columns: Range<usize>,
    out: &mut [f32],
) {
    let mut done = columns.start;
    while done < columns.end {
        let (block, from) = (done / width, done % width);
        let run = (columns.end - done).min(width - from);
        let block = &values[(block * all + rows.start) * width..(block * all + rows.end) * width];
        for (out, values) in out.chunks_exact_mut(columns.len()).zip(block.chunks_exact(width)) {
            let (out, values) = (&mut out[done - columns.start..][..run], &values[from..from + run]);
            // A block of columns of a kernel: the compiler knows how long it is.
            match (<&mut [f32; 32]>::try_from(&mut *out), <&[f32; 32]>::try_from(values)) {
                (Ok(out), Ok(values)) => *out = *values,
                _ => out.copy_from_slice(values),
            }
        }
        done += run;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_blocks_are_those_of_rows() {
        let (rows, columns) = (5, 24);
        let plain = Sheet::of((0..rows * columns).map(|i| i as f32).collect(), columns);
        for width in [3, 8, 24] {
            let mut blocks = Sheet::zeros(rows, columns, width);
            for row in 0..rows {
                for column in 0..columns {
                    blocks.values[(column / width * rows + row) * width + column % width] = plain.row(row)[column];
                }
            }
            assert_eq!(blocks.columns_of(5..19).row(4), &plain.row(4)[5..19]);
            assert_eq!(blocks.columns_of(0..24).values, plain.values);
            let mut some = vec![0.0; 2 * 7];
            super::columns_of((&blocks.values, rows, width), 2..4, 11..18, &mut some);
            assert_eq!(some, [&plain.row(2)[11..18], &plain.row(3)[11..18]].concat());
            let mut row = vec![0.0; columns];
            blocks.copy_row(3, &mut row);
            assert_eq!(row, plain.row(3));
        }
    }
}
