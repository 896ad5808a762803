//! The kernels of NEON, which every aarch64 processor has: f32, 16-bit integers, transposition; and what all kernels of integers
//! here do with their sums.

use std::arch::aarch64::*;
use std::arch::asm;

/// Rows of a strip in f32.
pub(super) const ROWS: usize = 12;
/// Rows of a strip of integers: each needs registers for exact sums and for scaled ones.
pub(super) const INTEGER_ROWS: usize = 4;
/// Registers of columns in a tile of integers: eight columns.
pub(super) const PARTS: usize = 2;

/// The first `rows` of `c[12][32] (+)= strip[steps][12] · block[steps][32]`.
///
/// # Safety
/// NEON is there; the pointers are valid for the lengths in the shapes above.
#[target_feature(enable = "neon")]
pub(super) unsafe fn multiply(steps: usize, rows: usize, strip: *const f32, block: *const f32, c: *mut f32, add: bool) {
    // Rows · columns / 4 registers of sums: 24, or 16 of few rows; the rest are for a step's columns and rows.
    // SAFETY: as the caller vouches for.
    unsafe {
        match rows {
            0..=4 => multiply_tile::<1, 4>(steps, strip, block, c, add),
            5..=8 => multiply_tile::<2, 2>(steps, strip, block, c, add),
            _ => multiply_tile::<3, 2>(steps, strip, block, c, add),
        }
    }
}

/// See [`multiply`]: `4 · FOURS` rows, `4 · PARTS` columns at a time. The tile changes no bit: every output is a chain of fused
/// multiply-adds of its own.
///
/// # Safety
/// As there.
#[target_feature(enable = "neon")]
unsafe fn multiply_tile<const FOURS: usize, const PARTS: usize>(
    steps: usize,
    strip: *const f32,
    block: *const f32,
    c: *mut f32,
    add: bool,
) {
    for first in (0..32).step_by(4 * PARTS) {
        // SAFETY: every access is inside the shapes that the caller vouches for.
        unsafe {
            let mut sum = [[[vdupq_n_f32(0.0); PARTS]; 4]; FOURS];
            for step in 0..steps {
                let mut w = [vdupq_n_f32(0.0); PARTS];
                for (part, w) in w.iter_mut().enumerate() {
                    *w = vld1q_f32(block.add(step * 32 + first + 4 * part));
                }
                for (four, sum) in sum.iter_mut().enumerate() {
                    let x = vld1q_f32(strip.add(step * ROWS + 4 * four));
                    for (part, &w) in w.iter().enumerate() {
                        sum[0][part] = vfmaq_laneq_f32::<0>(sum[0][part], w, x);
                        sum[1][part] = vfmaq_laneq_f32::<1>(sum[1][part], w, x);
                        sum[2][part] = vfmaq_laneq_f32::<2>(sum[2][part], w, x);
                        sum[3][part] = vfmaq_laneq_f32::<3>(sum[3][part], w, x);
                    }
                }
            }
            for (four, sum) in sum.iter().enumerate() {
                store(sum, c.add(4 * four * 32 + first), add);
            }
        }
    }
}

/// The first `rows` of `c[4][32] (+)= strip · block` over steps of `2 · PAIRS` integers, in the layout of
/// [`Format::Integers`](super::Format::Integers); without `MINIMA` all minima are zero.
///
/// # Safety
/// NEON is there; the pointers are valid for `steps` steps of the layout and 4 × 32 numbers.
#[target_feature(enable = "neon")]
pub(super) unsafe fn multiply_integers<const PAIRS: usize, const MINIMA: bool>(
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
            1 => multiply_rows::<PAIRS, MINIMA, 1>(steps, strip, block, c, add),
            2 => multiply_rows::<PAIRS, MINIMA, 2>(steps, strip, block, c, add),
            _ => multiply_rows::<PAIRS, MINIMA, INTEGER_ROWS>(steps, strip, block, c, add),
        }
    }
}

/// See [`multiply_integers`]: exactly `R` rows, at most [`INTEGER_ROWS`].
///
/// # Safety
/// As there.
#[target_feature(enable = "neon")]
unsafe fn multiply_rows<const PAIRS: usize, const MINIMA: bool, const R: usize>(
    steps: usize,
    strip: *const u32,
    block: *const u32,
    c: *mut f32,
    add: bool,
) {
    for first in (0..32).step_by(4 * PARTS) {
        // SAFETY: every access is inside the shapes that the caller vouches for.
        unsafe {
            let mut sum = [[vdupq_n_f32(0.0); PARTS]; R];
            for step in 0..steps {
                let x = strip.add(step * (PAIRS + 2) * INTEGER_ROWS);
                let w = block.add(step * (PAIRS + 2) * 32 + first);
                // A lane adds every second product of its column, at most 16 · 128 · 32,767 < 2²⁷ in amount: exact.
                let mut exact = [[[vdupq_n_s32(0); 2]; PARTS]; R];
                for pair in 0..PAIRS {
                    for part in 0..PARTS {
                        let w = vld1q_s16(w.add(pair * 32 + 4 * part).cast());
                        for (row, exact) in exact.iter_mut().enumerate() {
                            let x = vreinterpretq_s16_u32(vld1q_dup_u32(x.add(row * (PAIRS + 2) + pair)));
                            let [left, right] = &mut exact[part];
                            *left = vmlal_s16(*left, vget_low_s16(w), vget_low_s16(x));
                            *right = vmlal_high_s16(*right, w, x);
                        }
                    }
                }
                let (scales, minima) = (w.add(PAIRS * 32).cast(), w.add((PAIRS + 1) * 32).cast());
                for (row, (sum, exact)) in sum.iter_mut().zip(&exact).enumerate() {
                    let x = x.add(row * (PAIRS + 2) + PAIRS).cast();
                    scale::<MINIMA>(sum, exact.map(|[left, right]| vpaddq_s32(left, right)), scales, minima, x);
                }
            }
            store(&sum, c.add(first), add);
        }
    }
}

/// Adds the exact sums of a step and row, scaled: the order of roundings is that of the kernels of x86, so all have the same bits.
///
/// # Safety
/// NEON is there; `scales` and `minima` are valid for eight numbers, `x` for two: the scale and the sum of the activations.
#[inline]
#[target_feature(enable = "neon")]
pub(super) unsafe fn scale<const MINIMA: bool>(
    sum: &mut [float32x4_t; PARTS],
    exact: [int32x4_t; PARTS],
    scales: *const f32,
    minima: *const f32,
    x: *const f32,
) {
    for (part, (sum, exact)) in sum.iter_mut().zip(exact).enumerate() {
        // SAFETY: as the caller vouches for.
        unsafe {
            let scale = vmulq_n_f32(vld1q_f32(scales.add(4 * part)), *x);
            *sum = vfmaq_f32(*sum, vcvtq_f32_s32(exact), scale);
            if MINIMA {
                *sum = vfmaq_n_f32(*sum, vld1q_f32(minima.add(4 * part)), *x.add(1));
            }
        }
    }
}

/// `c[R][..] (+)= sum`, whose rows lie 32 numbers apart.
///
/// # Safety
/// NEON is there; `c` is valid for rows of `4 · PARTS` numbers.
#[inline]
#[target_feature(enable = "neon")]
pub(super) unsafe fn store<const R: usize, const PARTS: usize>(
    sum: &[[float32x4_t; PARTS]; R],
    c: *mut f32,
    add: bool,
) {
    for (row, sum) in sum.iter().enumerate() {
        for (part, &sum) in sum.iter().enumerate() {
            // Earlier pieces of the inner dimension lie in `c`: they are added last, so that all f32 kernels add alike.
            // SAFETY: inside the rows that the caller vouches for.
            unsafe {
                let out = c.add(row * 32 + part * 4);
                let total = if add { vaddq_f32(vld1q_f32(out), sum) } else { sum };
                vst1q_f32(out, total);
            }
        }
    }
}

/// Asks for a line in the second-level cache.
pub(super) fn prefetch(line: *const u32) {
    // SAFETY: a prefetch is a hint that never faults, wherever it points.
    unsafe { asm!("prfm pldl2keep, [{}]", in(reg) line, options(nostack, readonly, preserves_flags)) };
}

/// `out[c · out_stride + r] = rows[r · stride + c]` for `r < width`, zero where `r ≥ count`: 4 × 4 words at a time.
///
/// # Safety
/// NEON is there; `1 ≤ count ≤ width ≤ 16`; the last row and the last column end inside their slices.
#[target_feature(enable = "neon")]
pub(super) unsafe fn transpose(
    rows: *const u32,
    count: usize,
    len: usize,
    stride: usize,
    out: *mut u32,
    out_stride: usize,
    width: usize,
) {
    for column in (0..len).step_by(4) {
        for row in (0..width).step_by(4) {
            // SAFETY: four rows below `count` ≤ `width` and four columns below `len`, or one by one below them.
            unsafe {
                if row + 4 <= count && column + 4 <= len {
                    let from = rows.add(row * stride + column);
                    let to = out.add(column * out_stride + row);
                    let four = [0, 1, 2, 3].map(|row| vld1q_u32(from.add(row * stride)));
                    for (column, words) in turn(four).into_iter().enumerate() {
                        vst1q_u32(to.add(column * out_stride), words);
                    }
                    continue;
                }
                for column in column..len.min(column + 4) {
                    for row in row..width.min(row + 4) {
                        let word = if row < count { *rows.add(row * stride + column) } else { 0 };
                        *out.add(column * out_stride + row) = word;
                    }
                }
            }
        }
    }
}

/// Transposes 4 × 4 words in registers.
#[inline]
#[target_feature(enable = "neon")]
fn turn([a, b, c, d]: [uint32x4_t; 4]) -> [uint32x4_t; 4] {
    let (ac, bd) = (vzip1q_u32(a, c), vzip1q_u32(b, d));
    let (ac_high, bd_high) = (vzip2q_u32(a, c), vzip2q_u32(b, d));
    [vzip1q_u32(ac, bd), vzip2q_u32(ac, bd), vzip1q_u32(ac_high, bd_high), vzip2q_u32(ac_high, bd_high)]
}
