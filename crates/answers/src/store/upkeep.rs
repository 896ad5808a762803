//! The upkeep of a store: what it holds, whether it is whole, and writing it anew.

use std::collections::{BTreeMap, HashSet};
use std::fs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::HeadRow;
use super::journal::Journal;
use super::{AnswerKey, IN_JOURNAL, SEGMENTS, Store, StoredAnswer, portions, relative};
use crate::durable::{self, entries};
use crate::parquet_io::Expect;
use crate::{Problem, RunError};

/// Answers of one model under one set of parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoreGroup {
    /// The model's name.
    pub model_name: String,
    /// The model's key.
    pub model_key: String,
    /// Sampling parameters as compact JSON.
    pub parameters: String,
    /// Different prompts.
    pub prompts: u64,
    /// Answers.
    pub answers: u64,
}

/// What rewriting a store did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rewritten {
    /// Answers that are in the store now.
    pub kept: u64,
    /// Answers that were dropped, second answers under one key included.
    pub dropped: u64,
    /// Segments before.
    pub segments_before: u64,
    /// Segments now.
    pub segments_after: u64,
}

impl Store {
    /// Answers by model and parameters, sorted by name.
    ///
    /// # Errors
    /// A segment is damaged, or the system refuses.
    pub fn groups(&self) -> Result<Vec<StoreGroup>, RunError> {
        let mut groups: BTreeMap<[String; 3], (HashSet<String>, u64)> = BTreeMap::new();
        for (segment, name) in self.segments.iter().enumerate() {
            let heads = self.decode::<HeadRow>(name, Expect::AtLeast).map_err(|what| self.damaged(name, what))?;
            for (row, head) in heads.into_iter().enumerate() {
                if self.index.get(&AnswerKey(head.key)) == Some(&(segment, row)) {
                    let (prompts, answers) =
                        groups.entry([head.model_name, head.model_key, head.parameters]).or_default();
                    prompts.insert(head.prompt_hash);
                    *answers += 1;
                }
            }
        }
        for (row, answer) in self.journal.answers().iter().enumerate() {
            if self.index.get(&answer.key) == Some(&(IN_JOURNAL, row)) {
                let (prompts, answers) = groups.entry(answer.group()).or_default();
                prompts.insert(answer.prompt_hash.clone());
                *answers += 1;
            }
        }
        let group =
            |([model_name, model_key, parameters], (prompts, answers)): ([String; 3], (HashSet<String>, u64))| {
                StoreGroup { model_name, model_key, parameters, prompts: prompts.len() as u64, answers }
            };
        Ok(groups.into_iter().map(group).collect())
    }

    /// Reads everything: every segment that is torn, changed or holds what no store may hold, and the journal. Empty when all is well.
    ///
    /// # Errors
    /// The system refuses to list the folder.
    pub fn verify(&self) -> Result<Vec<Problem>, RunError> {
        let names = entries(&self.path.join(SEGMENTS))?;
        let segments = names.iter().filter(|name| !durable::is_temporary(name));
        let segments =
            segments.filter_map(|name| self.read(name).err().map(|what| Problem { file: relative(name), what }));
        Ok(segments.chain(Journal::read(&self.path).fault()).collect())
    }

    /// Makes few large segments of many small ones.
    ///
    /// # Errors
    /// Opened for reading, damaged segments, or the system refuses. Nothing is lost in either case.
    pub fn compact(&mut self) -> Result<Rewritten, RunError> {
        self.retain(|_| true)
    }

    /// Keeps the answers for which `keep` holds and drops the others, and compacts the store.
    ///
    /// # Errors
    /// As [`Store::compact`].
    pub fn retain(&mut self, keep: impl Fn(&StoredAnswer) -> bool) -> Result<Rewritten, RunError> {
        self.writable("rewrite the store")?;
        self.refuse(&self.verify()?)?;
        self.fold()?;
        let old = self.segments.clone();
        let mut done = Rewritten { segments_before: old.len() as u64, ..Rewritten::default() };
        let mut waiting = Vec::new();
        for segment in 0..old.len() {
            for (row, answer) in self.load(segment)?.into_iter().enumerate() {
                if self.index.get(&answer.key) == Some(&(segment, row)) && keep(&answer) {
                    waiting.push(answer);
                    done.kept += 1;
                } else {
                    done.dropped += 1;
                }
            }
            let all: Vec<&StoredAnswer> = waiting.iter().collect();
            let mut portions: Vec<_> = portions(&all).collect();
            // The last portion may grow.
            let rest = if segment + 1 < old.len() { portions.pop().map_or(0, <[_]>::len) } else { 0 };
            for portion in portions {
                self.write(portion)?;
            }
            waiting.drain(..waiting.len() - rest);
        }
        // Only now, when all is written: until here a crash leaves answers twice, which harms nothing.
        for name in &old {
            let path = self.segment(name);
            fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
        }
        durable::sync_folder(&self.path.join(SEGMENTS))?;
        self.refresh()?;
        done.segments_after = self.segments.len() as u64;
        Ok(done)
    }
}
