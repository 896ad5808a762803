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
    /// How many are under way at once.
    together: u64,
    next: Duration,
}

impl Lines {
    /// Of `total` units of work, `before` were done earlier.
    pub fn new(unit: &'static str, total: u64, before: u64) -> Self {
        Self { unit, total, before, done: before, together: 0, next: EVERY }
    }

    /// The same, where so many are under way at once. They count as half done: the first of many comes when the others are nearly there,
    /// too, and by what is whole alone the time left would be far off.
    pub fn together(self, together: usize) -> Self {
        Self { together: together as u64, ..self }
    }

    /// Seconds left; `None` where nothing is there to tell them by.
    pub fn left(&self, elapsed: Duration) -> Option<f64> {
        let (here, left) = (self.done - self.before, self.total.saturating_sub(self.done));
        let half = self.together.min(left) as f64 / 2.0;
        let (done, left) = (here as f64 + half, left as f64 - half);
        (here > 0).then(|| elapsed.as_secs_f64() * left / done)
    }

    /// How many are done in a second, in words; `None` where nothing is there to tell it by.
    pub fn speed(&self, elapsed: Duration) -> Option<String> {
        let here = self.done - self.before;
        let speed = here as f64 / elapsed.as_secs_f64().max(0.1);
        let digits = if speed < 10.0 { 2 } else { 0 };
        (here > 0).then(|| format!("{speed:.digits$} {}s/s", self.unit))
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
        let share = 100.0 * self.done as f64 / self.total.max(1) as f64;
        let ahead = match self.left(elapsed) {
            None => "time left not known yet".to_owned(),
            Some(left) => format!("{} left", duration(left)),
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
        // Forty at once: after the first of them the others are not forty times as far.
        let mut answers = Lines::new("answer", 40, 0).together(64);
        let line = answers.advance(1, Duration::from_secs(420));
        assert_eq!(line.as_deref(), Some("2 % of 40 answers, about 7 min left"));
        // In steady state the share that is done says it, less what is under way.
        let mut answers = Lines::new("answer", 1000, 0).together(10);
        let line = answers.advance(495, Duration::from_secs(6000));
        assert_eq!(line.as_deref(), Some("50 % of 1,000 answers, about 1.7 h left"));
        assert_eq!(answers.speed(Duration::from_secs(6000)).as_deref(), Some("0.08 answers/s"));
        assert_eq!(answers.speed(Duration::from_secs(20)).as_deref(), Some("25 answers/s"));
        assert_eq!(Lines::new("answer", 10, 0).speed(Duration::from_secs(9)), None);
        let none = Lines::new("answer", 10, 0).advance(0, Duration::from_secs(70));
        assert_eq!(none.as_deref(), Some("0 % of 10 answers, time left not known yet"));
    }
}
