//! The kernel of `smmla`: eight products of signed bytes and their sum for each of two rows and two columns, so 32 products of
//! 16-bit integers take two instructions of 32 of bytes. Sums and their bounds are those of [`super::dotprod`].
//!
//! The intrinsics are not stable in the oldest Rust that builds this, so `smmla` is written in assembly.

use std::arch::aarch64::*;
use std::arch::asm;

use super::neon::{INTEGER_ROWS, PARTS, scale, store};

/// The first `rows` of `c[4][32] (+)= strip · block` over steps of `8 · EIGHTS` integers, in the layout of
/// [`Format::Eights`](super::Format::Eights); without `MINIMA` all minima are zero.
///
/// # Safety
/// `smmla` is there; the pointers are valid for `steps` steps of the layout and 4 × 32 numbers.
#[target_feature(enable = "neon,i8mm")]
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
            1 | 2 => multiply_rows::<EIGHTS, MINIMA, 1>(steps, strip, block, c, add),
            _ => multiply_rows::<EIGHTS, MINIMA, { INTEGER_ROWS / 2 }>(steps, strip, block, c, add),
        }
    }
}

/// See [`multiply`]: exactly `2 · TWOS` rows, at most [`INTEGER_ROWS`].
///
/// # Safety
/// As there.
#[target_feature(enable = "neon,i8mm")]
unsafe fn multiply_rows<const EIGHTS: usize, const MINIMA: bool, const TWOS: usize>(
    steps: usize,
    strip: *const u32,
    block: *const u32,
    c: *mut f32,
    add: bool,
) {
    // A register of sums is 2 rows × 2 columns; as many as in the kernel of `sdot`.
    let (row_words, column_words) = (4 * EIGHTS + 2, 2 * EIGHTS + 3);
    for first in (0..32).step_by(4 * PARTS) {
        // SAFETY: every access is inside the shapes that the caller vouches for.
        unsafe {
            let mut sum = [[[vdupq_n_f32(0.0); PARTS]; 2]; TWOS];
            for step in 0..steps {
                let x = strip.add(step * row_words * INTEGER_ROWS);
                let w = block.add(step * column_words * 32 + 2 * first);
                let behind = block.add((step * column_words + 2 * EIGHTS) * 32 + first);
                // The two columns of a register begin alike in both of its rows.
                let start = [0, 1].map(|part| {
                    let sums = vld1q_s64(behind.add(4 * part).cast());
                    [vdupq_laneq_s64::<0>(sums), vdupq_laneq_s64::<1>(sums)].map(|both| vreinterpretq_s32_s64(both))
                });
                let (mut high, mut low) = ([[[vdupq_n_s32(0); 2]; PARTS]; TWOS], [start; TWOS]);
                for eight in 0..EIGHTS {
                    for (two, (high, low)) in high.iter_mut().zip(&mut low).enumerate() {
                        // High bytes of eight of both rows, low bytes of eight of both rows.
                        let x = x.add(2 * two * row_words + 4 * eight);
                        let (x_high, x_low) = (vld1q_s8(x.cast()), vld1q_s8(x.add(row_words).cast()));
                        for (part, (high, low)) in high.iter_mut().zip(low).enumerate() {
                            for (columns, (high, low)) in high.iter_mut().zip(low).enumerate() {
                                let w = vld1q_s8(w.add(64 * eight + 8 * part + 4 * columns).cast());
                                *high = matrix(*high, x_high, w);
                                *low = matrix(*low, x_low, w);
                            }
                        }
                    }
                }
                let (scales, minima) = (behind.add(32).cast(), behind.add(64).cast());
                for (two, sum) in sum.iter_mut().enumerate() {
                    let exact = |part: usize, columns: usize| {
                        let (high, low) = (high[two][part][columns], low[two][part][columns]);
                        vreinterpretq_s64_s32(vmlaq_n_s32(low, high, 256))
                    };
                    let exact = [0, 1].map(|part| [exact(part, 0), exact(part, 1)]);
                    let rows = [
                        exact.map(|[left, right]| vreinterpretq_s32_s64(vzip1q_s64(left, right))),
                        exact.map(|[left, right]| vreinterpretq_s32_s64(vzip2q_s64(left, right))),
                    ];
                    for (row, (sum, exact)) in sum.iter_mut().zip(rows).enumerate() {
                        let x = x.add((2 * two + row) * row_words + 4 * EIGHTS);
                        scale::<MINIMA>(sum, exact, scales, minima, x.cast());
                    }
                }
            }
            for (two, sum) in sum.iter().enumerate() {
                store(sum, c.add(2 * two * 32 + first), add);
            }
        }
    }
}

/// Adds `x · wᵀ` of two rows of eight bytes each: `[row][column]`.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn matrix(mut sum: int32x4_t, x: int8x16_t, w: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction is there, and touches nothing but these registers.
    unsafe {
        asm!("smmla {sum:v}.4s, {x:v}.16b, {w:v}.16b", sum = inout(vreg) sum, x = in(vreg) x, w = in(vreg) w,
            options(pure, nomem, nostack, preserves_flags));
    }
    sum
}
