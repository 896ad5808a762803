//! Operands of integer products as bytes with a sign, for processors that multiply bytes best. A weight is one, an activation two:
//!
//! x = 256 · high + low + 128, so Σ w·x = 256 · Σ w·high + Σ w·low + 128 · Σ w
//!
//! The low byte of x has no sign; less 128 it has one. What that takes away depends on the weights alone and stands beside them. So
//! every activation of 16 bits has its bytes, and the sum is the same integer.

use super::integers::Step;
use super::layout::COLUMNS;
use super::words::{bytes_mut, integers};
use crate::instructions::vectors;

/// Rows of weights, `pairs` of whole steps of so many integers: as bytes, and 128 · the sum of each step.
pub(super) fn narrow(step: usize, pairs: &[u32], fours: &mut Vec<u32>, sums: &mut Vec<u32>) {
    fours.resize(pairs.len() / 2, 0);
    sums.resize(2 * pairs.len() / step, 0);
    let values = integers(pairs).chunks_exact(step);
    let out = bytes_mut(fours).chunks_exact_mut(step).zip(sums);
    vectors().dispatch(
        #[inline(always)]
        || {
            for (values, (bytes, sum)) in values.zip(out) {
                bytes.iter_mut().zip(values).for_each(|(byte, &value)| *byte = value as i8);
                *sum = (128 * values.iter().map(|&value| i32::from(value)).sum::<i32>()).cast_unsigned();
            }
        },
    );
}

/// Columns of a step: of `[step / 4][32]` fours `[step / 8][32]` eights.
pub(super) fn join_columns(fours: &mut [u32]) {
    for both in fours.as_chunks_mut::<{ 2 * COLUMNS }>().0 {
        let (first, second) = both.split_at(COLUMNS);
        let joined: [[u32; 2]; COLUMNS] = std::array::from_fn(|column| [first[column], second[column]]);
        both.copy_from_slice(joined.as_flattened());
    }
}

/// Rows of a strip, pairs of whole steps: of every eight integers the high bytes, then the low ones less 128.
pub(super) fn part_rows(step: Step, strip: &mut [u32]) {
    vectors().dispatch(
        #[inline(always)]
        || {
            for row in strip.chunks_exact_mut(step.row_words()) {
                for eight in row[..step.elements() / 2].as_chunks_mut::<4>().0 {
                    let pairs = *eight;
                    let (high, low) = bytes_mut(eight).split_at_mut(8);
                    for ((high, low), &x) in high.iter_mut().zip(low).zip(integers(&pairs)) {
                        (*high, *low) = ((x >> 8) as i8, (x as u8 ^ 0x80).cast_signed());
                    }
                }
            }
        },
    );
}

/// Of each two rows of a strip, parted: the first one gets the high bytes of both, the second one the low bytes of both.
pub(super) fn join_rows(step: Step, strip: &mut [u32]) {
    let parts = step.elements() / 2;
    for rows in strip.chunks_exact_mut(2 * step.row_words()) {
        let (first, second) = rows.split_at_mut(step.row_words());
        let eights = first[..parts].as_chunks_mut::<4>().0.iter_mut().zip(second[..parts].as_chunks_mut::<4>().0);
        eights.for_each(|(first, second)| first[2..].swap_with_slice(&mut second[..2]));
    }
}
