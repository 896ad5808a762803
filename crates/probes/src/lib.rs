//! What is asked: probes, families, suites, the ways to import them, the exact words put to a model; and what an answer
//! says: its normal form, whether it is right, which answers mean the same.
//! Knows nothing about models, files of answers or statistics.

mod boundary;
pub mod builtin;
pub mod check;
pub mod counted;
pub mod decision;
mod error;
pub mod families;
mod fields;
pub mod import;
mod jsonl;
pub mod judge;
pub mod kind;
mod knob;
mod lint;
pub mod meaning;
pub mod normalise;
mod probe;
mod schema;
pub mod strangers;
mod suite;
mod validate;
pub mod world;

pub use boundary::{Boundary, Decision, Lean, MemberRole, Risk, Rung, Stratum};
pub use builtin::Profile;
pub use check::{Check, Checked, Checker};
pub use error::{Fault, FaultKind, ProbeError, quote};
pub use jsonl::{LINE_LIMIT, read_jsonl, write_jsonl};
pub use kind::{Ask, AskedAs, Decoding, Families, Role, Turn};
pub use knob::Knob;
pub use lint::{LintCode, LintWarning, lint};
pub use normalise::{Normal, normalise, without_thoughts};
pub use probe::{Probe, Suite};
pub use schema::probe_schema;
