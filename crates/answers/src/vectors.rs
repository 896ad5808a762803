//! Vectors of texts that an encoder behind an endpoint was paid for, by the hash of the text: no text is paid for twice. A folder for
//! each encoder, in which a file holds the vectors of one question and is named by what it holds: files appear whole, processes need no
//! lock, and one file lost is its texts asked again.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable::{self, entries, is_temporary};
use crate::json::read_json;
use crate::{Problem, RunError};

/// Version of a file; a breaking change raises the number.
pub const VECTORS_FORMAT: &str = "hydrometer.vectors/1";
const NAME_DIGITS: usize = 32;

/// The hash of a text.
pub type TextHash = [u8; 32];

/// The vectors of one encoder.
#[derive(Debug)]
pub struct KeptVectors {
    folder: PathBuf,
    encoder: String,
    /// What the encoder calls itself; `None` where nothing is kept.
    name: Option<String>,
    vectors: HashMap<TextHash, Vec<f32>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    encoder: String,
    name: String,
    vectors: Vec<(String, Vec<f32>)>,
}

impl KeptVectors {
    /// Those of an encoder, by all that says which it is.
    ///
    /// # Errors
    /// A file is not what its name says, or not of this encoder; or the system refuses.
    pub fn open(folder: &Path, encoder: &str) -> Result<KeptVectors, RunError> {
        let folder = folder.join(&blake3::hash(encoder.as_bytes()).to_hex()[..NAME_DIGITS]);
        let mut kept =
            KeptVectors { folder: folder.clone(), encoder: encoder.to_owned(), name: None, vectors: HashMap::new() };
        let mut names: Vec<String> = entries(&folder)?.into_iter().filter(|name| !is_temporary(name)).collect();
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let wrong = |what: String| RunError::Damaged {
                path: folder.clone(),
                problems: vec![Problem {
                    file: name.clone(),
                    what: format!("{what}; without the file its texts are asked again"),
                }],
            };
            let file: File = read_json(&path).map_err(|error| wrong(error.to_string()))?;
            if file.format != VECTORS_FORMAT || file.encoder != encoder {
                return Err(wrong(format!(
                    "expected vectors of {encoder} in the format {VECTORS_FORMAT}, found {} in {}",
                    file.encoder, file.format
                )));
            }
            if kept.name.as_ref().is_some_and(|known| *known != file.name) {
                return Err(wrong(format!("expected vectors of one model, found those of `{}`, too", file.name)));
            }
            let width = kept.width().unwrap_or_else(|| file.vectors.first().map_or(0, |(_, vector)| vector.len()));
            for (text, vector) in file.vectors {
                let hash =
                    blake3::Hash::from_hex(&text).map_err(|_| wrong(format!("`{text}` is no hash of a text")))?;
                if vector.len() != width || width == 0 || !vector.iter().all(|number| number.is_finite()) {
                    return Err(wrong(format!("expected vectors of {width} finite numbers")));
                }
                kept.vectors.insert(*hash.as_bytes(), vector);
            }
            kept.name = Some(file.name);
        }
        Ok(kept)
    }

    /// The hash under which the vector of a text is kept.
    #[must_use]
    pub fn hash(text: &str) -> TextHash {
        *blake3::hash(text.as_bytes()).as_bytes()
    }

    /// What the encoder calls itself, where something is kept of it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Numbers of a vector, where there is one.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.vectors.values().next().map(Vec::len)
    }

    /// The vector of a text.
    #[must_use]
    pub fn get(&self, text: &TextHash) -> Option<&Vec<f32>> {
        self.vectors.get(text)
    }

    /// The folder in which they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps the vectors of texts, on disk when this returns.
    ///
    /// # Errors
    /// The system refuses.
    pub fn keep(&mut self, name: &str, vectors: &[(TextHash, Vec<f32>)]) -> Result<(), RunError> {
        let hex = |text: &TextHash| blake3::Hash::from_bytes(*text).to_hex().to_string();
        let file = File {
            format: VECTORS_FORMAT.to_owned(),
            encoder: self.encoder.clone(),
            name: name.to_owned(),
            vectors: vectors.iter().map(|(text, vector)| (hex(text), vector.clone())).collect(),
        };
        let bytes = serde_json::to_vec(&file)
            .map_err(|error| RunError::Encode { file: VECTORS_FORMAT.to_owned(), what: error.to_string() })?;
        fs::create_dir_all(&self.folder).map_err(RunError::io("create", &self.folder))?;
        let path = self.folder.join(format!("{}.json", &blake3::hash(&bytes).to_hex()[..NAME_DIGITS]));
        durable::replace(&path, &bytes)?;
        self.name = Some(name.to_owned());
        self.vectors.extend(vectors.iter().cloned());
        Ok(())
    }
}
