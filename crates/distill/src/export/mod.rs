//! Students as files that other tools open.

mod hugging_face;
pub(crate) mod safetensors;

pub use hugging_face::hugging_face;
