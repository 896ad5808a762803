//! The answer store: sampled answers by content-addressed key, so that nothing is asked twice across runs, students or
//! suites. Format: `docs/answer-store.md`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_probes::strangers::open_file;
use serde::{Deserialize, Serialize};

use crate::durable::{self, Lock, entries};
use crate::json::{pretty, read_json};
use crate::parquet_io::row::Row;
use crate::parquet_io::{self, Expect, MAX_LIST_ENTRIES, Stamp};
use crate::{Problem, RunError};

mod answer;
mod batches;
mod journal;
mod upkeep;

pub use answer::{AnswerKey, StoredAnswer, prompt_hash};
use answer::{AnswerRow, HeadRow};
pub use batches::{BATCH_FORMAT, BatchRecord, BatchRecords};
use journal::{JOURNAL, Journal};
pub use upkeep::{Rewritten, StoreGroup};

/// Format version of the store; a breaking change raises the number.
pub const STORE_FORMAT: &str = "hydrometer.answers/1";

const STORE: &str = "store.json";
const SEGMENTS: &str = "segments";
const LOCK: &str = "hydrometer.lock";
/// Answers per segment at most: one segment is in memory at a time.
const SEGMENT_ANSWERS: usize = 8192;
/// Where an answer stands that is in the journal: behind every segment.
const IN_JOURNAL: usize = usize::MAX;
/// Digits of the content's hash in a segment's name.
const NAME_DIGITS: usize = 32;

/// What the store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading: beside any number of readers and a writer.
    Read,
    /// Reading and writing: one process at a time.
    Write,
    /// The same for a store that is there: a name with a typing error makes none.
    Rewrite,
}

/// Answers on disk. See `docs/answer-store.md`.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// Held, never read; `None` when reading only.
    lock: Option<Lock>,
    /// File names, in the order of writing.
    segments: Vec<String>,
    /// Segment and row of every answer. Of two with one key the first counts.
    index: HashMap<AnswerKey, (usize, usize)>,
    problems: Vec<Problem>,
    loaded: Option<(usize, Vec<StoredAnswer>)>,
    /// What is not in a segment yet.
    journal: Journal,
}

/// The `store.json` file.
#[derive(Serialize, Deserialize)]
struct Description {
    format: String,
}

impl Store {
    /// Opens the store in a folder; for writing, an absent or empty folder becomes one.
    ///
    /// # Errors
    /// No store, another format, another process is writing ([`RunError::Locked`]), the system refuses, or segments are
    /// damaged ([`RunError::StoreDamaged`], which names each).
    pub fn open(path: &Path, access: Access) -> Result<Store, RunError> {
        let store = Store::open_despite_damage(path, access)?;
        store.refuse(&store.problems)?;
        Ok(store)
    }

    /// Opens the store for writing or, where that is refused and a store is there, for reading; then with the refusal. A
    /// store that holds every answer serves although another process writes it, or nobody may.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_to_extend(path: &Path) -> Result<(Store, Option<RunError>), RunError> {
        match Store::open(path, Access::Write) {
            Ok(store) => Ok((store, None)),
            Err(refusal @ (RunError::Locked { .. } | RunError::Io { .. })) if path.join(STORE).exists() => {
                Ok((Store::open(path, Access::Read)?, Some(refusal)))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a store of an absent or empty folder; one that is there is left as it is.
    ///
    /// # Errors
    /// The folder holds something else, or the system refuses.
    pub fn make(path: &Path) -> Result<(), RunError> {
        if path.join(STORE).exists() { Ok(()) } else { prepare(path).map(drop) }
    }

    /// Refuses where another process writes the store of this folder: to be known before something is paid for that would be stored
    /// there. One that is not there yet is not made.
    ///
    /// # Errors
    /// [`RunError::Locked`].
    pub fn refuse_locked(path: &Path) -> Result<(), RunError> {
        if !path.join(STORE).exists() {
            return Ok(());
        }
        match Lock::take(path, LOCK) {
            Err(locked @ RunError::Locked { .. }) => Err(locked),
            // Who may not write at all reads: that is looked at when the store is opened.
            _ => Ok(()),
        }
    }

    /// [`Store::open`], going on without the segments that are damaged: [`Store::problems`] names them.
    ///
    /// # Errors
    /// As [`Store::open`], damaged segments aside.
    pub fn open_despite_damage(path: &Path, access: Access) -> Result<Store, RunError> {
        let lock = match access {
            Access::Read => None,
            Access::Rewrite if !path.join(STORE).exists() => None,
            Access::Write | Access::Rewrite => Some(prepare(path)?),
        };
        let described = path.join(STORE);
        if !described.exists() {
            return Err(RunError::NoStore { path: path.to_path_buf() });
        }
        let found = read_json::<Description>(&described)?.format;
        if found != STORE_FORMAT {
            return Err(RunError::Format { path: described, found, expected: STORE_FORMAT.to_owned() });
        }
        let (segments, index, problems) = (Vec::new(), HashMap::new(), Vec::new());
        let journal = Journal::default();
        let mut store = Store { path: path.to_path_buf(), lock, segments, index, problems, loaded: None, journal };
        store.refresh()?;
        if store.lock.is_some() && store.journal.fault().is_none() {
            // What a killed process left.
            durable::drop_torn_line(&store.path.join(JOURNAL))?;
            store.fold()?;
        }
        Ok(store)
    }

    /// Looks again at what is on disk: a reader sees what was written since it opened the store.
    ///
    /// # Errors
    /// The system refuses to list the folder.
    pub fn refresh(&mut self) -> Result<(), RunError> {
        self.segments.clear();
        self.index.clear();
        self.problems.clear();
        self.loaded = None;
        // First the journal: what a writer moves into a segment meanwhile is found there, too.
        self.journal = Journal::read(&self.path);
        for name in entries(&self.path.join(SEGMENTS))? {
            if durable::is_temporary(&name) {
                continue;
            }
            match self.intact(&name).and_then(|()| self.decode::<HeadRow>(&name, Expect::AtLeast)) {
                Ok(heads) => {
                    let keys = heads.into_iter().map(|head| AnswerKey(head.key)).collect();
                    self.enter(name, keys);
                }
                // Compaction by another process took it away: what it held is in a later segment.
                Err(_) if !self.segment(&name).exists() => {}
                Err(what) => self.problems.push(Problem { file: relative(&name), what }),
            }
        }
        for (row, answer) in self.journal.answers().iter().enumerate() {
            self.index.entry(answer.key.clone()).or_insert((IN_JOURNAL, row));
        }
        self.problems.extend(self.journal.fault());
        Ok(())
    }

    /// Segments that were left out when the store was opened, with what is wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of answers.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether an answer is there.
    pub fn contains(&self, key: &AnswerKey) -> bool {
        self.index.contains_key(key)
    }

    /// The keys of all answers, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &AnswerKey> {
        self.index.keys()
    }

    /// Number of segments that could be read.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The answer of that key. One segment is held in memory: ask for neighbours together.
    ///
    /// # Errors
    /// Its segment is damaged, or the system refuses.
    pub fn get(&mut self, key: &AnswerKey) -> Result<Option<StoredAnswer>, RunError> {
        let Some(&(segment, _)) = self.index.get(key) else { return Ok(None) };
        if segment != IN_JOURNAL && !self.holds(segment) && !self.segment(&self.segments[segment]).exists() {
            // Another process compacted the store: the answer stands elsewhere now.
            self.refresh()?;
        }
        let Some(&(segment, row)) = self.index.get(key) else { return Ok(None) };
        if segment == IN_JOURNAL {
            return Ok(self.journal.answers().get(row).cloned());
        }
        if !self.holds(segment) {
            self.loaded = Some((segment, self.load(segment)?));
        }
        Ok(self.loaded.as_ref().and_then(|(_, answers)| answers.get(row)).cloned())
    }

    /// The answers of those keys, in their order; every segment is read once, whatever the order.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn get_all(&mut self, keys: &[AnswerKey]) -> Result<Vec<Option<StoredAnswer>>, RunError> {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&at| self.index.get(&keys[at]));
        let mut answers = vec![None; keys.len()];
        for at in order {
            answers[at] = self.get(&keys[at])?;
        }
        Ok(answers)
    }

    fn holds(&self, segment: usize) -> bool {
        self.loaded.as_ref().is_some_and(|(loaded, _)| *loaded == segment)
    }

    /// Stores answers, in one segment that appears whole or not at all (or several, where there are more than 8,192). An
    /// answer whose key is there already is left out: the first one counts. Returns how many were new.
    ///
    /// # Errors
    /// Opened for reading, an answer that no store may hold (nothing is written then), or the system refuses; what was
    /// stored before is never touched.
    pub fn put(&mut self, answers: &[StoredAnswer]) -> Result<usize, RunError> {
        let mut seen = HashSet::new();
        let mut new = Vec::new();
        for (row, answer) in answers.iter().enumerate() {
            if let Some(what) = answer.fault() {
                return Err(RunError::Row { file: SEGMENTS.to_owned(), row, what });
            }
            if !self.contains(&answer.key) && seen.insert(&answer.key) {
                new.push(answer);
            }
        }
        if !new.is_empty() {
            self.writable("store an answer")?;
        }
        for segment in portions(&new) {
            let name = self.write(segment)?;
            self.enter(name, segment.iter().map(|answer| answer.key.clone()).collect());
        }
        Ok(new.len())
    }

    /// Stores one answer that is worth a write of its own, on disk when this returns: in the journal, which becomes a segment
    /// when it is long enough, when the store is closed, or when it is next opened for writing. An answer whose key is there
    /// already is left out.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn keep(&mut self, answer: StoredAnswer) -> Result<(), RunError> {
        if let Some(what) = answer.fault() {
            return Err(RunError::Row { file: JOURNAL.to_owned(), row: 0, what });
        }
        if self.contains(&answer.key) {
            return Ok(());
        }
        // JSON has no infinity.
        if answer.logprobs.iter().any(|logprob| logprob.is_infinite()) {
            return self.put(&[answer]).map(|_| ());
        }
        self.writable("store an answer")?;
        self.refuse(self.journal.fault().as_slice())?;
        let (key, row) = (answer.key.clone(), self.journal.answers().len());
        self.journal.append(&self.path, answer)?;
        self.index.insert(key, (IN_JOURNAL, row));
        if self.journal.is_long() { self.fold() } else { Ok(()) }
    }

    /// Makes segments of the journal.
    fn fold(&mut self) -> Result<(), RunError> {
        if self.journal.answers().is_empty() {
            return Ok(());
        }
        let journal = std::mem::take(&mut self.journal);
        let all: Vec<&StoredAnswer> = journal.answers().iter().collect();
        let written: Result<Vec<_>, _> = portions(&all).map(|segment| Ok((self.write(segment)?, segment))).collect();
        match written {
            Ok(written) => {
                for (name, segment) in written {
                    self.enter(name, segment.iter().map(|answer| answer.key.clone()).collect());
                }
                // Only now: until here a crash leaves answers twice, which harms nothing.
                Journal::remove(&self.path)
            }
            Err(error) => {
                self.journal = journal;
                Err(error)
            }
        }
    }

    /// Every answer once, in the order of writing, one segment in memory at a time.
    pub fn answers(&self) -> impl Iterator<Item = Result<StoredAnswer, RunError>> {
        let counts = |(row, answer): &(usize, &StoredAnswer)| self.index.get(&answer.key) == Some(&(IN_JOURNAL, *row));
        let in_journal = self.journal.answers().iter().enumerate().filter(counts).map(|(_, answer)| Ok(answer.clone()));
        let in_segments = (0..self.segments.len()).flat_map(move |segment| {
            let (answers, error) = match self.load(segment) {
                Ok(answers) => (answers, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            let counts =
                move |(row, answer): &(usize, StoredAnswer)| self.index.get(&answer.key) == Some(&(segment, *row));
            let first = answers.into_iter().enumerate().filter(counts).map(|(_, answer)| Ok(answer));
            first.chain(error.map(Err))
        });
        in_segments.chain(in_journal)
    }

    fn writable(&self, action: &'static str) -> Result<(), RunError> {
        match self.lock {
            Some(_) => Ok(()),
            None => Err(RunError::ReadOnly { action, path: self.path.clone() }),
        }
    }

    fn refuse(&self, problems: &[Problem]) -> Result<(), RunError> {
        if problems.is_empty() {
            return Ok(());
        }
        Err(RunError::StoreDamaged { path: self.path.clone(), problems: problems.to_vec() })
    }

    fn damaged(&self, name: &str, what: String) -> RunError {
        let problems = vec![Problem { file: relative(name), what }];
        RunError::StoreDamaged { path: self.path.clone(), problems }
    }

    fn segment(&self, name: &str) -> PathBuf {
        self.path.join(SEGMENTS).join(name)
    }

    fn enter(&mut self, name: String, keys: Vec<AnswerKey>) {
        let segment = self.segments.len();
        for (row, key) in keys.into_iter().enumerate() {
            let place = self.index.entry(key).or_insert((segment, row));
            if place.0 == IN_JOURNAL {
                *place = (segment, row);
            }
        }
        self.segments.push(name);
    }

    /// Writes one segment; its name.
    fn write(&self, answers: &[&StoredAnswer]) -> Result<String, RunError> {
        let mut rows: Vec<AnswerRow> = answers.iter().map(|answer| AnswerRow::from(*answer)).collect();
        let bytes = parquet_io::encode(&Stamp::format(STORE_FORMAT), &mut rows)
            .map_err(|error| RunError::Encode { file: SEGMENTS.to_owned(), what: error.to_string() })?;
        // Numbers rise in the order of writing, across processes.
        let last = entries(&self.path.join(SEGMENTS))?.iter().filter_map(|name| number(name)).max();
        let name = format!("{:08}-{}.parquet", last.map_or(0, |last| last + 1), digits(blake3::hash(&bytes)));
        durable::replace(&self.segment(&name), &bytes)?;
        Ok(name)
    }

    fn load(&self, segment: usize) -> Result<Vec<StoredAnswer>, RunError> {
        let name = &self.segments[segment];
        self.read(name).map_err(|what| self.damaged(name, what))
    }

    /// A segment's answers, all of it checked; or what is wrong with it.
    fn read(&self, name: &str) -> Result<Vec<StoredAnswer>, String> {
        self.intact(name)?;
        let rows = self.decode::<AnswerRow>(name, Expect::UpTo { name: "answers", version: 1 })?;
        let answers = rows
            .into_iter()
            .enumerate()
            .map(|(row, answer)| StoredAnswer::try_from(answer).map_err(|what| format!("row {row}: {what}")));
        answers.collect()
    }

    /// Whether a segment is what its name says: a damaged one must not make answers look missing.
    fn intact(&self, name: &str) -> Result<(), String> {
        let mut hasher = blake3::Hasher::new();
        open_file(&self.segment(name))
            .and_then(|mut file| std::io::copy(&mut file, &mut hasher))
            .map_err(|error| format!("cannot be read: {error}"))?;
        let found = digits(hasher.finalize());
        if number(name).is_none() || !name.ends_with(&format!("-{found}.parquet")) {
            return Err(format!("its name does not end in the hash of its content, {found}: it is torn or changed"));
        }
        Ok(())
    }

    fn decode<R: Row>(&self, name: &str, expect: Expect) -> Result<Vec<R>, String> {
        parquet_io::decode(&self.segment(name), &Stamp::format(STORE_FORMAT), expect)
    }
}

impl Drop for Store {
    /// Makes a segment of the journal. What cannot be written stays in the journal, where the next who opens it finds it.
    fn drop(&mut self) {
        if self.lock.is_some() {
            let _ = self.fold();
        }
    }
}

/// Makes the folder a store where it is none yet, takes the lock, and removes what killed processes left.
fn prepare(path: &Path) -> Result<Lock, RunError> {
    fs::create_dir_all(path).map_err(RunError::io("create", path))?;
    let described = path.join(STORE);
    let ours = |name: &String| name == LOCK || (name.starts_with(STORE) && durable::is_temporary(name));
    if let (false, Some(found)) = (described.exists(), entries(path)?.into_iter().find(|name| !ours(name))) {
        return Err(RunError::NotAStore { path: path.to_path_buf(), found });
    }
    let lock = Lock::take(path, LOCK)?;
    if !described.exists() {
        durable::replace(&described, &pretty(&described, &Description { format: STORE_FORMAT.to_owned() })?)?;
    }
    let segments = path.join(SEGMENTS);
    fs::create_dir_all(&segments).map_err(RunError::io("create", &segments))?;
    durable::sync_folder(path)?;
    durable::remove_leftovers(&[path, &segments])?;
    Ok(lock)
}

/// Portions that one segment can hold; the last one may be smaller. None of no answers.
fn portions<'a, 'b>(answers: &'b [&'a StoredAnswer]) -> impl Iterator<Item = &'b [&'a StoredAnswer]> {
    let mut rest = answers;
    std::iter::from_fn(move || {
        let mut tokens = 0;
        let fitting = rest.iter().take(SEGMENT_ANSWERS).take_while(|answer| {
            tokens += answer.tokens.len().max(1);
            tokens <= MAX_LIST_ENTRIES
        });
        let (portion, after) = rest.split_at(fitting.count());
        rest = after;
        (!portion.is_empty()).then_some(portion)
    })
}

fn number(name: &str) -> Option<u64> {
    name.split_once('-')?.0.parse().ok()
}

fn digits(hash: blake3::Hash) -> String {
    hash.to_hex().as_str()[..NAME_DIGITS].to_owned()
}

fn relative(name: &str) -> String {
    format!("{SEGMENTS}/{name}")
}
