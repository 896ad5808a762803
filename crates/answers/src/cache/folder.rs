//! The teacher cache: a folder of distribution files of one teacher, filled block by block by one writer and read by anyone.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pending::Pending;
use super::{DistributionReader, DistributionWriter, SequenceKey, SequenceRecords, formats};
use crate::difference::compare;
use crate::durable::{self, Lock, entries};
use crate::json::{pretty, read_json};
use crate::sparse::Codec;
use crate::{ModelIdentity, Problem, RunError};

/// Format version of the folder; a breaking change raises the number.
pub const TEACHER_CACHE_FORMAT: &str = "hydrometer.teacher-cache/1";
/// The format of a folder of what a server lists.
pub const TEACHER_CACHE_LISTED_FORMAT: &str = "hydrometer.teacher-cache/2";

const CACHE: &str = "cache.json";
const BLOCKS: &str = "blocks";
const LOCK: &str = "hydrometer.lock";
/// Of a teacher behind an endpoint: what was paid for its distributions, and its canaries.
const ENDPOINT: &str = "endpoint";
/// End of a block's file name.
const SUFFIX: &str = ".hsd";

/// The `cache.json` file: whose distributions these are, and how they are kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: String,
    teacher: ModelIdentity,
    codec: Codec,
}

/// How closely blocks are looked at when a cache is opened.
#[derive(Clone, Copy)]
enum Looked {
    /// Header, index and their hash; each record is checked when it is read.
    AtIndex,
    /// Every record.
    AtRecords,
}

/// Distributions of one teacher on disk. See `docs/sparse-distributions.md`.
#[derive(Debug)]
pub struct TeacherCache {
    path: PathBuf,
    /// Held, never read; `None` when reading only.
    lock: Option<Lock>,
    teacher: ModelIdentity,
    codec: Codec,
    /// File names, in the order of writing.
    blocks: Vec<String>,
    /// The blocks that hold a sequence, in the order of writing: each may hold other positions of it.
    index: BTreeMap<SequenceKey, Vec<usize>>,
    problems: Vec<Problem>,
    opened: Option<(usize, DistributionReader)>,
    /// Records that are in no block yet; read by the writer only.
    pending: Pending,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CacheSize {
    /// Files.
    pub blocks: u64,
    /// Different sequences.
    pub sequences: u64,
    /// Positions whose distribution is kept.
    pub positions: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

impl TeacherCache {
    /// Opens a cache for reading.
    ///
    /// # Errors
    /// No cache, another format, the system refuses, or blocks are damaged ([`RunError::StoreDamaged`] names each).
    pub fn open(path: &Path) -> Result<TeacherCache, RunError> {
        TeacherCache::open_despite_damage(path)?.whole()
    }

    /// [`TeacherCache::open`], going on without the blocks that are damaged: [`TeacherCache::problems`] names them.
    ///
    /// # Errors
    /// As [`TeacherCache::open`], damaged blocks aside.
    pub fn open_despite_damage(path: &Path) -> Result<TeacherCache, RunError> {
        TeacherCache::assemble(path, None, description_in(path)?, Looked::AtIndex)
    }

    /// [`TeacherCache::open_despite_damage`], also without the blocks of which any record is damaged. Reads everything.
    ///
    /// # Errors
    /// As [`TeacherCache::open_despite_damage`].
    pub fn open_what_is_whole(path: &Path) -> Result<TeacherCache, RunError> {
        TeacherCache::assemble(path, None, description_in(path)?, Looked::AtRecords)
    }

    /// Opens a cache for writing; an absent or empty folder becomes one. Reads everything: what is damaged is not added to.
    ///
    /// # Errors
    /// A setting of the codec is out of range, the folder holds something else, or another teacher's or codec's
    /// distributions ([`RunError::CacheDiffers`]), is being written ([`RunError::Locked`]) or damaged, or the system refuses.
    pub fn create_or_open(path: &Path, teacher: &ModelIdentity, codec: Codec) -> Result<TeacherCache, RunError> {
        let described = path.join(CACHE);
        let codec = codec
            .checked()
            .map_err(|error| RunError::Encode { file: described.display().to_string(), what: error.to_string() })?;
        let format = formats(codec.sums)[1].to_owned();
        let wanted = Description { format, teacher: teacher.clone(), codec };
        fs::create_dir_all(path).map_err(RunError::io("create", path))?;
        let ours = |name: &String| {
            [LOCK, ENDPOINT].contains(&name.as_str()) || (name.starts_with(CACHE) && durable::is_temporary(name))
        };
        if let (false, Some(found)) = (described.exists(), entries(path)?.into_iter().find(|name| !ours(name))) {
            return Err(RunError::NotACache { path: path.to_path_buf(), found });
        }
        let lock = Lock::take(path, LOCK)?;
        if described.exists() {
            let found = read_description(&described)?;
            if found.teacher.key() != teacher.key() || found.codec != codec {
                let mut differences = Vec::new();
                compare("", &value(&described, &found)?, &value(&described, &wanted)?, &mut differences);
                return Err(RunError::CacheDiffers { path: path.to_path_buf(), differences });
            }
        } else {
            durable::replace(&described, &pretty(&described, &wanted)?)?;
        }
        let blocks = path.join(BLOCKS);
        fs::create_dir_all(&blocks).map_err(RunError::io("create", &blocks))?;
        durable::sync_folder(path)?;
        durable::remove_leftovers(&[path, &blocks])?;
        let mut cache = TeacherCache::assemble(path, Some(lock), wanted, Looked::AtRecords)?.whole()?;
        cache.pending = Pending::read(path)?;
        Ok(cache)
    }

    /// The folder beside a cache in which stands what its teacher was paid, where it is behind an endpoint, and its canaries.
    #[must_use]
    pub fn endpoint(path: &Path) -> PathBuf {
        path.join(ENDPOINT)
    }

    fn assemble(
        path: &Path,
        lock: Option<Lock>,
        description: Description,
        looked: Looked,
    ) -> Result<TeacherCache, RunError> {
        let Description { teacher, codec, .. } = description;
        let (blocks, index, problems) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut cache = TeacherCache {
            path: path.to_path_buf(),
            lock,
            teacher,
            codec,
            blocks,
            index,
            problems,
            opened: None,
            pending: Pending::default(),
        };
        for name in entries(&cache.path.join(BLOCKS))?.into_iter().filter(|name| !durable::is_temporary(name)) {
            match (cache.reader(&name), looked) {
                (Ok(mut reader), Looked::AtRecords) => match reader.verify()? {
                    problems if problems.is_empty() => cache.enter(name, reader.keys().copied()),
                    problems => {
                        cache.problems.extend(problems.into_iter().map(|problem| in_block(&name, problem.what)))
                    }
                },
                (Ok(reader), Looked::AtIndex) => cache.enter(name, reader.keys().copied()),
                (Err(problem), _) => cache.problems.push(problem),
            }
        }
        Ok(cache)
    }

    fn whole(self) -> Result<TeacherCache, RunError> {
        if self.problems.is_empty() {
            return Ok(self);
        }
        Err(RunError::StoreDamaged { path: self.path, problems: self.problems })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose distributions these are.
    pub fn teacher(&self) -> &ModelIdentity {
        &self.teacher
    }

    /// How they are kept.
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Blocks that were left out when the cache was opened, with what is wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Keys of all sequences, sorted.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &SequenceKey> {
        self.index.keys()
    }

    /// The records of a sequence that include those of all `positions`, which may be none; `None` where no block has them. One block is open at
    /// a time: ask for neighbours together.
    ///
    /// # Errors
    /// They are not those that were written, or the system refuses.
    pub fn get(&mut self, key: &SequenceKey, positions: &Range<u32>) -> Result<Option<SequenceRecords>, RunError> {
        let Some(block) = self.block_of(key, positions)? else { return Ok(None) };
        self.block(block)?.get(key)
    }

    /// Whether [`TeacherCache::get`] would find them. Reads a few bytes, not the records.
    ///
    /// # Errors
    /// As [`TeacherCache::get`].
    pub fn covers(&mut self, key: &SequenceKey, positions: &Range<u32>) -> Result<bool, RunError> {
        Ok(self.block_of(key, positions)?.is_some())
    }

    fn block_of(&mut self, key: &SequenceKey, positions: &Range<u32>) -> Result<Option<usize>, RunError> {
        for block in self.index.get(key).cloned().unwrap_or_default() {
            let held = self.block(block)?.positions(key)?;
            if held.is_some_and(|h| positions.is_empty() || (h.start <= positions.start && positions.end <= h.end)) {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    /// Stores sequences in one block, which appears whole or not at all. Returns its length in bytes.
    ///
    /// # Errors
    /// Opened for reading, or the system refuses; what was stored before is never touched.
    pub fn put(&mut self, sequences: &[SequenceRecords]) -> Result<u64, RunError> {
        if self.lock.is_none() {
            return Err(RunError::ReadOnly { action: "store distributions", path: self.path.clone() });
        }
        let numbers = entries(&self.path.join(BLOCKS))?;
        let last = numbers.iter().filter_map(|name| name.strip_suffix(SUFFIX)?.parse::<u64>().ok()).max();
        let name = format!("{:08}{SUFFIX}", last.map_or(0, |last| last + 1));
        let key = self.teacher.key();
        let mut file = DistributionWriter::create(&self.file(&name), &key, &self.teacher.name, self.codec)?;
        for sequence in sequences {
            file.add(sequence)?;
        }
        let bytes = file.finish()?;
        self.enter(name, sequences.iter().map(|sequence| SequenceKey::new(&key, &sequence.tokens)));
        Ok(bytes)
    }

    /// Keeps records of a sequence, from position `first` on, that came before the others of their block: durably, in a file of
    /// their own.
    ///
    /// # Errors
    /// Opened for reading, or the system refuses.
    pub fn keep(&mut self, key: SequenceKey, first: u32, records: Vec<Vec<u8>>) -> Result<(), RunError> {
        if self.lock.is_none() {
            return Err(RunError::ReadOnly { action: "keep distributions", path: self.path.clone() });
        }
        self.pending.append(&self.path, key, first, records)
    }

    /// The record of a position that was kept and is in no block yet.
    pub fn kept(&self, key: &SequenceKey, position: u32) -> Option<&[u8]> {
        self.pending.record(key, position)
    }

    /// Forgets what was kept of sequences that a block holds now.
    ///
    /// # Errors
    /// The system refuses.
    pub fn settle(&mut self, sequences: &[SequenceRecords]) -> Result<(), RunError> {
        let key = self.teacher.key();
        self.pending.forget(&self.path, sequences.iter().map(|sequence| SequenceKey::new(&key, &sequence.tokens)))
    }

    /// Files, sequences, positions and bytes.
    ///
    /// # Errors
    /// A block is damaged, or the system refuses.
    pub fn size(&mut self) -> Result<CacheSize, RunError> {
        let (blocks, sequences) = (self.blocks.len() as u64, self.index.len() as u64);
        let mut size = CacheSize { blocks, sequences, ..CacheSize::default() };
        for block in 0..self.blocks.len() {
            let path = self.file(&self.blocks[block]);
            size.bytes += fs::metadata(&path).map_err(RunError::io("read the length of", &path))?.len();
            let reader = self.block(block)?;
            for key in reader.keys().copied().collect::<Vec<_>>() {
                size.positions += reader.positions(&key)?.map_or(0, |held| u64::from(held.end - held.start));
            }
        }
        Ok(size)
    }

    /// Reads and decodes everything; every block that is torn, changed or of another teacher. Empty when all is well.
    ///
    /// # Errors
    /// The system refuses.
    pub fn verify(&self) -> Result<Vec<Problem>, RunError> {
        let mut problems = self.problems.clone();
        for name in &self.blocks {
            match self.reader(name) {
                Ok(mut reader) => {
                    problems.extend(reader.verify()?.into_iter().map(|problem| in_block(name, problem.what)))
                }
                Err(problem) => problems.push(problem),
            }
        }
        Ok(problems)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(BLOCKS).join(name)
    }

    fn enter(&mut self, name: String, keys: impl Iterator<Item = SequenceKey>) {
        for key in keys {
            self.index.entry(key).or_default().push(self.blocks.len());
        }
        self.blocks.push(name);
    }

    fn block(&mut self, block: usize) -> Result<&mut DistributionReader, RunError> {
        let reader = match self.opened.take() {
            Some((opened, reader)) if opened == block => reader,
            _ => self
                .reader(&self.blocks[block])
                .map_err(|problem| RunError::StoreDamaged { path: self.path.clone(), problems: vec![problem] })?,
        };
        Ok(&mut self.opened.insert((block, reader)).1)
    }

    /// A block open for reading; or what is wrong with it.
    fn reader(&self, name: &str) -> Result<DistributionReader, Problem> {
        let reader = DistributionReader::open(&self.file(name)).map_err(|error| match error {
            RunError::StoreDamaged { problems, .. } => {
                let what: Vec<_> = problems.into_iter().map(|problem| problem.what).collect();
                in_block(name, what.join("; "))
            }
            other => in_block(name, other.to_string()),
        })?;
        let header = reader.header();
        if header.model_key != self.teacher.key() || header.codec != self.codec {
            let what = format!("is of another teacher or codec ({}): it belongs to another cache", header.model_name);
            return Err(in_block(name, what));
        }
        Ok(reader)
    }
}

fn in_block(name: &str, what: String) -> Problem {
    Problem { file: format!("{BLOCKS}/{name}"), what }
}

fn description_in(folder: &Path) -> Result<Description, RunError> {
    let described = folder.join(CACHE);
    if !described.exists() {
        return Err(RunError::NoCache { path: folder.to_path_buf() });
    }
    read_description(&described)
}

fn read_description(path: &Path) -> Result<Description, RunError> {
    let json: serde_json::Value = read_json(path)?;
    // The format is looked at before the fields: a later format may have others.
    let found = json.get("format").and_then(serde_json::Value::as_str).unwrap_or("none").to_owned();
    let other =
        |found, expected: &str| RunError::Format { path: path.to_path_buf(), found, expected: expected.to_owned() };
    if ![TEACHER_CACHE_FORMAT, TEACHER_CACHE_LISTED_FORMAT].contains(&found.as_str()) {
        return Err(other(found, TEACHER_CACHE_FORMAT));
    }
    let description: Description = read_json(path)?;
    let [_, expected] = formats(description.codec.sums);
    if found != expected {
        return Err(other(found, expected));
    }
    Ok(description)
}

fn value(path: &Path, description: &Description) -> Result<serde_json::Value, RunError> {
    serde_json::to_value(description)
        .map_err(|error| RunError::Encode { file: path.display().to_string(), what: error.to_string() })
}
