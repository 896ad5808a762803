//! Operands of integer products: weights as the small integers that block formats hold, activations as 16-bit integers.
//!
//! Every 32 activations of a row have a scale, their largest amount / 16,383: 14 bits and a sign are kept of the largest.
//! Weights keep all their bits: an integer of at most 4,096 in amount each (the largest of Q6_K, with the scale of its group of
//! 16 in it) and a scale for 32. So 32 products stay below 2³¹, their sums are exact, and scales are applied to sums, in f32:
//!
//! y = Σ over steps of 32: (Σ w·x) · scale_w · scale_x + minimum_w · (scale_x · Σ x)

use super::layout::{COLUMNS, Pad};
use super::transpose::Transpose;
use super::words::{halves_mut, words};
use crate::instructions::vectors;

/// Elements of the inner dimension in one step: activations with one scale, weights with one scale and minimum.
pub(crate) const STEP: usize = 32;
/// Largest activation.
const LARGEST: f32 = 16_383.0;
/// Pairs of integers in one step: words.
const PAIRS: usize = STEP / 2;
/// Words of one step and row: pairs, the scale, the sum of the activations.
pub(super) const ROW_WORDS: usize = PAIRS + 2;
/// Words of one step and column: pairs, the scale, the minimum.
pub(super) const COLUMN_WORDS: usize = PAIRS + 2;
/// Below this, activations are zero: their scale would be no normal number.
const LEAST: f32 = 1e-30;

/// Rows of weights as integers, to write: `values · scale + minimum`.
pub struct Integers<'a> {
    /// `[rows][depth]`, at most 4,096 in amount.
    pub values: &'a mut [i16],
    /// `[rows][depth / 32]`
    pub scales: &'a mut [f32],
    /// `[rows][depth / 32]`
    pub minima: &'a mut [f32],
}

impl<'a> Integers<'a> {
    /// The first `rows` rows, and the rest.
    pub(crate) fn split(self, rows: usize, depth: usize) -> (Integers<'a>, Integers<'a>) {
        let (values, more_values) = self.values.split_at_mut(rows * depth);
        let (scales, more_scales) = self.scales.split_at_mut(rows * depth / STEP);
        let (minima, more_minima) = self.minima.split_at_mut(rows * depth / STEP);
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
    pub(super) fn of(&mut self, rows: usize, depth: usize) -> Integers<'_> {
        self.values.resize(rows * depth, 0);
        self.scales.resize(rows * depth / STEP, 0.0);
        self.minima.resize(rows * depth / STEP, 0.0);
        Integers { values: &mut self.values, scales: &mut self.scales, minima: &mut self.minima }
    }

    /// Packs the rows, at most 16, as columns `16·half ..` of a column block; columns without a row become zero.
    pub(super) fn pack(&self, by: Transpose, depth: usize, half: usize, block: &mut [u32], pad: &mut Pad) {
        let (count, steps) = (self.values.len() / depth, depth / STEP);
        let pairs = pad.words(count * steps * PAIRS);
        for (halves, values) in halves_mut(pairs).chunks_exact_mut(STEP).zip(self.values.chunks_exact(STEP)) {
            halves.iter_mut().zip(values).for_each(|(half, &value)| *half = value.cast_unsigned());
        }
        let (scales, minima) = (words(&self.scales), words(&self.minima));
        for (step, out) in block.chunks_exact_mut(COLUMN_WORDS * COLUMNS).take(steps).enumerate() {
            let out = &mut out[16 * half..];
            by.transpose(from(pairs, step * PAIRS), count, PAIRS, steps * PAIRS, out, COLUMNS, 16);
            let out = &mut out[PAIRS * COLUMNS..];
            by.transpose(from(scales, step), count, 1, steps, out, COLUMNS, 16);
            by.transpose(from(minima, step), count, 1, steps, &mut out[COLUMNS..], COLUMNS, 16);
        }
    }
}

fn from(words: &[u32], at: usize) -> &[u32] {
    words.get(at..).unwrap_or_default()
}

/// Packs activation rows (`[count ≤ width, depth]`, row-major) as steps of a strip of `width` rows; missing rows become zero.
pub(super) fn pack_rows(by: Transpose, rows: &[f32], depth: usize, width: usize, strip: &mut [u32], pad: &mut Pad) {
    let (count, steps) = (rows.len() / depth, depth.div_ceil(STEP));
    // [count][steps][ROW_WORDS]
    let packed = pad.words(count * steps * ROW_WORDS);
    let arch = vectors();
    for (row, packed) in rows.chunks_exact(depth).zip(packed.chunks_exact_mut(steps * ROW_WORDS)) {
        arch.dispatch(
            #[inline(always)]
            || {
                for (values, packed) in row.chunks(STEP).zip(packed.as_chunks_mut::<ROW_WORDS>().0) {
                    match values.try_into() {
                        Ok(values) => quantize(values, packed),
                        Err(_) => {
                            let mut whole = [0.0; STEP];
                            whole[..values.len()].copy_from_slice(values);
                            quantize(&whole, packed);
                        }
                    }
                }
            },
        );
    }
    for (step, out) in strip.chunks_exact_mut(ROW_WORDS * width).take(steps).enumerate() {
        by.transpose(from(packed, step * ROW_WORDS), count, ROW_WORDS, steps * ROW_WORDS, out, width, width);
    }
}

/// 32 numbers as pairs of integers, their scale, and their sum. What is not finite makes the scale NaN, so that it stays visible.
#[inline(always)]
fn quantize(values: &[f32; STEP], packed: &mut [u32; ROW_WORDS]) {
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
    packed[PAIRS] = scale.to_bits();
    packed[PAIRS + 1] = (scale * sum as f32).to_bits();
}
