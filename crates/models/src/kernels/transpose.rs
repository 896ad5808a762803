//! Turns rows of words into columns, 16 × 16 at a time: packing is mostly this.

use super::native::Native;
use crate::instructions::limit;

/// The way to transpose on this processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transpose {
    native: Option<Native>,
}

impl Transpose {
    /// The fastest way that the processor has and [`crate::Instructions::allowed`] allows.
    pub(crate) fn detect() -> Transpose {
        Transpose { native: Native::available(limit()).into_iter().find(|native| native.transposes()) }
    }

    /// Writes `out[c · out_stride + r] = rows[r · stride + c]` for `r < count`, `c < len`, and zero for `count ≤ r < width`.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn transpose(
        self,
        rows: &[u32],
        count: usize,
        len: usize,
        stride: usize,
        out: &mut [u32],
        out_stride: usize,
        width: usize,
    ) {
        if count == 0 || len == 0 {
            return out.chunks_mut(out_stride).take(len).for_each(|column| column[..width].fill(0));
        }
        assert!(count <= width && width <= out_stride && (count - 1) * stride + len <= rows.len());
        assert!((len - 1) * out_stride + width <= out.len());
        match self.native {
            Some(native) if width <= 16 => native.transpose(rows, count, len, stride, out, out_stride, width),
            _ => plain(rows, count, len, stride, out, out_stride, width),
        }
    }
}

fn plain(rows: &[u32], count: usize, len: usize, stride: usize, out: &mut [u32], out_stride: usize, width: usize) {
    for first in (0..len).step_by(16) {
        for row in 0..width {
            for column in first..len.min(first + 16) {
                out[column * out_stride + row] = if row < count { rows[row * stride + column] } else { 0 };
            }
        }
    }
}

#[cfg(test)]
impl Transpose {
    pub(crate) fn plain() -> Transpose {
        Transpose { native: None }
    }
}
