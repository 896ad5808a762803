//! Makes students: recipes, training data, losses, a trainer, and exports that other tools open.
//!
//! Knows nothing about auditing.

mod chance;
mod error;
pub mod losses;
pub mod network;
pub mod train;

pub use error::DistillError;
