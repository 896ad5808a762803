//! Reads a file of distributions by sequence.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use hydrometer_probes::strangers::open_file;

use super::{
    DISTRIBUTIONS_FORMAT, DISTRIBUTIONS_LISTED_FORMAT, DistributionHeader, ENTRY_BYTES, FOOTER_BYTES, MAGIC,
    MAX_HEADER, MAX_TOKENS, SequenceKey, SequenceRecords, damaged, formats,
};
use crate::{Problem, RunError};

/// A file of distributions open for reading; one sequence is in memory at a time.
#[derive(Debug)]
pub struct DistributionReader {
    path: PathBuf,
    file: File,
    header: DistributionHeader,
    /// Offset, length and hash of every sequence.
    index: BTreeMap<SequenceKey, (u64, u64, [u8; 32])>,
}

impl DistributionReader {
    /// Opens a file and checks header, index and their hash; each sequence is checked when it is read.
    ///
    /// # Errors
    /// Another format, a torn or damaged file ([`RunError::StoreDamaged`]), or the system refuses.
    pub fn open(path: &Path) -> Result<DistributionReader, RunError> {
        let mut file = open_file(path).map_err(RunError::io("open", path))?;
        let length = file.metadata().map_err(RunError::io("read the length of", path))?.len();
        let least = MAGIC.len() as u64 + 4 + FOOTER_BYTES;
        if length < least {
            return Err(damaged(path, format!("has {length} bytes, at least {least} are expected")));
        }
        let mut read = |offset: u64, count: u64| read_at(&mut file, offset, count).map_err(RunError::io("read", path));
        let start = read(0, MAGIC.len() as u64 + 4)?;
        if !start.starts_with(&MAGIC) {
            return Err(damaged(path, "is no file of distributions: its first bytes are others"));
        }
        let header_bytes = u64::from(u32_at(&start, MAGIC.len()));
        let footer = read(length - FOOTER_BYTES, FOOTER_BYTES)?;
        let (offset, entries) = (u64_at(&footer, 0), u64_at(&footer, 8));
        let index_bytes = (length - FOOTER_BYTES).checked_sub(offset).filter(|_| footer.ends_with(&MAGIC));
        let header_fits = header_bytes <= u64::from(MAX_HEADER) && offset >= start.len() as u64 + header_bytes;
        let Some(index_bytes) = index_bytes.filter(|&n| header_fits && entries.checked_mul(ENTRY_BYTES) == Some(n))
        else {
            return Err(damaged(path, "has no index at its end: it is truncated or damaged"));
        };
        let json = read(start.len() as u64, header_bytes)?;
        let header = parse_header(path, &json)?;
        let index = read(offset, index_bytes)?;
        let hash = blake3::Hasher::new().update(&start).update(&json).update(&index).finalize();
        if hash.as_bytes()[..] != footer[16..48] {
            return Err(damaged(path, "header and index are not those that were written"));
        }
        let entry = |e: &[u8]| (SequenceKey(array_at(e, 0)), (u64_at(e, 32), u64_at(e, 40), array_at(e, 48)));
        let index: BTreeMap<_, _> = index.chunks_exact(ENTRY_BYTES as usize).map(entry).collect();
        if index.values().any(|(start, count, _)| start.checked_add(*count).is_none_or(|end| end > offset)) {
            return Err(damaged(path, "the index leads beyond the sequences"));
        }
        Ok(DistributionReader { path: path.to_path_buf(), file, header, index })
    }

    /// What all records have in common.
    pub fn header(&self) -> &DistributionHeader {
        &self.header
    }

    /// Keys of the sequences, sorted.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &SequenceKey> {
        self.index.keys()
    }

    /// Positions of a sequence whose records are here; `None` where the file does not have it. Reads only its counts: whether
    /// they are those that were written is checked when the records are read.
    ///
    /// # Errors
    /// The counts are impossible, or the system refuses.
    pub fn positions(&mut self, key: &SequenceKey) -> Result<Option<Range<u32>>, RunError> {
        let Some(&(offset, ..)) = self.index.get(key) else { return Ok(None) };
        let counts = read_at(&mut self.file, offset, 12).map_err(RunError::io("read", &self.path))?;
        let (first, records) = (u32_at(&counts, 4), u32_at(&counts, 8));
        let end = first.checked_add(records);
        let end = end.ok_or_else(|| damaged(&self.path, format!("sequence {key} is malformed")))?;
        Ok(Some(first..end))
    }

    /// The records of a sequence; `None` where the file does not have it.
    ///
    /// # Errors
    /// They are not those that were written, or the system refuses.
    pub fn get(&mut self, key: &SequenceKey) -> Result<Option<SequenceRecords>, RunError> {
        let Some(&(offset, count, hash)) = self.index.get(key) else { return Ok(None) };
        let frame = read_at(&mut self.file, offset, count).map_err(RunError::io("read", &self.path))?;
        if *blake3::hash(&frame).as_bytes() != hash {
            return Err(damaged(&self.path, format!("sequence {key} was changed")));
        }
        let sequence =
            parse_frame(&frame).ok_or_else(|| damaged(&self.path, format!("sequence {key} is malformed")))?;
        if SequenceKey::new(&self.header.model_key, &sequence.tokens) != *key {
            return Err(damaged(&self.path, format!("sequence {key} holds other tokens")));
        }
        Ok(Some(sequence))
    }

    /// Reads and decodes everything; every sequence that is damaged. Empty when all is well.
    ///
    /// # Errors
    /// The system refuses.
    pub fn verify(&mut self) -> Result<Vec<Problem>, RunError> {
        let mut problems = Vec::new();
        for key in self.index.keys().copied().collect::<Vec<_>>() {
            match self.get(&key) {
                Ok(None) => {}
                Ok(Some(sequence)) => {
                    let fault = |(index, record)| self.header.codec.decode(record).err().map(|error| (index, error));
                    if let Some((index, error)) = sequence.records().enumerate().find_map(fault) {
                        let file = self.path.display().to_string();
                        problems.push(Problem { file, what: format!("sequence {key}, record {index}: {error}") });
                    }
                }
                Err(RunError::StoreDamaged { problems: found, .. }) => problems.extend(found),
                Err(error) => return Err(error),
            }
        }
        Ok(problems)
    }
}

fn parse_header(path: &Path, json: &[u8]) -> Result<DistributionHeader, RunError> {
    let fault = |error: &dyn std::fmt::Display| damaged(path, format!("header: {error}"));
    let value: serde_json::Value = serde_json::from_slice(json).map_err(|error| fault(&error))?;
    // The format is looked at before the fields: a later format may have others.
    let found = value.get("format").and_then(serde_json::Value::as_str).unwrap_or("none").to_owned();
    let other =
        |found, expected: &str| RunError::Format { path: path.to_path_buf(), found, expected: expected.to_owned() };
    if ![DISTRIBUTIONS_FORMAT, DISTRIBUTIONS_LISTED_FORMAT].contains(&found.as_str()) {
        return Err(other(found, DISTRIBUTIONS_FORMAT));
    }
    let header: DistributionHeader = serde_json::from_value(value).map_err(|error| fault(&error))?;
    let [expected, _] = formats(header.codec.sums);
    if found != expected {
        return Err(other(found, expected));
    }
    header.codec.checked().map_err(|error| fault(&error))?;
    Ok(header)
}

/// A sequence from its bytes; `None` when its counts and lengths are not those of the bytes.
fn parse_frame(frame: &[u8]) -> Option<SequenceRecords> {
    let (counts, rest) = frame.split_at_checked(12)?;
    let [tokens, first, records] = [0, 4, 8].map(|at| u32_at(counts, at));
    if tokens > MAX_TOKENS || u64::from(first) + u64::from(records) > u64::from(tokens) {
        return None;
    }
    let (tokens, rest) = rest.split_at_checked(4 * tokens as usize)?;
    let (lengths, bytes) = rest.split_at_checked(2 * records as usize)?;
    let mut end = 0;
    let mut ends = Vec::with_capacity(records as usize);
    for length in lengths.chunks_exact(2) {
        end += usize::from(u16::from_le_bytes(array_at(length, 0)));
        ends.push(end);
    }
    let tokens = tokens.chunks_exact(4).map(|token| u32_at(token, 0)).collect();
    (end == bytes.len()).then(|| SequenceRecords { tokens, first, ends, bytes: bytes.to_vec() })
}

fn read_at(file: &mut File, offset: u64, count: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    // Grows with what is there: a count that lies allocates nothing.
    if file.take(count).read_to_end(&mut bytes)? as u64 != count {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// Bytes at a place that the caller knows to exist.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}
