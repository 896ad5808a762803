//! The mathematics of distillation loss: divergences, calibration, estimates, tests and verdicts.
//!
//! Pure functions and mergeable states. This crate knows nothing about models, probes, files, clocks, threads
//! or hidden sources of randomness: every seed is an argument or a documented constant.

pub mod calibration;
pub mod catalog;
pub mod compat;
pub mod degenerate;
pub mod diversity;
pub mod embedding;
mod estimate;
pub mod families;
pub mod gate;
pub mod interval;
mod jackknife;
pub mod kernel;
mod log_prob;
pub mod position;
pub mod power;
pub mod ppi;
pub mod quantile;
pub mod sequential;
pub mod slices;
pub mod sparse;
mod spectrum;
pub mod style;
pub mod temperature;
pub mod tests;

pub use estimate::{Estimate, Exclusion, Interval, IntervalMethod, StudentAlone, Verdict};
pub use families::FamilyTable;
pub use log_prob::log_prob;
pub use position::{BANDS, Comparer, INVERSE_TEMPERATURES, PositionError, PositionStats, UNIT_TEMPERATURE, Vectors};
