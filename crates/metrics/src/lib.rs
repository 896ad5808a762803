//! The mathematics of distillation loss: divergences, calibration, estimates, tests and verdicts.
//!
//! Pure functions and mergeable states. This crate knows nothing about models, probes, files, clocks, threads
//! or hidden sources of randomness: every seed is an argument or a documented constant.

pub mod calibration;
pub mod compat;
pub mod degenerate;
pub mod diversity;
pub mod embedding;
pub mod kernel;
mod log_prob;
pub mod measure;
pub mod position;
pub mod sparse;
mod spectrum;
pub mod stats;
pub mod style;
pub mod temperature;

pub use log_prob::log_prob;
pub use position::{BANDS, Comparer, INVERSE_TEMPERATURES, PositionError, PositionStats, UNIT_TEMPERATURE, Vectors};
pub use stats::estimate::{Estimate, Exclusion, Interval, IntervalMethod, StudentAlone, Verdict};
pub use stats::families::FamilyTable;
