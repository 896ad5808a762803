#![doc = include_str!("../README.md")]

pub mod calibration;
pub mod compat;
pub mod degenerate;
pub mod diversity;
pub mod embedding;
pub mod geometry;
pub mod kernel;
pub mod listed;
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
