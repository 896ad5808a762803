//! llama.cpp's `_logits_` base files, as `llama-perplexity --kl-divergence-base` writes and reads them.
//!
//! Layout, little endian: the 8 bytes `_logits_`; i32 n_ctx, n_vocab, n_chunk; i32 tokens `[n_chunk · n_ctx]`; then
//! per scored position f32 scale, f32 min_log_prob and u16 codes `[n_vocab rounded up to even]`. A chunk of n_ctx
//! tokens has its rows at positions n_ctx/2 … n_ctx − 2, each the distribution of the token after it.

mod reader;
mod writer;

use std::path::PathBuf;

use hydrometer_metrics::compat;

pub use reader::BaseReader;
pub use writer::BaseWriter;

/// First bytes of a base file.
const MAGIC: [u8; 8] = *b"_logits_";
/// Bytes before the tokens.
const HEADER_BYTES: u64 = 8 + 3 * 4;
/// Longest chunk and largest vocabulary believed; both are far beyond any model.
const LIMIT: u32 = 1 << 24;

/// Shape of a base file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseHeader {
    /// Tokens per chunk, at least 4.
    pub n_ctx: u32,
    /// Entries of a distribution, at least 2.
    pub n_vocab: u32,
    /// Chunks, at least 1.
    pub n_chunk: u32,
}

impl BaseHeader {
    /// First scored position of a chunk.
    pub fn first_row(&self) -> u32 {
        self.n_ctx / 2
    }

    /// Scored positions of a chunk.
    pub fn rows_per_chunk(&self) -> u32 {
        self.n_ctx - 1 - self.n_ctx / 2
    }

    /// Scored positions of the file.
    pub fn rows(&self) -> u64 {
        u64::from(self.n_chunk) * u64::from(self.rows_per_chunk())
    }

    /// Tokens of the file.
    pub fn tokens(&self) -> u64 {
        u64::from(self.n_chunk) * u64::from(self.n_ctx)
    }

    /// Bytes of one row: 2 · even(n_vocab) + 8.
    pub fn row_bytes(&self) -> u64 {
        8 + 2 * (u64::from(self.n_vocab) + u64::from(self.n_vocab % 2))
    }

    /// Bytes of the whole file. Wide, because a hostile header overflows 64 bits.
    pub fn file_bytes(&self) -> u128 {
        u128::from(self.rows_offset()) + u128::from(self.rows()) * u128::from(self.row_bytes())
    }

    /// Where the first row begins.
    fn rows_offset(&self) -> u64 {
        HEADER_BYTES + 4 * self.tokens()
    }

    /// The first field outside its range, with its value and the range.
    fn fault(&self) -> Option<(&'static str, u32, String)> {
        [("n_ctx", self.n_ctx, 4, LIMIT), ("n_vocab", self.n_vocab, 2, LIMIT), ("n_chunk", self.n_chunk, 1, 1 << 31)]
            .into_iter()
            .find(|(_, value, low, high)| value < low || value >= high)
            .map(|(name, value, low, high)| (name, value, format!("{low} to {}", high - 1)))
    }
}

/// One row as stored: log-probability of token `i` is `scale · codes[i] + min_log_prob`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncodedRow {
    /// Step of a code, nats.
    pub scale: f32,
    /// Log-probability of code 0.
    pub min_log_prob: f32,
    /// One code per vocabulary entry (the padding of an odd vocabulary is left out).
    pub codes: Vec<u16>,
}

impl EncodedRow {
    /// Replaces the row by the encoding of `logits`, which hold no `NaN` and no +∞ and at least one finite entry.
    pub fn encode(&mut self, logits: &[f32]) {
        (self.scale, self.min_log_prob) = compat::encode_row(logits, &mut self.codes);
    }

    /// Sum of the probabilities. The format lifts everything 16 nats and more below the largest entry to there, so that a
    /// row of many improbable tokens sums to somewhat more than 1.
    pub fn mass(&self) -> f64 {
        let of = |code: &u16| f64::from(compat::decode(*code, self.scale, self.min_log_prob).exp());
        self.codes.iter().map(of).sum()
    }

    /// Sum of the probabilities of at most e⁻¹⁶: llama.cpp leaves them out of its divergence.
    pub fn dropped(&self) -> f64 {
        let logprobs = self.codes.iter().map(|&code| compat::decode(code, self.scale, self.min_log_prob));
        logprobs.filter(|&logprob| logprob <= compat::DROPPED).map(|logprob| f64::from(logprob.exp())).sum()
    }

    /// The masses that a row of so many entries can have as an encoding of probabilities.
    pub fn masses(entries: usize) -> std::ops::RangeInclusive<f64> {
        const ROUNDING: f64 = 0.01;
        const WINDOW: f64 = 16.0;
        1.0 - ROUNDING..=1.0 + ROUNDING + entries as f64 * (-WINDOW).exp()
    }

    /// Writes the log-probabilities to `out`, as many as there are codes.
    ///
    /// They are the teacher's logits up to a constant and half a step, and never more than 16 nats below the largest.
    pub fn decode(&self, out: &mut [f32]) {
        for (out, code) in out.iter_mut().zip(&self.codes) {
            *out = compat::decode(*code, self.scale, self.min_log_prob);
        }
    }
}

/// Why a base file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaseError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The file does not begin with `_logits_`.
    #[error(
        "{path} is no llama.cpp base file: it begins with {found:?}, expected \"_logits_\"; \
         make one with `llama-perplexity --kl-divergence-base`"
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// Its first bytes as text.
        found: String,
    },
    /// A header field is outside its range.
    #[error("{path}: header field {field} is {found}, expected {expected}")]
    Header {
        /// The file.
        path: PathBuf,
        /// `n_ctx`, `n_vocab` or `n_chunk`.
        field: &'static str,
        /// The value found.
        found: i64,
        /// The range.
        expected: String,
    },
    /// The length of the file does not belong to its header.
    #[error(
        "{path}: {found} bytes, the header (n_ctx {n_ctx}, n_vocab {n_vocab}, n_chunk {n_chunk}) asks for {expected}; \
         {}", length_advice(.found, .expected)
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Tokens per chunk.
        n_ctx: u32,
        /// Vocabulary.
        n_vocab: u32,
        /// Chunks.
        n_chunk: u32,
        /// Bytes that the header asks for.
        expected: u128,
        /// Bytes of the file.
        found: u64,
    },
    /// A token id outside the vocabulary.
    #[error("{path}: token {index} is {found}, outside the vocabulary of {n_vocab}")]
    Token {
        /// The file.
        path: PathBuf,
        /// Index of the token, from 0.
        index: u64,
        /// The id.
        found: i64,
        /// Vocabulary.
        n_vocab: u32,
    },
    /// A row that is no row of log-probabilities.
    #[error("{path}, row {row}: {what}")]
    Row {
        /// The file.
        path: PathBuf,
        /// Row, from 0 over the whole file.
        row: u64,
        /// What is wrong.
        what: String,
    },
    /// The writer was given another number of rows or tokens than its header says.
    #[error("{path}: {found} {what} were given, the header asks for {expected}")]
    Count {
        /// The file.
        path: PathBuf,
        /// `rows` or `tokens`.
        what: &'static str,
        /// Given.
        found: u64,
        /// Asked for.
        expected: u64,
    },
}

fn length_advice(found: &u64, expected: &u128) -> &'static str {
    if u128::from(*found) < *expected {
        "the file is truncated: the run that wrote it was interrupted or the copy was; write it again"
    } else {
        "there is something behind the last row: the header is damaged or the file was written by another tool"
    }
}
