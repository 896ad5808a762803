//! Planning: how many families a gate needs, and the smallest loss that a suite can see.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::gate::Bounds;
use super::limits::{Limits, MANY_TRIALS, ROUNDING, Shape, student, unseen};
use super::proportion;

/// Most times as many families that [`families`] answers with.
const MOST: f64 = 1e9;
/// Most families that [`families_by_sd`] answers with.
const MOST_BY_SD: u64 = 1 << 40;
/// From this many families on Student's quantiles are taken from the normal law: equal to four digits.
const NORMAL_FROM: u64 = 10_000;

/// Smallest distance beyond a margin from which a gate at level `alpha` fails with the chance `power`; of two margins the
/// larger one. Beside a PASS it is the loss that would have been seen.
///
/// A student with a loss varies as one with that loss does, not as the one that was met: a share μ has the variance
/// φ μ(1 − μ) with the φ that was met (1 where nothing varied), an amount keeps its coefficient of variation (where the
/// families have logarithms, that of the log-normal law that has theirs), anything else its spread. `None` where there is no spread to go by, or where not even the largest loss would be found.
pub fn beyond(limits: &Limits, bounds: &Bounds, alpha: f64, power: f64) -> Option<f64> {
    let alternative = Alternative::of(limits, 1.0, alpha, power)?;
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
    /// By what `limits` met, with `growth` times as many families.
    fn of(limits: &Limits, growth: f64, alpha: f64, power: f64) -> Option<Self> {
        let (error, freedom) = (limits.error()? / growth.sqrt(), limits.freedom()? * growth);
        let effective = limits.effective() * growth;
        let (bound, normal) = (student(freedom, alpha)?, Normal::standard().inverse_cdf(1.0 - alpha));
        let share_unseen = unseen(effective, alpha);
        let value = limits.value();
        let varies = error > ROUNDING * value.abs().max(1.0);
        // The spread of so few families is uncertain itself, and more often too small than too large.
        let error = error * (1.0 + 2.0 / freedom).sqrt();
        let (law, share_unseen) = match limits.shape().ends() {
            // In its own units the number has no law of its own: its interval says how it spreads.
            _ if limits.is_mapped() => {
                let (low, high) = limits.bounds_of_more(alpha, growth)?;
                (Law::Shift { error: 0.5 * (high - low) / bound }, 0.0)
            }
            (Some(low), Some(high)) => {
                let largest = 1.0 / effective;
                let room = (value - low) * (high - value);
                let variance = if varies && room > 0.0 { (error * error / room).min(largest) } else { largest };
                (Law::Share { low, high, variance, events: limits.shape() == Shape::Events }, share_unseen)
            }
            (Some(low), None) if varies && value > low => {
                let (least, most) = limits.bounds_of_more(alpha, growth)?;
                let [below, above] = [least, most].map(|end| (end - low) / (value - low));
                let logs = limits.log_variance().map_or(0.0, |variance| (variance.exp_m1() / effective).sqrt());
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
            Side::Below => proportion::below(events, trials, self.alpha).unwrap_or(0.0),
            Side::Above => proportion::above(events, trials, self.alpha).unwrap_or(1.0),
        }
    }
}

/// Fewest families with which a gate at level `alpha` decides with the chance `power`, when the number in truth is
/// `truth` and families are as a pilot met them: PASS between the margins, FAIL beyond one of them.
///
/// The same laws as for [`beyond`], with more or fewer families than the pilot's. Between two margins both are to be
/// cleared, each with a chance of (1 + `power`)/2. `None` where the pilot has no spread to go by, and on a margin, where no
/// number of families decides.
pub fn families(pilot: &Limits, bounds: &Bounds, truth: f64, alpha: f64, power: f64) -> Option<u64> {
    let enough = |growth: f64| decides(pilot, bounds, truth, growth, alpha, power);
    let seen = pilot.families() as f64;
    let (mut low, mut high) = ((2.0 / seen).min(1.0), MOST);
    if !enough(high)? {
        return None;
    }
    for _ in 0..HALVINGS {
        let middle = (low * high).sqrt();
        if enough(middle)? { high = middle } else { low = middle }
    }
    // What is a whole number but for rounding stays that number.
    Some((seen * high - 1e-6).ceil() as u64)
}

/// Smallest distance from its nearest margin at which the truth is told by as many families as the pilot has, on the
/// pilot's side of that margin; `None` as for [`families`], and where no distance is enough.
pub fn decidable(pilot: &Limits, bounds: &Bounds, alpha: f64, power: f64) -> Option<f64> {
    let value = pilot.value();
    let margins = [bounds.at_least, bounds.at_most].into_iter().flatten();
    let margin = margins.min_by(|a, b| (value - a).abs().total_cmp(&(value - b).abs()))?;
    let inside = bounds.at_least.is_none_or(|low| value >= low) && bounds.at_most.is_none_or(|high| value <= high);
    let sign = if inside == (bounds.at_least == Some(margin)) { 1.0 } else { -1.0 };
    let other = [bounds.at_least, bounds.at_most].into_iter().flatten().find(|other| *other != margin);
    let farthest = match (inside, other, pilot.shape().ends()) {
        (true, Some(other), _) => 0.5 * (other - margin).abs(),
        (_, _, (Some(low), _)) if sign < 0.0 => margin - low,
        (_, _, (_, Some(high))) if sign > 0.0 => high - margin,
        _ => LARGEST * margin.abs().max(1.0),
    };
    let told = |distance: f64| decides(pilot, bounds, margin + sign * distance, 1.0, alpha, power);
    if farthest <= 0.0 || !told(farthest)? {
        return None;
    }
    let (mut missed, mut seen) = (0.0, farthest);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (missed + seen);
        if told(middle)? { seen = middle } else { missed = middle }
    }
    Some(seen)
}

/// Whether a gate decides with the chance `power`; `None` where there is no spread to go by.
fn decides(pilot: &Limits, bounds: &Bounds, truth: f64, growth: f64, alpha: f64, power: f64) -> Option<bool> {
    let (low, high) = (bounds.at_least, bounds.at_most);
    let at = |power: f64| Alternative::of(pilot, growth, alpha, power);
    if low.is_some_and(|margin| truth < margin) || high.is_some_and(|margin| truth > margin) {
        let law = at(power)?;
        let missed_low = low.is_some_and(|m| law.end(law.estimate(truth, law.power), Side::Above) < m);
        let missed_high = high.is_some_and(|m| law.end(law.estimate(truth, -law.power), Side::Below) > m);
        return Some(missed_low || missed_high);
    }
    let law = at(if low.is_some() && high.is_some() { 0.5 * (1.0 + power) } else { power })?;
    // Where the number has no worst value, so few families clear nothing.
    let (least, most) = pilot.gate_ends(alpha, growth)?.clear;
    let clears_low =
        low.is_none_or(|m| least.is_finite() && law.end(law.estimate(truth, -law.power), Side::Below) >= m);
    let clears_high =
        high.is_none_or(|m| most.is_finite() && law.end(law.estimate(truth, law.power), Side::Above) <= m);
    Some(clears_low && clears_high)
}

/// Smallest distance from the margin that a one-sided gate at level `alpha` decides with the wished `power`:
/// (t_{1−α} + t_{power}) · sd/√G, Student's t with G − 1 degrees of freedom.
///
/// For planning by an assumed standard deviation per family, where there is no pilot. A gate with two margins and the
/// truth midway needs power (1 + power)/2 on each side. `None` with fewer than two families, an `sd` that is negative
/// or not finite, or `alpha` or `power` outside (0, 1).
pub fn detectable_by_sd(sd: f64, families: u64, alpha: f64, power: f64) -> Option<f64> {
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

/// Fewest families, at least two, with which a one-sided gate at level `alpha` decides with the wished `power` when
/// the truth lies `distance` from its margin.
///
/// `None` where [`detectable_by_sd`] is, when the distance is not above 0 (on the margin no number decides), or when it
/// would take more than 2⁴⁰.
pub fn families_by_sd(sd: f64, distance: f64, alpha: f64, power: f64) -> Option<u64> {
    if distance.is_nan() || distance <= 0.0 {
        return None;
    }
    let enough = |families| detectable_by_sd(sd, families, alpha, power).map(|seen| seen <= distance);
    let mut high = 2;
    while !enough(high)? {
        high *= 2;
        if high > MOST_BY_SD {
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
