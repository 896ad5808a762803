//! A whole model as a GGUF file, from another GGUF file or from a Hugging Face folder, in other types, one tensor at a time.

use std::io::Write;
use std::path::Path;

use hydrometer_answers::{RunError, durable};

use super::{Shape, Types, head, keys, put_tensor};
use crate::checkpoint::Files;
use crate::gguf::quantize::quantize;
use crate::gguf::{Gguf, TensorInfo, Value};
use crate::{Architecture, Checkpoint, DType, DecoderConfig, ModelError, RopeScaling, RopeStyle, Tokenizer};

const FILE_TYPE: &str = "general.file_type";
const QUANTIZATION: &str = "general.quantization_version";
/// Version of the block formats that ggml has had since 2023.
const QUANTIZATION_VERSION: u32 = 2;
const ROPE_FREQS: &str = "rope_freqs.weight";

/// A tensor of the file to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// Number of rows; 1 for a vector.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// How the source stores it.
    pub from: DType,
    /// How the file will store it.
    pub to: DType,
    /// The type that was asked for, where its rows are no whole number of that type's blocks.
    pub instead_of: Option<DType>,
}

impl Planned {
    /// Bytes in the file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // What was planned fits its blocks.
        self.to.bytes_of(self.cols).unwrap_or(0) as u64 * self.rows as u64
    }

    /// Bytes in the source.
    #[must_use]
    pub fn bytes_before(&self) -> u64 {
        self.from.bytes_of(self.cols).unwrap_or(0) as u64 * self.rows as u64
    }

    fn dims(&self) -> Vec<u64> {
        let (cols, rows) = (self.cols as u64, self.rows as u64);
        if rows == 1 { vec![cols] } else { vec![cols, rows] }
    }
}

/// A GGUF file that is decided on, not yet written.
#[derive(Debug)]
pub struct Conversion<'a> {
    source: &'a Checkpoint,
    pairs: Vec<(String, Value)>,
    tensors: Vec<Planned>,
}

impl<'a> Conversion<'a> {
    /// Decides on metadata and types. A GGUF file keeps its metadata; those of a folder are made, and read again to see that they
    /// say the same.
    ///
    /// # Errors
    /// A model or tokenizer that GGUF metadata cannot express, or a type that is only read.
    pub fn plan(source: &'a Checkpoint, types: &Types) -> Result<Self, ModelError> {
        for dtype in [Some(types.matrices), types.output].into_iter().flatten() {
            super::types::writable(dtype.name())?;
        }
        let tensors = tensors(source, types)?;
        let mut pairs = match &source.files {
            Files::Gguf(file) => kept(file),
            Files::Folder(folder) => {
                let mut pairs = keys::of(&source.config, &source.name());
                pairs.extend(folder.gguf_tokenizer(source.config.vocab)?);
                pairs
            }
        };
        pairs.push((FILE_TYPE.to_owned(), Value::U32(types.file_type())));
        pairs.push((QUANTIZATION.to_owned(), Value::U32(QUANTIZATION_VERSION)));
        let conversion = Self { source, pairs, tensors };
        if let Files::Folder(_) = source.files {
            conversion.check()?;
        }
        Ok(conversion)
    }

    /// The tensors, in the order of the file.
    #[must_use]
    pub fn tensors(&self) -> &[Planned] {
        &self.tensors
    }

    /// The metadata, in the order of the file.
    #[must_use]
    pub fn pairs(&self) -> &[(String, Value)] {
        &self.pairs
    }

    /// Whether readers will find the model that is to be written: its sizes, and its tokens in a few texts.
    fn check(&self) -> Result<(), ModelError> {
        let path = self.source.path();
        let infos = self.tensors.iter().map(|planned| TensorInfo {
            name: planned.name.clone(),
            dtype: planned.to,
            dims: planned.dims(),
            offset: 0,
            bytes: planned.bytes(),
        });
        let file = Gguf::unwritten(&path.to_string_lossy(), &self.pairs, infos.collect())?;
        let (found, expected) = (file.config()?, in_gguf(&self.source.config));
        if !alike(&found, &expected) {
            let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
            return Err(ModelError::malformed(path, "configuration as GGUF metadata", expected, found));
        }
        self.source.tokenizer()?.check_written(path, "GGUF metadata", &Tokenizer::from_gguf(&file)?)
    }

    /// Writes the file: whole or not at all. `each` is told how many tensors are written and says whether to go on.
    ///
    /// # Errors
    /// A tensor that cannot be read or is not finite, a disk that is full, and [`ModelError::Request`] where `each` stopped.
    pub fn write(&self, path: &Path, each: &mut dyn FnMut(usize) -> bool) -> Result<(), ModelError> {
        let dims: Vec<Vec<u64>> = self.tensors.iter().map(Planned::dims).collect();
        let shapes = self.tensors.iter().zip(&dims).map(|(planned, dims)| Shape {
            name: &planned.name,
            dtype: planned.to,
            dims,
            len: usize::try_from(planned.bytes()).unwrap_or(usize::MAX),
        });
        let head = head(&self.pairs, &shapes.collect::<Vec<_>>());
        // What is wrong with the model is not the file system's mistake.
        let mut wrong = None;
        let written = durable::replace_with(path, |file| {
            file.write_all(&head)?;
            for (done, planned) in self.tensors.iter().enumerate() {
                let bytes = self.bytes(planned).map_err(|error| {
                    wrong = Some(error);
                    std::io::Error::other("a tensor cannot be written")
                })?;
                put_tensor(file, &bytes)?;
                if !each(done + 1) {
                    wrong = Some(ModelError::Request { reason: format!("{}: stopped before its end", path.display()) });
                    return Err(std::io::ErrorKind::Interrupted.into());
                }
            }
            Ok(())
        });
        match (written, wrong) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(wrong)) => Err(wrong),
            (Err(RunError::Io { source, .. }), None) => Err(ModelError::io(path, "cannot write", source)),
            (Err(other), None) => Err(ModelError::Request { reason: other.to_string() }),
        }
    }

    /// The bytes of a tensor as the file shall hold them.
    fn bytes(&self, planned: &Planned) -> Result<Vec<u8>, ModelError> {
        let config = &self.source.config;
        if planned.name == ROPE_FREQS && config.rope.scaling != RopeScaling::FactorsTensor {
            return quantize(&planned.name, planned.to, &frequency_factors(config));
        }
        let raw = self.source.tensor(&planned.name)?;
        let turned = turns_halves(config) && (planned.name.contains("attn_q.") || planned.name.contains("attn_k."));
        let shifted = config.norm_offset != 0.0 && planned.name.ends_with("norm.weight");
        if planned.from == planned.to && !turned && !shifted {
            return Ok(raw.bytes);
        }
        let mut values = vec![0.0; raw.rows * raw.cols];
        raw.dequantize(0..raw.rows, &mut values)?;
        drop(raw);
        if turned {
            let width = if planned.name.ends_with("bias") { 1 } else { planned.cols };
            pair_neighbours(&mut values, config.head_dim, config.rope.dims, width);
        }
        if shifted {
            values.iter_mut().for_each(|value| *value += config.norm_offset);
        }
        quantize(&planned.name, planned.to, &values)
    }
}

/// Every tensor that the decoder reads, and what else a GGUF file has.
fn tensors(source: &Checkpoint, types: &Types) -> Result<Vec<Planned>, ModelError> {
    let config = &source.config;
    let mut planned = Vec::new();
    if let RopeScaling::Llama3 { .. } = config.rope.scaling {
        let (name, cols) = (ROPE_FREQS.to_owned(), config.rope.dims / 2);
        let (from, to, instead_of) = (DType::F32, DType::F32, None);
        planned.push(Planned { name, rows: 1, cols, from, to, instead_of });
    }
    for name in source.names() {
        // Some folders hold a head that their configuration says is the embedding.
        if name == "output.weight" && config.tied {
            continue;
        }
        let shape = source.shape(&name)?;
        let is_output = name == if config.tied { "token_embd.weight" } else { "output.weight" };
        let (to, instead_of) = if shape.rows == 1 { (DType::F32, None) } else { types.of(is_output, shape.cols) };
        planned.push(Planned { name, rows: shape.rows, cols: shape.cols, from: shape.dtype, to, instead_of });
    }
    Ok(planned)
}

/// The metadata of a GGUF file but for what another type of tensor, another place or another quantiser makes untrue.
fn kept(file: &Gguf) -> Vec<(String, Value)> {
    let untrue = |key: &str| {
        [FILE_TYPE, QUANTIZATION, "general.alignment"].contains(&key) || key.starts_with("quantize.imatrix.")
    };
    let pairs = file.metadata().iter().filter(|(key, _)| !untrue(key));
    pairs.map(|(key, value)| (key.to_owned(), value.clone())).collect()
}

/// Llama's GGUF files rotate neighbours; a source that rotates halves has other rows of q and k.
fn turns_halves(config: &DecoderConfig) -> bool {
    config.architecture == Architecture::Llama && config.rope.style == RopeStyle::Half
}

/// What a GGUF reader finds where a folder has `config`.
fn in_gguf(config: &DecoderConfig) -> DecoderConfig {
    let mut expected = config.clone();
    expected.norm_offset = 0.0;
    if config.architecture == Architecture::Llama {
        expected.rope.style = RopeStyle::Interleaved;
    }
    if let RopeScaling::Llama3 { .. } = config.rope.scaling {
        expected.rope.scaling = RopeScaling::FactorsTensor;
    }
    expected
}

/// Equal but for the last bits of a factor that GGUF stores as a quotient.
fn alike(found: &DecoderConfig, expected: &DecoderConfig) -> bool {
    let mut found = found.clone();
    if let (RopeScaling::Yarn { attention_factor: a, .. }, RopeScaling::Yarn { attention_factor: b, .. }) =
        (&mut found.rope.scaling, &expected.rope.scaling)
        && (*a - *b).abs() <= 1e-6 * b.abs()
    {
        *a = *b;
    }
    found == *expected
}

/// Divisors of the rotation frequencies: what Llama 3's rule comes to.
fn frequency_factors(config: &DecoderConfig) -> Vec<f32> {
    let plain = crate::Rope { scaling: RopeScaling::None, ..config.rope.clone() };
    let (plain, scaled) = (plain.frequencies(None).0, config.rope.frequencies(None).0);
    plain.iter().zip(scaled).map(|(plain, scaled)| (plain / scaled) as f32).collect()
}

/// Puts the rows i and i + d/2 of each head's rotated rows beside one another.
fn pair_neighbours(values: &mut [f32], head_dim: usize, dims: usize, width: usize) {
    for head in values.chunks_exact_mut(head_dim * width) {
        let before = head[..dims * width].to_vec();
        for row in 0..dims {
            let from = row / 2 + row % 2 * (dims / 2);
            head[row * width..][..width].copy_from_slice(&before[from * width..][..width]);
        }
    }
}
