//! A decoder that learns: the llama and qwen2 architectures with a hand-written backward pass.
//!
//! It computes what the engine of `hydrometer-models` computes (a test compares the logits), keeps what the way back needs,
//! and its large products are the engine's kernels in f32. [`Network::forward`] and [`Network::backward`] read like the paper;
//! the output head is not here, because the loss is computed over it in chunks of rows.

mod attention;
mod backward;
mod forward;
mod lora;
mod norm;
mod product;
mod rotation;
mod sheet;
mod tensors;

use std::ops::Range;

use hydrometer_models::{Activation, Architecture, Checkpoint, DecoderConfig, RopeScaling, RopeStyle};
use serde::{Deserialize, Serialize};

use crate::DistillError;

pub use forward::Tape;
pub use lora::{Adapter, Lora, PROJECTIONS};
pub use product::Products;
pub use sheet::Sheet;
pub use tensors::{Layer, Role, Tensors};

/// A decoder with trainable weights.
pub struct Network {
    /// What it looks like. Rotations pair dimensions (i, i + d/2), whatever the file did.
    pub config: DecoderConfig,
    /// Its weights.
    pub weights: Tensors,
    /// What its adapters have in common, where it has any: then they alone learn.
    pub lora: Option<Lora>,
    /// Parts that do not learn.
    pub frozen: Vec<Part>,
    products: Products,
}

/// A part of a network that may be frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The embedding, and the output head where it is the same matrix.
    Embedding,
    /// The output head, where it is a matrix of its own.
    Head,
    /// All norms.
    Norms,
    /// The matrices and biases of attention in every layer.
    Attention,
    /// The matrices of the feed-forward in every layer.
    FeedForward,
    /// A layer, from 0.
    Layer(usize),
}

impl Part {
    /// Whether a tensor belongs to it.
    fn has(self, name: &str) -> bool {
        match self {
            Part::Embedding => name.starts_with("token_embd."),
            Part::Head => name.starts_with("output."),
            Part::Norms => name.contains("norm."),
            Part::Attention => name.contains(".attn_") && !name.contains("norm."),
            Part::FeedForward => name.contains(".ffn_") && !name.contains("norm."),
            Part::Layer(layer) => name.starts_with(&format!("blk.{layer}.")),
        }
    }
}

impl Network {
    /// A network of these weights.
    ///
    /// # Errors
    /// An architecture whose way back is not written.
    pub fn new(config: DecoderConfig, weights: Tensors) -> Result<Network, DistillError> {
        supported(&config)?;
        Ok(Network { config, weights, lora: None, frozen: Vec::new(), products: Products::new() })
    }

    /// Reads a model's weights; of its layers those of `layers`, in this order.
    ///
    /// # Errors
    /// An architecture whose way back is not written, a layer that is not there, or a file that cannot be read.
    pub fn open(checkpoint: &Checkpoint, layers: &[usize]) -> Result<Network, DistillError> {
        supported(&checkpoint.config)?;
        let count = checkpoint.config.layers;
        if let Some(layer) = layers.iter().find(|&&layer| layer >= count) {
            return Err(DistillError::Student {
                reason: format!(
                    "layer {layer} is asked for, and {} has the layers 0 to {}",
                    checkpoint.name(),
                    count - 1
                ),
                hint: "name layers that are there".to_owned(),
            });
        }
        let weights = Tensors::read(checkpoint, layers)?;
        let mut config = checkpoint.config.clone();
        config.layers = layers.len();
        config.rope.style = RopeStyle::Half;
        Network::new(config, weights)
    }

    /// Whether a tensor learns.
    #[must_use]
    pub fn learns(&self, name: &str) -> bool {
        let adapter = name.contains(".lora_");
        adapter == self.lora.is_some() && !self.frozen.iter().any(|part| part.has(name))
    }

    /// Number of weights that learn.
    #[must_use]
    pub fn learning(&self) -> usize {
        self.weights.all().iter().filter(|tensor| self.learns(&tensor.0)).map(|tensor| tensor.2.len()).sum()
    }

    /// The products, for the head.
    #[must_use]
    pub fn products(&self) -> &Products {
        &self.products
    }
}

/// Where each sequence lies among the tokens of a block: they never attend to one another.
pub type Sequences<'a> = &'a [Range<usize>];

fn supported(config: &DecoderConfig) -> Result<(), DistillError> {
    let refuse = |what: &str| {
        Err(DistillError::Student {
            reason: format!("students of architecture {} with {what} cannot be trained yet", config.architecture),
            hint: "llama and qwen2 (SmolLM2, Qwen2.5, Mistral without a window, …) can".to_owned(),
        })
    };
    match config.architecture {
        Architecture::Llama | Architecture::Qwen2 => {}
        Architecture::Qwen3 | Architecture::Gemma3 => return refuse("its norms and windows"),
    }
    if config.qk_norm || config.post_norms || config.sliding_window.is_some() {
        return refuse("extra norms or sliding windows");
    }
    if config.attn_softcap.is_some() || config.logit_softcap.is_some() || config.embed_scale != 1.0 {
        return refuse("soft caps or scaled embeddings");
    }
    if config.qkv_bias != (config.architecture == Architecture::Qwen2) {
        return refuse("biases of q, k and v in the one, or without them in the other");
    }
    if config.attn_scale != (config.head_dim as f32).sqrt().recip() {
        return refuse("another scale of scores than 1/√head_dim");
    }
    if config.activation != Activation::Silu || config.norm_offset != 0.0 {
        return refuse("another activation than SiLU");
    }
    if config.rope.scaling == RopeScaling::FactorsTensor {
        return refuse(
            "rotations scaled by a tensor (`rope_freqs.weight`); its Hugging Face folder says the rule itself",
        );
    }
    Ok(())
}
