//! How asking fails.

use std::path::PathBuf;

use hydrometer_answers::{ExcludedItem, RunError};
use hydrometer_models::ModelError;
use hydrometer_probes::ProbeError;
use hydrometer_probes::counted::counted;
use thiserror::Error;

use crate::Role;

/// Why asking failed.
#[derive(Debug, Error)]
pub enum AskError {
    /// A model failed; what was collected is kept.
    #[error("{role}: {source}")]
    Model {
        /// As what it answered.
        role: Role,
        /// The cause.
        source: ModelError,
    },
    /// The run folder, the answer store or the teacher cache failed.
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
    /// The named tokenizer failed.
    #[error("tokenizer: {0}")]
    Tokenizer(ModelError),
    /// The named tokenizer is not that of a model behind a server.
    #[error(
        "the {role}'s server reads {} otherwise than the named tokenizer: `{probe}` from byte {byte} on, and so every other",
        counted(*.texts, "text")
    )]
    OtherTokenizer {
        /// Whose server.
        role: Role,
        /// Texts of the suite.
        texts: u64,
        /// The first of them.
        probe: String,
        /// Where they part in it.
        byte: usize,
    },
    /// A suite without texts that can be scored, for something that needs them.
    #[error(
        "no text of `{suite}` has a token to score, behind its first one and its context, within --ctx, and {needs}"
    )]
    NoText {
        /// Name of the suite.
        suite: String,
        /// Why nothing else will do.
        needs: &'static str,
    },
    /// A run without a free answer at a boundary of judgment, for a judge.
    #[error(
        "a judge has nothing to read: `{suite}` asks no free prompt that declares a `boundary`, or no model answered one"
    )]
    NothingToJudge {
        /// Name of the suite.
        suite: String,
    },
    /// Models that have nothing of what a suite asks.
    #[error("nothing in `{suite}` can be asked of both models: {reason}")]
    NothingToAsk {
        /// Name of the suite.
        suite: String,
        /// What is lacking, and whose it is.
        reason: String,
    },
    /// Windows longer than a model's context.
    #[error("windows of {longest} tokens are longer than the {role}'s context of {context}")]
    Context {
        /// Whose.
        role: Role,
        /// Tokens of the longest window.
        longest: usize,
        /// Tokens that it holds.
        context: u32,
    },
    /// Nothing of a suite can be asked: every probe is excluded.
    #[error("nothing of `{suite}` can be asked, {} excluded: {first}", counted(*.excluded, "item"))]
    AllExcluded {
        /// Name of the suite.
        suite: String,
        /// How many.
        excluded: u64,
        /// The first of them, with their reasons.
        first: String,
    },
    /// A suite without prompts, where only prompts are asked.
    #[error("`{suite}` has no prompt that is answered freely")]
    NoPrompt {
        /// Name of the suite.
        suite: String,
    },
    /// A sentence encoder without anything to read.
    #[error("no prompt is compared by its whole answer, so a sentence encoder has nothing to read")]
    NothingToEncode,
    /// An answer that was written to the store is not there any more.
    #[error("the answer store no longer holds sample {sample} of probe `{probe}`: did another process clear it?")]
    AnswerLost {
        /// Probe id.
        probe: String,
        /// Number of the sample in the store.
        sample: u32,
    },
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
    /// A tokenizer that reads texts otherwise than the server of a model.
    #[error(
        "the {role}'s server and the tokenizer of {tokenizer} disagree from byte {byte} on of {text}: expected token {expected}, found {found}"
    )]
    ReadsOtherwise {
        /// Whose server.
        role: Role,
        /// Whose tokenizer.
        tokenizer: String,
        /// Where in the text.
        byte: usize,
        /// Which text.
        text: String,
        /// The tokenizer's token there.
        expected: String,
        /// The server's.
        found: String,
    },
    /// Who says when to stop could not read the evidence.
    #[error(transparent)]
    StopRule(Box<dyn std::error::Error + Send + Sync>),
    /// Stopped by the user; the same command resumes.
    #[error("interrupted; the same command resumes {}", .0.display())]
    Interrupted(PathBuf),
}

impl AskError {
    /// Every probe of a suite is excluded: the first few with their reasons.
    pub(crate) fn all_excluded(suite: &str, excluded: &[ExcludedItem]) -> Self {
        const NAMED: usize = 3;
        let named = excluded.iter().take(NAMED).map(|item| format!("`{}`: {}", item.probe, item.reason));
        let first = named.collect::<Vec<_>>().join("; ");
        Self::AllExcluded { suite: suite.to_owned(), excluded: excluded.len() as u64, first }
    }

    pub(crate) fn setting(setting: &'static str, found: impl ToString, expected: impl Into<String>) -> Self {
        Self::Setting { setting, found: found.to_string(), expected: expected.into() }
    }
}
