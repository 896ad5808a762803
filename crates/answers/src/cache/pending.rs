//! Records that came one by one and are in no block yet: a file to which a line is added for each answer of a server, so that what
//! was paid for is on disk the moment it came, and a cache does not become thousands of files.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use hydrometer_probes::strangers::read_file;
use serde::{Deserialize, Serialize};

use super::SequenceKey;
use crate::durable::{append_line, replace, sync_folder};
use crate::{Problem, RunError};

/// Its name in the folder of the cache.
const PENDING: &str = "pending";
/// Digits of the hash in front of a line.
const HASH_DIGITS: usize = 64;

/// One line: successive records of a sequence, in hexadecimal digits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    first: u32,
    records: Vec<String>,
}

/// The records of all lines.
#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<SequenceKey, BTreeMap<u32, Vec<u8>>>);

impl Pending {
    /// What stands in the file; nothing where there is none. A last line without its end is of a process that was killed.
    pub(super) fn read(folder: &Path) -> Result<Pending, RunError> {
        let path = folder.join(PENDING);
        let bytes = match read_file(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Pending::default()),
            Err(error) => return Err(RunError::io("read", &path)(error)),
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut pending = Pending::default();
        for (number, line) in
            bytes[..whole].split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty())
        {
            let (key, first, records) = parse(line).ok_or_else(|| {
                let what = format!(
                    "line {} is not one that was written: remove the file, and its positions are asked again",
                    number + 1
                );
                let problems = vec![Problem { file: PENDING.to_owned(), what }];
                RunError::StoreDamaged { path: folder.to_path_buf(), problems }
            })?;
            pending.enter(key, first, records);
        }
        // What a killed process left of a line would spoil the next one.
        if whole < bytes.len() {
            replace(&path, &bytes[..whole])?;
        }
        Ok(pending)
    }

    /// Adds records of successive positions, durably.
    pub(super) fn append(
        &mut self,
        folder: &Path,
        key: SequenceKey,
        first: u32,
        records: Vec<Vec<u8>>,
    ) -> Result<(), RunError> {
        append_line(&folder.join(PENDING), &line(&key, first, &records)?)?;
        if self.0.is_empty() {
            sync_folder(folder)?;
        }
        self.enter(key, first, records);
        Ok(())
    }

    pub(super) fn record(&self, key: &SequenceKey, position: u32) -> Option<&[u8]> {
        self.0.get(key)?.get(&position).map(Vec::as_slice)
    }

    /// Forgets sequences, and leaves a file of the others, or none.
    pub(super) fn forget(&mut self, folder: &Path, keys: impl Iterator<Item = SequenceKey>) -> Result<(), RunError> {
        keys.for_each(|key| drop(self.0.remove(&key)));
        let path = folder.join(PENDING);
        if self.0.is_empty() {
            return match fs::remove_file(&path) {
                Ok(()) => sync_folder(folder),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(error) => Err(RunError::io("remove", &path)(error)),
            };
        }
        let mut text = String::new();
        for (key, records) in &self.0 {
            for (&position, record) in records {
                text += &(line(key, position, std::slice::from_ref(record))? + "\n");
            }
        }
        replace(&path, text.as_bytes())
    }

    fn enter(&mut self, key: SequenceKey, first: u32, records: Vec<Vec<u8>>) {
        self.0.entry(key).or_default().extend((first..).zip(records));
    }
}

fn line(key: &SequenceKey, first: u32, records: &[Vec<u8>]) -> Result<String, RunError> {
    let line = Line { key: hex(&key.0), first, records: records.iter().map(|record| hex(record)).collect() };
    let json = serde_json::to_string(&line)
        .map_err(|error| RunError::Encode { file: PENDING.to_owned(), what: error.to_string() })?;
    Ok(format!("{} {json}", blake3::hash(json.as_bytes()).to_hex()))
}

fn parse(line: &[u8]) -> Option<(SequenceKey, u32, Vec<Vec<u8>>)> {
    let (hash, json) = line.split_at_checked(HASH_DIGITS)?;
    let json = json.strip_prefix(b" ")?;
    if hash != blake3::hash(json).to_hex().as_bytes() {
        return None;
    }
    let Line { key, first, records } = serde_json::from_slice(json).ok()?;
    let records = records.iter().map(|record| bytes(record)).collect::<Option<_>>()?;
    Some((SequenceKey(bytes(&key)?.try_into().ok()?), first, records))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2)).collect()
}
