//! The learning rate from step to step.

use serde::{Deserialize, Serialize};

/// What happens after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Half a cosine.
    Cosine,
    /// A straight line.
    Linear,
    /// Nothing.
    Constant,
}

/// Warm-up and decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub peak: f64,
    /// Steps in which it rises in a straight line.
    pub warm_up: u64,
    /// All steps, the warm-up included.
    pub steps: u64,
    /// How it falls.
    pub decay: Decay,
    /// Share of the peak that it falls to.
    pub floor: f64,
}

impl Schedule {
    /// The learning rate of a step, from 0.
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f64 / self.warm_up as f64;
        }
        let ahead = self.steps.saturating_sub(self.warm_up).max(1);
        let done = ((step - self.warm_up) as f64 / ahead as f64).min(1.0);
        let share = match self.decay {
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            Decay::Linear => 1.0 - done,
            Decay::Constant => return self.peak,
        };
        self.peak * (self.floor + (1.0 - self.floor) * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let schedule = |decay| Schedule { peak: 2.0, warm_up: 4, steps: 12, decay, floor: 0.1 };
        let check = |decay, step, expected: f64| {
            let found = schedule(decay).rate(step);
            assert!((found - expected).abs() < 1e-12, "{decay:?} {step}: {found}");
        };
        for decay in [Decay::Cosine, Decay::Linear, Decay::Constant] {
            check(decay, 0, 0.5);
            check(decay, 3, 2.0);
            check(decay, 4, 2.0);
        }
        check(Decay::Cosine, 8, 1.1);
        check(Decay::Linear, 8, 1.1);
        check(Decay::Constant, 11, 2.0);
        check(Decay::Cosine, 12, 0.2);
        check(Decay::Linear, 100, 0.2);
    }
}
