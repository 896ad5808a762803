//! What becomes of questions that are asked in batches: which go into one, how long it is waited for, what is asked again. What they ask
//! stands in `questions`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::Duration;

use hydrometer_answers::RunError;
use hydrometer_answers::store::{BATCH_FORMAT, BatchRecord, BatchRecords};
use hydrometer_probes::counted::counted;
use serde_json::Value;

use super::{ATTEMPTS, Batches, Outcome, Phase, Provider, Results, State};
use crate::error::shown;
use crate::http::asking::{Failed, Line, Listed, Once};
use crate::http::dialect::Reply;
use crate::http::gate::Gate;
use crate::http::paying::Counted;
use crate::http::prices::Price;
use crate::http::purse::{Reserved, Spent};
use crate::http::remote::Remote;
use crate::{BatchState, BatchStep, ModelError};

/// Says what is hashed, so that no other hash of the same bytes is equal.
const CONTEXT: &str = "hydrometer batch 1";
/// Digits of names and marks: short enough for every provider.
const DIGITS: usize = 32;
/// The wait before a batch is looked at again; it doubles from look to look.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often somebody is asked whether to go on while nothing happens.
const TICK: Duration = Duration::from_millis(250);
/// Batches in a row that may come to nothing.
const BARREN: u32 = 3;

/// A question in a batch.
pub(super) struct Job {
    /// By the hash of all that is sent, and the number of the sample: whoever asks the same finds it again.
    pub name: String,
    pub question: Value,
    /// What it may cost at most.
    pub most: Spent,
}

impl Job {
    /// The name of a question with this body, whose answer is the sample of this number.
    pub(super) fn name(body: &Value, sample: u32) -> String {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(body.to_string().as_bytes()).update(&sample.to_le_bytes());
        hasher.finalize().to_hex()[..DIGITS].to_owned()
    }
}

/// How what came of a question is heard.
pub(super) type Hear = fn(&Line, u16, &Value) -> Result<Once<Listed>, Failed>;

/// What happens: what came of the job at a place, or nothing.
pub(super) type Step = BatchStep<Option<(usize, Listed)>>;

/// Where a batch came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// The provider said its id when it was created.
    ById,
    /// It was found in the provider's list, and may be somebody else's.
    ByGuess,
}

/// Whose questions a batch held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    SomebodyElses,
}

/// Questions on their way through batches.
struct Work<'w> {
    remote: &'w Remote,
    first: &'w Reply,
    batches: Batches<'w>,
    price: Option<&'w Price>,
    records: &'w BatchRecords,
    model_key: String,
    jobs: Vec<Job>,
    /// The places of those without an answer, by name.
    pending: HashMap<String, usize>,
    hear: Hear,
    reserved: HashMap<String, Reserved>,
    created: u32,
    /// Batches that are known, and none that is looked for.
    ids: Vec<String>,
    watch: &'w mut dyn FnMut(Step) -> ControlFlow<()>,
}

impl Remote {
    /// Lets these questions, each of another name, be answered in batches.
    ///
    /// # Errors
    /// It has none, the provider refuses, or a record cannot be kept.
    pub(super) fn through_batches(
        &self,
        jobs: Vec<Job>,
        hear: Hear,
        records: &BatchRecords,
        watch: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        let (provider, price) = self.asked_in_batches()?;
        let pending = jobs.iter().enumerate().map(|(place, job)| (job.name.clone(), place)).collect();
        let mut work = Work {
            remote: self,
            first: &self.introduced()?.first,
            batches: Batches { line: &self.line, provider, gate: Gate::new(1) },
            price,
            records,
            model_key: crate::Model::identity(self).key(),
            jobs,
            pending,
            hear,
            reserved: HashMap::new(),
            created: 0,
            ids: Vec::new(),
            watch,
        };
        let done = work.all();
        work.release(None);
        done.or_else(|failed| failed.of(&self.line.address).map_or(Ok(()), Err))
    }

    /// How it is asked in batches, and what those cost.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn asked_in_batches(&self) -> Result<(&'static dyn Provider, Option<&Price>), ModelError> {
        let asked = self.together.as_ref().map(|(provider, price)| (*provider, price.as_ref()));
        let reason = || format!("{}: expected an endpoint that is asked in batches", self.line.address);
        asked.ok_or_else(|| ModelError::Request { reason: reason() })
    }
}

fn kept(error: RunError) -> Failed {
    Failed::Refused { status: None, reason: format!("what is known of a batch cannot be kept: {error}") }
}

impl Work<'_> {
    fn tell(&mut self, step: Step) -> Result<(), Failed> {
        if (self.watch)(step).is_break() { Err(Failed::Stopped) } else { Ok(()) }
    }

    fn all(&mut self) -> Result<(), Failed> {
        let records = self.records.all().map_err(kept)?;
        self.ids = records.iter().filter_map(|record| record.id.clone()).collect();
        // A batch of nothing that is wanted here waits for the command that wants it.
        let wanted = |record: &BatchRecord| record.questions.iter().any(|name| self.pending.contains_key(name));
        let ours = |record: &BatchRecord| record.model_key == self.model_key && wanted(record);
        let ours: Vec<_> = records.into_iter().filter(ours).collect();
        for record in ours {
            self.resume(record)?;
        }
        let mut barren = 0;
        while !self.pending.is_empty() {
            let before = self.pending.len();
            self.send()?;
            barren = if self.pending.len() == before { barren + 1 } else { 0 };
            if barren == BARREN {
                let reason = format!("{BARREN} batches in a row came to no answer");
                return Err(Failed::NoAnswer { reason, attempts: BARREN });
            }
        }
        Ok(())
    }

    /// Goes on with a batch that an earlier process began.
    fn resume(&mut self, record: BatchRecord) -> Result<(), Failed> {
        // It is paid for whatever the budget says now.
        if let Some(purse) = &self.remote.line.purse {
            for name in &record.questions {
                if let Some(&place) = self.pending.get(name) {
                    self.reserved.insert(name.clone(), purse.commit(self.jobs[place].most));
                }
            }
        }
        match &record.id {
            Some(_) => self.attend(&record, Known::ById).map(|_| ()),
            None => self.look_for(record),
        }
    }

    /// Looks for a batch whose id is not known, and goes on with it; where there is none, it was never created.
    fn look_for(&mut self, mut record: BatchRecord) -> Result<(), Failed> {
        while let Some(state) = self.batches.find(&record, &self.ids)? {
            self.ids.push(state.id.clone());
            record.id = Some(state.id);
            let known = if self.batches.provider.is_sure() { Known::ById } else { Known::ByGuess };
            if known == Known::ById {
                self.records.keep(&record).map_err(kept)?;
            }
            if self.attend(&record, known)? == Whose::Ours {
                return Ok(());
            }
        }
        self.forget(&record)
    }

    /// Sends as many questions as a batch holds and the budget allows, and waits for their answers.
    fn send(&mut self) -> Result<(), Failed> {
        let limits = self.batches.provider.limits();
        let (mut questions, mut names, mut bytes) = (Vec::new(), Vec::new(), 0);
        for job in self.jobs.iter().filter(|job| self.pending.contains_key(&job.name)) {
            // Commas, brackets and the form around a file.
            let size = job.question.to_string().len() + 16;
            if questions.len() == limits.questions || (bytes + size > limits.bytes && !questions.is_empty()) {
                break;
            }
            if let Some(purse) = &self.remote.line.purse {
                let reserved = match questions.is_empty() {
                    true => Some(purse.reserve(job.most, &self.batches.gate)?),
                    false => purse.try_reserve(job.most),
                };
                let Some(reserved) = reserved else { break };
                self.reserved.insert(job.name.clone(), reserved);
            }
            bytes += size;
            questions.push(job.question.clone());
            names.push(job.name.clone());
        }
        let begun = self.remote.line.clock.unix_seconds();
        self.created += 1;
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        let who = format!("{} {} {} {begun}", self.model_key, std::process::id(), self.created);
        hasher.update(who.as_bytes());
        names.iter().for_each(|name| _ = hasher.update(name.as_bytes()));
        let mark = hasher.finalize().to_hex()[..DIGITS].to_owned();
        let (format, model_key) = (BATCH_FORMAT.to_owned(), self.model_key.clone());
        let mut record = BatchRecord { format, model_key, mark, questions: names, begun, id: None };
        self.records.keep(&record).map_err(kept)?;
        match self.batches.create(&record, &questions, &self.ids) {
            Ok(Some(state)) => {
                self.ids.push(state.id.clone());
                record.id = Some(state.id);
            }
            Ok(None) => return self.look_for(record),
            Err(Failed::Refused { status, reason }) => {
                self.records.remove(&record).map_err(kept)?;
                return Err(Failed::Refused { status, reason });
            }
            // It may be there all the same: the next process looks for it.
            Err(failed) => return Err(failed),
        }
        self.records.keep(&record).map_err(kept)?;
        drop(questions);
        self.attend(&record, Known::ById).map(|_| ())
    }

    /// Waits for a batch and hands over its answers; then its record goes.
    fn attend(&mut self, record: &BatchRecord, known: Known) -> Result<Whose, Failed> {
        let id = record.id.as_deref().unwrap_or_default();
        let Some(state) = self.wait_for(id)? else {
            self.forget(record)?;
            let words = format!("batch {id} is not known to the server any more; what it asked is asked again");
            return self.tell(BatchStep::Says(words)).map(|()| Whose::Ours);
        };
        if state.phase == Phase::Refused {
            self.forget(record)?;
            let reason = format!("the batch {id} was refused, and nothing of it was asked: {}", state.reason);
            return Err(Failed::Refused { status: None, reason });
        }
        let results = self.results(record, &state)?;
        let asked: HashSet<&str> = record.questions.iter().map(String::as_str).collect();
        let strange = results.outcomes.iter().filter(|(name, _)| !asked.contains(name.as_str())).count();
        if strange == results.outcomes.len() && (strange > 0 || results.torn > 0) {
            if known == Known::ByGuess {
                return Ok(Whose::SomebodyElses);
            }
            let found = counted((strange + results.torn) as u64, "line");
            let reason = format!("expected the results of the batch {id}, found {found} of something else");
            return Err(Failed::NoAnswer { reason, attempts: ATTEMPTS });
        }
        if strange > 0 {
            self.tell(BatchStep::Says(format!(
                "batch {id}: {} of questions that it was not given are left out",
                counted(strange as u64, "result")
            )))?;
        }
        let (refused, again) = self.hand_over(&results, &asked)?;
        let left = record.questions.iter().filter(|name| self.pending.contains_key(*name)).count() as u64;
        self.forget(record)?;
        if let Some(failed) = refused {
            return Err(failed);
        }
        let mut why: Vec<String> = again.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        let silent = left.saturating_sub(again.values().sum());
        why.extend((silent > 0).then(|| format!("{silent} without a result")));
        let missing =
            format!("batch {id} ended ({}) without {} ({})", state.said, counted(left, "answer"), why.join(", "));
        match (left, state.phase) {
            (0, _) => Ok(Whose::Ours),
            (_, Phase::Cancelled) => {
                let reason = format!(
                    "{missing}: it was cancelled; what it answered is kept, and the rest is asked by the same command"
                );
                Err(Failed::NoAnswer { reason, attempts: 1 })
            }
            _ => self.tell(BatchStep::Says(format!("{missing}; they are asked again"))).map(|()| Whose::Ours),
        }
    }

    /// Hands over the answers among results; the first refusal, and why others have none.
    #[allow(clippy::type_complexity, reason = "two things that are read right away")]
    fn hand_over(
        &mut self,
        results: &Results,
        asked: &HashSet<&str>,
    ) -> Result<(Option<Failed>, BTreeMap<String, u64>), Failed> {
        let (mut seen, mut refused, mut again) = (HashSet::new(), None, BTreeMap::<String, u64>::new());
        for (name, outcome) in results.outcomes.iter().filter(|(name, _)| asked.contains(name.as_str())) {
            // What an earlier process stored is not wanted any more; of two lines with one name the first counts.
            let Some(&place) = self.pending.get(name).filter(|_| seen.insert(name)) else { continue };
            let (status, body) = match outcome {
                Outcome::Came { status, body } => (*status, body),
                Outcome::NotAsked(said) => {
                    *again.entry(shown(said)).or_default() += 1;
                    continue;
                }
            };
            let came = (self.hear)(&self.remote.line, status, body).and_then(|came| {
                let Once::Answer((reply, _)) = &came else { return Ok(came) };
                self.remote.is_the_same(reply, self.first).map(|()| came)
            });
            match came {
                Ok(Once::Answer(heard)) => self.answered(place, heard)?,
                Ok(Once::Again(reason)) => *again.entry(reason).or_default() += 1,
                Err(failed) => refused = refused.or(Some(failed)),
            }
        }
        Ok((refused, again))
    }

    fn answered(&mut self, place: usize, heard: Listed) -> Result<(), Failed> {
        let Job { name, most, .. } = &self.jobs[place];
        self.pending.remove(name);
        if let (Some(purse), Some(reserved)) = (&self.remote.line.purse, self.reserved.remove(name)) {
            purse.settle(&reserved, Some(Counted::of_reply(&heard.0).cost(*most, self.price)));
        }
        self.tell(BatchStep::Came(Some((place, heard))))
    }

    /// The results of a batch: read again where lines are missing or torn, as files may be that were just written.
    fn results(&self, record: &BatchRecord, state: &State) -> Result<Results, Failed> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let results = self.batches.results(state)?;
            let there: HashSet<&str> = results.outcomes.iter().map(|(name, _)| name.as_str()).collect();
            let is_whole = results.torn == 0 && record.questions.iter().all(|name| there.contains(name.as_str()));
            if is_whole || attempts == ATTEMPTS {
                return Ok(results);
            }
            self.remote.line.pause(attempts, &self.batches.gate);
        }
    }

    /// Looks at a batch until it has ended; `None` where it is not known, or not any more.
    fn wait_for(&mut self, id: &str) -> Result<Option<State>, Failed> {
        let mut wait = FIRST_WAIT;
        loop {
            let Some(state) = self.batches.look(id)?.filter(|state| state.phase != Phase::Lost) else {
                return Ok(None);
            };
            let State { id, said, answered, failed, questions, .. } = state.clone();
            self.tell(BatchStep::Looked(BatchState { id, said, answered, failed, questions }))?;
            if state.phase != Phase::Waits {
                return Ok(Some(state));
            }
            let mut left = wait;
            while !left.is_zero() {
                let step = left.min(TICK);
                self.remote.line.clock.wait(step);
                left -= step;
                self.tell(BatchStep::Came(None))?;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// The record goes, and with it what was reserved for it.
    fn forget(&mut self, record: &BatchRecord) -> Result<(), Failed> {
        self.release(Some(record));
        self.records.remove(record).map_err(kept)
    }

    /// Gives back what was reserved for questions of a record, or for all.
    fn release(&mut self, record: Option<&BatchRecord>) {
        let Some(purse) = &self.remote.line.purse else { return };
        let names: Vec<String> = match record {
            Some(record) => record.questions.clone(),
            None => self.reserved.keys().cloned().collect(),
        };
        for reserved in names.iter().filter_map(|name| self.reserved.remove(name)) {
            purse.settle(&reserved, None);
        }
    }
}
