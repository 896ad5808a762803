//! Operands of integer products: weights as the small integers that block formats hold, activations as 16-bit integers.
//!
//! Block formats give a scale, and some a minimum, to 16 or to 32 weights: a step. The activations of a step have a scale, too:
//! their largest amount / 32,767. A weight is at most 128 in amount, so 32 products stay below 2³¹, their sums are exact, and
//! scales are applied to sums, in f32:
//!
//! y = Σ over steps: (Σ w·x) · scale_w · scale_x + minimum_w · (scale_x · Σ x)

use super::layout::{COLUMNS, Pad};
use super::transpose::Transpose;
use super::words::{bytes, bytes_mut, halves_mut, integers, integers_mut, words};
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

    /// The same with a byte for every integer.
    pub(super) fn narrow_words(self) -> usize {
        self.elements() / 4 + 2
    }

    /// Puts steps of column blocks into the words that they need with a byte for every integer. Whether each fits into one.
    pub(super) fn narrow(self, blocks: &[u32], out: &mut [u32]) -> bool {
        let pairs = self.elements() / 2 * COLUMNS;
        let steps = blocks.chunks_exact(self.column_words() * COLUMNS);
        let mut fits = true;
        steps.zip(out.chunks_exact_mut(self.narrow_words() * COLUMNS)).for_each(|(step, out)| {
            let (numbers, rest) = out.split_at_mut(pairs / 2);
            for (&integer, byte) in integers(&step[..pairs]).iter().zip(bytes_mut(numbers)) {
                *byte = integer as i8;
                fits &= i16::from(*byte) == integer;
            }
            rest.copy_from_slice(&step[pairs..]);
        });
        fits
    }

    /// Puts back what [`Step::narrow`] made.
    pub(super) fn widen(self, narrow: &[u32], out: &mut [u32]) {
        let pairs = self.elements() / 2 * COLUMNS;
        let steps = narrow.chunks_exact(self.narrow_words() * COLUMNS);
        vectors().dispatch(
            #[inline(always)]
            || {
                steps.zip(out.chunks_exact_mut(self.column_words() * COLUMNS)).for_each(|(step, out)| {
                    let (numbers, rest) = out.split_at_mut(pairs);
                    let both = integers_mut(numbers).iter_mut().zip(bytes(&step[..pairs / 2]));
                    both.for_each(|(integer, byte)| *integer = i16::from(*byte));
                    rest.copy_from_slice(&step[pairs / 2..]);
                });
            },
        );
    }
}

/// Largest activation.
const LARGEST: f32 = 32_767.0;
/// Below this, activations are zero: their scale would be no normal number.
const LEAST: f32 = 1e-30;

/// Rows of weights as integers, to write: `values · scale + minimum`.
pub struct Integers<'a> {
    /// `[rows][depth]`, at most 128 in amount.
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
    values: Vec<i16>,
    scales: Vec<f32>,
    minima: Vec<f32>,
}

impl Unpacked {
    /// Room for rows of whole steps; what it holds is unspecified.
    pub(super) fn of(&mut self, step: Step, rows: usize, depth: usize) -> Integers<'_> {
        self.values.resize(rows * depth, 0);
        self.scales.resize(rows * depth / step.elements(), 0.0);
        self.minima.resize(rows * depth / step.elements(), 0.0);
        Integers { values: &mut self.values, scales: &mut self.scales, minima: &mut self.minima }
    }

    /// Packs the rows, at most 16, as columns `16·half ..` of a column block; columns without a row become zero.
    pub(super) fn pack(&self, step: Step, by: Transpose, depth: usize, half: usize, block: &mut [u32], pad: &mut Pad) {
        let (count, steps, pairs) = (self.values.len() / depth, depth / step.elements(), step.elements() / 2);
        let paired = pad.words(count * steps * pairs);
        halves_mut(paired).iter_mut().zip(&self.values).for_each(|(half, &value)| *half = value.cast_unsigned());
        let (scales, minima) = (words(&self.scales), words(&self.minima));
        for (index, out) in block.chunks_exact_mut(step.column_words() * COLUMNS).take(steps).enumerate() {
            let out = &mut out[16 * half..];
            by.transpose(from(paired, index * pairs), count, pairs, steps * pairs, out, COLUMNS, 16);
            let out = &mut out[pairs * COLUMNS..];
            by.transpose(from(scales, index), count, 1, steps, out, COLUMNS, 16);
            by.transpose(from(minima, index), count, 1, steps, &mut out[COLUMNS..], COLUMNS, 16);
        }
    }
}

fn from(words: &[u32], at: usize) -> &[u32] {
    words.get(at..).unwrap_or_default()
}

/// Packs activation rows (`[count ≤ width, depth]`, row-major) as steps of a strip of `width` rows; missing rows become zero.
pub(super) fn pack_rows(
    step: Step,
    by: Transpose,
    rows: &[f32],
    depth: usize,
    width: usize,
    strip: &mut [u32],
    pad: &mut Pad,
) {
    let (count, steps, words) = (rows.len() / depth, depth.div_ceil(step.elements()), step.row_words());
    // [count][steps][words]
    let packed = pad.words(count * steps * words);
    for (row, packed) in rows.chunks_exact(depth).zip(packed.chunks_exact_mut(steps * words)) {
        match step {
            Step::Short => quantize::<16, 10>(row, packed),
            Step::Long => quantize::<32, 18>(row, packed),
        }
    }
    for (index, out) in strip.chunks_exact_mut(words * width).take(steps).enumerate() {
        by.transpose(from(packed, index * words), count, words, steps * words, out, width, width);
    }
}

/// A row in steps of `N` numbers, each as `W` words: pairs of integers, their scale, and their sum. The last step is filled up with
/// zeros.
fn quantize<const N: usize, const W: usize>(row: &[f32], packed: &mut [u32]) {
    vectors().dispatch(
        #[inline(always)]
        || {
            let (steps, rest) = row.as_chunks::<N>();
            let (packed, last) = packed.as_chunks_mut::<W>().0.split_at_mut(steps.len());
            steps.iter().zip(packed).for_each(|(values, packed)| quantize_step(values, packed));
            if let Some(last) = last.first_mut() {
                let mut whole = [0.0; N];
                whole[..rest.len()].copy_from_slice(rest);
                quantize_step(&whole, last);
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
