//! Progress where nobody watches a bar: a line a minute, with the share that is done and the time left.

use std::time::Duration;

use hydrometer_probes::counted::counted;

use super::duration;

const EVERY: Duration = Duration::from_secs(60);

/// Work of one kind, told in lines.
#[derive(Debug)]
pub struct Lines {
    unit: &'static str,
    total: u64,
    /// What was done before the clock started.
    before: u64,
    done: u64,
    next: Duration,
}

impl Lines {
    /// Of `total` units of work, `before` were done earlier.
    pub fn new(unit: &'static str, total: u64, before: u64) -> Self {
        Self { unit, total, before, done: before, next: EVERY }
    }

    /// So many more are done that took no time.
    pub fn skip(&mut self, more: u64) {
        self.before += more;
        self.done += more;
    }

    /// So many more are done, so long after the start; a line where a minute has gone by since the last one.
    pub fn advance(&mut self, more: u64, elapsed: Duration) -> Option<String> {
        self.done += more;
        if elapsed < self.next {
            return None;
        }
        self.next = elapsed + EVERY;
        let (here, left) = (self.done - self.before, self.total.saturating_sub(self.done));
        let share = 100.0 * self.done as f64 / self.total.max(1) as f64;
        let ahead = match here {
            0 => "time left not known yet".to_owned(),
            here => format!("{} left", duration(elapsed.as_secs_f64() * left as f64 / here as f64)),
        };
        Some(format!("{share:.0} % of {}, {ahead}", counted(self.total, self.unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_once_a_minute_and_says_what_is_left() {
        let mut lines = Lines::new("token", 1000, 100);
        let mut check = |more, seconds, expected: Option<&str>| {
            assert_eq!(lines.advance(more, Duration::from_secs(seconds)).as_deref(), expected);
        };
        check(0, 5, None);
        check(100, 59, None);
        check(100, 61, Some("30 % of 1,000 tokens, about 4 min left"));
        check(100, 120, None);
        check(0, 150, Some("40 % of 1,000 tokens, about 5 min left"));
        lines.skip(300);
        let expected = "70 % of 1,000 tokens, about 4 min left";
        assert_eq!(lines.advance(0, Duration::from_secs(210)).as_deref(), Some(expected));
        let none = Lines::new("answer", 10, 0).advance(0, Duration::from_secs(70));
        assert_eq!(none.as_deref(), Some("0 % of 10 answers, time left not known yet"));
    }
}
