//! Who answers: models on disk (GGUF files, Hugging Face folders), the decoder that runs them, and test doubles.
//!
//! Knows nothing about metrics or reports.

mod checkpoint;
mod config;
mod error;
pub mod gguf;
mod model;
mod safetensors;
mod source;
mod template;
mod tensor;
mod tokenizer;

pub use checkpoint::{Checkpoint, TensorShape};
pub use config::{Activation, Architecture, DecoderConfig, Rope, RopeScaling, RopeStyle, SlidingWindow};
pub use error::ModelError;
pub use model::{Block, Capabilities, Logits, Model, Sequence};
pub use template::{ChatTemplate, GenerationPrompt, Message};
pub use tensor::{DType, RawTensor};
pub use tokenizer::{Specials, Tokenizer, TokenizerPairing};
