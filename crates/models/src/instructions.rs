//! Which instructions of the processor may be used: what lets one machine stand for lesser ones, in tests above all.
//!
//! Every choice of instructions in this crate asks here, so that one variable holds for all of them. What other crates
//! choose for themselves (hashing in `blake3`) is not covered: it changes no number.

use std::fmt;
use std::sync::OnceLock;

use pulp::Arch;

use crate::ModelError;
use crate::kernels::{SETS, arch, most};

/// The environment variable that names the most that may be used; what it names is read once.
pub const VARIABLE: &str = "HYDROMETER_INSTRUCTIONS";

/// Sets of instructions; of those of one architecture each contains those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// What every processor of the architecture has.
    Portable,
    /// AVX2 and FMA: eight lanes of f32.
    Avx2,
    /// AVX-512, with its bf16 products where they are there: sixteen lanes of f32.
    Avx512,
    /// AMX: tiles of bf16.
    Amx,
    /// NEON: four lanes of f32.
    Neon,
    /// NEON with `sdot`, sums of four products of bytes.
    Dotprod,
    /// NEON with `smmla`, too, small matrices of bytes.
    I8mm,
}

impl Instructions {
    /// Those of this architecture, least first: the names that the environment may use here.
    #[must_use]
    pub fn of_architecture() -> &'static [Instructions] {
        SETS
    }

    /// What the processor has, whatever the environment says.
    #[must_use]
    pub fn of_processor() -> Instructions {
        most()
    }

    /// The most that the environment asks for; `None` where it asks for nothing.
    ///
    /// # Errors
    /// A name that is none of [`Instructions::of_architecture`]: `portable`, `avx2`, `avx512` and `amx`, or on aarch64 `portable`,
    /// `neon`, `dotprod` and `i8mm`.
    pub fn asked() -> Result<Option<Instructions>, ModelError> {
        match asked() {
            Asked::Nothing => Ok(None),
            Asked::For(instructions) => Ok(Some(*instructions)),
            Asked::Unknown(found) => Err(ModelError::Instructions { found: found.clone() }),
        }
    }

    /// All that may be used here, least first: what the processor has, as far as the environment allows it.
    ///
    /// # Errors
    /// As [`Instructions::asked`].
    pub fn allowed() -> Result<Vec<Instructions>, ModelError> {
        let processor = Self::of_processor();
        let most = Self::asked()?.map_or(processor, |asked| asked.min(processor));
        Ok(SETS.iter().copied().filter(|&instructions| instructions <= most).collect())
    }

    /// Lanes of f32 in its widest vectors.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self {
            Instructions::Portable => 1,
            Instructions::Neon | Instructions::Dotprod | Instructions::I8mm => 4,
            Instructions::Avx2 => 8,
            Instructions::Avx512 | Instructions::Amx => 16,
        }
    }

    fn named(name: &str) -> Option<Instructions> {
        SETS.iter().copied().find(|instructions| instructions.to_string() == name)
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Instructions::Portable => "portable",
            Instructions::Avx2 => "avx2",
            Instructions::Avx512 => "avx512",
            Instructions::Amx => "amx",
            Instructions::Neon => "neon",
            Instructions::Dotprod => "dotprod",
            Instructions::I8mm => "i8mm",
        })
    }
}

/// What the variable says.
enum Asked {
    Nothing,
    For(Instructions),
    Unknown(String),
}

fn asked() -> &'static Asked {
    static ASKED: OnceLock<Asked> = OnceLock::new();
    ASKED.get_or_init(|| match std::env::var_os(VARIABLE) {
        None => Asked::Nothing,
        Some(name) => {
            let name = name.to_string_lossy();
            Instructions::named(&name).map_or_else(|| Asked::Unknown(name.into_owned()), Asked::For)
        }
    })
}

/// The most that may be used, for those who cannot refuse. A name that is unknown hides nothing here: whoever opens a
/// model has refused it before.
pub(crate) fn limit() -> Option<Instructions> {
    match asked() {
        Asked::For(instructions) => Some(*instructions),
        Asked::Nothing | Asked::Unknown(_) => None,
    }
}

/// The vectors of the element-wise loops, as `pulp` takes them: the widest that [`Instructions::allowed`] allows.
#[must_use]
pub fn vectors() -> Arch {
    static VECTORS: OnceLock<Arch> = OnceLock::new();
    *VECTORS.get_or_init(|| limit().map_or_else(Arch::new, arch))
}

/// The names that the environment may use here, in words.
pub(crate) fn names() -> String {
    let names: Vec<_> = SETS.iter().map(ToString::to_string).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_no_other() {
        for &instructions in SETS {
            assert_eq!(Instructions::named(&instructions.to_string()), Some(instructions));
            assert!(names().contains(&instructions.to_string()));
        }
        // Of the names of another architecture, too, none is known.
        let foreign = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
        for name in ["", "AVX2", "avx", "sse9", "avx512 ", "NEON", foreign] {
            assert_eq!(Instructions::named(name), None, "{name}");
        }
    }

    #[test]
    fn a_kernel_needs_no_more_than_is_allowed() {
        let of = |instructions| match instructions {
            Instructions::Portable => &[][..],
            Instructions::Avx2 => &["avx2"],
            Instructions::Avx512 => &["avx2", "avx512", "avx512-vnni", "avx512-bf16"],
            Instructions::Amx => &["avx2", "avx512", "avx512-vnni", "avx512-bf16", "amx-bf16"],
            Instructions::Neon => &["neon"],
            Instructions::Dotprod => &["neon", "neon-dotprod"],
            Instructions::I8mm => &["neon", "neon-dotprod", "neon-i8mm"],
        };
        for &instructions in SETS {
            for kernel in crate::kernels::Kernel::within(Some(instructions)) {
                let name = kernel.name();
                assert!(of(instructions).contains(&name) || name == "portable", "{instructions}: {name}");
            }
        }
    }
}
