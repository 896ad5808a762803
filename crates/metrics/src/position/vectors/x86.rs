//! The registers of x86-64 between a single lane and the widest.

use pulp::Arch;
use pulp::x86::V3;

/// AVX2, where it is there.
pub fn between() -> Option<Arch> {
    V3::try_new().map(Arch::V3)
}
