//! The kernels of AVX-512: 12 rows × 32 columns in 24 of the 32 registers, in f32 and in pairs of bf16; transposition.

use std::arch::x86_64::*;

/// Rows of a strip.
pub(super) const ROWS: usize = 12;
/// Rows of a strip of integers: each needs registers for exact sums and for scaled ones.
pub(super) const INTEGER_ROWS: usize = 6;

/// `c[12][32] (+)= strip[steps][12] · block[steps][32]`.
///
/// # Safety
/// AVX-512F is there; the pointers are valid for the lengths in the shapes above.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn multiply(steps: usize, strip: *const f32, block: *const f32, c: *mut f32, add: bool) {
    // SAFETY: every access is inside the shapes that the caller vouches for.
    unsafe {
        let mut sum = [[_mm512_setzero_ps(); 2]; ROWS];
        for step in 0..steps {
            let columns = block.add(step * 32);
            let (left, right) = (_mm512_loadu_ps(columns), _mm512_loadu_ps(columns.add(16)));
            // The block comes from the second-level cache; `prefetch` may point past its end, which is harmless.
            _mm_prefetch::<_MM_HINT_T0>(columns.wrapping_add(512).cast());
            _mm_prefetch::<_MM_HINT_T0>(columns.wrapping_add(528).cast());
            for (row, sum) in sum.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*strip.add(step * ROWS + row));
                sum[0] = _mm512_fmadd_ps(x, left, sum[0]);
                sum[1] = _mm512_fmadd_ps(x, right, sum[1]);
            }
        }
        store(&sum, c, add);
    }
}

/// `c[12][32] (+)= strip[steps][12][2] · block[steps][32][2]` in bf16 with f32 sums.
///
/// # Safety
/// AVX-512F and BF16 are there; the pointers are valid for the lengths in the shapes above.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn multiply_pairs(steps: usize, strip: *const u32, block: *const u32, c: *mut f32, add: bool) {
    // SAFETY: every access is inside the shapes that the caller vouches for; `__m512bh` and `__m512i` are both 64 plain bytes.
    unsafe {
        let pairs = |bits: __m512i| std::mem::transmute::<__m512i, __m512bh>(bits);
        let mut sum = [[_mm512_setzero_ps(); 2]; ROWS];
        for step in 0..steps {
            let columns = block.add(step * 32);
            let left = pairs(_mm512_loadu_si512(columns.cast()));
            let right = pairs(_mm512_loadu_si512(columns.add(16).cast()));
            // As in `multiply`.
            _mm_prefetch::<_MM_HINT_T0>(columns.wrapping_add(512).cast());
            _mm_prefetch::<_MM_HINT_T0>(columns.wrapping_add(528).cast());
            for (row, sum) in sum.iter_mut().enumerate() {
                let x = pairs(_mm512_set1_epi32((*strip.add(step * ROWS + row)).cast_signed()));
                sum[0] = _mm512_dpbf16_ps(sum[0], x, left);
                sum[1] = _mm512_dpbf16_ps(sum[1], x, right);
            }
        }
        store(&sum, c, add);
    }
}

/// The first `rows` of `c[6][32] (+)= strip · block` over steps of `2 · PAIRS` integers, in the layout of
/// [`Format::Integers`](super::Format::Integers); without `MINIMA` all minima are zero.
///
/// # Safety
/// AVX-512F and VNNI are there; the pointers are valid for `steps` steps of the layout and 6 × 32 numbers.
#[target_feature(enable = "avx512f,avx512vnni")]
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
            3 | 4 => multiply_rows::<PAIRS, MINIMA, 4>(steps, strip, block, c, add),
            _ => multiply_rows::<PAIRS, MINIMA, INTEGER_ROWS>(steps, strip, block, c, add),
        }
    }
}

/// See [`multiply_integers`]: exactly `R` rows, at most [`INTEGER_ROWS`].
///
/// # Safety
/// As there.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn multiply_rows<const PAIRS: usize, const MINIMA: bool, const R: usize>(
    steps: usize,
    strip: *const u32,
    block: *const u32,
    c: *mut f32,
    add: bool,
) {
    // SAFETY: every access is inside the shapes that the caller vouches for.
    unsafe {
        let mut sum = [[_mm512_setzero_ps(); 2]; R];
        for step in 0..steps {
            let x = strip.add(step * (PAIRS + 2) * INTEGER_ROWS);
            let w = block.add(step * (PAIRS + 2) * 32);
            // A row's pairs, scale and sum.
            let x = |row: usize, place: usize| x.add(row * (PAIRS + 2) + place);
            let (w_scale, w_minimum) = (w.add(PAIRS * 32).cast::<f32>(), w.add((PAIRS + 1) * 32).cast::<f32>());
            let mut exact = [[_mm512_setzero_si512(); 2]; R];
            for pair in 0..PAIRS {
                let left = _mm512_loadu_si512(w.add(pair * 32).cast());
                let right = _mm512_loadu_si512(w.add(pair * 32 + 16).cast());
                for (row, exact) in exact.iter_mut().enumerate() {
                    let x = _mm512_set1_epi32((*x(row, pair)).cast_signed());
                    exact[0] = _mm512_dpwssd_epi32(exact[0], x, left);
                    exact[1] = _mm512_dpwssd_epi32(exact[1], x, right);
                }
            }
            for part in 0..2 {
                let (scale, minimum) =
                    (_mm512_loadu_ps(w_scale.add(part * 16)), _mm512_loadu_ps(w_minimum.add(part * 16)));
                for (row, (sum, exact)) in sum.iter_mut().zip(&exact).enumerate() {
                    let scale = _mm512_mul_ps(scale, _mm512_set1_ps(*x(row, PAIRS).cast()));
                    sum[part] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact[part]), scale, sum[part]);
                    if MINIMA {
                        sum[part] = _mm512_fmadd_ps(_mm512_set1_ps(*x(row, PAIRS + 1).cast()), minimum, sum[part]);
                    }
                }
            }
        }
        store(&sum, c, add);
    }
}

/// Tiles of bf16, high parts and, where they are `SPLIT`, low ones, of integers in steps of `2 · PAIRS` as
/// [`narrow`](super::super::integers::narrow) leaves them; without `MINIMA` all minima are zero. The numbers are rounded as those
/// that are unpacked; what is no normal number becomes zero, as which the products of tiles take it.
///
/// # Safety
/// AVX-512F and BF16 are there; `kept` is valid for `steps` · 32 elements of 32 columns, `out` for as many steps of tiles.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn tiles<const PAIRS: usize, const MINIMA: bool, const SPLIT: bool>(
    steps: usize,
    kept: *const u32,
    out: *mut u32,
) {
    // Each number of 16 columns twice: those of the first eight, and of the others.
    let (first, last) = (
        _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0),
        _mm512_set_epi32(15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8),
    );
    let (groups, tile, planes) = (16 / PAIRS, 256, if SPLIT { 2 } else { 1 });
    // SAFETY: every access is inside the shapes that the caller vouches for; `__m512bh` and `__m512i` are both 64 plain bytes.
    unsafe {
        let twice = |numbers: *const f32| {
            let numbers = _mm512_loadu_ps(numbers);
            [_mm512_permutexvar_ps(first, numbers), _mm512_permutexvar_ps(last, numbers)]
        };
        let round =
            |[left, right]: [__m512; 2]| std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(right, left));
        let wide = |half: __m256i| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half)));
        for group in 0..steps * groups {
            let from = kept.add(group * (PAIRS * 16 + 64));
            let numbers = from.add(PAIRS * 16).cast::<f32>();
            for half in 0..2 {
                let scale = twice(numbers.add(half * 16));
                let minimum = if MINIMA { twice(numbers.add(32 + half * 16)) } else { scale };
                let out = out.add(group / groups * planes * 2 * tile + half * tile + group % groups * PAIRS * 16);
                for pair in 0..PAIRS {
                    let bytes = from.add(pair * 16 + half * 8).cast::<__m128i>();
                    let value = |part: usize| {
                        let integers = _mm512_cvtepi8_epi32(_mm_loadu_si128(bytes.add(part)));
                        let value = _mm512_mul_ps(_mm512_cvtepi32_ps(integers), scale[part]);
                        if MINIMA { _mm512_add_ps(value, minimum[part]) } else { value }
                    };
                    let values = [value(0), value(1)];
                    let high = round(values);
                    _mm512_storeu_si512(out.add(pair * 16).cast(), high);
                    if SPLIT {
                        let left = wide(_mm512_castsi512_si256(high));
                        let right = wide(_mm512_extracti64x4_epi64::<1>(high));
                        let low = round([_mm512_sub_ps(values[0], left), _mm512_sub_ps(values[1], right)]);
                        _mm512_storeu_si512(out.add(2 * tile + pair * 16).cast(), low);
                    }
                }
            }
        }
    }
}

/// # Safety
/// AVX-512F is there; `c` is valid for `R` × 32 numbers.
#[target_feature(enable = "avx512f")]
unsafe fn store<const R: usize>(sum: &[[__m512; 2]; R], c: *mut f32, add: bool) {
    for (row, sum) in sum.iter().enumerate() {
        for (part, &sum) in sum.iter().enumerate() {
            // Earlier pieces of the inner dimension lie in `c`: they are added last, so that all f32 kernels add alike.
            // SAFETY: inside the `R` × 32 numbers that the caller vouches for.
            unsafe {
                let out = c.add(row * 32 + part * 16);
                let total = if add { _mm512_add_ps(_mm512_loadu_ps(out), sum) } else { sum };
                _mm512_storeu_ps(out, total);
            }
        }
    }
}

/// `out[c · out_stride + r] = rows[r · stride + c]` for `r < width`, zero where `r ≥ count`.
///
/// # Safety
/// AVX-512F is there; `1 ≤ count ≤ width ≤ 16`; the last row and the last column end inside their slices.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn transpose(
    rows: *const u32,
    count: usize,
    len: usize,
    stride: usize,
    out: *mut u32,
    out_stride: usize,
    width: usize,
) {
    let lanes = |n: usize| if n >= 16 { u16::MAX } else { (1u16 << n) - 1 };
    for first in (0..len).step_by(16) {
        let wide = lanes(len - first);
        let mut tile = [_mm512_setzero_si512(); 16];
        for (row, tile) in tile.iter_mut().enumerate().take(count) {
            // SAFETY: lanes past `len` are masked off, and row < count.
            *tile = unsafe { _mm512_maskz_loadu_epi32(wide, rows.add(row * stride + first).cast()) };
        }
        for (column, tile) in turn(tile).iter().enumerate().take(len - first) {
            // SAFETY: column < len and lanes past `width` are masked off.
            unsafe { _mm512_mask_storeu_epi32(out.add((first + column) * out_stride).cast(), lanes(width), *tile) };
        }
    }
}

/// Transposes 16 × 16 words in registers: pairs, then fours, then 128-bit lanes.
#[target_feature(enable = "avx512f")]
fn turn(rows: [__m512i; 16]) -> [__m512i; 16] {
    let mut pairs = rows;
    for i in 0..8 {
        pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    let mut fours = pairs;
    for i in 0..4 {
        let group = 4 * i;
        fours[group] = _mm512_unpacklo_epi64(pairs[group], pairs[group + 2]);
        fours[group + 1] = _mm512_unpackhi_epi64(pairs[group], pairs[group + 2]);
        fours[group + 2] = _mm512_unpacklo_epi64(pairs[group + 1], pairs[group + 3]);
        fours[group + 3] = _mm512_unpackhi_epi64(pairs[group + 1], pairs[group + 3]);
    }
    // fours[4·g + j] holds in lane l the column 4·l + j of the rows 4·g .. 4·g + 4.
    let mut columns = fours;
    for j in 0..4 {
        let low = _mm512_shuffle_i32x4::<0b01_00_01_00>(fours[j], fours[4 + j]);
        let high = _mm512_shuffle_i32x4::<0b11_10_11_10>(fours[j], fours[4 + j]);
        let low2 = _mm512_shuffle_i32x4::<0b01_00_01_00>(fours[8 + j], fours[12 + j]);
        let high2 = _mm512_shuffle_i32x4::<0b11_10_11_10>(fours[8 + j], fours[12 + j]);
        columns[j] = _mm512_shuffle_i32x4::<0b10_00_10_00>(low, low2);
        columns[4 + j] = _mm512_shuffle_i32x4::<0b11_01_11_01>(low, low2);
        columns[8 + j] = _mm512_shuffle_i32x4::<0b10_00_10_00>(high, high2);
        columns[12 + j] = _mm512_shuffle_i32x4::<0b11_01_11_01>(high, high2);
    }
    columns
}
