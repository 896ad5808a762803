//! Writes a base file row by row, under a temporary name until it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{BaseError, BaseHeader, EncodedRow, MAGIC};
use crate::{RunError, durable};

/// A base file under way; dropped before [`BaseWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct BaseWriter {
    path: PathBuf,
    temporary: PathBuf,
    header: BaseHeader,
    file: BufWriter<File>,
    rows: u64,
    row: EncodedRow,
    bytes: Vec<u8>,
}

impl BaseWriter {
    /// Begins a file. `tokens` are `[n_chunk · n_ctx]`, as the text gave them (no BOS put in).
    ///
    /// # Errors
    /// A header out of range, another number of tokens, a token outside the vocabulary, or the system refuses.
    pub fn create(path: &Path, header: BaseHeader, tokens: &[u32]) -> Result<BaseWriter, BaseError> {
        if let Some((field, found, expected)) = header.fault() {
            return Err(BaseError::Header { path: path.to_path_buf(), field, found: i64::from(found), expected });
        }
        if tokens.len() as u64 != header.tokens() {
            let (found, expected) = (tokens.len() as u64, header.tokens());
            return Err(BaseError::Count { path: path.to_path_buf(), what: "tokens", found, expected });
        }
        if let Some(index) = tokens.iter().position(|token| *token >= header.n_vocab) {
            let (found, n_vocab) = (i64::from(tokens[index]), header.n_vocab);
            return Err(BaseError::Token { path: path.to_path_buf(), index: index as u64, found, n_vocab });
        }
        let temporary = durable::temporary_for(path);
        let file = File::create(&temporary).map_err(io("create", path))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        let (row, bytes) = (EncodedRow::default(), Vec::new());
        let mut writer = BaseWriter { path: path.to_path_buf(), temporary, header, file, rows: 0, row, bytes };
        writer.write_start(tokens).map_err(io("write", path))?;
        Ok(writer)
    }

    fn write_start(&mut self, tokens: &[u32]) -> std::io::Result<()> {
        self.file.write_all(&MAGIC)?;
        let header = [self.header.n_ctx, self.header.n_vocab, self.header.n_chunk];
        for word in header.iter().chain(tokens) {
            self.file.write_all(&word.to_le_bytes())?;
        }
        Ok(())
    }

    /// Encodes and writes the next row from raw logits `[n_vocab]`.
    ///
    /// # Errors
    /// A row of another length, with `NaN`, +∞ or nothing finite, one row too many, or the system refuses.
    pub fn write_logits(&mut self, logits: &[f32]) -> Result<(), BaseError> {
        let what = if let Some(index) = logits.iter().position(|l| l.is_nan() || *l == f32::INFINITY) {
            Some(format!("logit {index} is {}", logits[index]))
        } else if !logits.iter().any(|l| l.is_finite()) {
            Some("no logit is finite".to_owned())
        } else {
            None
        };
        if let Some(what) = what {
            return Err(BaseError::Row { path: self.path.clone(), row: self.rows, what });
        }
        let mut row = std::mem::take(&mut self.row);
        row.encode(logits);
        let result = self.write_row(&row);
        self.row = row;
        result
    }

    /// Writes the next row as it is.
    ///
    /// # Errors
    /// A row of another length, one row too many, or the system refuses.
    pub fn write_row(&mut self, row: &EncodedRow) -> Result<(), BaseError> {
        if row.codes.len() != self.header.n_vocab as usize {
            let what = format!("{} entries, expected {}", row.codes.len(), self.header.n_vocab);
            return Err(BaseError::Row { path: self.path.clone(), row: self.rows, what });
        }
        if self.rows == self.header.rows() {
            return Err(self.count(self.rows + 1));
        }
        self.bytes.clear();
        self.bytes.extend(row.scale.to_le_bytes());
        self.bytes.extend(row.min_log_prob.to_le_bytes());
        self.bytes.extend(row.codes.iter().flat_map(|code| code.to_le_bytes()));
        self.bytes.resize(self.header.row_bytes() as usize, 0);
        self.file.write_all(&self.bytes).map_err(io("write", &self.path))?;
        self.rows += 1;
        Ok(())
    }

    /// Gives the whole file its name.
    ///
    /// # Errors
    /// Rows are missing, or the system refuses.
    pub fn finish(mut self) -> Result<(), BaseError> {
        if self.rows != self.header.rows() {
            return Err(self.count(self.rows));
        }
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(io("write", &self.path))?;
        durable::publish(&self.temporary, &self.path).map_err(|error| match error {
            RunError::Io { action, path, source } => BaseError::Io { action, path: path.0, source },
            other => BaseError::Io {
                action: "publish",
                path: self.path.clone(),
                source: std::io::Error::other(other.to_string()),
            },
        })
    }

    fn count(&self, found: u64) -> BaseError {
        BaseError::Count { path: self.path.clone(), what: "rows", found, expected: self.header.rows() }
    }
}

impl Drop for BaseWriter {
    fn drop(&mut self) {
        // After `finish` the temporary name is gone and this fails, which is fine.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BaseError {
    let path = path.to_path_buf();
    move |source| BaseError::Io { action, path, source }
}
