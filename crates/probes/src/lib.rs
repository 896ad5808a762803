//! What is asked: probes, families, suites, the ways to import them and the exact words put to a model.
//! Knows nothing about models, files of answers or statistics.

pub mod ask;
pub mod builtin;
mod error;
pub mod families;
pub mod import;
mod jsonl;
mod lint;
mod probe;
mod schema;
mod suite;

pub use builtin::Profile;
pub use error::{Fault, FaultKind, ProbeError};
pub use jsonl::{LINE_LIMIT, read_jsonl, write_jsonl};
pub use lint::{LintCode, LintWarning, lint};
pub use probe::{Ask, AskedAs, Families, Probe, Suite};
pub use schema::probe_schema;
