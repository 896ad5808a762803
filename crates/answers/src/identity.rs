//! Who answered: every identity is a hash, so that an answer is reused only under an equal key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The numeric settings of the engine that computed an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngineIdentity {
    /// `hydrometer-decoder`, `scripted`, …
    pub name: String,
    /// Engine version: changes whenever the numbers it produces may change.
    pub version: String,
    /// Precision of the large products: `f32`, `i16`, `bf16x3`, `bf16`; `None` where that is not known.
    pub precision: Option<String>,
    /// Kernel chosen on this processor: `avx512`, `avx2`, `neon`, `amx-bf16`, …; `None` where that is not known.
    pub kernel: Option<String>,
}

/// Identity of a sentence encoder: its hashes and pooling are what must be equal for two texts to get the same vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncoderIdentity {
    /// Short name for people: the folder's.
    pub name: String,
    /// `bert`.
    pub architecture: String,
    /// Numbers in a vector.
    pub width: u32,
    /// Tokens that are read at once.
    pub max_tokens: u32,
    /// How a vector is made of those of the tokens: `mean` or `cls`.
    pub pooling: String,
    /// `blake3:` hash of the weights file.
    pub weights: String,
    /// `blake3:` hash of the configuration file.
    pub config: String,
    /// `blake3:` hash of the tokenizer file.
    pub tokenizer: String,
}

impl EncoderIdentity {
    /// `blake3:` hash of everything but the name: equal keys, equal vectors.
    pub fn key(&self) -> String {
        let Self { name: _, architecture, width, max_tokens, pooling, weights, config, tokenizer } = self;
        let parts = format!("{architecture} {width} {max_tokens} {pooling} {weights} {config} {tokenizer}");
        format!("blake3:{}", blake3::hash(parts.as_bytes()).to_hex())
    }
}

/// Identity of a model: what must be equal for two answers to come from the same model. What is not known is `None`, and
/// [`unknown`](Self::unknown) says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelIdentity {
    /// Short name for people: file stem or the model's own name.
    pub name: String,
    /// How the user named it (`path.gguf`, `scripted:file`, `planted:…`), without secrets and without folders.
    pub spec: String,
    /// `gguf`, `safetensors`, `scripted`.
    pub format: String,
    /// `llama`, `qwen2`, `qwen3`, `gemma3`, `scripted`.
    pub architecture: Option<String>,
    /// Number of parameters; 0 for a scripted model.
    pub parameters: Option<u64>,
    /// Most common tensor type of the large matrices: `Q4_K`, `F16`, ….
    pub quantization: Option<String>,
    /// Number of entries of the output distribution.
    pub vocab_size: Option<u32>,
    /// Longest context that the file declares, in tokens.
    pub context_length: Option<u32>,
    /// `blake3:` hash of the weights file(s); where nobody can read them, of what else tells this model from others.
    pub weights: String,
    /// `blake3:` hash of vocabulary, specials, merges and pre-tokenizer.
    pub tokenizer: Option<String>,
    /// `blake3:` hash of the chat template; `None` when the model has none.
    pub template: Option<String>,
    /// Logit surgery applied on top, in the words of the `planted:` specification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surgery: Option<String>,
    /// The engine.
    pub engine: EngineIdentity,
    /// Why what is `None` is not known; absent from files where everything is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// What `unknown` says of a model that takes no settings of sampling: how it draws is its provider's affair.
pub const PROVIDERS_DRAWS: &str = "it takes no settings of sampling: draws are the provider's";

impl ModelIdentity {
    /// Whether how it draws is its provider's affair, whatever was asked for.
    #[must_use]
    pub fn draws_as_its_provider(&self) -> bool {
        self.unknown.as_deref().is_some_and(|unknown| unknown.contains(PROVIDERS_DRAWS))
    }

    /// A model that nobody here can look into: `hash` is that of what tells it from others, `engine` who gave its answers,
    /// `unknown` why nothing else is known.
    pub fn unseen(name: &str, spec: String, format: &str, hash: blake3::Hash, engine: &str, unknown: String) -> Self {
        Self {
            name: name.to_owned(),
            spec,
            format: format.to_owned(),
            architecture: None,
            parameters: None,
            quantization: None,
            vocab_size: None,
            context_length: None,
            weights: format!("blake3:{}", hash.to_hex()),
            tokenizer: None,
            template: None,
            surgery: None,
            engine: EngineIdentity { name: engine.to_owned(), version: "1".to_owned(), precision: None, kernel: None },
            unknown: Some(unknown),
        }
    }

    /// Entries of a row of logits; none for a model that shows no logits.
    pub fn logit_width(&self) -> u32 {
        self.vocab_size.unwrap_or(0)
    }
}

/// `format` of the identity of a model that is known by its answers only.
pub const GIVEN: &str = "answers";
/// What stood between a given answer and what its file says about it, in runs of the first version of the samples part.
pub const GIVEN_MARK: &str = "[given]";
