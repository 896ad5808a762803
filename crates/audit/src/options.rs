//! What an audit is told, what it tells while it runs, and how it fails.

use std::path::PathBuf;

use hydrometer_answers::{CostEntry, MeaningSettings, PartKind, PlannedTokens, RunError, SampleSettings, TeacherAsked};
use hydrometer_models::{Model, ModelError, SampleLimits, SentenceEncoder};
use hydrometer_probes::ProbeError;
use hydrometer_probes::counted::counted;
use thiserror::Error;

use crate::Policy;

/// Who is asked.
#[derive(Clone, Copy)]
pub struct Models<'a> {
    /// Who was copied.
    pub teacher: &'a dyn Model,
    /// The copy.
    pub student: &'a dyn Model,
    /// The copy before distillation, where it is known: it answers prompts, and "gap closed" is measured from it.
    pub base: Option<&'a dyn Model>,
    /// Whether two free answers mean the same; without it their spelling says so.
    pub meaning: Option<Closeness<'a>>,
}

/// Texts mean the same when a sentence encoder puts them close together.
#[derive(Clone, Copy)]
pub struct Closeness<'a> {
    /// Who reads them.
    pub encoder: &'a SentenceEncoder,
    /// Least cosine of texts that mean the same, in (0, 1].
    pub least_cosine: f64,
}

impl Closeness<'_> {
    /// As settings of a run.
    pub fn settings(&self) -> MeaningSettings {
        MeaningSettings { encoder: self.encoder.identity().clone(), least_cosine: self.least_cosine }
    }
}

impl<'a> Models<'a> {
    /// A teacher and a student of which no earlier state is known.
    pub fn pair(teacher: &'a dyn Model, student: &'a dyn Model) -> Self {
        Self { teacher, student, base: None, meaning: None }
    }
}

/// Settings of one collection. Every field but `arguments` is part of the run's identity.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditOptions {
    /// Context window in tokens; longer texts are cut into disjoint windows of this length. At least 8.
    pub n_ctx: u32,
    /// Tokens computed together; a block is also what an interruption can lose. At least `n_ctx`.
    pub block_tokens: u32,
    /// Option orders asked per choice, at most the number of options.
    pub rotations: u32,
    /// Windows that the teacher scores a second time, for the noise floor.
    pub floor_windows: u32,
    /// Only the first windows of each text.
    pub max_windows: Option<u32>,
    /// Seed of everything random.
    pub seed: u64,
    /// How free questions are answered; without it they are left out.
    pub sampling: Option<Sampling>,
    /// Which prompts the teacher is asked; `None` for all. The student answers all of them in any case, and what it does
    /// alone narrows the intervals.
    pub teacher_asked: Option<TeacherAsked>,
    /// Stops once the gates are decided; without it the whole suite is asked.
    pub until_decided: Option<UntilDecided>,
    /// The command line as given, for the manifest; without secrets.
    pub arguments: Vec<String>,
}

/// How texts are cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windowing {
    /// Context window in tokens; longer texts are cut into disjoint windows of this length. At least 8.
    pub n_ctx: u32,
    /// Only the first windows of each text.
    pub max_windows: Option<u32>,
}

impl AuditOptions {
    pub(crate) fn windowing(&self) -> Windowing {
        Windowing { n_ctx: self.n_ctx, max_windows: self.max_windows }
    }
}

/// How free questions are answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// How many answers, drawn how: part of the run's identity.
    pub settings: SampleSettings,
    /// Folder of the answer store: what it holds is not asked again.
    pub store: PathBuf,
    /// Sequences and memory at once; the answers do not depend on it.
    pub limits: SampleLimits,
}

/// A collection that stops once the gates of a policy are decided.
#[derive(Clone, Debug, PartialEq)]
pub struct UntilDecided {
    /// Its gates are watched where their metric can be; its level is the error rate of each.
    pub policy: Policy,
    /// Most families taken in per gate; `None` for as many as the suite has.
    pub cap: Option<u32>,
}

/// Size of the work, told once before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanSummary {
    /// Tokens that both models score.
    pub planned: PlannedTokens,
    /// Units of work.
    pub units: u64,
    /// Units that an earlier, interrupted run finished.
    pub units_done: u64,
    /// Tokens of both models in those.
    pub tokens_done: u64,
    /// Free answers of both models that the run still wants; the answer store may hold some.
    pub answers: u64,
}

/// Watches a collection.
pub trait Observer {
    /// The plan is made; nothing has been computed yet.
    fn planned(&mut self, plan: &PlanSummary);
    /// `tokens` more tokens (of either model) are computed.
    fn progress(&mut self, tokens: u64);
    /// So many tokens of prompts were read and so many of answers drawn.
    fn sampled(&mut self, read: u64, drawn: u64);
    /// So many more answers are complete.
    fn answered(&mut self, answers: u64);
    /// A unit is on disk. The observer, which may read a clock, returns what it cost, to be kept beside the run.
    fn finished(&mut self, what: PartKind, unit: u32) -> Option<CostEntry>;
    /// Should the collection stop? Asked between blocks.
    fn interrupted(&self) -> bool;
}

/// Why an audit failed.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A model failed; what was collected is kept.
    #[error("{role}: {source}")]
    Model {
        /// `teacher`, `student`, `base` or `sentence encoder`.
        role: &'static str,
        /// The cause.
        source: ModelError,
    },
    /// The run folder failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The suite is unusable.
    #[error(transparent)]
    Suite(#[from] ProbeError),
    /// A setting is out of range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What was given.
        found: String,
        /// What is accepted.
        expected: String,
    },
    /// Sampling parameters are out of range.
    #[error("sampling: {0}")]
    Parameters(String),
    /// Nothing in the suite can be asked.
    #[error("nothing to score: {0}")]
    Nothing(String),
    /// Two logit rows could not be compared.
    #[error("probe {probe}, window {window}, position {position}: {reason}")]
    Row {
        /// Probe id.
        probe: String,
        /// Window within the probe.
        window: u32,
        /// Position within the window.
        position: u32,
        /// What is wrong with the numbers.
        reason: String,
    },
    /// Windows of the texts that a teacher cache does not hold.
    #[error(
        "not in the teacher cache {}: {missing} of {} of these texts; the first is window {window} of `{probe}`",
        .cache.display(),
        counted(*.windows, "window")
    )]
    NotCached {
        /// The cache.
        cache: PathBuf,
        /// Windows that it lacks.
        missing: u64,
        /// Windows of the texts.
        windows: u64,
        /// Probe of the first that it lacks.
        probe: String,
        /// That window within the probe.
        window: u32,
    },
    /// A teacher cache that this student cannot be compared with.
    #[error("the teacher cache {}: its {what} is {found}, expected {expected}", .cache.display())]
    CacheDiffers {
        /// The cache.
        cache: PathBuf,
        /// What differs.
        what: String,
        /// What the cache has.
        found: String,
        /// What is accepted.
        expected: String,
    },
    /// The policy file cannot be used.
    #[error("policy: {0}")]
    Policy(String),
    /// Stopped by the user; the same command resumes.
    #[error("interrupted; the same command resumes {}", .0.display())]
    Interrupted(PathBuf),
}

impl AuditError {
    pub(crate) fn teacher(source: ModelError) -> Self {
        Self::Model { role: "teacher", source }
    }

    pub(crate) fn student(source: ModelError) -> Self {
        Self::Model { role: "student", source }
    }

    pub(crate) fn base(source: ModelError) -> Self {
        Self::Model { role: "base", source }
    }

    pub(crate) fn encoder(source: ModelError) -> Self {
        Self::Model { role: "sentence encoder", source }
    }
}
