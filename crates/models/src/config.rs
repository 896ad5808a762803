//! What a decoder needs to know about itself, read from GGUF metadata or `config.json` and checked.

use std::path::Path;

use crate::ModelError;

/// The decoder families that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// Llama and what copies it (SmolLM2, Mistral without a window, …).
    Llama,
    /// Qwen2 and Qwen2.5: biases on q, k and v.
    Qwen2,
    /// Qwen3: norms on q and k.
    Qwen3,
    /// Gemma 3 (text): four norms per layer, sliding windows, scaled embeddings.
    Gemma3,
}

impl Architecture {
    /// Every architecture, in the order of error messages.
    pub const ALL: [Self; 4] = [Self::Llama, Self::Qwen2, Self::Qwen3, Self::Gemma3];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3",
        }
    }

    /// All names, for error messages.
    pub fn all() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The architecture of this name (`gemma3_text` is Hugging Face's name of Gemma 3 without its eyes).
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "gemma3_text" { "gemma3" } else { name };
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The non-linearity of the gated feed-forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x · sigmoid(x).
    Silu,
    /// GELU, tanh approximation.
    GeluTanh,
}

/// Which pairs of a head's dimensions are rotated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeStyle {
    /// (0, 1), (2, 3), …: llama weights in GGUF files, whose q and k rows were permuted for it.
    Interleaved,
    /// (0, d/2), (1, d/2 + 1), …: everything else.
    Half,
}

/// How the rotation frequencies θ^(−2i/d) are changed for long contexts.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Every frequency divided by `factor`.
    Linear {
        /// The divisor.
        factor: f32,
    },
    /// Llama 3: long wavelengths divided by `factor`, short ones kept, a ramp between.
    Llama3 {
        /// The divisor of long wavelengths.
        factor: f32,
        /// Wavelengths above `original_context / low_freq_factor` are divided.
        low_freq_factor: f32,
        /// Wavelengths below `original_context / high_freq_factor` are kept.
        high_freq_factor: f32,
        /// Context of the unscaled model.
        original_context: usize,
    },
    /// Frequency `i` divided by the i-th value of the tensor `rope_freqs.weight` (GGUF's form of Llama 3's rule).
    FactorsTensor,
    /// YaRN: a ramp between divided and kept frequencies, and sin and cos multiplied by `attention_factor`.
    Yarn {
        /// The divisor.
        factor: f32,
        /// Context of the unscaled model.
        original_context: usize,
        /// Rotations over the original context above which a frequency is kept (32 by default).
        beta_fast: f32,
        /// Rotations over the original context below which a frequency is divided (1 by default).
        beta_slow: f32,
        /// Factor of sin and cos: 0.1·ln(factor) + 1 unless the file says otherwise.
        attention_factor: f32,
    },
}

/// Rotary position embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// Base θ.
    pub theta: f32,
    /// Base θ of sliding-window layers where it differs (Gemma 3: 10,000); these layers are never scaled.
    pub local_theta: Option<f32>,
    /// Which dimensions are paired.
    pub style: RopeStyle,
    /// Rotated dimensions of each head: the first `dims` of `head_dim`.
    pub dims: usize,
    /// Change of the frequencies of layers that see the whole context.
    pub scaling: RopeScaling,
}

/// Sliding-window attention: layer `l` sees everything when `(l + 1) % pattern == 0`, else the last `window` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlidingWindow {
    /// Number of tokens seen, the current one included.
    pub window: usize,
    /// One layer in `pattern` sees everything.
    pub pattern: usize,
}

impl SlidingWindow {
    /// Whether layer `layer` (from 0) sees only the window.
    pub fn is_local(&self, layer: usize) -> bool {
        !(layer + 1).is_multiple_of(self.pattern)
    }
}

/// Everything that a decoder needs to know about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderConfig {
    /// Family.
    pub architecture: Architecture,
    /// Number of layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Dimensions of a head.
    pub head_dim: usize,
    /// Width of the feed-forward.
    pub d_ff: usize,
    /// Rows of the embedding table, and logits per position.
    pub vocab: usize,
    /// Longest context that the file declares.
    pub context: usize,
    /// Rotary position embedding.
    pub rope: Rope,
    /// ε of RMS norms.
    pub norm_eps: f32,
    /// Added to every norm weight: 1 for Gemma in Hugging Face folders, 0 elsewhere (GGUF has it inside).
    pub norm_offset: f32,
    /// Factor of embeddings: √d_model for Gemma, else 1.
    pub embed_scale: f32,
    /// Non-linearity of the feed-forward.
    pub activation: Activation,
    /// Whether q, k and v have biases.
    pub qkv_bias: bool,
    /// Whether heads of q and k are normalised before rotation.
    pub qk_norm: bool,
    /// Whether attention and feed-forward outputs are normalised before they are added (Gemma).
    pub post_norms: bool,
    /// Sliding-window layers, where there are any.
    pub sliding_window: Option<SlidingWindow>,
    /// Factor of q·k.
    pub attn_scale: f32,
    /// Cap c of attention scores, c·tanh(x/c).
    pub attn_softcap: Option<f32>,
    /// Cap c of logits, c·tanh(x/c).
    pub logit_softcap: Option<f32>,
    /// Whether the output head is the embedding table.
    pub tied: bool,
}

/// Sizes above these are no model that exists; they bound what a hostile file can make us compute.
const LARGEST: [(&str, usize); 4] =
    [("layers", 1 << 12), ("width", 1 << 20), ("vocabulary", 1 << 24), ("context", 1 << 31)];

impl DecoderConfig {
    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// Zero or absurd sizes, heads that do not divide, numbers that are not finite or not positive.
    pub fn check(&self, path: &Path) -> Result<(), ModelError> {
        let [layers, width, vocab, context] = LARGEST;
        let sizes = [
            ("number of layers", self.layers, layers.1),
            ("embedding width", self.d_model, width.1),
            ("number of heads", self.heads, width.1),
            ("number of key/value heads", self.kv_heads, width.1),
            ("head dimension", self.head_dim, width.1),
            ("feed-forward width", self.d_ff, width.1),
            ("vocabulary size", self.vocab, vocab.1),
            ("context length", self.context, context.1),
        ];
        for (what, value, largest) in sizes {
            if value == 0 || value > largest {
                let range = format!("between 1 and {largest}");
                return Err(ModelError::malformed(path, what, range, value.to_string()));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(ModelError::malformed(
                path,
                "number of key/value heads",
                format!("a divisor of the {} heads", self.heads),
                self.kv_heads.to_string(),
            ));
        }
        self.check_rope(path)?;
        self.check_numbers(path)
    }

    fn check_rope(&self, path: &Path) -> Result<(), ModelError> {
        let dims = self.rope.dims;
        if dims == 0 || dims > self.head_dim || !dims.is_multiple_of(2) {
            return Err(ModelError::malformed(
                path,
                "rotated dimensions",
                format!("an even number between 2 and the head dimension {}", self.head_dim),
                dims.to_string(),
            ));
        }
        if let Some(SlidingWindow { window, pattern }) = self.sliding_window
            && (window == 0 || pattern == 0)
        {
            let found = format!("window {window}, pattern {pattern}");
            return Err(ModelError::malformed(path, "sliding window", "positive numbers", found));
        }
        Ok(())
    }

    fn check_numbers(&self, path: &Path) -> Result<(), ModelError> {
        let mut numbers = vec![
            ("rope base", self.rope.theta),
            ("norm epsilon", self.norm_eps),
            ("embedding scale", self.embed_scale),
            ("attention scale", self.attn_scale),
        ];
        numbers.extend(self.rope.local_theta.map(|t| ("local rope base", t)));
        numbers.extend(self.attn_softcap.map(|c| ("attention soft cap", c)));
        numbers.extend(self.logit_softcap.map(|c| ("logit soft cap", c)));
        match &self.rope.scaling {
            RopeScaling::None | RopeScaling::FactorsTensor => {}
            RopeScaling::Linear { factor } => numbers.push(("rope scaling factor", *factor)),
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, .. } => numbers.extend([
                ("rope scaling factor", *factor),
                ("rope low frequency factor", *low_freq_factor),
                ("rope high frequency factor", *high_freq_factor),
                ("rope high minus low frequency factor", high_freq_factor - low_freq_factor),
            ]),
            RopeScaling::Yarn { factor, beta_fast, beta_slow, attention_factor, .. } => numbers.extend([
                ("rope scaling factor", *factor),
                ("yarn beta_fast", *beta_fast),
                ("yarn beta_slow", *beta_slow),
                ("yarn attention factor", *attention_factor),
            ]),
        }
        for (what, value) in numbers {
            if !(value.is_finite() && value > 0.0) {
                return Err(ModelError::malformed(path, what, "a positive number", value.to_string()));
            }
        }
        Ok(())
    }
}
