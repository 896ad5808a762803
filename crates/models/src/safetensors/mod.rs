//! Hugging Face folders: `config.json`, one `model.safetensors` or an index of shards, `tokenizer.json`, and the
//! small files around them.

mod check;
mod config;
mod header;
mod names;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use hydrometer_probes::strangers::check_keys;
use serde_json::Value;

use crate::config::Architecture;
use crate::error::shown;
use crate::gguf::Value as Gguf;
use crate::source::Source;
use crate::tokenizer::{HfNames, Tokenizer, to_gguf};
use crate::{ChatTemplate, DecoderConfig, ModelError, RawTensor, TensorShape};
pub use check::{check_config, check_header, check_index};
use header::Stored;
pub use names::in_file;

/// No configuration is larger; a bound for what is read into memory besides weights.
pub(crate) const LARGEST_JSON: u64 = 64 << 20;
/// `tokenizer.json` of Gemma 3 has 33 MB.
pub(crate) const LARGEST_TOKENIZER: u64 = 512 << 20;
const INDEX: &str = "model.safetensors.index.json";
const SINGLE: &str = "model.safetensors";

/// An opened folder: headers in memory, weights on disk.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    config: Value,
    architecture: Architecture,
    shards: Vec<Source>,
    /// Tensors by canonical name: shard and place.
    tensors: BTreeMap<String, (usize, Stored)>,
    /// Names in the files of tensors that no decoder here reads.
    unknown: Vec<String>,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let config_path = path.join("config.json");
        let config = read_json(&config_path)?;
        let mut folder = Self {
            path: path.to_owned(),
            architecture: config::architecture(&config_path, &config)?,
            config,
            shards: Vec::new(),
            tensors: BTreeMap::new(),
            unknown: Vec::new(),
        };
        let index = path.join(INDEX);
        if index.exists() {
            folder.open_shards(&index)?;
        } else if path.join(SINGLE).exists() {
            folder.open_shard(&path.join(SINGLE))?;
        } else {
            return Err(ModelError::missing_because(path, SINGLE, format!("and there is no {INDEX}")));
        }
        Ok(folder)
    }

    fn open_shards(&mut self, index: &Path) -> Result<(), ModelError> {
        let weights = parse_index(index, &read_json(index)?)?;
        let mut files: Vec<&String> = weights.values().collect();
        files.sort();
        files.dedup();
        for file in files {
            let shard = self.path.join(file);
            if !shard.exists() {
                let why = format!("named by {INDEX}");
                return Err(ModelError::missing_because(&self.path, format!("file {}", shown(file)), why));
            }
            self.open_shard(&shard)?;
        }
        for (name, file) in &weights {
            let known = names::canonical(name, self.architecture).is_none_or(|name| self.tensors.contains_key(&name));
            if !known {
                let why = format!("{INDEX} places it in {}", shown(file));
                return Err(ModelError::missing_because(&self.path, format!("tensor {}", shown(name)), why));
            }
        }
        Ok(())
    }

    fn open_shard(&mut self, path: &Path) -> Result<(), ModelError> {
        let source = Source::open(path)?;
        for stored in header::read(&source)? {
            let Some(name) = names::canonical(&stored.name, self.architecture) else {
                self.unknown.extend((!names::is_beside_decoder(&stored.name)).then_some(stored.name));
                continue;
            };
            let file_name = stored.name.clone();
            if self.tensors.insert(name, (self.shards.len(), stored)).is_some() {
                let at = format!("tensor {}", shown(&file_name));
                return Err(ModelError::malformed(path, at, "one tensor of this meaning in the folder", "two"));
            }
        }
        self.shards.push(source);
        Ok(())
    }

    pub(crate) fn config(&self) -> Result<DecoderConfig, ModelError> {
        let path = self.path.join("config.json");
        config::read(&path, &self.config, |name| self.has(name))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    /// Names in the files of tensors that are none of those that `reads` knows by their canonical name.
    pub(crate) fn unread(&self, reads: impl Fn(&str) -> bool) -> Vec<String> {
        let known = self.tensors.iter().filter(|(name, _)| !reads(name));
        known.map(|(_, (_, stored))| stored.name.clone()).chain(self.unknown.iter().cloned()).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn stored(&self, name: &str) -> Result<&(usize, Stored), ModelError> {
        self.tensors.get(name).ok_or_else(|| {
            let tensor = format!("tensor {}", shown(name));
            match names::in_file(name, self.architecture) {
                Some(other) => ModelError::missing_because(&self.path, tensor, format!("{other} in the file")),
                None => ModelError::missing(&self.path, tensor),
            }
        })
    }

    pub(crate) fn shape(&self, name: &str) -> Result<TensorShape, ModelError> {
        let (shard, stored) = self.stored(name)?;
        stored.shape(self.shards[*shard].path())
    }

    pub(crate) fn tensor(&self, name: &str) -> Result<RawTensor, ModelError> {
        let (shard, stored) = self.stored(name)?;
        let source = &self.shards[*shard];
        let shape = stored.shape(source.path())?;
        Ok(RawTensor { name: name.to_owned(), ..stored.read(source, shape)? })
    }

    /// Of the weights, and of the configuration that says what they do: another base of rotations is another model.
    pub(crate) fn hash(&self) -> Result<String, ModelError> {
        /// What a configuration says of the file, and not of the model.
        const OF_THE_FILE: [&str; 4] = ["transformers_version", "_name_or_path", "torch_dtype", "dtype"];
        let mut config = self.config.clone();
        if let Some(fields) = config.as_object_mut() {
            fields.retain(|name, _| !OF_THE_FILE.contains(&name.as_str()));
        }
        config.sort_all_objects();
        let mut lines = self.shards.iter().map(Source::hash).collect::<Result<Vec<_>, _>>()?;
        lines.push(config.to_string());
        Ok(format!("blake3:{}", blake3::hash(lines.join("\n").as_bytes()).to_hex()))
    }

    pub(crate) fn tokenizer(&self) -> Result<Tokenizer, ModelError> {
        tokenizer_of(&self.path)
    }

    /// Names and contents of the files that make tokenizer and template.
    pub(crate) fn tokenizer_files(&self) -> Result<Vec<(String, Vec<u8>)>, ModelError> {
        const FILES: [&str; 4] =
            ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];
        let there = FILES.iter().filter(|name| self.path.join(name).exists());
        there.map(|name| Ok(((*name).to_owned(), read_limited(&self.path.join(name), LARGEST_TOKENIZER)?))).collect()
    }

    /// The metadata that a GGUF file has in place of these files; its lists have `vocab` entries.
    pub(crate) fn gguf_tokenizer(&self, vocab: usize) -> Result<Vec<(String, Gguf)>, ModelError> {
        let path = self.path.join("tokenizer.json");
        let tokenizer = self.tokenizer()?;
        let settings = self.settings()?;
        let folder = to_gguf::Folder {
            json: &parse_json(&path, &read_limited(&path, LARGEST_TOKENIZER)?)?,
            path: &path,
            settings: &settings,
            config: &self.config,
            template: self.template_source(&settings)?,
        };
        to_gguf::pairs(&folder, &tokenizer, vocab)
    }

    /// The text of the template, where there is one.
    fn template_source(&self, settings: &Value) -> Result<Option<String>, ModelError> {
        let jinja = self.path.join("chat_template.jinja");
        Ok(if jinja.exists() {
            let bytes = read_limited(&jinja, LARGEST_JSON)?;
            let text = String::from_utf8(bytes);
            Some(text.map_err(|e| ModelError::malformed(&jinja, "file", "UTF-8 text", e.to_string()))?)
        } else {
            template_text(&settings["chat_template"])
        })
    }

    pub(crate) fn template(&self) -> Result<Option<ChatTemplate>, ModelError> {
        let settings = self.settings()?;
        let Some(source) = self.template_source(&settings)? else {
            return Ok(None);
        };
        let (bos, eos) = (token_text(&settings["bos_token"]), token_text(&settings["eos_token"]));
        ChatTemplate::new(&source, bos, eos).map(Some)
    }

    fn settings(&self) -> Result<Value, ModelError> {
        settings_of(&self.path)
    }
}

/// The tokenizer in a folder, whatever else is in it.
pub(crate) fn tokenizer_of(folder: &Path) -> Result<Tokenizer, ModelError> {
    let path = folder.join("tokenizer.json");
    if !path.exists() {
        let why = "slow tokenizers (tokenizer.model alone) are not read; save the fast one";
        return Err(ModelError::missing_because(folder, "tokenizer.json", why));
    }
    let bytes = read_limited(&path, LARGEST_TOKENIZER)?;
    let settings = settings_of(folder)?;
    Tokenizer::from_json(
        &path,
        &bytes,
        &HfNames {
            bos: token_text(&settings["bos_token"]),
            eos: token_text(&settings["eos_token"]),
            adds_bos: settings["add_bos_token"].as_bool(),
        },
    )
}

/// `tokenizer_config.json`, or `null` where there is none.
fn settings_of(folder: &Path) -> Result<Value, ModelError> {
    let path = folder.join("tokenizer_config.json");
    if path.exists() { read_json(&path) } else { Ok(Value::Null) }
}

/// Every tensor of a safetensors file by its name there, and the file's hash.
pub(crate) fn all_tensors(path: &Path) -> Result<(BTreeMap<String, RawTensor>, String), ModelError> {
    if !path.exists() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(ModelError::missing(path.parent().unwrap_or(path), name));
    }
    let source = Source::open(path)?;
    let mut tensors = BTreeMap::new();
    for stored in header::read(&source)? {
        // Counters of positions and the like.
        let Ok(shape) = stored.shape(path) else { continue };
        tensors.insert(stored.name.clone(), stored.read(&source, shape)?);
    }
    Ok((tensors, source.hash()?))
}

/// Tensor names and the files that hold them, from the bytes of an index.
pub(crate) fn parse_index(path: &Path, index: &Value) -> Result<HashMap<String, String>, ModelError> {
    let Some(map) = index["weight_map"].as_object() else {
        return Err(ModelError::missing(path, "`weight_map`"));
    };
    let mut weights = HashMap::with_capacity(map.len());
    for (name, file) in map {
        // A file name, not a path: an index must not reach out of its folder.
        let plain =
            file.as_str().filter(|f| !f.is_empty() && *f != "." && *f != ".." && !f.contains(['/', '\\', ':', '\0']));
        let Some(file) = plain else {
            let at = format!("`weight_map`, tensor {}", shown(name));
            return Err(ModelError::malformed(path, at, "the name of a file in the folder", shown(&file.to_string())));
        };
        weights.insert(name.clone(), file.to_owned());
    }
    Ok(weights)
}

/// A token that is written as a text or as an object with `content`.
pub(crate) fn token_text(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value["content"].as_str());
    text.map(str::to_owned)
}

/// A template, or the one called `default` of a list of named ones.
fn template_text(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let named = value.as_array()?.iter().find(|t| t["name"] == "default")?;
    named["template"].as_str().map(str::to_owned)
}

pub(crate) fn read_limited(path: &Path, most: u64) -> Result<Vec<u8>, ModelError> {
    if !path.exists() {
        let folder = path.parent().unwrap_or(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(ModelError::missing(folder, name));
    }
    let source = Source::open(path)?;
    if source.len() > most {
        let found = format!("{} bytes", source.len());
        return Err(ModelError::malformed(path, "file", format!("at most {most} bytes"), found));
    }
    source.read("file", 0, source.len())
}

pub(crate) fn read_json(path: &Path) -> Result<Value, ModelError> {
    parse_json(path, &read_limited(path, LARGEST_JSON)?)
}

pub(crate) fn parse_json(path: &Path, bytes: &[u8]) -> Result<Value, ModelError> {
    let parsed = check_keys(bytes).and_then(|()| serde_json::from_slice(bytes));
    parsed.map_err(|e| ModelError::malformed(path, "file", "JSON", e.to_string()))
}
