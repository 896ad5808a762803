//! Operands that lie turned in memory, `[depth][rows]`: the way back of a product reads both of its own so. In f32 a kernel
//! wants them as they lie, and nothing is turned; pairs of bf16 are neighbours along the inner dimension, two rows of
//! what lies there.

use std::ops::Range;

use super::layout::{COLUMNS, Format, Layout, TILE, nearest};
use super::product::{Scratch, grow};
use super::transpose::Transpose;
use super::words::{floats_mut, words, words_mut};
use crate::instructions::vectors;

/// Numbers of the inner dimension that are read at once.
const AT_ONCE: usize = 512;

/// A matrix `[rows, depth]` that lies as `[depth, rows]`.
pub trait Turned: Sync {
    /// Writes the numbers `at` of the inner dimension of `rows`: `[at.len()][rows.len()]`.
    fn columns(&self, rows: Range<usize>, at: Range<usize>, out: &mut [f32]);
}

/// Which part of a number becomes bf16.
#[derive(Clone, Copy)]
enum Plane {
    /// The nearest bf16.
    High,
    /// What that leaves.
    Low,
}

impl Layout {
    /// Reads up to 32 weight rows as a column block. Columns without a row become zero.
    pub(super) fn read_turned_weights(
        self,
        turned: &dyn Turned,
        columns: Range<usize>,
        depth: usize,
        block: &mut [u32],
        rows: &mut Vec<f32>,
    ) {
        let count = columns.len();
        for first in (0..depth).step_by(AT_ONCE) {
            let at = first..depth.min(first + AT_ONCE);
            let block =
                &mut block[first / self.step() * self.block_words()..][..self.steps(at.len()) * self.block_words()];
            if self.format == Format::F32 && count == COLUMNS {
                turned.columns(columns.clone(), at, floats_mut(block));
                continue;
            }
            grow(rows, count * at.len());
            let values = &mut rows[..count * at.len()];
            turned.columns(columns.clone(), at, values);
            self.pack_turned_weights(values, count, block);
        }
    }

    /// Packs `[depth][count ≤ 32]` as a column block.
    pub(super) fn pack_turned_weights(self, values: &[f32], count: usize, block: &mut [u32]) {
        match self.format {
            Format::F32 => widen(values, count, COLUMNS, floats_mut(block)),
            Format::Pairs => pair_rows(values, count, COLUMNS, block),
            Format::Tiles | Format::SplitTiles => vectors().dispatch(
                #[inline(always)]
                || {
                    for (step, out) in block.chunks_exact_mut(self.block_words()).enumerate() {
                        // A tile is [16 pairs][16 columns]; high left, high right, low left, low right.
                        for (tile, out) in out.chunks_exact_mut(TILE).enumerate() {
                            let (from, to) = (count.min(tile % 2 * 16), count.min(tile % 2 * 16 + 16));
                            let plane = if tile < 2 { Plane::High } else { Plane::Low };
                            for (pair, out) in out.chunks_exact_mut(16).enumerate() {
                                let row =
                                    |row: usize| values.get(row * count + from..row * count + to).unwrap_or_default();
                                let first = step * 32 + 2 * pair;
                                join(row(first), row(first + 1), plane, out);
                            }
                        }
                    }
                },
            ),
            Format::Integers(_) | Format::Fours(_) | Format::Eights(_) => {
                debug_assert!(false, "weights of integer products are packed as integers");
            }
        }
    }

    /// Reads activation rows as a strip. Missing rows become zero.
    pub(super) fn read_turned_rows(
        self,
        by: Transpose,
        turned: &dyn Turned,
        range: Range<usize>,
        depth: usize,
        strip: &mut [u32],
        scratch: &mut Scratch,
    ) {
        let count = range.len();
        if self.format == Format::F32 && count == self.rows {
            return turned.columns(range, 0..depth, &mut floats_mut(strip)[..count * depth]);
        }
        let Scratch { rows, pad, .. } = scratch;
        grow(rows, 2 * count * depth);
        let (values, rows) = rows[..2 * count * depth].split_at_mut(count * depth);
        turned.columns(range, 0..depth, values);
        match self.format {
            Format::F32 => widen(values, count, self.rows, floats_mut(strip)),
            Format::Pairs => pair_rows(values, count, self.rows, strip),
            // Rows of tiles are rows of activations, and integers have a scale for stretches of them.
            _ => {
                for first in (0..depth).step_by(16) {
                    let len = (depth - first).min(16);
                    let values = words(&values[first * count..(first + len) * count]);
                    by.transpose(values, len, count, count, &mut words_mut(rows)[first..], depth, len);
                }
                self.pack_rows(by, rows, depth, strip, pad);
            }
        }
    }
}

/// `[depth][count]` to `[depth][width]`, filled up with zeros.
fn widen(values: &[f32], count: usize, width: usize, out: &mut [f32]) {
    for (values, out) in values.chunks_exact(count).zip(out.chunks_exact_mut(width)) {
        out[..count].copy_from_slice(values);
        out[count..].fill(0.0);
    }
}

/// `[depth][count]` to `[depth / 2][width]` pairs of bf16, filled up with zeros.
fn pair_rows(values: &[f32], count: usize, width: usize, out: &mut [u32]) {
    vectors().dispatch(
        #[inline(always)]
        || {
            for (pair, out) in values.chunks(2 * count).zip(out.chunks_exact_mut(width)) {
                let (first, second) = pair.split_at(count);
                join(first, second, Plane::High, out);
            }
        },
    );
}

/// Words of a low and a high half, of equally many numbers or none; zero behind them.
#[inline(always)]
fn join(low: &[f32], high: &[f32], plane: Plane, out: &mut [u32]) {
    let (now, rest) = out.split_at_mut(low.len());
    rest.fill(0);
    let half = |value: f32| match plane {
        Plane::High => nearest(value),
        Plane::Low => nearest(value - f32::from_bits(u32::from(nearest(value)) << 16)),
    };
    for (out, &low) in now.iter_mut().zip(low) {
        *out = u32::from(half(low));
    }
    for (out, &high) in now.iter_mut().zip(high) {
        *out |= u32::from(half(high)) << 16;
    }
}
