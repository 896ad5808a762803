//! A run folder and a policy in, a [`Statement`] out: evidence, verdicts, findings, what to do next. Knows nothing about
//! models, rendering or HTTP: judging compiles and links without an engine.

mod answers;
mod cases;
mod choices;
mod descriptive;
mod equivalence;
mod error;
mod evidence;
mod findings;
mod issue;
mod policy;
mod ppi_signals;
mod sample_size;
mod scored;
mod sequential;
mod slicing;
pub mod statement;

pub use error::AuditError;
pub use issue::statement;
pub use policy::{DEFAULT_POLICY, GateRule, Policy};
pub use sample_size::{Planned, Target, sample_size};
pub use sequential::{Watch, alpha, watched_gates};
pub use statement::Statement;
