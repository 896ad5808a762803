//! The f32 kernel of AVX2 and FMA: 6 rows × 16 columns in 12 of the 16 registers, twice for 32 columns.

use std::arch::x86_64::*;

/// Rows of a strip.
pub(super) const ROWS: usize = 6;

/// `c[6][32] (+)= strip[steps][6] · block[steps][32]`.
///
/// # Safety
/// AVX2 and FMA are there; the pointers are valid for the lengths in the shapes above.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn multiply(steps: usize, strip: *const f32, block: *const f32, c: *mut f32, add: bool) {
    // 6 rows × 2 registers of sums, 2 of columns and 1 of the row's number: 15 of 16. All 32 columns at once would spill.
    for half in [0, 16] {
        // SAFETY: every access is inside the shapes that the caller vouches for.
        unsafe {
            let mut sum = [[_mm256_setzero_ps(); 2]; ROWS];
            for step in 0..steps {
                let columns = block.add(step * 32 + half);
                let (left, right) = (_mm256_loadu_ps(columns), _mm256_loadu_ps(columns.add(8)));
                for (row, sum) in sum.iter_mut().enumerate() {
                    let x = _mm256_broadcast_ss(&*strip.add(step * ROWS + row));
                    sum[0] = _mm256_fmadd_ps(x, left, sum[0]);
                    sum[1] = _mm256_fmadd_ps(x, right, sum[1]);
                }
            }
            // Earlier pieces of the inner dimension lie in `c`: they are added last, so that all f32 kernels add alike.
            for (row, sum) in sum.iter().enumerate() {
                for (part, &sum) in sum.iter().enumerate() {
                    let out = c.add(row * 32 + half + part * 8);
                    let total = if add { _mm256_add_ps(_mm256_loadu_ps(out), sum) } else { sum };
                    _mm256_storeu_ps(out, total);
                }
            }
        }
    }
}

/// The first `rows` of `c[6][32] (+)= strip · block` over steps of `2 · PAIRS` integers, in the layout of [`Format::Integers`](super::Format::Integers);
/// without `MINIMA` all minima are zero.
///
/// # Safety
/// AVX2 and FMA are there; the pointers are valid for `steps` steps of the layout and 6 × 32 numbers.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn multiply_integers<const PAIRS: usize, const MINIMA: bool>(
    steps: usize,
    rows: usize,
    strip: *const u32,
    block: *const u32,
    c: *mut f32,
    add: bool,
) {
    // 3 rows × 2 registers of exact and as many of scaled sums, 2 of columns, 1 of the row's pair, 1 of products: all 16.
    const R: usize = 3;
    for (first, half) in [(0, 0), (0, 16), (3, 0), (3, 16)].into_iter().filter(|&(first, _)| first < rows) {
        // SAFETY: every access is inside the shapes that the caller vouches for.
        unsafe {
            let mut sum = [[_mm256_setzero_ps(); 2]; R];
            for step in 0..steps {
                let (x, w) =
                    (strip.add((step * ROWS + first) * (PAIRS + 2)), block.add(step * (PAIRS + 2) * 32 + half));
                // A row's pairs, scale and sum.
                let x = |row: usize, place: usize| x.add(row * (PAIRS + 2) + place);
                let (w_scale, w_minimum) = (w.add(PAIRS * 32).cast::<f32>(), w.add((PAIRS + 1) * 32).cast::<f32>());
                let mut exact = [[_mm256_setzero_si256(); 2]; R];
                for pair in 0..PAIRS {
                    let left = _mm256_loadu_si256(w.add(pair * 32).cast());
                    let right = _mm256_loadu_si256(w.add(pair * 32 + 8).cast());
                    for (row, exact) in exact.iter_mut().enumerate() {
                        let x = _mm256_set1_epi32((*x(row, pair)).cast_signed());
                        exact[0] = _mm256_add_epi32(exact[0], _mm256_madd_epi16(x, left));
                        exact[1] = _mm256_add_epi32(exact[1], _mm256_madd_epi16(x, right));
                    }
                }
                for part in 0..2 {
                    let (scale, minimum) =
                        (_mm256_loadu_ps(w_scale.add(part * 8)), _mm256_loadu_ps(w_minimum.add(part * 8)));
                    for (row, (sum, exact)) in sum.iter_mut().zip(&exact).enumerate() {
                        let scale = _mm256_mul_ps(scale, _mm256_broadcast_ss(&*x(row, PAIRS).cast()));
                        sum[part] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(exact[part]), scale, sum[part]);
                        if MINIMA {
                            let x_sum = _mm256_broadcast_ss(&*x(row, PAIRS + 1).cast());
                            sum[part] = _mm256_fmadd_ps(x_sum, minimum, sum[part]);
                        }
                    }
                }
            }
            for (row, sum) in sum.iter().enumerate() {
                for (part, &sum) in sum.iter().enumerate() {
                    let out = c.add((first + row) * 32 + half + part * 8);
                    let total = if add { _mm256_add_ps(_mm256_loadu_ps(out), sum) } else { sum };
                    _mm256_storeu_ps(out, total);
                }
            }
        }
    }
}
