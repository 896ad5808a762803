//! decoder
//! The local engine: one decoder for llama, qwen2, qwen3 and gemma3, driven by the model's own metadata.
//!
//! It scores blocks of packed sequences (teacher forcing). Weights stay in memory as the file stores them; every product
//! unpacks each matrix once per block. `forward` reads from top to bottom like the paper; the large products live in
//! `kernels`; logits are computed when they are read.

mod attention;
mod beginnings;
mod cache;
mod forward;
mod logits;
mod precision;
mod rope;
mod session;
mod weights;

use hydrometer_answers::{EngineIdentity, ModelIdentity};

use crate::kernels::Workshop;
use crate::{
    Answers, Block, ChatTemplate, Checkpoint, Chooses, DecoderConfig, Grows, Instructions, Logits, Model, ModelError,
    Scores, Session, Tokenizer,
};

use precision::Kernels;

pub use logits::logit_rows;
pub use precision::Precision;

/// Version of the numbers: changes whenever the same inputs may give other bytes on the same processor.
const VERSION: &str = "1";

/// How the engine runs. Its threads are those of the rayon pool that the caller is in; results do not depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Precision of the large products.
    pub precision: Precision,
}

/// A decoder with its weights, ready to score.
pub struct Decoder {
    config: DecoderConfig,
    weights: weights::Weights,
    workshop: Workshop,
    kernels: Kernels,
    identity: ModelIdentity,
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Decoder {
    /// Reads the weights and readies the engine.
    ///
    /// # Errors
    /// Tensors that are missing, misshapen or not finite, a precision that this processor cannot compute, and unknown
    /// [`Instructions`] in the environment.
    pub fn open(checkpoint: &Checkpoint, options: &EngineOptions) -> Result<Decoder, ModelError> {
        Instructions::asked()?;
        let workshop = Workshop::new();
        let config = checkpoint.config.clone();
        let (tokenizer, template) = (checkpoint.tokenizer()?, checkpoint.template()?);
        let (weights, hash) = rayon::join(|| weights::Weights::read(checkpoint), || checkpoint.weights_hash());
        let weights = weights?;
        let kernels = options.precision.kernels(&weights)?;
        let identity = ModelIdentity {
            name: checkpoint.name(),
            spec: checkpoint.file_name(),
            format: checkpoint.format().to_owned(),
            architecture: Some(config.architecture.name().to_owned()),
            parameters: Some(checkpoint.parameters()),
            quantization: Some(checkpoint.quantization().name().to_owned()),
            vocab_size: Some(u32::try_from(config.vocab).unwrap_or(u32::MAX)),
            context_length: Some(u32::try_from(config.context).unwrap_or(u32::MAX)),
            weights: hash?,
            tokenizer: Some(tokenizer.hash().to_owned()),
            template: template.as_ref().map(|template| template.hash().to_owned()),
            surgery: None,
            engine: EngineIdentity {
                name: "hydrometer-decoder".to_owned(),
                version: VERSION.to_owned(),
                precision: Some(kernels.main.exactness().name().to_owned()),
                kernel: Some(kernels.main.name().to_owned()),
            },
            unknown: None,
        };
        Ok(Decoder { config, weights, workshop, kernels, identity, tokenizer, template })
    }

    /// Tokens and positions that the model can take.
    fn check(&self, block: &Block) -> Result<(), ModelError> {
        let (vocab, context) = (self.config.vocab, self.config.context);
        for sequence in &block.sequences {
            let tokens = sequence.tokens.len();
            if tokens > context {
                return Err(ModelError::TooLong { tokens, context });
            }
            if let Some((position, &id)) = sequence.tokens.iter().enumerate().find(|&(_, &id)| id as usize >= vocab) {
                return Err(ModelError::Token { id, position, vocab });
            }
            let increasing = sequence.rows.is_sorted_by(|a, b| a < b);
            if !increasing || sequence.rows.last().is_some_and(|&last| last as usize >= tokens) {
                return Err(ModelError::Request {
                    reason: format!("rows must increase and stay below the {tokens} tokens of their sequence"),
                });
            }
        }
        Ok(())
    }

    fn run(&self, block: &Block, kernels: Kernels) -> Result<Box<dyn Logits + '_>, ModelError> {
        self.check(block)?;
        let hidden = forward::forward(self, kernels, block)?;
        Ok(Box::new(logits::Rows::new(self, kernels, hidden)))
    }
}

impl Model for Decoder {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn scores(&self) -> Option<&dyn Scores> {
        Some(self)
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        Some(&self.tokenizer)
    }

    fn renders(&self) -> Option<&ChatTemplate> {
        self.template.as_ref()
    }

    fn grows(&self) -> Option<&dyn Grows> {
        Some(self)
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        Some(self)
    }
}

impl Scores for Decoder {
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        self.run(block, self.kernels)
    }

    fn rerun<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        self.run(block, self.kernels.exact())
    }
}

impl Grows for Decoder {
    fn session<'a>(&'a self, spare: u64) -> Result<Box<dyn Session + 'a>, ModelError> {
        Ok(Box::new(session::Growing::new(self, spare)))
    }

    fn position_bytes(&self) -> u64 {
        cache::PageShape::of(&self.config).bytes() * self.config.layers as u64 / cache::PAGE as u64
    }
}
