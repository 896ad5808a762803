//! How operands lie in memory for a kernel: activations in strips of rows, weights in blocks of 32 output columns.
//!
//! Both are cut along the inner dimension into steps of `step` elements, so that a kernel reads both as plain streams:
//!
//! | format | step | strip, per step | column block, per step |
//! |---|---|---|---|
//! | `F32` | 1 | `[rows]` f32 | `[32]` f32 |
//! | `Pairs` | 2 | `[rows]` pairs of bf16 | `[32]` pairs of bf16 |
//! | `Tiles` | 32 | 2 tiles `[16 rows][32]` bf16 | 2 tiles `[16 pairs][16 columns][2]` bf16 |
//! | `SplitTiles` | 32 | 2 tiles of high parts, 2 of low parts | 2 tiles of high parts, 2 of low parts |
//! | `Integers` | 16 or 32 | `[rows]` of `[step / 2]` pairs of i16, a scale, a sum | `[step / 2][32]` pairs of i16, `[32]` scales, `[32]` minima |
//! | `Fours` | 16 or 32 | `[rows]` of `[step / 8]` times 8 high and 8 low bytes, a scale, a sum | `[step / 4][32]` fours of i8, `[32]` sums, `[32]` scales, `[32]` minima |
//! | `Eights` | 16 or 32 | as `Fours`, but a row has the high bytes of two, and the next row their low bytes | `[step / 8][32]` eights of i8, the rest as `Fours` |
//!
//! A number is `high + low` with both parts rounded to bf16: 16 bits of mantissa instead of 8.

use super::bytes;
use super::integers::{self, Step};
use super::transpose::Transpose;
use super::words::{halves_mut, words};
use crate::instructions::vectors;

/// Output columns of one weight block.
pub(crate) const COLUMNS: usize = 32;
/// Words of one tile: 16 rows of 64 bytes.
pub(crate) const TILE: usize = 256;

/// How numbers are stored in packed operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // no architecture has kernels for all of them
pub(crate) enum Format {
    F32,
    Pairs,
    Tiles,
    SplitTiles,
    /// Weights come as [`Integers`](super::integers::Integers).
    Integers(Step),
    /// The same for products of signed bytes, four in a sum. An activation x is 256 · high + low + 128; with the weights of a step
    /// and column stands 128 · their sum.
    Fours(Step),
    /// The same, eight in a sum, of two rows and two columns.
    Eights(Step),
}

impl Format {
    /// The steps of integers; `None` of formats of other numbers.
    pub(crate) fn integers_in(self) -> Option<Step> {
        match self {
            Format::Integers(step) | Format::Fours(step) | Format::Eights(step) => Some(step),
            Format::F32 | Format::Pairs | Format::Tiles | Format::SplitTiles => None,
        }
    }
}

/// The layout of both operands of one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) format: Format,
    /// Rows of a strip of activations.
    pub(crate) rows: usize,
}

impl Layout {
    /// Elements of the inner dimension in one step.
    pub(crate) fn step(self) -> usize {
        match self.format {
            Format::F32 => 1,
            Format::Pairs => 2,
            Format::Tiles | Format::SplitTiles => 32,
            Format::Integers(step) | Format::Fours(step) | Format::Eights(step) => step.elements(),
        }
    }

    /// Steps that hold `depth` elements; the last one is filled up with zeros.
    pub(crate) fn steps(self, depth: usize) -> usize {
        depth.div_ceil(self.step())
    }

    /// Words of one step of a strip.
    pub(crate) fn strip_words(self) -> usize {
        match self.format {
            Format::F32 | Format::Pairs => self.rows,
            Format::Tiles => 2 * TILE,
            Format::SplitTiles => 4 * TILE,
            Format::Integers(step) | Format::Fours(step) | Format::Eights(step) => step.row_words() * self.rows,
        }
    }

    /// Words of one step of a column block.
    pub(crate) fn block_words(self) -> usize {
        match self.format {
            Format::F32 | Format::Pairs => COLUMNS,
            Format::Tiles => 2 * TILE,
            Format::SplitTiles => 4 * TILE,
            Format::Integers(step) => step.column_words() * COLUMNS,
            Format::Fours(step) | Format::Eights(step) => step.byte_column_words() * COLUMNS,
        }
    }

    /// How weights lie that are kept: tiles are made anew each time of integers in such steps, which are several times smaller.
    pub(super) fn kept(self, integers: Option<Step>) -> Layout {
        match (self.format, integers) {
            (Format::Tiles | Format::SplitTiles, Some(step)) => Layout { format: Format::Integers(step), ..self },
            _ => self,
        }
    }

    /// Words of so many elements of the inner dimension, whole steps, of a column block that is kept.
    pub(super) fn kept_words(self, depth: usize) -> usize {
        let step = match self.format {
            Format::Integers(step) => step.kept_words() * COLUMNS,
            _ => self.block_words(),
        };
        self.steps(depth) * step
    }

    /// Packs up to 16 weight rows (`[count, depth]`, row-major) as columns `16·half ..` of a column block.
    /// Columns without a row become zero.
    pub(crate) fn pack_weights(
        self,
        by: Transpose,
        rows: &[f32],
        depth: usize,
        half: usize,
        block: &mut [u32],
        pad: &mut Pad,
    ) {
        let count = rows.len() / depth;
        debug_assert!(count <= 16 && block.len() >= self.steps(depth) * self.block_words());
        let source = match self.format {
            Format::F32 => words(rows),
            Format::Integers(_) | Format::Fours(_) | Format::Eights(_) => {
                return debug_assert!(false, "weights of integer products are packed as integers");
            }
            _ => pad.split(rows, depth, self.step(), self.format == Format::SplitTiles),
        };
        match self.format {
            // One word per step and column: a row of weights becomes a column, 32 words from step to step.
            Format::F32 => by.transpose(source, count, depth, depth, &mut block[half * 16..], COLUMNS, 16),
            // The same with a pair of neighbours along the inner dimension in each word.
            Format::Pairs => {
                let pairs = self.steps(depth);
                by.transpose(source, count, pairs, pairs, &mut block[half * 16..], COLUMNS, 16);
            }
            // A step is 32 numbers deep: 16 pairs. Each half of the columns has a tile of its own, [16 pairs][16 columns], and
            // the low parts follow the high ones: high left, high right, low left, low right.
            Format::Tiles | Format::SplitTiles => {
                let pairs = self.steps(depth) * 16;
                let planes = if self.format == Format::SplitTiles { 2 } else { 1 };
                for plane in 0..planes {
                    for step in 0..self.steps(depth) {
                        let tile = step * self.block_words() + plane * 2 * TILE + half * TILE;
                        let from = plane * count * pairs + step * 16;
                        let source = source.get(from..).unwrap_or_default();
                        by.transpose(source, count, 16, pairs, &mut block[tile..tile + TILE], 16, 16);
                    }
                }
            }
            Format::Integers(_) | Format::Fours(_) | Format::Eights(_) => {}
        }
    }

    /// Packs activation rows (`[count ≤ self.rows, depth]`, row-major) as steps `first ..` of a strip, where the strip
    /// given starts at that step. Missing rows become zero.
    pub(crate) fn pack_rows(self, by: Transpose, rows: &[f32], depth: usize, strip: &mut [u32], pad: &mut Pad) {
        let count = rows.len() / depth;
        debug_assert!(count <= self.rows && strip.len() >= self.steps(depth) * self.strip_words());
        match self.format {
            Format::F32 => by.transpose(words(rows), count, depth, depth, strip, self.rows, self.rows),
            Format::Integers(step) => integers::pack_rows(step, rows, depth, self.rows, strip),
            Format::Fours(step) | Format::Eights(step) => {
                integers::pack_rows(step, rows, depth, self.rows, strip);
                let strip = &mut strip[..self.steps(depth) * self.strip_words()];
                bytes::part_rows(step, strip);
                if self.format == Format::Eights(step) {
                    bytes::join_rows(step, strip);
                }
            }
            Format::Pairs => {
                let pairs = self.steps(depth);
                let source = pad.split(rows, depth, self.step(), false);
                by.transpose(source, count, pairs, pairs, strip, self.rows, self.rows);
            }
            // The rows of a tile are rows of activations, 16 pairs each: nothing is turned, stretches of 16 words are copied.
            // Two tiles hold 32 rows; the low parts follow the high ones.
            Format::Tiles | Format::SplitTiles => {
                let pairs = self.steps(depth) * 16;
                let split = self.format == Format::SplitTiles;
                let source = pad.split(rows, depth, self.step(), split);
                let (words, planes) = (self.strip_words(), if split { 2 } else { 1 });
                for (step, out) in strip.chunks_exact_mut(words).take(self.steps(depth)).enumerate() {
                    for (plane, out) in out.chunks_exact_mut(2 * TILE).take(planes).enumerate() {
                        for (row, out) in out.chunks_exact_mut(16).enumerate() {
                            match row < count {
                                true => {
                                    let from = (plane * count + row) * pairs + step * 16;
                                    out.copy_from_slice(&source[from..from + 16]);
                                }
                                false => out.fill(0),
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Scratch space of the packing.
#[derive(Default)]
pub(crate) struct Pad(Vec<u32>);

impl Pad {
    /// Room for that many words; what they hold is unspecified.
    pub(super) fn words(&mut self, count: usize) -> &mut [u32] {
        if self.0.len() < count {
            self.0.resize(count, 0);
        }
        &mut self.0[..count]
    }

    /// Rounds rows to bf16: `[planes][count][padded depth]` with the high parts first, then the low parts.
    fn split(&mut self, rows: &[f32], depth: usize, step: usize, low: bool) -> &[u32] {
        let (count, padded) = (rows.len() / depth, depth.next_multiple_of(step));
        let needed = count * padded / 2 * if low { 2 } else { 1 };
        let planes = halves_mut(self.words(needed));
        let (high, lows) = planes.split_at_mut(count * padded);
        let arch = vectors();
        for (row, values) in rows.chunks_exact(depth).enumerate() {
            let high = &mut high[row * padded..(row + 1) * padded];
            high[depth..].fill(0);
            match low {
                false => arch.dispatch(
                    #[inline(always)]
                    || round(values, &mut high[..depth]),
                ),
                true => {
                    let lows = &mut lows[row * padded..(row + 1) * padded];
                    lows[depth..].fill(0);
                    arch.dispatch(
                        #[inline(always)]
                        || round_and_rest(values, &mut high[..depth], &mut lows[..depth]),
                    );
                }
            }
        }
        &self.0[..needed]
    }
}

/// Nearest bf16, ties to even; NaN and infinity stay what they are, so that broken weights stay visible.
#[inline(always)]
pub(super) fn nearest(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let special = (bits >> 16) | 1;
    let is_nan = bits & 0x7fff_ffff > 0x7f80_0000;
    (if is_nan { special } else { rounded }) as u16
}

#[inline(always)]
fn round(values: &[f32], high: &mut [u16]) {
    for (high, &value) in high.iter_mut().zip(values) {
        *high = nearest(value);
    }
}

#[inline(always)]
fn round_and_rest(values: &[f32], high: &mut [u16], low: &mut [u16]) {
    for ((high, low), &value) in high.iter_mut().zip(low).zip(values) {
        *high = nearest(value);
        *low = nearest(value - f32::from_bits(u32::from(*high) << 16));
    }
}
