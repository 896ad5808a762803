//! Who answers: models on disk (GGUF files, Hugging Face folders), the decoder that runs them, models behind endpoints, and
//! test doubles.
//!
//! Knows nothing about metrics or reports.

mod checkpoint;
mod config;
mod doubles;
mod encoder;
mod error;
pub mod gguf;
mod http;
mod hub;
mod instructions;
pub mod kernels;
mod listed_answer;
mod local;
mod mistaken;
mod model;
mod open;
mod part;
mod remembering;
mod replay;
pub mod safetensors;
mod source;
mod template;
mod tensor;
mod together;
mod tokenizer;
mod tools;

pub use checkpoint::{Checkpoint, TensorShape};
pub use config::{Activation, Architecture, DecoderConfig, Rope, RopeScaling, RopeStyle, SlidingWindow};
pub use doubles::acting::{ActingDefect, PlantedActor};
pub use doubles::at_boundaries::PlantedAtBoundaries;
pub use doubles::no_time::NoTime;
pub use doubles::planted::{Defect, Planted};
pub use doubles::scripted::Scripted;
pub use doubles::server::{AskedServer, ScriptedServer, Served};
pub use encoder::SentenceEncoder;
pub use error::ModelError;
pub use http::{
    Address, Budget, CHECK_MARK, Checked, Clock, EmbeddingEndpoint, Found, Known, MANY_SCRIPTS, NOT_ALLOWED, Named,
    Network, Offer, PRICES_FORMAT, Prices, Purse, SCHEMES, Scheme, SetAside, Spent, Spoils, check, check_beside,
    check_names,
};
pub use hub::{Fetched, Fetching, HubName, fetch};
pub use hydrometer_answers::Facet;
pub use instructions::{Instructions, vectors};
pub use listed_answer::{ListedAnswer, ListedAnswerCame, ListedToken, ListsAnswers, id_unspelled, unspelled};
pub use local::choose::{Choice, choose, question};
pub use local::decoder::{Decoder, EngineOptions, Precision, logit_rows};
pub use local::sample::{Answer, Draw, Prompt, SampleLimits, SampleRequest, SampleStep, sample};
pub use local::session::{Feed, Session};
pub use model::{
    Answers, Block, Chooses, Conversations, FirstTokens, Grows, Letters, Listed, ListedPosition, Lists, Logits, Model,
    Room, Scorer, Scores, Sequence, ShownPosition, Shows, TopTokens, Unlisted,
};
pub use open::{ModelSpec, open, open_files, open_tokenizer, open_with};
pub use remembering::Remembering;
pub use template::{ChatTemplate, GenerationPrompt, Message};
pub use tensor::{DType, RawTensor};
pub use together::{AnswersTogether, BatchState, BatchStep, ListCame};
pub use tokenizer::{Specials, Tokenizer, TokenizerPairing};
pub use tools::{Conversation, Declared, Made, ToolProtocol, Turn, WithTools};

/// The kernels that this processor offers, fastest first for each precision: `bf16x3 amx`, `f32 avx512`, ….
#[must_use]
pub fn kernel_names() -> Vec<String> {
    let named = |kernel: kernels::Kernel| format!("{} {}", kernel.exactness().name(), kernel.name());
    let mut names: Vec<_> = kernels::Kernel::available().into_iter().map(named).collect();
    // Integers in steps of 16 and of 32 have a kernel each.
    names.dedup();
    names
}
