//! Answers in, a [`Statement`] out: plan, pairing, noise floor, evidence, verdicts, findings. Knows nothing about
//! rendering or HTTP.

pub mod statement;

pub use statement::Statement;
