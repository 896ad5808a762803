//! The twin of `x86` on other processors: one kind of register, and single lanes.

use pulp::Arch;

/// Nothing.
pub fn between() -> Option<Arch> {
    None
}
