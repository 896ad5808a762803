//! Reads a base file row by row.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use hydrometer_probes::strangers::open_file;

use super::{BaseError, BaseHeader, EncodedRow, HEADER_BYTES, MAGIC};

/// A base file open for reading; one row is in memory at a time.
#[derive(Debug)]
pub struct BaseReader {
    path: PathBuf,
    header: BaseHeader,
    tokens: Vec<u32>,
    file: BufReader<File>,
    next_row: u64,
    bytes: Vec<u8>,
}

impl BaseReader {
    /// Opens a file and checks its header against its length, and every token against the vocabulary.
    ///
    /// # Errors
    /// No base file, absurd header, truncated or overlong file, a token outside the vocabulary.
    pub fn open(path: &Path) -> Result<BaseReader, BaseError> {
        let io = |action| move |source| BaseError::Io { action, path: path.to_path_buf(), source };
        let file = open_file(path).map_err(io("open"))?;
        let length = file.metadata().map_err(io("read the length of"))?.len();
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut start = Vec::new();
        file.by_ref().take(HEADER_BYTES).read_to_end(&mut start).map_err(io("read"))?;
        let header = parse_header(path, &start)?;
        // Before anything is allocated: after this the header cannot ask for more than the file holds.
        if u128::from(length) != header.file_bytes() {
            let BaseHeader { n_ctx, n_vocab, n_chunk } = header;
            let (expected, found) = (header.file_bytes(), length);
            return Err(BaseError::Length { path: path.to_path_buf(), n_ctx, n_vocab, n_chunk, expected, found });
        }
        let mut tokens = Vec::new();
        let mut word = [0; 4];
        for index in 0..header.tokens() {
            file.read_exact(&mut word).map_err(io("read the tokens of"))?;
            let id = i32::from_le_bytes(word);
            match u32::try_from(id) {
                Ok(id) if id < header.n_vocab => tokens.push(id),
                _ => {
                    let (found, n_vocab) = (i64::from(id), header.n_vocab);
                    return Err(BaseError::Token { path: path.to_path_buf(), index, found, n_vocab });
                }
            }
        }
        Ok(BaseReader { path: path.to_path_buf(), header, tokens, file, next_row: 0, bytes: Vec::new() })
    }

    /// Shape of the file.
    pub fn header(&self) -> BaseHeader {
        self.header
    }

    /// All tokens, `[n_chunk · n_ctx]`.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Chunk, position in the chunk and target token of row `row` of the file; `None` beyond the last row.
    pub fn place(&self, row: u64) -> Option<(u32, u32, u32)> {
        if row >= self.header.rows() {
            return None;
        }
        let per_chunk = u64::from(self.header.rows_per_chunk());
        let chunk = u32::try_from(row / per_chunk).ok()?;
        let position = self.header.first_row() + u32::try_from(row % per_chunk).ok()?;
        let target = u64::from(chunk) * u64::from(self.header.n_ctx) + u64::from(position) + 1;
        let target = *self.tokens.get(usize::try_from(target).ok()?)?;
        Some((chunk, position, target))
    }

    /// Reads the next row into `row`; `false` after the last one.
    ///
    /// # Errors
    /// The system refuses, or the row's scale or offset is no finite number.
    pub fn read_row(&mut self, row: &mut EncodedRow) -> Result<bool, BaseError> {
        if self.next_row >= self.header.rows() {
            return Ok(false);
        }
        let io = |source| BaseError::Io { action: "read", path: self.path.clone(), source };
        // The row is no longer than the file, which has been measured.
        self.bytes.resize(self.header.row_bytes() as usize, 0);
        self.file.read_exact(&mut self.bytes).map_err(io)?;
        let float = |at: usize| {
            f32::from_le_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]])
        };
        let (scale, min_log_prob) = (float(0), float(4));
        if !(scale.is_finite() && scale >= 0.0 && min_log_prob.is_finite()) {
            let what = format!("scale {scale} and min_log_prob {min_log_prob} are no encoding of log-probabilities");
            return Err(BaseError::Row { path: self.path.clone(), row: self.next_row, what });
        }
        row.scale = scale;
        row.min_log_prob = min_log_prob;
        row.codes.clear();
        let codes = self.bytes[8..].chunks_exact(2).take(self.header.n_vocab as usize);
        row.codes.extend(codes.map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
        self.next_row += 1;
        Ok(true)
    }

    /// Makes `row` (from 0 over the whole file) the next one to be read; beyond the last row nothing is left to read.
    ///
    /// # Errors
    /// The system refuses.
    pub fn seek(&mut self, row: u64) -> Result<(), BaseError> {
        let row = row.min(self.header.rows());
        let offset = self.header.rows_offset() + row * self.header.row_bytes();
        self.file.seek(SeekFrom::Start(offset)).map_err(|source| BaseError::Io {
            action: "seek in",
            path: self.path.clone(),
            source,
        })?;
        self.next_row = row;
        Ok(())
    }
}

fn parse_header(path: &Path, start: &[u8]) -> Result<BaseHeader, BaseError> {
    if !start.starts_with(&MAGIC) {
        let found = String::from_utf8_lossy(&start[..start.len().min(MAGIC.len())]).into_owned();
        return Err(BaseError::Magic { path: path.to_path_buf(), found });
    }
    let field = |index: usize, name: &'static str| {
        let at = MAGIC.len() + 4 * index;
        let Some(&[a, b, c, d]) = start.get(at..at + 4) else {
            let (field, found, expected) = (name, -1, format!("a file of at least {HEADER_BYTES} bytes"));
            return Err(BaseError::Header { path: path.to_path_buf(), field, found, expected });
        };
        let found = i32::from_le_bytes([a, b, c, d]);
        u32::try_from(found).map_err(|_| BaseError::Header {
            path: path.to_path_buf(),
            field: name,
            found: i64::from(found),
            expected: "a positive number".to_owned(),
        })
    };
    let header = BaseHeader { n_ctx: field(0, "n_ctx")?, n_vocab: field(1, "n_vocab")?, n_chunk: field(2, "n_chunk")? };
    match header.fault() {
        Some((field, found, expected)) => {
            Err(BaseError::Header { path: path.to_path_buf(), field, found: i64::from(found), expected })
        }
        None => Ok(header),
    }
}
