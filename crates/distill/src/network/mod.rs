//! A decoder that learns: the architectures that the engine runs, with a hand-written backward pass.
//!
//! It computes what the engine of `hydrometer-models` computes (a test compares the logits), keeps what the way back needs,
//! and its large products are the engine's kernels: in f32, or, while it learns, in bf16 where that is asked for. [`Network::forward`] and [`Network::backward`] read like the paper;
//! the output head is not here, because the loss is computed over it in chunks of rows.

mod attention;
mod backward;
mod blocks;
mod cap;
mod forward;
mod gate;
mod lora;
mod norm;
mod precision;
mod product;
mod rotation;
mod sheet;
mod states;
mod tensors;

use std::ops::Range;

use hydrometer_models::{Activation, Architecture, Checkpoint, DecoderConfig, RopeScaling, RopeStyle, SlidingWindow};
use serde::{Deserialize, Serialize};

use crate::DistillError;

pub use blocks::{Blocks, Weights};
pub use forward::{Remember, Tape};
pub use lora::{Adapter, Lora, PROJECTIONS};
pub use precision::Precision;
pub use product::{Left, Packed, Products};
pub use sheet::Sheet;
pub use states::StateGradient;
pub use tensors::{Layer, Reading, Role, Tensors, is_aid};

/// A decoder with trainable weights.
pub struct Network {
    /// What it looks like. Rotations pair dimensions (i, i + d/2), and norms have the offset of Hugging Face's folders, whatever
    /// the file did.
    pub config: DecoderConfig,
    /// Its weights.
    pub weights: Tensors,
    /// What its adapters have in common, where it has any: then they alone learn.
    pub lora: Option<Lora>,
    /// Parts that do not learn.
    pub frozen: Vec<Part>,
    products: Products,
    /// Those of a step of training.
    training: Products,
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
        let (products, training) = (Products::new(), Products::new());
        Ok(Network { config, weights, lora: None, frozen: Vec::new(), products, training })
    }

    /// Reads a model's weights; of its layers those of `layers`, in this order.
    ///
    /// # Errors
    /// An architecture whose way back is not written, a layer that is not there, or a file that cannot be read.
    pub fn open(checkpoint: &Checkpoint, layers: &[usize]) -> Result<Network, DistillError> {
        Network::open_with(checkpoint, layers, Reading::Numbers)
    }

    /// As [`Network::open`]; matrices that stay as their file stores them do not learn, what adapters add to them does.
    ///
    /// # Errors
    /// As [`Network::open`].
    pub fn open_with(checkpoint: &Checkpoint, layers: &[usize], reading: Reading) -> Result<Network, DistillError> {
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
        let mut config = checkpoint.config.clone();
        config.layers = layers.len();
        config.rope.style = RopeStyle::Half;
        // Gemma's folders store w of 1 + w, and that is what a student is exported as: bit for bit what was trained.
        config.norm_offset = offset_of(config.architecture);
        config.sliding_window = config.sliding_window.map(|sliding| windows(sliding, layers)).transpose()?;
        let weights = Tensors::read(checkpoint, layers, config.norm_offset, reading)?;
        Network::new(config, weights)
    }

    /// The first part to freeze of which the network has nothing.
    #[must_use]
    pub fn missing(&self) -> Option<Part> {
        let tensors = self.weights.all();
        let is_there = |part: &Part| tensors.iter().any(|tensor| part.has(&tensor.0));
        self.frozen.iter().find(|part| !is_there(part)).copied()
    }

    /// Whether a tensor learns. Projectors always do.
    #[must_use]
    pub fn learns(&self, name: &str) -> bool {
        if tensors::is_projector(name) {
            return true;
        }
        let adapter = name.contains(".lora_");
        adapter == self.lora.is_some() && !self.frozen.iter().any(|part| part.has(name))
    }

    /// Number of weights that learn.
    #[must_use]
    pub fn learning(&self) -> usize {
        self.weights.all().iter().filter(|tensor| self.learns(&tensor.0)).map(|tensor| tensor.2.len()).sum()
    }

    /// Makes the products of a step of training in a precision. What is measured stays in f32.
    ///
    /// # Errors
    /// This machine has no such products.
    pub fn train_in(&mut self, precision: Precision) -> Result<(), DistillError> {
        self.training = Products::of(precision)?;
        Ok(())
    }

    /// The products in f32: of what is measured and exported.
    #[must_use]
    pub fn products(&self) -> &Products {
        &self.products
    }

    /// The products of a step of training.
    #[must_use]
    pub fn training_products(&self) -> &Products {
        &self.training
    }
}

/// Where each sequence lies among the tokens of a block: they never attend to one another.
pub type Sequences<'a> = &'a [Range<usize>];

/// What every norm of an architecture adds to its weights.
#[must_use]
pub fn offset_of(architecture: Architecture) -> f32 {
    if architecture == Architecture::Gemma3 { 1.0 } else { 0.0 }
}

/// The windows of a student that has these layers: each sees what it saw before, which a file can only say where every n-th
/// layer sees everything.
fn windows(sliding: SlidingWindow, layers: &[usize]) -> Result<SlidingWindow, DistillError> {
    let sees_all = |&&layer: &&usize| !sliding.is_local(layer);
    let pattern = layers.iter().position(|layer| sees_all(&layer)).unwrap_or(layers.len()) + 1;
    let windows = SlidingWindow { pattern, ..sliding };
    if layers.iter().enumerate().all(|(place, &layer)| windows.is_local(place) == sliding.is_local(layer)) {
        return Ok(windows);
    }
    let all: Vec<String> = layers.iter().filter(sees_all).map(ToString::to_string).collect();
    Err(DistillError::Student {
        reason: format!(
            "of the layers that are asked for, {} see the whole context and the others a window of {} tokens, in an order that no \
             model file can say",
            all.join(", "),
            sliding.window
        ),
        hint: format!(
            "every layer of the model up to {0} but that one sees a window: name layers so that every n-th sees everything, as \
             in [0, {0}], or none does",
            sliding.pattern - 1
        ),
    })
}

fn supported(config: &DecoderConfig) -> Result<(), DistillError> {
    let refuse = |what: &str| {
        Err(DistillError::Student {
            reason: format!("students of architecture {} with {what} cannot be trained yet", config.architecture),
            hint:
                "llama, qwen2, qwen3 and gemma3 as their makers publish them (SmolLM2, Qwen2.5, Qwen3, Gemma 3, …) can"
                    .to_owned(),
        })
    };
    let (gemma, qwen3) = (config.architecture == Architecture::Gemma3, config.architecture == Architecture::Qwen3);
    if config.qk_norm != (gemma || qwen3) {
        return refuse("norms of q and k in the one, or without them in the other");
    }
    if config.qkv_bias != (config.architecture == Architecture::Qwen2) {
        return refuse("biases of q, k and v in the one, or without them in the other");
    }
    if !gemma && config.attn_scale != (config.head_dim as f32).sqrt().recip() {
        return refuse("another scale of scores than 1/√head_dim");
    }
    if !gemma && (config.attn_softcap.is_some() || config.logit_softcap.is_some()) {
        return refuse("soft caps, which its Hugging Face folder cannot say");
    }
    if config.activation != if gemma { Activation::GeluTanh } else { Activation::Silu } {
        return refuse("another activation than its own");
    }
    if config.rope.scaling == RopeScaling::FactorsTensor {
        return refuse(
            "rotations scaled by a tensor (`rope_freqs.weight`); its Hugging Face folder says the rule itself",
        );
    }
    Ok(())
}
