//! Planning: how many families a gate needs, and the smallest loss that a suite can see.

use statrs::distribution::{Beta, ContinuousCDF, Normal, StudentsT};

use super::families::FamilyTable;
use super::gate::Bounds;
use super::jackknife::Jackknife;
use super::limits::{Limits, MANY_TRIALS, ROUNDING, Shape, student, unseen};

/// Most families that [`families`] answers with.
const MOST: u64 = 1 << 40;
/// From this many families on Student's quantiles are taken from the normal law: equal to four digits.
const NORMAL_FROM: u64 = 10_000;

/// Standard deviation of a statistic per family, √(G · jackknife variance): its standard error with G families of this
/// kind is sd/√G. From a pilot of G families. `None` with fewer than two, or when the statistic is undefined without
/// one of them.
pub fn family_sd(pilot: &FamilyTable, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
    let jackknife = Jackknife::new(pilot, &statistic)?;
    Some((jackknife.families() as f64 * jackknife.variance()?).sqrt())
}

/// Smallest distance from the margin that a one-sided gate at level `alpha` decides with the wished `power`:
/// (t_{1−α} + t_{power}) · sd/√G, Student's t with G − 1 degrees of freedom.
///
/// Beside a PASS it is the smallest loss beyond the margin that would have been seen. A gate with two margins and the
/// truth midway needs power (1 + power)/2 on each side. `None` with fewer than two families, an `sd` that is negative
/// or not finite, or `alpha` or `power` outside (0, 1).
pub fn detectable(sd: f64, families: u64, alpha: f64, power: f64) -> Option<f64> {
    let rate = |rate: f64| rate > 0.0 && rate < 1.0;
    if families < 2 || !sd.is_finite() || sd < 0.0 || !rate(alpha) || !rate(power) {
        return None;
    }
    let count = families as f64;
    let quantiles = |quantile: &dyn Fn(f64) -> f64| quantile(1.0 - alpha) + quantile(power);
    let deviates = if families < NORMAL_FROM {
        let law = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
        quantiles(&|probability| law.inverse_cdf(probability))
    } else {
        quantiles(&|probability| Normal::standard().inverse_cdf(probability))
    };
    Some(deviates * sd / count.sqrt())
}

/// Smallest distance beyond a margin from which a gate at level `alpha` fails with the chance `power`; of two margins the
/// larger one. Beside a PASS it is the loss that would have been seen.
///
/// A student with a loss varies as one with that loss does, not as the one that was met: a share μ has the variance
/// φ μ(1 − μ) with the φ that was met (1 where nothing varied), an amount keeps its coefficient of variation (where the
/// families have logarithms, that of the log-normal law that has theirs), anything else its spread. `None` where there is no spread to go by, or where not even the largest loss would be found.
pub fn beyond(limits: &Limits, bounds: &Bounds, alpha: f64, power: f64) -> Option<f64> {
    let alternative = Alternative::of(limits, alpha, power)?;
    let margins = [(bounds.at_least, Side::Below), (bounds.at_most, Side::Above)];
    let losses: Vec<_> = margins
        .into_iter()
        .filter_map(|(margin, side)| Some(alternative.smallest_loss(margin?, side)))
        .collect::<Option<_>>()?;
    losses.into_iter().max_by(f64::total_cmp)
}

/// On which side of its margin the truth lies.
#[derive(Clone, Copy)]
enum Side {
    Below,
    Above,
}

/// How the estimate of a number spreads around another truth.
#[derive(Clone, Copy, Debug)]
struct Alternative {
    law: Law,
    /// Share of families that may be unlike all that are seen.
    unseen: f64,
    /// Student's quantiles of the bound and of the power, and the normal one of the bound.
    bound: f64,
    power: f64,
    normal: f64,
    alpha: f64,
}

#[derive(Clone, Copy, Debug)]
enum Law {
    /// Between two ends: the variance of an estimate μ is `variance` · (μ − low)(high − μ).
    Share { low: f64, high: f64, variance: f64, events: bool },
    /// The error is this share of the distance to the least value, and the bounds are `below` and `above` times it.
    Amount { low: f64, error: f64, below: f64, above: f64 },
    /// The error is always this.
    Shift { error: f64 },
}

/// Of halvings that separate losses that are found from those that are not.
const HALVINGS: usize = 60;
/// An amount so many times its margin is as large as any.
const LARGEST: f64 = 1e6;

impl Alternative {
    fn of(limits: &Limits, alpha: f64, power: f64) -> Option<Self> {
        let (error, freedom) = (limits.error()?, limits.freedom()?);
        let (bound, normal) = (student(freedom, alpha)?, Normal::standard().inverse_cdf(1.0 - alpha));
        let share_unseen = unseen(limits.effective(), alpha);
        let value = limits.value();
        let varies = error > ROUNDING * value.abs().max(1.0);
        // The spread of so few families is uncertain itself, and more often too small than too large.
        let error = error * (1.0 + 2.0 / freedom).sqrt();
        let (law, share_unseen) = match limits.shape().ends() {
            // In its own units the number has no law of its own: its interval says how it spreads.
            _ if limits.is_mapped() => {
                let (low, high) = limits.bounds(alpha)?;
                (Law::Shift { error: 0.5 * (high - low) / bound }, 0.0)
            }
            (Some(low), Some(high)) => {
                let largest = 1.0 / limits.effective();
                let room = (value - low) * (high - value);
                let variance = if varies && room > 0.0 { (error * error / room).min(largest) } else { largest };
                (Law::Share { low, high, variance, events: limits.shape() == Shape::Events }, share_unseen)
            }
            (Some(low), None) if varies && value > low => {
                let (least, most) = limits.bounds(alpha)?;
                let [below, above] = [least, most].map(|end| (end - low) / (value - low));
                let logs =
                    limits.log_variance().map_or(0.0, |variance| (variance.exp_m1() / limits.effective()).sqrt());
                (Law::Amount { low, error: (error / (value - low)).max(logs), below, above }, share_unseen)
            }
            _ if varies => (Law::Shift { error }, 0.0),
            _ => return None,
        };
        let bound =
            if matches!(law, Law::Share { events: false, .. }) { bound * limits.stretch(alpha)? } else { bound };
        Some(Self { law, unseen: share_unseen, bound, power: student(freedom, 1.0 - power)?, normal, alpha })
    }

    /// By bisection; `None` where the farthest truth is not found.
    fn smallest_loss(&self, margin: f64, side: Side) -> Option<f64> {
        let farthest = match (self.law, side) {
            (Law::Share { low, .. } | Law::Amount { low, .. }, Side::Below) => low,
            (Law::Share { high, .. }, Side::Above) => high,
            (Law::Amount { low, .. }, Side::Above) => low + (margin - low).max(ROUNDING) * LARGEST,
            (Law::Shift { error }, Side::Below) => margin - LARGEST * error,
            (Law::Shift { error }, Side::Above) => margin + LARGEST * error,
        };
        let found = |truth: f64| match side {
            Side::Below => self.end(self.estimate(truth, self.power), Side::Above) < margin,
            Side::Above => self.end(self.estimate(truth, -self.power), Side::Below) > margin,
        };
        let range = (farthest - margin).abs();
        let at = |share: f64| margin + (farthest - margin) * share;
        if !(range > 0.0 && found(at(1.0))) {
            return None;
        }
        let (mut missed, mut seen) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (missed + seen);
            if found(at(middle)) { seen = middle } else { missed = middle }
        }
        Some(range * seen)
    }

    /// The estimate that a truth exceeds, or misses, by so many errors.
    fn estimate(&self, truth: f64, errors: f64) -> f64 {
        match self.law {
            Law::Share { low, high, variance, .. } => {
                (truth + errors * (variance * (truth - low) * (high - truth)).max(0.0).sqrt()).clamp(low, high)
            }
            Law::Amount { low, error, .. } => low + (truth - low) * (errors * error).exp(),
            Law::Shift { error } => truth + errors * error,
        }
    }

    /// One end of the interval of an estimate.
    fn end(&self, estimate: f64, side: Side) -> f64 {
        let errors = match side {
            Side::Below => -self.bound,
            Side::Above => self.bound,
        };
        let spread = match self.law {
            Law::Share { variance, events: true, .. } => self.of_events(estimate, variance, side),
            // Its bounds hold what may be unseen.
            Law::Amount { low, below, above, .. } => {
                return low + (estimate - low) * if let Side::Below = side { below } else { above };
            }
            _ => self.estimate(estimate, errors),
        };
        match (self.law, side) {
            (Law::Share { low, .. }, Side::Below) => spread.min(estimate - self.unseen * (estimate - low)),
            (Law::Share { high, .. }, Side::Above) => spread.max(estimate + self.unseen * (high - estimate)),
            (Law::Amount { .. } | Law::Shift { .. }, _) => spread,
        }
    }

    /// As [`Limits`] bounds a share of events.
    fn of_events(&self, share: f64, variance: f64, side: Side) -> f64 {
        let trials = (self.normal / self.bound).powi(2) / variance;
        if trials > MANY_TRIALS {
            let half = self.bound * (variance * share * (1.0 - share)).sqrt();
            return match side {
                Side::Below => share - half,
                Side::Above => share + half,
            };
        }
        let events = trials * share;
        match side {
            Side::Below if events <= 0.0 => 0.0,
            Side::Below => Beta::new(events, trials - events + 1.0).map_or(0.0, |law| law.inverse_cdf(self.alpha)),
            Side::Above if events >= trials => 1.0,
            Side::Above => {
                Beta::new(events + 1.0, trials - events).map_or(1.0, |law| law.inverse_cdf(1.0 - self.alpha))
            }
        }
    }
}

/// Fewest families, at least two, with which a one-sided gate at level `alpha` decides with the wished `power` when
/// the truth lies `distance` from its margin.
///
/// `None` where [`detectable`] is, when the distance is not above 0 (on the margin no number decides), or when it
/// would take more than 2⁴⁰.
pub fn families(sd: f64, distance: f64, alpha: f64, power: f64) -> Option<u64> {
    if distance.is_nan() || distance <= 0.0 {
        return None;
    }
    let enough = |families| detectable(sd, families, alpha, power).map(|seen| seen <= distance);
    let mut high = 2;
    while !enough(high)? {
        high *= 2;
        if high > MOST {
            return None;
        }
    }
    // `high / 2` is not enough, unless `high` is the least allowed.
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle)? { high = middle } else { low = middle }
    }
    Some(high)
}
