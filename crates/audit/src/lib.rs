//! A run folder and a policy in, a [`Statement`] out: evidence, verdicts, findings, what to do next. Knows nothing about
//! models, rendering or HTTP: judging compiles and links without an engine.

pub mod calibrate;
pub mod canaries;
pub mod comparison;
mod error;
mod evidence;
mod findings;
mod forgetting;
mod geometry;
mod illusion;
mod issue;
mod judge;
mod kind;
pub mod labels;
mod readings;
mod slicing;
pub mod statement;
mod verdict;

pub use comparison::Comparison;
pub use error::AuditError;
pub use issue::{Beside, statement, statement_beside};
pub use statement::Statement;
pub use verdict::policy::{DEFAULT_POLICY, GateRule, Policy};
pub use verdict::sample_size::{Planned, PlannedRing, Target, sample_size};
pub use verdict::sequential::{Watch, alpha, planned_looks, watched_gates};
