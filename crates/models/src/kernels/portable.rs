//! The f32 kernel in plain Rust: 4 rows × 32 columns, eight columns at a time, in the shape that LLVM turns into vectors.

use super::layout::COLUMNS;

/// Rows of a strip.
pub(super) const ROWS: usize = 4;

/// `c[4][32] (+)= strip[steps][4] · block[steps][32]`.
pub(super) fn multiply(steps: usize, strip: &[f32], block: &[f32], c: &mut [f32], add: bool) {
    for first in (0..COLUMNS).step_by(8) {
        let mut sum = [[0f32; 8]; ROWS];
        for (x, columns) in strip.chunks_exact(ROWS).zip(block.chunks_exact(COLUMNS)).take(steps) {
            let columns = &columns[first..first + 8];
            for (sum, &x) in sum.iter_mut().zip(x) {
                for (sum, &w) in sum.iter_mut().zip(columns) {
                    *sum = multiply_add(x, w, *sum);
                }
            }
        }
        // Earlier pieces of the inner dimension lie in `c`: they are added last, so that all f32 kernels add alike.
        for (row, sum) in sum.iter().enumerate() {
            let out = &mut c[row * COLUMNS + first..][..8];
            for (out, &sum) in out.iter_mut().zip(sum) {
                *out = if add { *out + sum } else { sum };
            }
        }
    }
}

/// One rounding where every processor of the architecture has the instruction, two elsewhere.
#[inline(always)]
fn multiply_add(x: f32, w: f32, sum: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) { x.mul_add(w, sum) } else { x * w + sum }
}
