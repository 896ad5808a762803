//! Activations of a block: `[columns / width][rows][width]`. With `width = columns` that is row-major; with the width of a
//! head every head lies apart, as attention reads it.

use rayon::prelude::*;

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
        Sheet { rows, columns, width, values: vec![0.0; rows * columns] }
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
    pub(super) fn columns_of(&self, columns: std::ops::Range<usize>) -> Sheet {
        let mut some = Sheet::zeros(self.rows, columns.len(), columns.len());
        let mut done = columns.start;
        while done < columns.end {
            let (block, from) = (done / self.width, done % self.width);
            let run = (columns.end - done).min(self.width - from);
            let block = &self.values[block * self.rows * self.width..][..self.rows * self.width];
            let rows = some.values.chunks_exact_mut(columns.len()).zip(block.chunks_exact(self.width));
            rows.for_each(|(out, values)| {
                out[done - columns.start..][..run].copy_from_slice(&values[from..from + run])
            });
            done += run;
        }
        some
    }

    /// The columns `first ..` of every row as rows: `out` is `[some columns][rows]`.
    pub(super) fn copy_turned(&self, first: usize, out: &mut [f32]) {
        if self.rows == 0 {
            return;
        }
        let mut done = 0;
        let count = out.len() / self.rows;
        while done < count {
            let column = first + done;
            let (block, from) = (column / self.width, column % self.width);
            let run = (count - done).min(self.width - from);
            let block = &self.values[block * self.rows * self.width..][..self.rows * self.width];
            let out = &mut out[done * self.rows..(done + run) * self.rows];
            for (row, values) in block.chunks_exact(self.width).enumerate() {
                for (column, &value) in values[from..from + run].iter().enumerate() {
                    out[column * self.rows + row] = value;
                }
            }
            done += run;
        }
    }

    /// Columns as rows: `[columns][rows]`.
    pub(super) fn turned(&self) -> Vec<f32> {
        const COLUMNS: usize = 16;
        let mut out = vec![0.0; self.values.len()];
        let strips = out.par_chunks_mut((COLUMNS * self.rows).max(1)).enumerate();
        strips.for_each(|(index, out)| self.copy_turned(index * COLUMNS, out));
        out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_a_sheet_in_blocks_is_turning_its_rows() {
        let (rows, columns) = (5, 24);
        let plain = Sheet::of((0..rows * columns).map(|i| i as f32).collect(), columns);
        for width in [3, 8, 24] {
            let mut blocks = Sheet::zeros(rows, columns, width);
            for row in 0..rows {
                for column in 0..columns {
                    blocks.values[(column / width * rows + row) * width + column % width] = plain.row(row)[column];
                }
            }
            assert_eq!(blocks.turned(), plain.turned());
            assert_eq!(blocks.columns_of(5..19).row(4), &plain.row(4)[5..19]);
            let mut row = vec![0.0; columns];
            blocks.copy_row(3, &mut row);
            assert_eq!(row, plain.row(3));
            assert_eq!(plain.turned()[7 * rows + 3], plain.row(3)[7]);
        }
    }
}
