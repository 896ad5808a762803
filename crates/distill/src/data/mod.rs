//! What a student is trained on: files in many shapes, one canonical form, samples of tokens, and what is found in them.

pub mod check;
mod document;
mod encoder;
mod file;
mod finding;
pub mod format;
mod lengths;
mod origin;
mod preflight;
mod split;
mod spoken;
mod tool_calls;
mod words;

pub use document::{Content, Document, LeftOut, Said, ToolConversation};
pub use encoder::{Encoder, NotEncoded};
pub use file::read;
pub use finding::{Finding, Findings, Weight};
pub use lengths::Lengths;
pub use origin::RecordOrigin;
pub(crate) use preflight::preflight_against;
pub use preflight::{Preflight, preflight};
pub use split::{Batches, Position, held_out};
