//! In what the products of training are made.

use hydrometer_models::kernels::{Exactness, Kernel};
use hydrometer_models::{Instructions, kernel_names};
use serde::{Deserialize, Serialize};

use crate::DistillError;

/// What the factors of the products are while a student learns, on the way there and on both ways back. Sums are in f32, and so
/// is everything that is no such product: weights, gradients, moments, the residual stream, norms, attention, losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// f32.
    F32,
    /// As high + low bf16, three products: 16 bits of mantissa, by AMX.
    Bf16x3,
    /// Rounded to bf16: 8 bits of mantissa. Weights stay in f32 between steps (mixed precision with master weights, Micikevicius et
    /// al. 2017, arXiv 1710.03740).
    Bf16,
}

impl Precision {
    /// Its name in a recipe.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16x3 => "bf16x3",
            Self::Bf16 => "bf16",
        }
    }

    /// Refuses what this machine does not have.
    ///
    /// # Errors
    /// What it needs, and what is here.
    pub fn available(self) -> Result<(), DistillError> {
        self.kernel().map(drop)
    }

    /// The fastest kernel of it that this machine has.
    ///
    /// # Errors
    /// There is none: nothing slower or more exact stands in for it.
    pub(super) fn kernel(self) -> Result<Kernel, DistillError> {
        let (exactness, needs) = match self {
            Self::F32 => (Exactness::F32, "any processor"),
            Self::Bf16x3 => (Exactness::Bf16x3, "AMX"),
            Self::Bf16 => (Exactness::Bf16, "AVX-512 BF16 or AMX"),
        };
        Kernel::with(exactness).ok_or_else(|| {
            let hidden = match Instructions::asked() {
                Ok(Some(most)) => format!(", of which {} may be used", most),
                _ => String::new(),
            };
            DistillError::Student {
                reason: format!(
                    "training in {} needs {needs}, and the products of this processor{hidden} are {}",
                    self.name(),
                    kernel_names().join(", ")
                ),
                hint: "train in f32 (`train.precision = \"f32\"`), or on a processor that has it".to_owned(),
            }
        })
    }
}
