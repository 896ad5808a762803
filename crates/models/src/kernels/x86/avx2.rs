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
