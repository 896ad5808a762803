//! The mathematics of distillation loss: divergences, calibration, estimates, tests and verdicts.
//!
//! Pure functions and mergeable states. This crate knows nothing about models, probes, files, clocks, threads
//! or hidden sources of randomness: every seed is an argument.

pub mod calibration;
pub mod compat;
mod estimate;
mod position;

pub use estimate::{Estimate, Exclusion, Interval, IntervalMethod, Verdict};
pub use position::{BANDS, INVERSE_TEMPERATURES, PositionStats, UNIT_TEMPERATURE};
