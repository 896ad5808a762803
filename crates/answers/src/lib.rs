//! What was answered, on disk: the run folder. Knows nothing about who answered or what it means.
//!
//! A run folder is self-contained: the suite as asked, what was measured at every position and option, and the
//! identities of everything that took part. It can be moved, zipped, mailed and read again without any model.
//! The format is described in `docs/run-folder.md`.

mod cost;
pub mod distributions;
mod durable;
mod error;
mod folder;
mod identity;
mod json;
pub mod llama_kld;
mod manifest;
mod parquet_io;
mod part;
mod rows;
mod sampling;
pub mod sparse;
mod stop_rule;
pub mod store;
mod verify;

pub use cost::CostEntry;
pub use error::{Difference, Problem, RunError};
pub use folder::{RunFolder, Units};
pub use identity::{EncoderIdentity, EngineIdentity, GIVEN, GIVEN_MARK, ModelIdentity};
pub use manifest::{
    Deciding, FORMAT, Manifest, MeaningSettings, PlannedTokens, RunSettings, TeacherAsked, UnitCounts, WatchedGate,
};
pub use part::{MAX_ROWS_PER_PART, Part, PartKind, PartRow};
pub use rows::{ChoiceRow, LikelihoodRow, PositionRow, SampleRow, SampleSource, ScoredModel, SparseRow, VectorRow};
pub use sampling::{FinishReason, SampleSettings, SamplingParameters};
pub use stop_rule::StopRule;
pub use verify::Stopped;
