//! The canonical form of a training document, its identity, and the files that hold them.

use std::path::Path;

use hydrometer_probes::strangers::{check_keys, read_file};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::format::{self, Format};
use crate::DistillError;

/// What is trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A text, of which every token is learnt.
    Text(String),
    /// A text that is given, and how it goes on.
    Completion {
        /// Given.
        prompt: String,
        /// Learnt.
        completion: String,
    },
    /// A conversation; what the assistant says is learnt.
    Conversation(Vec<Said>),
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// Its text.
    pub content: String,
}

/// A document and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub content: Content,
    /// File and line, for people.
    pub place: String,
    /// BLAKE3 of the canonical form.
    pub hash: [u8; 32],
}

impl Document {
    /// With its hash.
    #[must_use]
    pub fn new(content: Content, place: String) -> Document {
        let mut hasher = blake3::Hasher::new_derive_key("hydrometer training document 1");
        let mut put = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        match &content {
            Content::Text(text) => ["text", text].map(&mut put),
            Content::Completion { prompt, completion } => {
                put("completion");
                [prompt, completion].map(|text| put(text))
            }
            Content::Conversation(messages) => {
                put("conversation");
                for message in messages {
                    put(&message.role);
                    put(&message.content);
                }
                [(), ()]
            }
        };
        let hash = *hasher.finalize().as_bytes();
        Document { content, place, hash }
    }

    /// The hash as text.
    #[must_use]
    pub fn key(&self) -> String {
        blake3::Hash::from_bytes(self.hash).to_hex().to_string()
    }
}

/// A record that is no document, and why: `place`, then a lower-case fragment.
pub type LeftOut = (String, String);

/// The documents of a file, and the records that hold none. A name that ends in `.txt` is one text; any other is JSON Lines,
/// of `format` or of the shape that its first record has.
///
/// # Errors
/// A file that cannot be read, a line that is no JSON object, a first record of no known shape.
pub fn read(path: &Path, format: Option<Format>) -> Result<(Vec<Document>, Vec<LeftOut>), DistillError> {
    let bytes = read_file(path).map_err(hydrometer_answers::RunError::io("read", path))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        DistillError::data(path, "file", "UTF-8 text", format!("byte {at}, which begins no character"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if path.extension().is_some_and(|extension| extension == "txt") && format.is_none() {
        return Ok((vec![Document::new(Content::Text(text.to_owned()), path.display().to_string())], Vec::new()));
    }
    let (mut documents, mut left_out, mut known) = (Vec::new(), Vec::new(), format);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let at = format!("line {number}");
        let parsed = check_keys(line.as_bytes()).and_then(|()| serde_json::from_str(line));
        let record = match parsed {
            Ok(Value::Object(record)) => record,
            Ok(_) => return Err(DistillError::data(path, at, "a JSON object", "another JSON value")),
            Err(error) => return Err(DistillError::data(path, at, "a JSON object", error.to_string())),
        };
        let format = match known.or_else(|| Format::of(&record)) {
            Some(format) => *known.insert(format),
            None => {
                let keys: Vec<&str> = record.keys().map(String::as_str).take(6).collect();
                return Err(DistillError::data(path, at, format::expected(), format!("the keys {}", keys.join(", "))));
            }
        };
        let place = format!("{}:{number}", path.display());
        match format.read(&record) {
            Ok(content) => documents.push(Document::new(content, place)),
            Err(why) => left_out.push((place, why)),
        }
    }
    Ok((documents, left_out))
}
