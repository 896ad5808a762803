//! What was answered, on disk: the run folder. Knows nothing about who answered or what it means.
//!
//! A run folder is self-contained: the suite as asked, what was measured at every position and option, and the
//! identities of everything that took part. It can be moved, zipped, mailed and read again without any model.
//! The format is described in `docs/run-folder.md`.

pub mod cache;
mod difference;
pub mod durable;
mod error;
mod identity;
mod json;
pub mod llama_kld;
pub mod logged;
mod parquet_io;
pub mod part;
mod run;
mod sampling;
pub mod sparse;
mod stop_rule;
pub mod store;
mod vectors;

pub use difference::Difference;
pub use error::{Problem, RunError};
pub use identity::{EncoderIdentity, EngineIdentity, GIVEN, GIVEN_MARK, ModelIdentity, PROVIDERS_DRAWS};
pub use part::{
    AnsweredRow, AnsweredStats, BoundedRow, ChoiceRow, EpisodeRow, EstimatedRow, EstimatedStats, GivenJudgment,
    LikelihoodRow, MAX_ROWS_PER_PART, MOST_SAMPLES, OptionSaid, Outside, Part, PartKind, PartRow, PositionRow,
    SampleRow, SampleSource, ScoredModel, ScoredRow, ShownStudentRow, SparseRow, Told, Unit, VectorRow,
};
pub use run::{
    CANARIES_FORMAT, CHECKS_FORMAT, Canaries, CanaryAnswer, CanaryAsking, CanaryModel, CanaryPrompt, CanaryTime,
    CheckOutcome, CheckSpoils, CheckedModel, Checks, CostEntry, Deciding, DeployedOn, DifferentPrompts,
    EmbedderIdentity, ExcludedItem, FORMAT, Facet, GivenSettings, JUDGE_FORMAT, Judge, JudgedAnswer, KeptCheck, Ledger,
    Manifest, MeaningSettings, Money, NewRun, NotCompared, Paid, PlannedLook, PlannedTokens, Regime, RunFolder,
    RunSettings, SetKnob, SetKnobs, Stopped, TeacherAsked, TrainedOn, TrainedToBy, UnitCounts, Units, Used,
    WatchedGate, WindowOrder, judged_rows,
};
pub use sampling::{FinishReason, SampleSettings, SamplingParameters};
pub use stop_rule::{StopRule, Wanted};
pub use vectors::{KeptVectors, TextHash, VECTORS_FORMAT};
