//! Where a student begins: some layers of its teacher, another model, or a fresh network.

use std::path::{Path, PathBuf};

use hydrometer_models::{Checkpoint, TokenizerPairing};
use serde::{Deserialize, Serialize};

use crate::DistillError;
use crate::network::{Network, Reading, Tensors, offset_of};

/// Where a student begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// These layers of the teacher and its embedding, as DistilBERT begins (Sanh et al. 2019, arXiv 1910.01108).
    Layers(Vec<usize>),
    /// Every n-th layer of the teacher, from the first, and its embedding.
    Every(usize),
    /// A model on disk with the teacher's tokenizer.
    Model(PathBuf),
    /// A network that knows nothing, with the teacher's tokenizer and rotations.
    Fresh(Fresh),
}

/// Whose tokens the data are encoded in.
#[derive(Clone, Copy)]
pub enum Speaker<'a> {
    /// The teacher.
    Teacher(&'a Checkpoint),
    /// The model that the student begins as: the teacher is not there.
    Student(&'a Checkpoint),
}

/// Sizes of a fresh network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fresh {
    /// Number of layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Query heads; the width is a multiple of it.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of the feed-forward.
    pub ff: usize,
}

impl Fresh {
    /// The most weights that its layers may have; those of a teacher of whom it would be a student fit many times.
    const LARGEST: usize = 1 << 33;

    /// Weights of the matrices of its layers.
    fn weights(&self) -> usize {
        let Fresh { layers, width, heads, kv_heads, ff } = *self;
        let key_width = (width / heads.max(1)).saturating_mul(kv_heads);
        let attention = width.saturating_add(key_width).saturating_mul(2);
        layers.saturating_mul(width).saturating_mul(attention.saturating_add(ff.saturating_mul(3)))
    }
}

impl Origin {
    /// A size beyond what can be trained: key, what was expected, what was found.
    pub(crate) fn fault(&self) -> Option<(&'static str, &'static str, String)> {
        let Self::Fresh(fresh) = self else { return None };
        let expected = "sizes that make at most 8,589,934,592 weights in all layers";
        (fresh.weights() > Fresh::LARGEST).then(|| ("student.fresh", expected, fresh.weights().to_string()))
    }

    /// For each of `student` layers the layer of its teacher, of `teacher`, behind which the stretch ends that it stands for. Layers
    /// that were taken over in their order stand for themselves and what was left out behind them; any others for even stretches.
    pub(crate) fn ends(&self, student: usize, teacher: usize) -> Vec<usize> {
        let taken: Vec<usize> = match self {
            Self::Layers(layers) if layers.is_sorted_by(|a, b| a < b) => layers.clone(),
            Self::Every(n) => (0..teacher).step_by((*n).max(1)).collect(),
            Self::Layers(_) | Self::Model(_) | Self::Fresh(_) => {
                return (1..=student).map(|layer| (layer * teacher).div_ceil(student) - 1).collect();
            }
        };
        let nexts = taken.iter().skip(1).copied().chain([teacher]);
        nexts.map(|next| next - 1).collect()
    }

    /// The student before it learns anything. Of a teacher of whom only distributions are there, `speaker` is the student's
    /// own model; else it is the teacher. `reading` says what becomes of matrices that a file has.
    ///
    /// # Errors
    /// Layers that are not there, sizes that do not fit, a model that cannot be read or has another tokenizer.
    pub fn build(
        &self,
        speaker: Speaker<'_>,
        reading: Reading,
        seed: u64,
    ) -> Result<(Network, Option<Checkpoint>), DistillError> {
        let refuse = |reason: String, hint: &str| Err(DistillError::Student { reason, hint: hint.to_owned() });
        let teacher = match speaker {
            Speaker::Teacher(teacher) => teacher,
            Speaker::Student(model) => {
                let layers: Vec<usize> = (0..model.config.layers).collect();
                return Ok((Network::open_with(model, &layers, reading)?, None));
            }
        };
        match self {
            Self::Layers(layers) if layers.is_empty() => {
                refuse("`student.layers` names no layer".to_owned(), "name at least one, as in layers = [0, 2, 4]")
            }
            Self::Every(0) => refuse("`student.every` is 0".to_owned(), "2 takes half of the layers"),
            Self::Layers(layers) => Ok((Network::open_with(teacher, layers, reading)?, None)),
            Self::Every(n) => {
                let layers: Vec<usize> = (0..teacher.config.layers).step_by(*n).collect();
                Ok((Network::open_with(teacher, &layers, reading)?, None))
            }
            Self::Model(path) => {
                let checkpoint = Checkpoint::open(path)?;
                if let TokenizerPairing::Different { reason } | TokenizerPairing::Shared { reason, .. } =
                    teacher.tokenizer()?.pairing(&checkpoint.tokenizer()?)
                {
                    return Err(DistillError::Pair { reason: format!("their tokenizers differ: {reason}") });
                }
                let layers: Vec<usize> = (0..checkpoint.config.layers).collect();
                Ok((Network::open_with(&checkpoint, &layers, reading)?, Some(checkpoint)))
            }
            Self::Fresh(fresh) => {
                let Fresh { layers, width, heads, kv_heads, ff } = *fresh;
                if heads == 0 || !width.is_multiple_of(heads) || !(width / heads).is_multiple_of(2) {
                    let reason = format!("`student.fresh`: a width of {width} cannot be cut into {heads} even heads");
                    return refuse(reason, "the width is an even multiple of `heads`");
                }
                let mut config = teacher.config.clone();
                config.head_dim = width / heads;
                config.rope.dims = config.head_dim;
                config.rope.style = hydrometer_models::RopeStyle::Half;
                config.attn_scale = (config.head_dim as f32).sqrt().recip();
                config.norm_offset = offset_of(config.architecture);
                if config.embed_scale != 1.0 {
                    config.embed_scale = (width as f32).sqrt();
                }
                (config.layers, config.d_model, config.heads, config.kv_heads, config.d_ff) =
                    (layers, width, heads, kv_heads, ff);
                config.check(Path::new("student.fresh"))?;
                let weights = Tensors::fresh(&config, seed);
                Ok((Network::new(config, weights)?, None))
            }
        }
    }
}
