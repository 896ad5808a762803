//! Operands of integer products: weights as the small integers that block formats hold, activations as 16-bit integers.
//!
//! Block formats give a scale, and some a minimum, to 16 or to 32 weights: a step. The activations of a step have a scale, too:
//! their largest amount / 32,767. A weight is at most 128 in amount, so 32 products stay below 2³¹, their sums are exact, and
//! scales are applied to sums, in f32:
//!
//! y = Σ over steps: (Σ w·x) · scale_w · scale_x + minimum_w · (scale_x · Σ x)
//!
//! Where a processor multiplies bytes best, `bytes` makes two of each activation.

use super::bytes;
use super::layout::{COLUMNS, Format, Layout};
use super::transpose::Transpose;
use super::words::{bytes, bytes_mut, integers, integers_mut, words};
use crate::instructions::vectors;

/// Weights that share a scale, and the activations that meet them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// 16
    Short = 16,
    /// 32
    Long = 32,
}

impl Step {
    /// Elements of the inner dimension.
    pub fn elements(self) -> usize {
        self as usize
    }

    /// Words of one step and row: pairs, the scale, the sum of the activations.
    pub(super) fn row_words(self) -> usize {
        self.elements() / 2 + 2
    }

    /// Words of one step and column: pairs, the scale, the minimum.
    pub(super) fn column_words(self) -> usize {
        self.elements() / 2 + 2
    }

    /// Words of one step and column in bytes: four integers in each, 128 · their sum, the scale, the minimum.
    pub(super) fn byte_column_words(self) -> usize {
        self.elements() / 4 + 3
    }

    /// Words of one step and column of a panel that is kept: four integers in each, the scale, the minimum.
    pub(super) fn kept_words(self) -> usize {
        self.elements() / 4 + 2
    }
}

/// Steps of column blocks for keeping: integers as bytes. No weight of a block format needs more.
pub(super) fn narrow(step: Step, panel: &[u32], kept: &mut [u32]) {
    let (wide, small) = (step.elements() / 2 * COLUMNS, step.elements() / 4 * COLUMNS);
    let steps = panel.chunks_exact(step.column_words() * COLUMNS);
    for (panel, kept) in steps.zip(kept.chunks_exact_mut(step.kept_words() * COLUMNS)) {
        let values = integers(&panel[..wide]).iter();
        bytes_mut(&mut kept[..small]).iter_mut().zip(values).for_each(|(byte, &value)| *byte = value as i8);
        kept[small..].copy_from_slice(&panel[wide..]);
    }
}

/// What [`narrow`] made of steps.
pub(super) fn widen(step: Step, kept: &[u32], panel: &mut [u32]) {
    let (wide, small) = (step.elements() / 2 * COLUMNS, step.elements() / 4 * COLUMNS);
    vectors().dispatch(
        #[inline(always)]
        || {
            let steps = kept.chunks_exact(step.kept_words() * COLUMNS);
            for (kept, panel) in steps.zip(panel.chunks_exact_mut(step.column_words() * COLUMNS)) {
                let values = integers_mut(&mut panel[..wide]).iter_mut();
                values.zip(bytes(&kept[..small])).for_each(|(value, &byte)| *value = i16::from(byte));
                panel[wide..].copy_from_slice(&kept[small..]);
            }
        },
    );
}

/// Largest activation.
const LARGEST: f32 = 32_767.0;
/// Below this, activations are zero: their scale would be no normal number.
const LEAST: f32 = 1e-30;

/// Rows of weights as integers, to write: `values · scale + minimum`.
pub struct Integers<'a> {
    /// `[rows][depth]`, from −128 to 127.
    pub values: &'a mut [i16],
    /// `[rows][depth / step]`
    pub scales: &'a mut [f32],
    /// `[rows][depth / step]`
    pub minima: &'a mut [f32],
}

impl<'a> Integers<'a> {
    /// The first `rows` rows, and the rest.
    pub(crate) fn split(self, rows: usize, depth: usize) -> (Integers<'a>, Integers<'a>) {
        let steps = rows * depth * self.scales.len() / self.values.len().max(1);
        let (values, more_values) = self.values.split_at_mut(rows * depth);
        let (scales, more_scales) = self.scales.split_at_mut(steps);
        let (minima, more_minima) = self.minima.split_at_mut(steps);
        let rest = Integers { values: more_values, scales: more_scales, minima: more_minima };
        (Integers { values, scales, minima }, rest)
    }
}

/// Rows of weights on their way into a panel.
#[derive(Default)]
pub(super) struct Unpacked {
    /// Two integers in each.
    pairs: Vec<u32>,
    scales: Vec<f32>,
    minima: Vec<f32>,
    /// Four of the integers in each, where a kernel wants them so.
    fours: Vec<u32>,
    /// 128 · the sum of each step, beside them.
    sums: Vec<u32>,
}

impl Unpacked {
    /// Room for rows of whole steps; what it holds is unspecified.
    pub(super) fn of(&mut self, step: Step, rows: usize, depth: usize) -> Integers<'_> {
        self.pairs.resize(rows * depth / 2, 0);
        self.scales.resize(rows * depth / step.elements(), 0.0);
        self.minima.resize(rows * depth / step.elements(), 0.0);
        Integers { values: integers_mut(&mut self.pairs), scales: &mut self.scales, minima: &mut self.minima }
    }

    /// Packs the rows, at most 16, as columns `16·half ..` of a column block, the first half before the second; columns without a
    /// row become zero.
    pub(super) fn pack(&mut self, layout: Layout, by: Transpose, depth: usize, half: usize, block: &mut [u32]) {
        let as_bytes = matches!(layout.format, Format::Fours(_) | Format::Eights(_));
        if as_bytes {
            bytes::narrow(layout.step(), &self.pairs, &mut self.fours, &mut self.sums);
        }
        let numbers = [&self.sums[..], words(&self.scales), words(&self.minima)];
        let (packed, numbers) = if as_bytes { (&self.fours, &numbers[..]) } else { (&self.pairs, &numbers[1..]) };
        let (steps, stride) = (layout.steps(depth), layout.block_words());
        let (count, each) = (self.scales.len() / steps, stride / COLUMNS - numbers.len());
        let columns = &mut block[16 * half..];
        for (index, out) in columns.chunks_mut(stride).take(steps).enumerate() {
            let packed = packed.get(index * each..).unwrap_or_default();
            by.transpose(packed, count, each, steps * each, out, COLUMNS, 16);
        }
        // One number for each step: the steps of a row are turned together.
        for (place, numbers) in numbers.iter().enumerate() {
            let out = &mut columns[(each + place) * COLUMNS..];
            by.transpose(numbers, count, steps, steps, out, stride, 16);
        }
        if matches!(layout.format, Format::Eights(_)) && half == 1 {
            block.chunks_mut(stride).take(steps).for_each(|step| bytes::join_columns(&mut step[..each * COLUMNS]));
        }
    }
}

/// Packs activation rows (`[count ≤ width, depth]`, row-major) as steps of a strip of `width` rows; missing rows become zero.
pub(super) fn pack_rows(step: Step, rows: &[f32], depth: usize, width: usize, strip: &mut [u32]) {
    match step {
        Step::Short => quantize::<16, 10>(rows, depth, width, strip),
        Step::Long => quantize::<32, 18>(rows, depth, width, strip),
    }
}

/// Rows in steps of `N` numbers, each as `W` words: pairs of integers, their scale, and their sum. The last step is filled up
/// with zeros.
fn quantize<const N: usize, const W: usize>(rows: &[f32], depth: usize, width: usize, strip: &mut [u32]) {
    let (words, count) = (strip.as_chunks_mut::<W>().0, rows.len() / depth);
    let steps = words.chunks_exact_mut(width).take(depth.div_ceil(N));
    vectors().dispatch(
        #[inline(always)]
        || {
            for (index, words) in steps.enumerate() {
                let (there, missing) = words.split_at_mut(count);
                for (row, packed) in rows.chunks_exact(depth).zip(there) {
                    let row = &row[index * N..];
                    if let Some(values) = row.first_chunk() {
                        quantize_step::<N, W>(values, packed);
                    } else {
                        let mut whole = [0.0; N];
                        whole[..row.len()].copy_from_slice(row);
                        quantize_step(&whole, packed);
                    }
                }
                missing.fill([0; W]);
            }
        },
    );
}

/// What is not finite makes the scale NaN, so that it stays visible.
#[inline(always)]
fn quantize_step<const N: usize, const W: usize>(values: &[f32; N], packed: &mut [u32; W]) {
    // NaN and infinity are the largest of all bits without a sign.
    let largest = values.iter().fold(0, |most, value| u32::max(most, value.to_bits() & 0x7fff_ffff));
    let largest = f32::from_bits(largest);
    let (scale, factor) = match largest {
        _ if !largest.is_finite() => (f32::NAN, 0.0),
        _ if largest < LEAST => (0.0, 0.0),
        _ => (largest / LARGEST, LARGEST / largest),
    };
    // Behind 1.5 · 2²³ the last bits of an f32 are an integer, rounded to the nearest.
    const SHIFT: f32 = 12_582_912.0;
    let mut sum = 0i32;
    for (pair, packed) in values.as_chunks::<2>().0.iter().zip(packed.iter_mut()) {
        let [low, high] = pair.map(|value| (value * factor + SHIFT).to_bits() & 0xffff);
        sum += i32::from(low as i16) + i32::from(high as i16);
        *packed = low | high << 16;
    }
    packed[N / 2] = scale.to_bits();
    packed[N / 2 + 1] = (scale * sum as f32).to_bits();
}
