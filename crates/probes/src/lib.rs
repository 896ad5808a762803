//! What is asked: probes, families, suites, the ways to import them, the exact words put to a model; and what an answer
//! says: its normal form, whether it is right, which answers mean the same.
//! Knows nothing about models, files of answers or statistics.

pub mod ask;
pub mod builtin;
pub mod check;
pub mod counted;
mod error;
pub mod families;
pub mod import;
mod jsonl;
mod lint;
pub mod meaning;
pub mod normalise;
pub mod paired;
mod probe;
mod schema;
mod suite;

pub use builtin::Profile;
pub use check::{Check, Checked, Checker};
pub use error::{Fault, FaultKind, ProbeError};
pub use jsonl::{LINE_LIMIT, read_jsonl, write_jsonl};
pub use lint::{LintCode, LintWarning, lint};
pub use normalise::{Normal, normalise};
pub use probe::{Ask, AskedAs, Families, Probe, Role, Suite, Turn};
pub use schema::probe_schema;
