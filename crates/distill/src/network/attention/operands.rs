//! Operands of the small products that attention is made of, as the tiles of the kernel read them.

use hydrometer_models::kernels::{Sum, Tiles};

/// Columns of a tile.
pub(super) const COLUMNS: usize = Tiles::COLUMNS;
/// Rows that are turned at once.
const TURNED: usize = 16;

/// Where one thread makes its products.
pub(super) struct Bench {
    tiles: Tiles,
    /// Rows of a tile.
    pub(super) rows: usize,
}

/// Columns in blocks of 32, `[blocks][depth][32]`, filled up with zeros.
#[derive(Default)]
pub(super) struct Blocks {
    depth: usize,
    values: Vec<f32>,
}

impl Blocks {
    /// One block, from a place of the inner dimension on.
    pub(super) fn block(&self, index: usize, from: usize) -> &[f32] {
        &self.values[(index * self.depth + from) * COLUMNS..(index + 1) * self.depth * COLUMNS]
    }

    fn ready(&mut self, depth: usize, columns: usize) {
        self.depth = depth;
        self.values.resize(columns.div_ceil(COLUMNS) * depth * COLUMNS, 0.0);
    }

    /// `[depth][width]` as its columns.
    pub(super) fn of_columns(&mut self, values: &[f32], width: usize) {
        let depth = values.len() / width;
        self.ready(depth, width);
        for (block, out) in self.values.chunks_exact_mut(depth * COLUMNS).enumerate() {
            let from = block * COLUMNS;
            let run = COLUMNS.min(width - from);
            for (row, out) in values.chunks_exact(width).zip(out.chunks_exact_mut(COLUMNS)) {
                out[..run].copy_from_slice(&row[from..from + run]);
                out[run..].fill(0.0);
            }
        }
    }
}

/// Copies rows of a tile to where they belong, `stride` numbers from row to row; of whole rows the compiler knows how long they
/// are.
pub(super) fn copy_tile(tile: &[f32], run: usize, out: &mut [f32], stride: usize) {
    let rows = tile.as_chunks::<COLUMNS>().0.iter().zip(out.chunks_mut(stride));
    if run == COLUMNS {
        for (tile, out) in rows {
            if let Some(out) = out.first_chunk_mut::<COLUMNS>() {
                *out = *tile;
            }
        }
    } else {
        rows.for_each(|(tile, out)| out[..run].copy_from_slice(&tile[..run]));
    }
}

impl Bench {
    pub(super) fn start() -> Bench {
        let tiles = Tiles::start();
        Bench { rows: tiles.rows(), tiles }
    }

    /// `[count][depth]` as columns.
    pub(super) fn turn_into(&self, rows: &[f32], depth: usize, blocks: &mut Blocks) {
        let count = rows.len() / depth;
        blocks.ready(depth, count);
        for (block, out) in blocks.values.chunks_exact_mut(depth * COLUMNS).enumerate() {
            for half in [0, TURNED] {
                let first = count.min(block * COLUMNS + half);
                let some = first..count.min(first + TURNED);
                let rows = &rows[some.start * depth..some.end * depth];
                if some.is_empty() {
                    out.chunks_exact_mut(COLUMNS).for_each(|out| out[half..half + TURNED].fill(0.0));
                } else {
                    self.tiles.turn(rows, some.len(), &mut out[half..], COLUMNS, TURNED);
                }
            }
        }
    }

    /// `[count ≤ rows][depth]` as a strip `[depth][rows]`, filled up with zeros.
    pub(super) fn strip(&self, rows: &[f32], depth: usize, out: &mut Vec<f32>) {
        out.resize(depth * self.rows, 0.0);
        self.tiles.turn(rows, rows.len() / depth, out, self.rows, self.rows);
    }

    /// The product of a strip with a block.
    pub(super) fn product(&self, depth: usize, strip: &[f32], block: &[f32], tile: &mut [f32], sum: Sum) {
        self.tiles.multiply(depth, strip, block, tile, sum);
    }
}
