//! The scripted model: a test double whose distributions are written in a TOML file.
//!
//! ```toml
//! name = "toy"                     # default: the file's name
//! vocabulary = ["<s>", "yes", "no", " ", "maybe"]   # or "bytes": 256 tokens, one per byte
//! bos = "<s>"                      # optional: put in front of every text
//! eos = "</s>"                     # optional
//! context_length = 128             # default 4096
//! template = "…"                   # optional chat template (Jinja)
//!
//! [default]                        # after anything that no rule names
//! probabilities = { yes = 0.5, no = 0.25 }          # what is left is shared evenly by the other pieces
//!
//! [[rule]]                         # the rule with the longest matching `after` holds
//! after = "yes "
//! logits = { maybe = 1.5, no = 0.0 }
//! otherwise = -4.0                 # logit of the other pieces; default -inf
//! ```
//!
//! A key of `probabilities` or `logits` is a piece of the vocabulary; with `vocabulary = "bytes"` it is one ASCII
//! character. The text that a rule looks at is the pieces of all tokens so far, special tokens by their names.

mod file;

use std::collections::HashMap;
use std::path::Path;

use hydrometer_answers::{EngineIdentity, ModelIdentity};
use hydrometer_probes::strangers::read_file;

use crate::local::session::Rereading;
use crate::{Answers, Block, ChatTemplate, Chooses, Grows, Logits, Model, ModelError, Scores, Session, Tokenizer};

/// A model with given distributions. See the module's documentation for the file.
#[derive(Debug)]
pub struct Scripted {
    identity: ModelIdentity,
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
    rules: Rules,
}

/// Which row of logits follows which text.
#[derive(Debug)]
struct Rules {
    default: Vec<f32>,
    after: HashMap<Vec<u8>, Vec<f32>>,
    /// Lengths of the keys of `after`, longest first.
    lengths: Vec<usize>,
}

impl Rules {
    fn row(&self, text: &[u8]) -> &[f32] {
        let fits = |length: &usize| text.len().checked_sub(*length).and_then(|start| self.after.get(&text[start..]));
        self.lengths.iter().find_map(fits).unwrap_or(&self.default)
    }
}

impl Scripted {
    /// Reads a scripted model.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong: with its line, what was expected and what was found.
    pub fn open(path: &Path) -> Result<Scripted, ModelError> {
        let bytes = read_file(path).map_err(|source| ModelError::io(path, "cannot read", source))?;
        let text = String::from_utf8(bytes)
            .map_err(|e| ModelError::malformed(path, "file", "UTF-8 text", e.utf8_error().to_string()))?;
        Scripted::parse(path, &text)
    }

    /// A scripted model from the text of a file; `path` stands in errors and names the model.
    ///
    /// # Errors
    /// As [`Scripted::open`].
    pub fn parse(path: &Path, text: &str) -> Result<Scripted, ModelError> {
        let script = file::read(path, text)?;
        let file =
            |part: Option<&std::ffi::OsStr>| part.map_or("scripted".into(), |p| p.to_string_lossy().into_owned());
        let identity = ModelIdentity {
            name: script.name.unwrap_or_else(|| file(path.file_stem())),
            spec: format!("scripted:{}", file(path.file_name())),
            format: "scripted".to_owned(),
            architecture: Some("scripted".to_owned()),
            parameters: Some(0),
            quantization: Some("none".to_owned()),
            vocab_size: Some(script.tokenizer.len() as u32),
            context_length: Some(script.context_length),
            weights: format!("blake3:{}", blake3::hash(text.as_bytes()).to_hex()),
            tokenizer: Some(script.tokenizer.hash().to_owned()),
            template: script.template.as_ref().map(|template| template.hash().to_owned()),
            surgery: None,
            engine: EngineIdentity {
                name: "scripted".to_owned(),
                version: "1".to_owned(),
                precision: Some("f32".to_owned()),
                kernel: Some("none".to_owned()),
            },
            unknown: None,
        };
        let mut lengths: Vec<_> = script.after.keys().map(Vec::len).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        let rules = Rules { default: script.default, after: script.after, lengths };
        Ok(Scripted { identity, tokenizer: script.tokenizer, template: script.template, rules })
    }
}

impl Model for Scripted {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn scores(&self) -> Option<&dyn Scores> {
        Some(self)
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        Some(&self.tokenizer)
    }

    fn renders(&self) -> Option<&ChatTemplate> {
        self.template.as_ref()
    }

    fn grows(&self) -> Option<&dyn Grows> {
        Some(self)
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        Some(self)
    }
}

impl Scores for Scripted {
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        let (vocab, context) =
            (self.tokenizer.len(), self.identity.context_length.map_or(usize::MAX, |context| context as usize));
        let mut rows = Vec::with_capacity(block.rows());
        for sequence in &block.sequences {
            let tokens = sequence.tokens.len();
            if tokens > context {
                return Err(ModelError::TooLong { tokens, context });
            }
            if let Some(row) = sequence.rows.iter().find(|row| **row as usize >= tokens) {
                return Err(ModelError::Request { reason: format!("row {row} of a sequence of {tokens} tokens") });
            }
            let mut text = Vec::new();
            let mut wanted = sequence.rows.iter().peekable();
            for (position, &id) in sequence.tokens.iter().enumerate() {
                if id as usize >= vocab {
                    return Err(ModelError::Token { id, position, vocab });
                }
                text.extend(self.tokenizer.piece(id));
                while wanted.next_if(|row| **row as usize == position).is_some() {
                    rows.push(self.rules.row(&text));
                }
            }
        }
        Ok(Box::new(Given { rows }))
    }
}

impl Grows for Scripted {
    fn session<'a>(&'a self, _: u64) -> Result<Box<dyn Session + 'a>, ModelError> {
        Ok(Box::new(Rereading::new(self)))
    }
}

/// Rows that were looked up.
struct Given<'a> {
    rows: Vec<&'a [f32]>,
}

impl Logits for Given<'_> {
    fn read(&mut self, rows: std::ops::Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        let known = self.rows.len();
        let given = self
            .rows
            .get(rows.clone())
            .ok_or_else(|| ModelError::Request { reason: format!("rows {rows:?} of a block of {known}") })?;
        let vocab = given.first().map_or(1, |row| row.len());
        for (out, row) in out.chunks_exact_mut(vocab).zip(given) {
            out.copy_from_slice(row);
        }
        Ok(())
    }
}
