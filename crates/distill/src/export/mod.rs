//! Students as files that other tools open.

mod adapter;
mod card;
mod check;
mod exported;
mod form;
mod gguf;
mod hugging_face;
pub(crate) mod safetensors;

pub use adapter::adapter;
pub use card::Card;
pub use exported::{Exported, Unwritten, every_form};
pub use form::{ExportRecipe, Form};
pub use gguf::possible;
pub use hugging_face::{hugging_face, hugging_face_in_parts};
