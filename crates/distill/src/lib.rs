//! Makes students: recipes, training data, losses, a trainer, and exports that other tools open.
//!
//! Knows nothing about auditing.

mod chance;
pub mod data;
mod error;
pub mod export;
pub mod losses;
pub mod network;
mod recipe;
mod run;
mod student;
mod teacher_text;
pub mod train;

pub use error::DistillError;
pub use recipe::{
    Arm, DataRecipe, HiddenRecipe, LoraRecipe, LossRecipe, Recipe, StateLayers, Targets, TeacherTextRecipe, TrainRecipe,
};
pub use run::{ArmResult, Completion, Difference, Measured, Observer, Outcome, Plan};
pub use student::{Fresh, Origin, Speaker};
