//! In which forms students are written, as recipes name them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use hydrometer_models::DType;
use hydrometer_models::gguf::write::{Types, writable};
use serde::{Deserialize, Serialize};

/// A form: `hf`, or `gguf:` and a type of tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Form {
    /// A Hugging Face folder in f32. It is always written: the other forms are made of it.
    Hf,
    /// A GGUF file whose matrices have this type.
    Gguf(DType),
}

impl Form {
    /// Its file or folder, in the arm's.
    #[must_use]
    pub fn path(self) -> PathBuf {
        match self {
            Self::Hf => PathBuf::from("student"),
            Self::Gguf(dtype) => PathBuf::from(format!("student-{}.gguf", dtype.name().to_lowercase())),
        }
    }

    /// How a GGUF file of this form stores tensors.
    pub(super) fn types(self) -> Option<Types> {
        match self {
            Self::Hf => None,
            Self::Gguf(matrices) => Some(Types { matrices, output: None }),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hf => f.write_str("hf"),
            Self::Gguf(dtype) => write!(f, "gguf:{}", dtype.name().to_lowercase()),
        }
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Form, String> {
        match text.split_once(':') {
            None if text == "hf" => Ok(Self::Hf),
            Some(("gguf", dtype)) => writable(dtype).map(Self::Gguf).map_err(|error| error.to_string()),
            _ => Err(format!("expected `hf` or `gguf:TYPE`, as in `gguf:q8_0`, found `{text}`")),
        }
    }
}

impl TryFrom<String> for Form {
    type Error = String;

    fn try_from(text: String) -> Result<Form, String> {
        text.parse()
    }
}

impl From<Form> for String {
    fn from(form: Form) -> String {
        form.to_string()
    }
}

/// What a recipe says of exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRecipe {
    /// The forms in which every arm's student is written.
    #[serde(default = "folder")]
    pub formats: Vec<Form>,
}

fn folder() -> Vec<Form> {
    vec![Form::Hf]
}

impl Default for ExportRecipe {
    fn default() -> Self {
        Self { formats: folder() }
    }
}

impl ExportRecipe {
    /// Whether it says nothing but what is so anyway.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
