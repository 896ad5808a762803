//! A clock for tests: nobody waits, and it is always the same moment.

use std::time::Duration;

use crate::Clock;

/// The clock.
#[derive(Clone, Copy, Debug)]
pub struct NoTime;

impl Clock for NoTime {
    fn unix_seconds(&self) -> f64 {
        0.0
    }

    fn wait(&self, _: Duration) {}

    fn jitter(&self) -> f64 {
        0.0
    }
}
