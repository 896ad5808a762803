//! What a student is trained on: files in many shapes, one canonical form, and samples of tokens.

mod document;
mod encoder;
pub mod format;
mod preflight;
mod split;

pub use document::{Content, Document, Said, read};
pub use encoder::{Encoder, NotEncoded};
pub use preflight::{Finding, Preflight, preflight};
pub use split::{Batches, Position, held_out};
