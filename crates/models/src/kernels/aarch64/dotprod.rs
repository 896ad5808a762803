//! The kernel of `sdot`: four products of signed bytes and their sum in each lane. An activation of 16 bits is two bytes, so sixteen
//! products of 16-bit integers take two instructions.
//!
//! An activation is x = 256 · high + low + 128 with both bytes signed, whatever x is: see [`Format::Fours`](super::Format::Fours).
//! So a sum over a step is 256 · Σ w·high + Σ w·low + 128 · Σ w, whose last part comes with the weights. With weights and bytes of
//! at most 128 in amount, 32 products are at most 2¹⁹ in amount, so is the last part, and the whole is below 2²⁸: exact.
//!
//! The intrinsics are not stable in the oldest Rust that builds this, so `sdot` is written in assembly.

use std::arch::aarch64::*;
use std::arch::asm;

use super::neon::{INTEGER_ROWS, PARTS, scale, store};

/// The first `rows` of `c[4][32] (+)= strip · block` over steps of `8 · EIGHTS` integers, in the layout of
/// [`Format::Fours`](super::Format::Fours); without `MINIMA` all minima are zero.
///
/// # Safety
/// `sdot` is there; the pointers are valid for `steps` steps of the layout and 4 × 32 numbers.
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn multiply<const EIGHTS: usize, const MINIMA: bool>(
    steps: usize,
    rows: usize,
    strip: *const u32,
    block: *const u32,
    c: *mut f32,
    add: bool,
) {
    // SAFETY: as the caller vouches for.
    unsafe {
        match rows {
            1 => multiply_rows::<EIGHTS, MINIMA, 1>(steps, strip, block, c, add),
            2 => multiply_rows::<EIGHTS, MINIMA, 2>(steps, strip, block, c, add),
            _ => multiply_rows::<EIGHTS, MINIMA, INTEGER_ROWS>(steps, strip, block, c, add),
        }
    }
}

/// See [`multiply`]: exactly `R` rows, at most [`INTEGER_ROWS`].
///
/// # Safety
/// As there.
#[target_feature(enable = "neon,dotprod")]
unsafe fn multiply_rows<const EIGHTS: usize, const MINIMA: bool, const R: usize>(
    steps: usize,
    strip: *const u32,
    block: *const u32,
    c: *mut f32,
    add: bool,
) {
    // 4 rows × 2 registers of columns, each with a sum of high bytes, one of low bytes and a scaled one: 24 of the 32; a step's
    // activations are 4, its columns 1 at a time.
    let (row_words, column_words) = (4 * EIGHTS + 2, 2 * EIGHTS + 3);
    for first in (0..32).step_by(4 * PARTS) {
        // SAFETY: every access is inside the shapes that the caller vouches for.
        unsafe {
            let mut sum = [[vdupq_n_f32(0.0); PARTS]; R];
            for step in 0..steps {
                let x = strip.add(step * row_words * INTEGER_ROWS);
                let w = block.add(step * column_words * 32 + first);
                let behind = w.add(2 * EIGHTS * 32);
                let start = [vld1q_s32(behind.cast()), vld1q_s32(behind.add(4).cast())];
                let (mut high, mut low) = ([[vdupq_n_s32(0); PARTS]; R], [start; R]);
                for eight in 0..EIGHTS {
                    // High bytes of four, of the next four, low bytes of four, of the next four.
                    let mut bytes = [vdupq_n_s8(0); R];
                    for (row, bytes) in bytes.iter_mut().enumerate() {
                        *bytes = vld1q_s8(x.add(row * row_words + 4 * eight).cast());
                    }
                    for part in 0..PARTS {
                        let w = w.add(2 * eight * 32 + 4 * part);
                        let (four, next) = (vld1q_s8(w.cast()), vld1q_s8(w.add(32).cast()));
                        for (row, &x) in bytes.iter().enumerate() {
                            high[row][part] = dot::<0>(high[row][part], four, x);
                            low[row][part] = dot::<2>(low[row][part], four, x);
                        }
                        for (row, &x) in bytes.iter().enumerate() {
                            high[row][part] = dot::<1>(high[row][part], next, x);
                            low[row][part] = dot::<3>(low[row][part], next, x);
                        }
                    }
                }
                let (scales, minima) = (behind.add(32).cast(), behind.add(64).cast());
                for (row, sum) in sum.iter_mut().enumerate() {
                    let exact = [0, 1].map(|part| vmlaq_n_s32(low[row][part], high[row][part], 256));
                    scale::<MINIMA>(sum, exact, scales, minima, x.add(row * row_words + 4 * EIGHTS).cast());
                }
            }
            store(&sum, c.add(first), add);
        }
    }
}

/// Adds to each lane its four bytes of `w` times the four bytes `x[4 · LANE ..]`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot<const LANE: usize>(mut sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction is there, and touches nothing but these registers.
    unsafe {
        asm!("sdot {sum:v}.4s, {w:v}.16b, {x:v}.4b[{lane}]", sum = inout(vreg) sum, w = in(vreg) w, x = in(vreg) x,
            lane = const LANE, options(pure, nomem, nostack, preserves_flags));
    }
    sum
}
