//! A teacher cache from a server that lists its most probable tokens: distributions for students that learn, without the model.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use hydrometer_answers::cache::{SequenceKey, SequenceRecords, TeacherCache};
use hydrometer_answers::{Ledger, PlannedTokens, RunError};
use hydrometer_metrics::sparse::SparseDistribution;
use hydrometer_models::{Listed, MANY_SCRIPTS, Model, ModelError, Tokenizer, TopTokens, Unlisted};

use crate::observer::{Ahead, Bought, Costs, Keep};
use crate::teacher_cache::{Wanted, wanted};
use crate::{AskError, CacheReport, Observer, PlanSummary, Role, Stretch};

/// Tokens of sequences that become one block of the cache.
const BLOCK: usize = 1 << 14;
/// Texts that a server is asked to cut into tokens.
const COMPARED: usize = 16;

/// A teacher behind a server, and how it is asked.
pub struct Served<'a> {
    /// The model.
    pub teacher: &'a dyn Model,
    /// Questions under way at once.
    pub width: usize,
    /// Where what was paid is kept.
    pub ledger: &'a Ledger,
}

/// Whether a server reads texts as a tokenizer does: one in many scripts, and a few of `texts`. Texts that hold the text of a
/// control token are left out: servers read it as the token.
///
/// # Errors
/// It does not, or shows no tokens.
pub fn reads_alike<'t>(
    there: &dyn TopTokens,
    (tokenizer, name): (&Tokenizer, &str),
    texts: impl Iterator<Item = &'t str>,
) -> Result<(), AskError> {
    let failed = Role::Teacher.failed();
    let mut compared = 0;
    for (place, text) in [MANY_SCRIPTS].into_iter().chain(texts).enumerate() {
        let ours = tokenizer.encode(text).map_err(&failed)?;
        if place > 0 && tokenizer.encode_rendered(text).map_err(&failed)? != ours {
            continue;
        }
        let theirs = there.ids(text).map_err(&failed)?;
        if ours != theirs {
            let same = ours.iter().zip(&theirs).take_while(|(one, other)| one == other).count();
            let token = |ids: &[u32]| ids.get(same).map_or("none".to_owned(), u32::to_string);
            return Err(AskError::ReadsOtherwise {
                role: Role::Teacher,
                tokenizer: name.to_owned(),
                byte: ours[..same].iter().map(|&id| tokenizer.piece(id).len()).sum(),
                text: if place == 0 {
                    "a text in many scripts".to_owned()
                } else {
                    format!("text {place} of the data")
                },
                expected: token(&ours),
                found: token(&theirs),
            });
        }
        compared += 1;
        if compared == COMPARED {
            break;
        }
    }
    Ok(())
}

/// Whether the cache lacks anything of these stretches that no earlier command was told.
///
/// # Errors
/// The cache cannot be read.
pub fn lacks(stretches: &[Stretch], cache: &mut TeacherCache) -> Result<bool, AskError> {
    let wanted = wanted(stretches, cache)?;
    Ok(wanted.iter().any(|one| one.positions.clone().any(|position| cache.kept(&one.key, position).is_none())))
}

impl Served<'_> {
    /// Asks the server for its most probable tokens at the positions of all stretches, as many as the cache keeps of each, and keeps
    /// every answer as it comes. What the cache holds is not asked again, whatever ended the last call.
    ///
    /// # Errors
    /// The server or the cache fails, or the observer interrupts: the same call goes on.
    pub fn fill(
        &self,
        stretches: &[Stretch],
        cache: &mut TeacherCache,
        observer: &mut dyn Observer,
    ) -> Result<CacheReport, AskError> {
        let lacks = |reason| Role::Teacher.failed()(ModelError::Request { reason });
        let there = self.teacher.top_tokens().map_err(lacks)?;
        let count = cache.codec().truncation.k_max;
        let wanted = wanted(stretches, cache)?;
        let mut filling = Filling::of(&wanted, cache);
        let open: Vec<Unlisted<'_>> = filling.open();
        self.announce(&open, &filling, observer);
        let mut ended = Ok(());
        let asked = there.listed(&open, count, self.width, &mut |came| {
            let taken = came.map_or(Ok(()), |listed| filling.take(&listed, observer));
            let costs = Costs::Beside(self.ledger, "distributions");
            let kept = taken.and_then(|()| costs.keep(Keep::IfMuch, observer).map_err(AskError::from));
            if ended.is_ok() {
                ended = kept;
            }
            let stopped = ended.is_err() || observer.interrupted();
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // Whatever came is kept: blocks are made of what is whole.
        let blocks = filling.write();
        ended?;
        asked.map_err(Role::Teacher.failed())?;
        blocks?;
        if filling.lacks_some() {
            return Err(AskError::Interrupted(filling.cache.path().to_owned()));
        }
        let kept = filling.report;
        Ok(CacheReport { windows: stretches.len() as u64, held: stretches.len() as u64 - kept.scored, ..kept })
    }

    /// What lies ahead, and what it may cost.
    fn announce(&self, open: &[Unlisted<'_>], filling: &Filling<'_, '_>, observer: &mut dyn Observer) {
        let positions: u64 = open.iter().map(|one| one.positions.len() as u64).sum();
        if let Some(answers) = self.teacher.answers().filter(|answers| positions > 0 && answers.is_paid_for()) {
            let read = open.iter().map(|one| one.tokens.len() as u64).sum();
            // A server that lists one position at a time is sent what stands in front of it every time; what it keeps of that is not
            // known here, and a budget holds in any case.
            let (what, answers_wanted, drawn) = (Bought::Positions, positions, open.len() as u64);
            let money = answers.cost(read, drawn);
            observer.will_pay(Role::Teacher, Ahead { what, answers: answers_wanted, read, drawn, money });
        }
        let (units, done) = (filling.wanted.len() as u64, filling.positions() - positions);
        observer.planned(&PlanSummary {
            planned: PlannedTokens { teacher_tokens: filling.positions(), ..PlannedTokens::default() },
            units,
            units_done: units - open.len() as u64,
            tokens_done: done,
            answers: 0,
            longest: PlannedTokens::default(),
        });
    }
}

/// A cache that is being filled.
struct Filling<'w, 'c> {
    wanted: &'w [Wanted<'w>],
    cache: &'c mut TeacherCache,
    /// Which stretch each of the open ones is.
    places: Vec<usize>,
    /// Positions that are still asked for, by stretch.
    missing: BTreeMap<usize, u32>,
    /// Stretches that are whole and in no block yet.
    whole: Vec<usize>,
    report: CacheReport,
}

impl<'w, 'c> Filling<'w, 'c> {
    fn of(wanted: &'w [Wanted<'w>], cache: &'c mut TeacherCache) -> Self {
        let report = CacheReport { scored: wanted.len() as u64, ..CacheReport::default() };
        let (places, missing, whole) = (Vec::new(), BTreeMap::new(), Vec::new());
        Filling { wanted, cache, places, missing, whole, report }
    }

    /// Positions of all stretches that are no blocks yet.
    fn positions(&self) -> u64 {
        self.wanted.iter().map(|one| one.positions.len() as u64).sum()
    }

    /// What no earlier call was told.
    fn open(&mut self) -> Vec<Unlisted<'w>> {
        let mut open = Vec::new();
        for (place, Wanted { stretch, key, positions }) in self.wanted.iter().enumerate() {
            let missing: Vec<u32> = positions.clone().filter(|&at| self.cache.kept(key, at).is_none()).collect();
            if missing.is_empty() {
                self.whole.push(place);
                continue;
            }
            self.missing.insert(place, missing.len() as u32);
            self.places.push(place);
            open.push(Unlisted { tokens: &stretch.tokens, positions: missing });
        }
        open
    }

    /// Keeps what came, and makes a block where enough sequences are whole.
    fn take(&mut self, listed: &Listed, observer: &mut dyn Observer) -> Result<(), AskError> {
        let place = self.places[listed.sequence];
        let Wanted { stretch, key, .. } = &self.wanted[place];
        let mut records = Vec::with_capacity(listed.rows.len());
        for (row, position) in listed.rows.iter().zip(listed.first..) {
            let failed = |error: &dyn std::fmt::Display| AskError::Row {
                probe: stretch.name.clone(),
                window: stretch.index,
                position,
                reason: error.to_string(),
            };
            let distribution = SparseDistribution::listed(row).map_err(|error| failed(&error))?;
            let mut record = Vec::new();
            self.cache.codec().encode_listed(&distribution, &mut record).map_err(|error| failed(&error))?;
            records.push(record);
        }
        let came = records.len() as u32;
        self.cache.keep(*key, listed.first, records)?;
        observer.progress(u64::from(came));
        let left = self.missing.entry(place).or_default();
        *left = left.saturating_sub(came);
        if *left == 0 {
            self.missing.remove(&place);
            self.whole.push(place);
        }
        let tokens: usize = self.whole.iter().map(|&place| self.wanted[place].stretch.tokens.len()).sum();
        if tokens >= BLOCK { self.write() } else { Ok(()) }
    }

    fn lacks_some(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Makes a block of what is whole.
    fn write(&mut self) -> Result<(), AskError> {
        if self.whole.is_empty() {
            return Ok(());
        }
        let mut sequences = Vec::with_capacity(self.whole.len());
        for &place in &self.whole {
            sequences.push(records(&self.wanted[place], self.cache)?);
        }
        self.report.bytes += self.cache.put(&sequences)?;
        self.cache.settle(&sequences)?;
        for sequence in &sequences {
            self.report.positions += sequence.len() as u64;
            self.report.tokens += sequence.tokens.len() as u64;
        }
        self.whole.clear();
        Ok(())
    }
}

/// What was kept of a stretch, as it stands in a block.
fn records(wanted: &Wanted<'_>, cache: &TeacherCache) -> Result<SequenceRecords, RunError> {
    let Wanted { stretch, key, positions } = wanted;
    let mut sequence = SequenceRecords::new(stretch.tokens.clone(), positions.start);
    for position in positions.clone() {
        let record = cache.kept(key, position).unwrap_or_default();
        let add = |bytes: &mut Vec<u8>| {
            cache.codec().decode(record)?;
            bytes.extend(record);
            Ok(())
        };
        sequence.push(add).map_err(|error| RunError::Encode {
            file: cache.path().display().to_string(),
            what: format!(
                "position {position} of {}: {error}",
                SequenceKey::new(&cache.teacher().key(), &stretch.tokens)
            ),
        })?;
    }
    Ok(sequence)
}
