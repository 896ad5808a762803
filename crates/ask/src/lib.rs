//! Models and a suite in, a run folder out: plan, schedule, roles. The only user of models on the way to a verdict.
//! Knows nothing about verdicts, what a policy means, or rendering; when enough was asked is told to it by a
//! [`StopRule`](hydrometer_answers::StopRule).

mod answering;
pub mod base_file;
mod canaries;
mod collect;
mod deployment;
mod encoding;
mod error;
mod imported;
mod instructions;
mod judge;
mod keeping;
mod kind;
mod letters;
mod listed_answers;
mod observer;
mod options;
mod plan;
pub mod radius;
mod roles;
mod scoring;
mod served_cache;
mod shared;
mod shared_store;
mod spelling;
mod teacher_cache;
mod trained_to;
mod units;
mod windows;

pub use answering::{CollectReport, ask, held};
pub use canaries::{CANARY_QUESTIONS, canaries};
pub use collect::collect;
pub use deployment::PlacedDeployment;
pub use error::AskError;
pub use imported::{ImportOptions, Imported, Judged, import};
pub use judge::{Judging, judge};
pub use letters::drawing;
pub use observer::{Ahead, Bought, Keep, Observer, PlanSummary, Turns};
pub use options::{AskOptions, Sampling, UntilDecided, Windowing};
pub use plan::Plan;
pub use roles::{Closeness, Models, Role};
pub use served_cache::{Served, lacks, reads_alike};
pub use teacher_cache::{CacheReport, Stretch, collect_cached, fill_cache, fill_cache_with, stretches};
pub use trained_to::set_knobs;
