//! Statistics whose unit is the probe family: sums, intervals, gates, tests, planning. They know nothing of what a sum
//! means; [`crate::measure`] does.

mod bootstrap;
pub mod confusion;
pub mod difference;
pub mod estimate;
pub mod exchange;
pub mod families;
pub mod gate;
pub mod interval;
mod jackknife;
pub mod limits;
mod log_normal;
pub mod paired;
pub mod power;
pub mod ppi;
mod proportion;
pub mod quantile;
pub mod rank;
mod rare;
pub mod rogan_gladen;
pub mod sequential;
pub mod significance;
pub mod slices;
