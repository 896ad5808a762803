//! The vector registers of comparisons: no wider than what the models may use.

use hydrometer_metrics::Vectors;
use hydrometer_models::Instructions;

/// The widest of the processor, unless the environment hides some of its instructions.
pub fn allowed_vectors() -> Vectors {
    match Instructions::asked() {
        Ok(Some(instructions)) => Vectors::at_most(instructions.lanes()),
        // A name that nobody knows was refused when the models were opened.
        Ok(None) | Err(_) => Vectors::widest(),
    }
}
