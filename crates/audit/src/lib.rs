//! Answers in, a [`Statement`] out: plan, pairing, noise floor, evidence, verdicts, findings. Knows nothing about
//! rendering or HTTP.

mod alone;
mod answers;
pub mod base_file;
mod cached;
mod cases;
mod collect;
mod decisions;
mod evidence;
mod findings;
mod given;
mod issue;
mod meaning;
mod options;
mod pilot;
mod plan;
mod policy;
mod sampling;
mod secondary;
mod slicing;
pub mod statement;
mod tokens;
mod watch;

pub use cached::{Kept, collect_cached, fill_cache};
pub use collect::collect;
pub use given::{Counts, Given, GivenOptions, given};
pub use issue::statement;
pub use meaning::is_free;
pub use options::{
    AuditError, AuditOptions, Closeness, Models, Observer, PlanSummary, Sampling, UntilDecided, Windowing,
};
pub use pilot::{Planned, Wish, pilot};
pub use policy::{DEFAULT_POLICY, GateRule, Policy};
pub use sampling::{Filled, ask};
pub use statement::Statement;
