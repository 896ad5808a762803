//! Writes a file of distributions sequence by sequence, under a temporary name until it is whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{DistributionHeader, MAGIC, MAX_TOKENS, SequenceKey, SequenceRecords, formats};
use crate::sparse::Codec;
use crate::{RunError, durable};

/// A file under way; dropped before [`DistributionWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct DistributionWriter {
    path: PathBuf,
    temporary: PathBuf,
    header: DistributionHeader,
    header_hash: blake3::Hasher,
    file: BufWriter<File>,
    at: u64,
    index: BTreeMap<SequenceKey, (u64, u64, blake3::Hash)>,
}

impl DistributionWriter {
    /// Begins a file of one model's distributions.
    ///
    /// # Errors
    /// A setting of the codec outside its range, or the system refuses.
    pub fn create(
        path: &Path,
        model_key: &str,
        model_name: &str,
        codec: Codec,
    ) -> Result<DistributionWriter, RunError> {
        let encode = |what: String| RunError::Encode { file: path.display().to_string(), what };
        let header = DistributionHeader {
            format: formats(codec.sums)[0].to_owned(),
            model_key: model_key.to_owned(),
            model_name: model_name.to_owned(),
            codec: codec.checked().map_err(|error| encode(error.to_string()))?,
        };
        let json = serde_json::to_vec(&header).map_err(|error| encode(error.to_string()))?;
        let temporary = durable::temporary_for(path);
        let file = BufWriter::with_capacity(1 << 20, File::create(&temporary).map_err(RunError::io("create", path))?);
        let (path, header_hash) = (path.to_path_buf(), blake3::Hasher::new());
        let mut writer =
            DistributionWriter { path, temporary, header, header_hash, file, at: 0, index: BTreeMap::new() };
        let start = [&MAGIC[..], &(json.len() as u32).to_le_bytes(), &json].concat();
        writer.header_hash.update(&start);
        writer.append(&start)?;
        Ok(writer)
    }

    /// The codec of the records.
    pub fn codec(&self) -> &Codec {
        &self.header.codec
    }

    /// Whether the sequence is in the file.
    pub fn contains(&self, key: &SequenceKey) -> bool {
        self.index.contains_key(key)
    }

    /// Adds a sequence; one that is there already is left out.
    ///
    /// # Errors
    /// Records beyond the sequence's end or longer than 65,535 bytes, or the system refuses.
    pub fn add(&mut self, sequence: &SequenceRecords) -> Result<(), RunError> {
        let key = SequenceKey::new(&self.header.model_key, &sequence.tokens);
        if self.contains(&key) {
            return Ok(());
        }
        let frame = frame(sequence).map_err(|what| RunError::Encode { file: self.path.display().to_string(), what })?;
        let start = self.at;
        self.append(&frame)?;
        self.index.insert(key, (start, frame.len() as u64, blake3::hash(&frame)));
        Ok(())
    }

    /// Writes the index and gives the file its name, durably; returns its length in bytes.
    ///
    /// # Errors
    /// The system refuses; a former file of that name is untouched.
    pub fn finish(mut self) -> Result<u64, RunError> {
        let mut index = Vec::new();
        for (key, (offset, length, hash)) in &self.index {
            index.extend_from_slice(&key.0);
            index.extend_from_slice(&offset.to_le_bytes());
            index.extend_from_slice(&length.to_le_bytes());
            index.extend_from_slice(hash.as_bytes());
        }
        let hash = self.header_hash.clone().update(&index).finalize();
        let numbers = [self.at.to_le_bytes(), (self.index.len() as u64).to_le_bytes()].concat();
        self.append(&[&index[..], &numbers, hash.as_bytes(), &MAGIC].concat())?;
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(RunError::io("write", &self.path))?;
        durable::publish(&self.temporary, &self.path)?;
        Ok(self.at)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.file.write_all(bytes).map_err(RunError::io("write", &self.path))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for DistributionWriter {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name; a failure here leaves what a killed process would leave.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// The bytes of a sequence: counts, tokens, lengths of the records, records.
fn frame(sequence: &SequenceRecords) -> Result<Vec<u8>, String> {
    let (tokens, records) = (sequence.tokens.len(), sequence.len());
    if sequence.first as usize + records > tokens || tokens > MAX_TOKENS as usize {
        let first = sequence.first;
        return Err(format!("{records} records from position {first} on do not fit a sequence of {tokens} tokens"));
    }
    let mut frame = Vec::with_capacity(12 + 4 * tokens + 2 * records + sequence.bytes.len());
    for number in [tokens as u32, sequence.first, records as u32].iter().chain(&sequence.tokens) {
        frame.extend_from_slice(&number.to_le_bytes());
    }
    for record in sequence.records() {
        let length = u16::try_from(record.len())
            .map_err(|_| format!("a record of {} bytes, at most {} are allowed", record.len(), u16::MAX))?;
        frame.extend_from_slice(&length.to_le_bytes());
    }
    frame.extend_from_slice(&sequence.bytes);
    Ok(frame)
}
