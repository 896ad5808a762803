//! Which vector registers the sums over a vocabulary use.
//!
//! Lanes are summed apart and put together at the end, so another width adds in another order and gives other last
//! digits. That is why the width is an argument: what one processor finds can be found again on a wider one.

#[cfg(not(target_arch = "x86_64"))]
#[path = "vectors/absent.rs"]
mod native;
#[cfg(target_arch = "x86_64")]
#[path = "vectors/x86.rs"]
mod native;

use pulp::{Arch, Simd, WithSimd};

/// Vector registers of this processor, from one f32 lane to all that it has.
#[derive(Clone, Copy, Debug)]
pub struct Vectors(Arch);

impl Vectors {
    /// The widest that this processor has.
    #[must_use]
    pub fn widest() -> Self {
        Self(Arch::new())
    }

    /// The widest that this processor has with no more than so many f32 lanes; one lane is always there.
    #[must_use]
    pub fn at_most(lanes: usize) -> Self {
        Self::available().into_iter().rfind(|vectors| vectors.lanes() <= lanes).unwrap_or(Self(Arch::Scalar))
    }

    /// All that this processor has, narrowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut all: Vec<_> =
            [Arch::Scalar].into_iter().chain(native::between()).chain([Arch::new()]).map(Self).collect();
        all.dedup_by_key(|vectors| vectors.lanes());
        all
    }

    /// Number of f32 lanes.
    #[must_use]
    pub fn lanes(self) -> usize {
        self.0.dispatch(CountLanes)
    }

    /// As `pulp` takes them.
    pub(crate) fn arch(self) -> Arch {
        self.0
    }
}

struct CountLanes;

impl WithSimd for CountLanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}
