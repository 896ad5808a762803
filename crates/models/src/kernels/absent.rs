//! The twin of `x86` and `aarch64` on other processors: no kernels of our own, the portable one serves (LLVM vectorises it).

use pulp::Arch;

use super::layout::Layout;
use crate::Instructions;

/// What may be named on this architecture.
pub(crate) const SETS: &[Instructions] = &[Instructions::Portable];

/// Nothing of our own.
pub(crate) fn most() -> Instructions {
    Instructions::Portable
}

/// The vectors of the element-wise loops with no more than `limit`: what a processor of this kind always has stays.
pub(crate) fn arch(_: Instructions) -> Arch {
    Arch::new()
}

/// No kernel: a value of this type cannot exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {}

impl Native {
    pub(crate) fn available(_: Option<Instructions>) -> Vec<Native> {
        Vec::new()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {}
    }

    pub(crate) fn layout(self) -> Layout {
        match self {}
    }

    pub(crate) fn transposes(self) -> bool {
        match self {}
    }

    pub(crate) fn start(self) {
        match self {}
    }

    pub(crate) fn stop(self) {
        match self {}
    }

    pub(crate) fn multiply(self, _: super::Piece, _: &[u32], _: &[u32], _: &mut [f32], _: &[u32]) {
        match self {}
    }

    pub(crate) fn tiles(self, _: super::Step, _: bool, _: &[u32], _: &mut [u32]) {
        match self {}
    }

    pub(crate) fn ceiling(self) -> Option<f64> {
        match self {}
    }

    pub(crate) fn prefetch(self, _: &[u32]) {
        match self {}
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn transpose(self, _: &[u32], _: usize, _: usize, _: usize, _: &mut [u32], _: usize, _: usize) {
        match self {}
    }
}

/// Not asked for on other processors.
pub(crate) fn prefer_huge_pages(_: *const u8, _: usize) {}
