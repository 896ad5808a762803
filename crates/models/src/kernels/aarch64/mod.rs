//! aarch64
//! Kernels for aarch64, those beyond NEON behind run-time detection: a `Native` exists only where the processor has what it
//! needs, so that using one is safe.

mod dotprod;
mod i8mm;
mod neon;

use std::arch::is_aarch64_feature_detected;

use pulp::Arch;

use super::Piece;
use super::integers::Step;
use super::layout::{COLUMNS, Format, Layout};
use crate::Instructions;

/// An instruction set with a kernel here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    /// NEON, f32.
    Neon,
    /// NEON: pairs of 16-bit integers into 32-bit sums.
    NeonI16(Step),
    /// `sdot`: the same in bytes, four products and their sum in a lane.
    Dotprod(Step),
    /// `smmla`: the same for two rows and two columns at once, eight products and their sum in a lane.
    I8mm(Step),
}

/// What may be named on this architecture, least first.
pub(crate) const SETS: &[Instructions] =
    &[Instructions::Portable, Instructions::Neon, Instructions::Dotprod, Instructions::I8mm];

/// The most that this processor has.
pub(crate) fn most() -> Instructions {
    let all = [Native::I8mm(Step::Long), Native::Dotprod(Step::Long), Native::Neon].into_iter();
    all.filter(|native| native.is_here()).map(Native::needs).max().unwrap_or(Instructions::Portable)
}

/// The vectors of the element-wise loops with no more than `limit`. NEON is part of the architecture: the compiler uses it
/// everywhere.
pub(crate) fn arch(limit: Instructions) -> Arch {
    match limit {
        Instructions::Portable => Arch::Scalar,
        _ => Arch::new(),
    }
}

impl Native {
    /// What this machine has and `limit` allows, the fastest of each precision first; of those that keep f32 accuracy the one
    /// with the fewest instructions to a product.
    pub(crate) fn available(limit: Option<Instructions>) -> Vec<Native> {
        let all = [
            Native::I8mm(Step::Long),
            Native::I8mm(Step::Short),
            Native::Dotprod(Step::Long),
            Native::Dotprod(Step::Short),
            Native::Neon,
            Native::NeonI16(Step::Long),
            Native::NeonI16(Step::Short),
        ]
        .into_iter();
        all.filter(|native| limit.is_none_or(|most| native.needs() <= most) && native.is_here()).collect()
    }

    /// The set of instructions that it belongs to.
    fn needs(self) -> Instructions {
        match self {
            Native::Neon | Native::NeonI16(_) => Instructions::Neon,
            Native::Dotprod(_) => Instructions::Dotprod,
            Native::I8mm(_) => Instructions::I8mm,
        }
    }

    /// Whether the processor has what it needs.
    fn is_here(self) -> bool {
        let dotprod = is_aarch64_feature_detected!("neon") && is_aarch64_feature_detected!("dotprod");
        match self {
            Native::Neon | Native::NeonI16(_) => is_aarch64_feature_detected!("neon"),
            Native::Dotprod(_) => dotprod,
            Native::I8mm(_) => dotprod && is_aarch64_feature_detected!("i8mm"),
        }
    }

    /// The name in the identity of a model.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Native::Neon | Native::NeonI16(_) => "neon",
            Native::Dotprod(_) => "neon-dotprod",
            Native::I8mm(_) => "neon-i8mm",
        }
    }

    pub(crate) fn layout(self) -> Layout {
        match self {
            Native::Neon => Layout { format: Format::F32, rows: neon::ROWS },
            Native::NeonI16(step) => Layout { format: Format::Integers(step), rows: neon::INTEGER_ROWS },
            Native::Dotprod(step) => Layout { format: Format::Fours(step), rows: neon::INTEGER_ROWS },
            Native::I8mm(step) => Layout { format: Format::Eights(step), rows: neon::INTEGER_ROWS },
        }
    }

    /// Whether [`Native::transpose`] is there.
    pub(crate) fn transposes(self) -> bool {
        self == Native::Neon
    }

    /// Nothing to ready on this architecture.
    pub(crate) fn start(self) {}

    /// See [`Native::start`].
    pub(crate) fn stop(self) {}

    /// `c[rows][32] (+)= strip · block`. Some of `ahead` is prefetched.
    pub(crate) fn multiply(self, piece: Piece, strip: &[u32], block: &[u32], c: &mut [f32], ahead: &[u32]) {
        let Piece { steps, rows, add, minima } = piece;
        let layout = self.layout();
        assert!(strip.len() >= steps * layout.strip_words() && block.len() >= steps * layout.block_words());
        assert!(c.len() >= layout.rows * COLUMNS);
        self.prefetch(ahead);
        let (strip, block, c) = (strip.as_ptr(), block.as_ptr(), c.as_mut_ptr());
        // SAFETY: the value exists, so the instructions are there; the lengths were asserted above.
        unsafe {
            match self {
                Native::Neon => neon::multiply(steps, rows, strip.cast(), block.cast(), c, add),
                Native::NeonI16(step) => {
                    let multiply = match (step, minima) {
                        (Step::Short, false) => neon::multiply_integers::<8, false>,
                        (Step::Short, true) => neon::multiply_integers::<8, true>,
                        (Step::Long, false) => neon::multiply_integers::<16, false>,
                        (Step::Long, true) => neon::multiply_integers::<16, true>,
                    };
                    multiply(steps, rows, strip, block, c, add);
                }
                Native::Dotprod(step) => {
                    let multiply = match (step, minima) {
                        (Step::Short, false) => dotprod::multiply::<2, false>,
                        (Step::Short, true) => dotprod::multiply::<2, true>,
                        (Step::Long, false) => dotprod::multiply::<4, false>,
                        (Step::Long, true) => dotprod::multiply::<4, true>,
                    };
                    multiply(steps, rows, strip, block, c, add);
                }
                Native::I8mm(step) => {
                    let multiply = match (step, minima) {
                        (Step::Short, false) => i8mm::multiply::<2, false>,
                        (Step::Short, true) => i8mm::multiply::<2, true>,
                        (Step::Long, false) => i8mm::multiply::<4, false>,
                        (Step::Long, true) => i8mm::multiply::<4, true>,
                    };
                    multiply(steps, rows, strip, block, c, add);
                }
            }
        }
    }

    /// No such loop is written.
    pub(crate) fn ceiling(self) -> Option<f64> {
        None
    }

    /// Tiles are of other processors.
    pub(crate) fn tiles(self, _: Step, _: bool, _: &[u32], _: &mut [u32]) {
        debug_assert!(false, "{self:?} has no tiles");
    }

    /// Asks for these words in the second-level cache.
    pub(crate) fn prefetch(self, words: &[u32]) {
        for line in words.chunks(16) {
            neon::prefetch(line.as_ptr());
        }
    }

    /// See [`super::transpose::Transpose::transpose`], which checks the bounds.
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
        assert!(self.transposes() && (1..=16).contains(&count) && count <= width && width <= 16 && width <= out_stride);
        assert!(len > 0 && (count - 1) * stride + len <= rows.len() && (len - 1) * out_stride + width <= out.len());
        // SAFETY: NEON was detected; the bounds were asserted above.
        unsafe { neon::transpose(rows.as_ptr(), count, len, stride, out.as_mut_ptr(), out_stride, width) }
    }
}

/// Not asked for on this architecture.
pub(crate) fn prefer_huge_pages(_: *const u8, _: usize) {}
