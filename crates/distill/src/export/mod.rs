//! Students as files that other tools open.

mod adapter;
mod hugging_face;
pub(crate) mod safetensors;

pub use adapter::adapter;
pub use hugging_face::hugging_face;
