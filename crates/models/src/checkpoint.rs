//! A model on disk, whatever its format: configuration, tensors by canonical name, tokenizer, chat template.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use crate::config::{Architecture, DecoderConfig, RopeScaling};
use crate::error::shown;
use crate::gguf::Gguf;
use crate::mistaken::refuse_part;
use crate::safetensors::Folder;
use crate::tensor::{DType, RawTensor};
use crate::{ChatTemplate, ModelError, Tokenizer};

/// An opened model: everything but the weights is in memory, tensors are read when they are asked for.
#[derive(Debug)]
pub struct Checkpoint {
    /// What the decoder needs to know.
    pub config: DecoderConfig,
    path: PathBuf,
    pub(crate) files: Files,
    /// What it is called where its path says nothing: for people, and for records.
    called: Option<[String; 2]>,
}

#[derive(Debug)]
pub(crate) enum Files {
    Gguf(Box<Gguf>),
    Folder(Box<Folder>),
}

/// Stored form of a tensor, without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// Stored type.
    pub dtype: DType,
    /// Number of rows (outputs).
    pub rows: usize,
    /// Number of columns (inputs).
    pub cols: usize,
}

impl Checkpoint {
    /// Opens a GGUF file or a Hugging Face folder and checks that every tensor that the configuration asks for is
    /// there in the right shape.
    ///
    /// # Errors
    /// Everything that can be wrong with the files, with file, place, expected and found.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let about = std::fs::metadata(path).map_err(|e| ModelError::io(path, "cannot open", e))?;
        if about.is_dir() {
            let folder = Folder::open(path)?;
            let config = folder.config()?;
            return Self::checked(config, Files::Folder(Box::new(folder)), path);
        }
        let file = Gguf::open(path)?;
        Self::from_gguf(file)
    }

    /// A GGUF file that is already open (or in memory).
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn from_gguf(file: Gguf) -> Result<Self, ModelError> {
        refuse_part(&file)?;
        let path = file.path().to_owned();
        let config = file.config()?;
        Self::checked(config, Files::Gguf(Box::new(file)), &path)
    }

    fn checked(config: DecoderConfig, files: Files, path: &Path) -> Result<Self, ModelError> {
        let checkpoint = Self { config, path: path.to_owned(), files, called: None };
        for (name, rows, cols) in expected_tensors(&checkpoint.config) {
            let found = checkpoint.shape(&name)?;
            if (found.rows, found.cols) != (rows, cols) {
                return Err(ModelError::malformed(
                    path,
                    format!("tensor {}", shown(&name)),
                    format!("{rows} rows of {cols} values, as the configuration says"),
                    format!("{} rows of {}", found.rows, found.cols),
                ));
            }
        }
        // Layers that are left out would make it another model, whose name it has not.
        let layers = checkpoint.config.layers;
        let beyond = |name: &String| {
            let layer = name.strip_prefix("blk.")?.split('.').next()?.parse::<usize>().ok()?;
            (layer >= layers).then_some(layer + 1)
        };
        if let Some(found) = checkpoint.names().iter().filter_map(beyond).max() {
            return Err(ModelError::malformed(
                path,
                "layers",
                format!("{layers}, as the configuration says"),
                format!("tensors of {found}"),
            ));
        }
        checkpoint.refuse_unread()?;
        Ok(checkpoint)
    }

    /// Refuses weights that are there and would not be used: with them it is another model.
    fn refuse_unread(&self) -> Result<(), ModelError> {
        let expected: HashSet<String> = expected_tensors(&self.config).map(|(name, ..)| name).collect();
        // Some exports write the head a second time, and the table of frequencies that the configuration gives, too.
        let reads = |name: &str| expected.contains(name) || ["output.weight", "rope_freqs.weight"].contains(&name);
        let mut unread = match &self.files {
            Files::Gguf(_) => self.names().into_iter().filter(|name| !reads(name)).collect(),
            Files::Folder(folder) => folder.unread(reads),
        };
        unread.sort();
        let Some(first) = unread.first() else { return Ok(()) };
        let found = match unread.len() {
            1 => shown(first),
            n => format!("{} and {} more", shown(first), n - 1),
        };
        let supported = "weights of a plain decoder: biases of q, k and v alone, no scales, experts or adapters (merge those first)";
        Err(ModelError::unsupported(&self.path, "tensor", found, supported))
    }

    /// The same under another name for people and another one for records, where its path says nothing.
    pub(crate) fn called(self, name: &str, spec: &str) -> Self {
        Self { called: Some([name.to_owned(), spec.to_owned()]), ..self }
    }

    /// Path as it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `gguf` or `safetensors`.
    pub fn format(&self) -> &'static str {
        match self.files {
            Files::Gguf(_) => "gguf",
            Files::Folder(_) => "safetensors",
        }
    }

    /// Short name for people: the file's stem or the folder's name.
    pub fn name(&self) -> String {
        if let Some([name, _]) = &self.called {
            return name.clone();
        }
        let name = match self.files {
            Files::Gguf(_) => self.path.file_stem(),
            Files::Folder(_) => self.path.file_name(),
        };
        name.map_or_else(|| "model".to_owned(), |n| n.to_string_lossy().into_owned())
    }

    /// Name of the file or folder, without the folders above it.
    pub fn file_name(&self) -> String {
        if let Some([_, spec]) = &self.called {
            return spec.clone();
        }
        self.path.file_name().map_or_else(|| self.name(), |name| name.to_string_lossy().into_owned())
    }

    /// Canonical names of all tensors.
    pub fn names(&self) -> Vec<String> {
        match &self.files {
            Files::Gguf(file) => file.tensors().iter().map(|t| t.name.clone()).collect(),
            Files::Folder(folder) => folder.names(),
        }
    }

    /// Whether there is a tensor of this canonical name.
    pub fn has(&self, name: &str) -> bool {
        match &self.files {
            Files::Gguf(file) => file.info(name).is_some(),
            Files::Folder(folder) => folder.has(name),
        }
    }

    /// Stored form of a tensor, without reading it.
    ///
    /// # Errors
    /// No such tensor, or more than two dimensions.
    pub fn shape(&self, name: &str) -> Result<TensorShape, ModelError> {
        match &self.files {
            Files::Gguf(file) => {
                let info = file
                    .info(name)
                    .ok_or_else(|| ModelError::missing(&self.path, format!("tensor {}", shown(name))))?;
                let (cols, rows) = file.shape(info)?;
                let dtype = info.dtype;
                Ok(TensorShape { dtype, rows, cols })
            }
            Files::Folder(folder) => folder.shape(name),
        }
    }

    /// Reads the raw bytes of a tensor by its canonical name (`blk.0.attn_q.weight`).
    ///
    /// # Errors
    /// No such tensor, or the file cannot be read.
    pub fn tensor(&self, name: &str) -> Result<RawTensor, ModelError> {
        match &self.files {
            Files::Gguf(file) => file.tensor(name),
            Files::Folder(folder) => folder.tensor(name),
        }
    }

    /// Number of parameters: values of all tensors.
    pub fn parameters(&self) -> u64 {
        let values = |name: &String| self.shape(name).map_or(0, |s| s.rows as u64 * s.cols as u64);
        self.names().iter().map(values).sum()
    }

    /// Most common stored type of the matrices, by number of values.
    pub fn quantization(&self) -> DType {
        let mut values: BTreeMap<u32, u64> = BTreeMap::new();
        for shape in self.names().iter().filter_map(|name| self.shape(name).ok()) {
            if shape.rows > 1 {
                *values.entry(shape.dtype.ggml()).or_default() += shape.rows as u64 * shape.cols as u64;
            }
        }
        let most = values.into_iter().max_by_key(|&(_, count)| count);
        most.and_then(|(number, _)| DType::from_ggml(number)).unwrap_or(DType::F32)
    }

    /// `blake3:` hash of the weights file or files, for identities; reads them whole.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn weights_hash(&self) -> Result<String, ModelError> {
        match &self.files {
            Files::Gguf(file) => file.hash(),
            Files::Folder(folder) => folder.hash(),
        }
    }

    /// Builds the tokenizer.
    ///
    /// # Errors
    /// A tokenizer that is missing, broken, unknown, or larger than the embedding table.
    pub fn tokenizer(&self) -> Result<Tokenizer, ModelError> {
        let tokenizer = match &self.files {
            Files::Gguf(file) => Tokenizer::from_gguf(file)?,
            Files::Folder(folder) => folder.tokenizer()?,
        };
        if tokenizer.len() > self.config.vocab {
            return Err(ModelError::malformed(
                &self.path,
                "tokenizer",
                format!("at most {} entries, the rows of token_embd.weight", self.config.vocab),
                tokenizer.len().to_string(),
            ));
        }
        Ok(tokenizer)
    }

    /// The files of a Hugging Face folder that make a tokenizer and a chat template, names and contents: copied from a
    /// folder, written anew from a GGUF file.
    ///
    /// # Errors
    /// A file that cannot be read, or a tokenizer that cannot be written.
    pub fn tokenizer_files(&self) -> Result<Vec<(String, Vec<u8>)>, ModelError> {
        match &self.files {
            Files::Gguf(file) => crate::tokenizer::to_json::files(file),
            Files::Folder(folder) => folder.tokenizer_files(),
        }
    }

    /// The chat template, where the model has one.
    ///
    /// # Errors
    /// The template does not compile.
    pub fn template(&self) -> Result<Option<ChatTemplate>, ModelError> {
        match &self.files {
            Files::Gguf(file) => ChatTemplate::from_gguf(file),
            Files::Folder(folder) => folder.template(),
        }
    }

    /// Reads every tensor once and checks that all values are finite.
    ///
    /// # Errors
    /// The first value that is not, or a file that cannot be read.
    pub fn verify(&self) -> Result<(), ModelError> {
        let mut row = Vec::new();
        for name in self.names() {
            let tensor = self.tensor(&name)?;
            row.resize(tensor.cols, 0.0);
            for i in 0..tensor.rows {
                tensor.dequantize(i..i + 1, &mut row)?;
            }
        }
        Ok(())
    }
}

/// The tensors that a decoder of this configuration reads: name, rows, columns.
fn expected_tensors(config: &DecoderConfig) -> impl Iterator<Item = (String, usize, usize)> + '_ {
    let d = config.d_model;
    let whole = [
        ("token_embd.weight", config.vocab, d, true),
        ("output_norm.weight", 1, d, true),
        ("output.weight", config.vocab, d, !config.tied),
        ("rope_freqs.weight", 1, config.rope.dims / 2, config.rope.scaling == RopeScaling::FactorsTensor),
    ];
    let named = |(name, rows, cols, wanted): (&str, usize, usize, bool)| wanted.then(|| (name.to_owned(), rows, cols));
    let layer = layer_tensors(config);
    let blocks = (0..config.layers).flat_map(move |l| {
        layer
            .clone()
            .into_iter()
            .filter(|t| t.3)
            .map(move |(name, rows, cols, _)| (format!("blk.{l}.{name}"), rows, cols))
    });
    whole.into_iter().filter_map(named).chain(blocks)
}

fn layer_tensors(config: &DecoderConfig) -> Vec<(&'static str, usize, usize, bool)> {
    let (d, ff) = (config.d_model, config.d_ff);
    let q = config.heads * config.head_dim;
    let kv = config.kv_heads * config.head_dim;
    let (bias, norm, post) = (config.qkv_bias, config.qk_norm, config.post_norms);
    let biases_required = bias || config.architecture == Architecture::Qwen2;
    let norms_required = norm || matches!(config.architecture, Architecture::Qwen3 | Architecture::Gemma3);
    vec![
        ("attn_norm.weight", 1, d, true),
        ("attn_q.weight", q, d, true),
        ("attn_k.weight", kv, d, true),
        ("attn_v.weight", kv, d, true),
        ("attn_output.weight", d, q, true),
        ("attn_q.bias", 1, q, biases_required),
        ("attn_k.bias", 1, kv, biases_required),
        ("attn_v.bias", 1, kv, biases_required),
        ("attn_q_norm.weight", 1, config.head_dim, norms_required),
        ("attn_k_norm.weight", 1, config.head_dim, norms_required),
        ("post_attention_norm.weight", 1, d, post),
        ("ffn_norm.weight", 1, d, true),
        ("ffn_gate.weight", ff, d, true),
        ("ffn_up.weight", ff, d, true),
        ("ffn_down.weight", d, ff, true),
        ("post_ffw_norm.weight", 1, d, post),
    ]
}
