//! How exact the large products are, and which kernels compute them.

use std::collections::BTreeSet;

use super::weights::Weights;
use crate::ModelError;
use crate::kernels::{Exactness, Kernel, Matrix, Step};

/// Precision of the large products. Attention, norms and everything else are f32 in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// The fastest that keeps f32 accuracy: `Bf16x3` with AMX; `I16` with AVX-512 VNNI, without AVX-512, or on aarch64 with `sdot`,
    /// where the model has matrices of integers; else `F32`.
    Auto,
    /// f32 products and sums.
    F32,
    /// The integers of the file times activations of 16 bits, sums of 16 or 32 exact. Needs AVX2, AVX-512 VNNI or NEON, and a model with
    /// matrices in a block format; its other matrices are multiplied in f32.
    I16,
    /// Both factors as two bf16 parts, three products, f32 sums: 16 bits of mantissa. Needs AMX.
    Bf16x3,
    /// Both factors rounded to bf16, f32 sums. Needs AMX or AVX-512 BF16. It changes what is measured a little.
    Bf16,
}

impl Precision {
    /// The exactness that is asked for by name.
    fn exactness(self) -> Option<Exactness> {
        match self {
            Precision::Auto => None,
            Precision::F32 => Some(Exactness::F32),
            Precision::I16 => Some(Exactness::I16),
            Precision::Bf16x3 => Some(Exactness::Bf16x3),
            Precision::Bf16 => Some(Exactness::Bf16),
        }
    }

    /// The fastest kernels of this machine for the precision and these weights.
    pub(super) fn kernels(self, weights: &Weights) -> Result<Kernels, ModelError> {
        let integers = weights.have_integers();
        if self == Precision::I16 && !integers {
            let head = weights.head();
            let reason = format!(
                "precision i16 needs weights that are integers with scales; this model has none ({} is {}). Use auto or f32",
                head.name, head.dtype
            );
            return Err(ModelError::Request { reason });
        }
        let fits = |kernel: &Kernel| match (self, kernel.exactness()) {
            (Precision::Auto, Exactness::I16) => integers,
            (Precision::Auto, exactness) => exactness != Exactness::Bf16,
            (precision, exactness) => Some(exactness) == precision.exactness(),
        };
        Kernel::available().into_iter().find(fits).map(Kernels::of).ok_or_else(|| {
            let offered: BTreeSet<_> = Kernel::available().iter().map(|kernel| kernel.exactness().name()).collect();
            let offered = offered.into_iter().collect::<Vec<_>>().join(", ");
            let asked = self.exactness().map_or("auto", Exactness::name);
            let reason = format!("this processor has no kernel for precision {asked}; it has {offered}");
            ModelError::Request { reason }
        })
    }
}

/// The kernels of one precision.
#[derive(Clone, Copy)]
pub(super) struct Kernels {
    /// Named in the identity of the model.
    pub(super) main: Kernel,
    /// For integers in short steps, where the main one is for integers.
    short: Kernel,
    /// For what is no integer.
    plain: Kernel,
}

impl Kernels {
    fn of(main: Kernel) -> Kernels {
        if main.exactness() != Exactness::I16 {
            return Kernels { main, short: main, plain: main };
        }
        // Both kernels are always there with the main one; where they were not, a product says what it lacks.
        let or_main = |kernel: Option<Kernel>| kernel.unwrap_or(main);
        Kernels { main, short: or_main(Kernel::of_integers(Step::Short)), plain: or_main(Kernel::with(Exactness::F32)) }
    }

    /// Those of f32.
    pub(super) fn exact(self) -> Kernels {
        Kernel::with(Exactness::F32).map_or(self, Kernels::of)
    }

    /// The one that multiplies with this matrix.
    pub(super) fn with(self, weights: &impl Matrix) -> Kernel {
        match weights.integers_in() {
            Some(Step::Long) => self.main,
            Some(Step::Short) => self.short,
            None => self.plain,
        }
    }
}
