//! What was counted over many audits.

use hydrometer_metrics::Estimate;

/// How often intervals hold the truth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    pub intervals: usize,
    pub holding: usize,
    /// Numbers without an interval.
    pub none: usize,
    pub error: f64,
    pub width: f64,
}

impl Held {
    pub fn add(&mut self, estimate: Option<&Estimate>, truth: f64) {
        match estimate.and_then(|estimate| Some((estimate.value, estimate.interval?))) {
            Some((value, interval)) => {
                self.intervals += 1;
                self.holding += usize::from((interval.low..=interval.high).contains(&truth));
                self.error += value - truth;
                self.width += interval.high - interval.low;
            }
            None => self.none += 1,
        }
    }

    /// Of the intervals that there are; 1 where there is none.
    pub fn coverage(&self) -> f64 {
        if self.intervals == 0 { 1.0 } else { self.holding as f64 / self.intervals as f64 }
    }

    /// Mean of estimate minus truth.
    pub fn bias(&self) -> f64 {
        self.error / self.intervals.max(1) as f64
    }

    pub fn mean_width(&self) -> f64 {
        self.width / self.intervals.max(1) as f64
    }
}

/// How often an audit errs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    pub rings: Held,
    pub volume: Held,
    pub slope: Held,
    /// Share of audits whose safe reach is farther than the true one.
    pub overstated: f64,
    /// Share whose collapse bound is nearer than the true one.
    pub collapse_early: f64,
    /// Mean safe reach, and the true one.
    pub reached: f64,
    pub truly: f64,
}
