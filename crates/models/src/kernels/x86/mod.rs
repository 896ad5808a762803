//! x86
//! Kernels for x86-64, each behind run-time detection: a `Native` exists only where the processor and the operating
//! system have what it needs, so that using one is safe.

mod amx;
mod avx2;
mod avx512;
mod ceiling;
mod linux;

use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};

pub(crate) use linux::prefer_huge_pages;

use pulp::Arch;
use pulp::x86::V3;

use super::Piece;
use super::integers::Step;
use super::layout::{COLUMNS, Format, Layout};
use crate::Instructions;

/// An instruction set with a kernel here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    /// AVX2 and FMA, f32.
    Avx2,
    /// AVX-512, f32.
    Avx512,
    /// AVX2: pairs of 16-bit integers into 32-bit sums.
    Avx2I16(Step),
    /// AVX-512 VNNI: the same in one instruction.
    Avx512Vnni(Step),
    /// AVX-512 BF16: one product of bf16 pairs into f32.
    Avx512Bf16,
    /// AMX: one product of bf16 tiles into f32.
    AmxBf16,
    /// AMX: three products of the high and low bf16 parts.
    AmxBf16x3,
}

/// What may be named on this architecture, least first.
pub(crate) const SETS: &[Instructions] =
    &[Instructions::Portable, Instructions::Avx2, Instructions::Avx512, Instructions::Amx];

/// The most that this processor has.
pub(crate) fn most() -> Instructions {
    let all = [Native::AmxBf16x3, Native::Avx512, Native::Avx2].into_iter();
    all.filter(|native| native.is_here()).map(Native::needs).max().unwrap_or(Instructions::Portable)
}

/// The vectors of the element-wise loops with no more than `limit`.
pub(crate) fn arch(limit: Instructions) -> Arch {
    match limit {
        Instructions::Portable => Arch::Scalar,
        Instructions::Avx2 => V3::try_new().map_or(Arch::Scalar, Arch::V3),
        _ => Arch::new(),
    }
}

impl Native {
    /// What this machine has and `limit` allows, the fastest of each precision first.
    pub(crate) fn available(limit: Option<Instructions>) -> Vec<Native> {
        // The limit comes first: tiles that may not be used are not asked for.
        let all = [
            Native::AmxBf16x3,
            Native::AmxBf16,
            Native::Avx512Vnni(Step::Long),
            Native::Avx512Vnni(Step::Short),
            Native::Avx512,
            Native::Avx512Bf16,
            Native::Avx2I16(Step::Long),
            Native::Avx2I16(Step::Short),
            Native::Avx2,
        ]
        .into_iter();
        all.filter(|native| limit.is_none_or(|most| native.needs() <= most) && native.is_here()).collect()
    }

    /// The set of instructions that it belongs to.
    fn needs(self) -> Instructions {
        match self {
            Native::Avx2 | Native::Avx2I16(_) => Instructions::Avx2,
            Native::Avx512 | Native::Avx512Vnni(_) | Native::Avx512Bf16 => Instructions::Avx512,
            Native::AmxBf16 | Native::AmxBf16x3 => Instructions::Amx,
        }
    }

    /// Whether processor and operating system have what it needs.
    fn is_here(self) -> bool {
        let avx512 = is_x86_feature_detected!("avx512f");
        match self {
            Native::Avx2 | Native::Avx2I16(_) => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Native::Avx512 => avx512,
            Native::Avx512Vnni(_) => avx512 && is_x86_feature_detected!("avx512vnni"),
            Native::Avx512Bf16 => avx512 && is_x86_feature_detected!("avx512bf16"),
            // Tiles of bf16 are made with the instructions of AVX-512 BF16, which every processor with AMX has.
            Native::AmxBf16 | Native::AmxBf16x3 => avx512 && is_x86_feature_detected!("avx512bf16") && amx::permitted(),
        }
    }

    /// The name in the identity of a model.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Native::Avx2 | Native::Avx2I16(_) => "avx2",
            Native::Avx512 => "avx512",
            Native::Avx512Vnni(_) => "avx512-vnni",
            Native::Avx512Bf16 => "avx512-bf16",
            Native::AmxBf16 | Native::AmxBf16x3 => "amx-bf16",
        }
    }

    pub(crate) fn layout(self) -> Layout {
        match self {
            Native::Avx2 => Layout { format: Format::F32, rows: avx2::ROWS },
            Native::Avx2I16(step) => Layout { format: Format::Integers(step), rows: avx2::ROWS },
            Native::Avx512 => Layout { format: Format::F32, rows: avx512::ROWS },
            Native::Avx512Vnni(step) => Layout { format: Format::Integers(step), rows: avx512::INTEGER_ROWS },
            Native::Avx512Bf16 => Layout { format: Format::Pairs, rows: avx512::ROWS },
            Native::AmxBf16 => Layout { format: Format::Tiles, rows: 32 },
            Native::AmxBf16x3 => Layout { format: Format::SplitTiles, rows: 32 },
        }
    }

    /// Whether [`Native::transpose`] is there.
    pub(crate) fn transposes(self) -> bool {
        self == Native::Avx512
    }

    /// Readies the calling thread for [`Native::multiply`].
    pub(crate) fn start(self) {
        if matches!(self, Native::AmxBf16 | Native::AmxBf16x3) {
            // SAFETY: the value exists, so AMX was detected and permitted for this process.
            unsafe { amx::configure() };
        }
    }

    /// Gives back what [`Native::start`] took.
    pub(crate) fn stop(self) {
        if matches!(self, Native::AmxBf16 | Native::AmxBf16x3) {
            // SAFETY: as in `start`.
            unsafe { amx::release() };
        }
    }

    /// `c[rows][32] (+)= strip · block`. Some of `ahead` is prefetched.
    pub(crate) fn multiply(self, piece: Piece, strip: &[u32], block: &[u32], c: &mut [f32], ahead: &[u32]) {
        let Piece { steps, rows, add, minima } = piece;
        let layout = self.layout();
        assert!(strip.len() >= steps * layout.strip_words() && block.len() >= steps * layout.block_words());
        assert!(c.len() >= layout.rows * COLUMNS);
        if !matches!(self, Native::AmxBf16 | Native::AmxBf16x3) {
            self.prefetch(ahead);
        }
        let (strip, block, c) = (strip.as_ptr(), block.as_ptr(), c.as_mut_ptr());
        // SAFETY: the value exists, so the instructions are there; the lengths were asserted above.
        unsafe {
            match self {
                Native::Avx2 => avx2::multiply(steps, strip.cast(), block.cast(), c, add),
                Native::Avx512 => avx512::multiply(steps, strip.cast(), block.cast(), c, add),
                Native::Avx2I16(step) => {
                    let multiply = match (step, minima) {
                        (Step::Short, false) => avx2::multiply_integers::<8, false>,
                        (Step::Short, true) => avx2::multiply_integers::<8, true>,
                        (Step::Long, false) => avx2::multiply_integers::<16, false>,
                        (Step::Long, true) => avx2::multiply_integers::<16, true>,
                    };
                    multiply(steps, rows, strip, block, c, add);
                }
                Native::Avx512Vnni(step) => {
                    let multiply = match (step, minima) {
                        (Step::Short, false) => avx512::multiply_integers::<8, false>,
                        (Step::Short, true) => avx512::multiply_integers::<8, true>,
                        (Step::Long, false) => avx512::multiply_integers::<16, false>,
                        (Step::Long, true) => avx512::multiply_integers::<16, true>,
                    };
                    multiply(steps, rows, strip, block, c, add);
                }
                Native::Avx512Bf16 => avx512::multiply_pairs(steps, strip, block, c, add),
                Native::AmxBf16 => amx::multiply(steps, strip, block, c, add, ahead.as_ptr()),
                Native::AmxBf16x3 => amx::multiply_split(steps, strip, block, c, add, ahead.as_ptr()),
            }
        }
    }

    /// Steps of tiles of integers that were kept in such steps; without `minima` all of them are zero.
    pub(crate) fn tiles(self, step: Step, minima: bool, kept: &[u32], out: &mut [u32]) {
        let split = match self {
            Native::AmxBf16x3 => true,
            Native::AmxBf16 => false,
            _ => return debug_assert!(false, "{self:?} has no tiles"),
        };
        let steps = out.len() / self.layout().block_words();
        assert!(kept.len() >= 32 / step.elements() * steps * step.kept_words() * COLUMNS);
        let make = match (step, minima, split) {
            (Step::Short, false, false) => avx512::tiles::<8, false, false>,
            (Step::Short, false, true) => avx512::tiles::<8, false, true>,
            (Step::Short, true, false) => avx512::tiles::<8, true, false>,
            (Step::Short, true, true) => avx512::tiles::<8, true, true>,
            (Step::Long, false, false) => avx512::tiles::<16, false, false>,
            (Step::Long, false, true) => avx512::tiles::<16, false, true>,
            (Step::Long, true, false) => avx512::tiles::<16, true, false>,
            (Step::Long, true, true) => avx512::tiles::<16, true, true>,
        };
        // SAFETY: the value exists, so AVX-512 with BF16 was detected; the lengths were asserted above.
        unsafe { make(steps, kept.as_ptr(), out.as_mut_ptr()) };
    }

    /// See [`super::Kernel::ceiling`].
    pub(crate) fn ceiling(self) -> Option<f64> {
        ceiling::measure(self)
    }

    /// Asks for these words in the second-level cache.
    pub(crate) fn prefetch(self, words: &[u32]) {
        for line in words.chunks(16) {
            // SAFETY: a prefetch is a hint that never faults; SSE is part of x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
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
        // SAFETY: AVX-512 was detected; the bounds were asserted above.
        unsafe { avx512::transpose(rows.as_ptr(), count, len, stride, out.as_mut_ptr(), out_stride, width) }
    }
}
