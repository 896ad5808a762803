//! Who answers: models on disk (GGUF files, Hugging Face folders), the decoder that runs them, and test doubles.
//!
//! Knows nothing about metrics or reports.

mod checkpoint;
mod choose;
mod config;
mod decoder;
mod encoder;
mod error;
pub mod gguf;
mod instructions;
pub mod kernels;
mod model;
mod open;
mod planted;
mod remembering;
pub mod safetensors;
mod sample;
mod scripted;
mod session;
mod source;
mod spec;
mod template;
mod tensor;
mod tokenizer;

pub use checkpoint::{Checkpoint, TensorShape};
pub use choose::{Choice, choose, question};
pub use config::{Activation, Architecture, DecoderConfig, Rope, RopeScaling, RopeStyle, SlidingWindow};
pub use decoder::{Decoder, EngineOptions, LOGIT_ROWS, Precision};
pub use encoder::SentenceEncoder;
pub use error::ModelError;
pub use instructions::Instructions;
pub use model::{Block, Logits, Model, Sequence};
pub use open::open;
pub use planted::{Defect, Planted};
pub use remembering::Remembering;
pub use sample::{Answer, Draw, SampleLimits, SampleRequest, SampleStep, sample};
pub use scripted::Scripted;
pub use session::{Feed, Session};
pub use spec::ModelSpec;
pub use template::{ChatTemplate, GenerationPrompt, Message};
pub use tensor::{DType, RawTensor};
pub use tokenizer::{Specials, Tokenizer, TokenizerPairing};

/// The kernels that this processor offers, fastest first for each precision: `bf16x3 amx`, `f32 avx512`, ….
#[must_use]
pub fn kernel_names() -> Vec<String> {
    let named = |kernel: kernels::Kernel| format!("{} {}", kernel.exactness().name(), kernel.name());
    kernels::Kernel::available().into_iter().map(named).collect()
}
