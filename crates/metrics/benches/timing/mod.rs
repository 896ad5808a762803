//! Timing for the benches of all crates: a framework would be compiled by everybody who runs the tests.

use std::time::{Duration, Instant};

/// Seconds that each bench is repeated for.
const REPEATED: Duration = Duration::from_secs(2);

/// Repeats `work` and prints the median of its times, with the rate at which it went through its `elements`.
pub fn time(name: &str, elements: usize, mut work: impl FnMut()) {
    work();
    let start = Instant::now();
    let mut seconds = Vec::new();
    while seconds.len() < 10 || start.elapsed() < REPEATED {
        let before = Instant::now();
        work();
        seconds.push(before.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let (median, runs) = (seconds[seconds.len() / 2], seconds.len());
    let rate = elements as f64 / median / 1e9;
    println!(
        "{name:32} {:10.1} µs   {rate:8.3} G/s   median of {runs}, fastest {:.1} µs",
        median * 1e6,
        seconds[0] * 1e6
    );
}
