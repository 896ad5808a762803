//! Time as a connection sees it: tests bring their own.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What waiting takes.
pub trait Clock: Send + Sync {
    /// Seconds since 1970, by which a server's moments are read.
    fn unix_seconds(&self) -> f64;

    /// Lets so much time pass.
    fn wait(&self, time: Duration);

    /// A number in [0, 1) that differs from process to process and from call to call: those who were refused together do not
    /// come back together.
    fn jitter(&self) -> f64;
}

/// The time of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn unix_seconds(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    }

    fn wait(&self, time: Duration) {
        thread::sleep(time);
    }

    fn jitter(&self) -> f64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = (now.as_nanos(), std::process::id(), format!("{:?}", thread::current().id()));
        let hash = blake3::hash(format!("{seed:?}").as_bytes());
        f64::from(hash.as_bytes()[0]) / 256.0
    }
}
