//! Sparse distributions of whole token sequences on disk: files, each written once and read by sequence, and the folder that
//! holds those of one teacher. Format: `docs/sparse-distributions.md`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sparse::{Codec, SparseError, Sums};
use crate::{Problem, RunError};

mod folder;
mod pending;
mod reader;
mod writer;

pub use folder::{CacheSize, TEACHER_CACHE_FORMAT, TEACHER_CACHE_LISTED_FORMAT, TeacherCache};
pub use reader::DistributionReader;
pub use writer::DistributionWriter;

/// Format version of the file and of its records; a breaking change raises the number.
pub const DISTRIBUTIONS_FORMAT: &str = "hydrometer.distributions/1";
/// The format of what servers list: records without sums at other temperatures than 1.
pub const DISTRIBUTIONS_LISTED_FORMAT: &str = "hydrometer.distributions/2";

/// The format of files with these sums, and that of their folder.
fn formats(sums: Sums) -> [&'static str; 2] {
    match sums {
        Sums::Vocabulary => [DISTRIBUTIONS_FORMAT, TEACHER_CACHE_FORMAT],
        Sums::Listed => [DISTRIBUTIONS_LISTED_FORMAT, TEACHER_CACHE_LISTED_FORMAT],
    }
}

/// First and last bytes of a file.
const MAGIC: [u8; 8] = *b"HYDRODIS";
/// Offset of the index, its number of entries, hash of header and index, magic.
const FOOTER_BYTES: u64 = 8 + 8 + 32 + 8;
/// Key, offset, length, hash.
const ENTRY_BYTES: u64 = 32 + 8 + 8 + 32;
/// Longest header believed.
const MAX_HEADER: u32 = 1 << 16;
/// Longest sequence believed, in tokens.
const MAX_TOKENS: u32 = 1 << 24;

/// What all records of a file have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistributionHeader {
    /// [`DISTRIBUTIONS_FORMAT`], or [`DISTRIBUTIONS_LISTED_FORMAT`] as the codec says.
    pub format: String,
    /// [`ModelIdentity::key`](crate::ModelIdentity::key) of the teacher.
    pub model_key: String,
    /// Its name, for people.
    pub model_name: String,
    /// The codec of the records.
    pub codec: Codec,
}

/// Identity of a token sequence under a model: the BLAKE3 hash of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceKey(pub [u8; 32]);

impl SequenceKey {
    /// The key of `tokens` as the model of `model_key` read them, BOS included where there was one.
    pub fn new(model_key: &str, tokens: &[u32]) -> SequenceKey {
        let mut hasher = blake3::Hasher::new_derive_key("hydrometer sequence key 1");
        hasher.update(&(model_key.len() as u64).to_le_bytes()).update(model_key.as_bytes());
        for token in tokens {
            hasher.update(&token.to_le_bytes());
        }
        SequenceKey(*hasher.finalize().as_bytes())
    }

    /// Seed of the draws at one position: with it a record depends on nothing but the model, the sequence and the codec.
    pub fn seed(&self, position: u32) -> u64 {
        let mut hasher = blake3::Hasher::new_derive_key("hydrometer position seed 1");
        hasher.update(&self.0).update(&position.to_le_bytes());
        let mut seed = [0; 8];
        hasher.finalize_xof().fill(&mut seed);
        u64::from_le_bytes(seed)
    }
}

impl fmt::Display for SequenceKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "blake3:{}", blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// Records of successive positions of one sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceRecords {
    /// The whole sequence.
    pub tokens: Vec<u32>,
    /// Position of the first record: it is the distribution of the token after it.
    pub first: u32,
    /// End of each record in `bytes`.
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl SequenceRecords {
    /// A sequence whose records begin at position `first`, without records as yet.
    pub fn new(tokens: Vec<u32>, first: u32) -> SequenceRecords {
        SequenceRecords { tokens, first, ..SequenceRecords::default() }
    }

    /// Adds the record of the next position, which `write` appends to the bytes it is given.
    ///
    /// # Errors
    /// Those of `write`; nothing is added then.
    pub fn push<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<T, SparseError>) -> Result<T, SparseError> {
        let before = self.bytes.len();
        let written = write(&mut self.bytes);
        match written {
            Ok(_) => self.ends.push(self.bytes.len()),
            Err(_) => self.bytes.truncate(before),
        }
        written
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of record `index`, that of position `first + index`.
    pub fn record(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.bytes.get(start..end)
    }

    /// All records in order.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.record(index))
    }
}

/// What is wrong with a file of distributions.
fn damaged(path: &std::path::Path, what: impl Into<String>) -> RunError {
    let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    RunError::StoreDamaged { path: path.to_path_buf(), problems: vec![Problem { file, what: what.into() }] }
}
