//! The three-valued gate: pass, fail, or not enough evidence.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::estimate::{Estimate, Interval, IntervalMethod, Verdict};
use super::interval::exact_halves;

/// Accepted range of a metric; a side that is `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Lowest accepted value.
    pub at_least: Option<f64>,
    /// Highest accepted value.
    pub at_most: Option<f64>,
}

/// What a gate answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateAnswer {
    /// The verdict.
    pub verdict: Verdict,
    /// Further families that would decide it at the present spread; `None` when it is decided, when there is no
    /// interval, or when the value sits exactly on the margin, where no number of families is expected to decide.
    pub more_families: Option<u64>,
}

/// Judges an estimate: PASS when one-sided 1 − `alpha` bounds clear every margin, FAIL when one of them misses a
/// margin, else NOT ENOUGH EVIDENCE.
///
/// The bounds are the ends of the 1 − 2·`alpha` interval. An estimate that carries another level (95 % by
/// default) has its interval carried there by its own law: each half by the ratio of quantiles of Student's t with
/// G − 1 degrees of freedom for the jackknife and the studentised bootstrap; an exact interval is computed again. With
/// both margins set this is the test of equivalence by two one-sided tests (Schuirmann 1987). A value on the margin passes only when the interval has no width. Bounds that are open on both sides
/// accept everything.
///
/// `more_families` supposes that each half of the interval shrinks as 1/√G and that the value stays where it is.
pub fn judge(estimate: &Estimate, bounds: &Bounds, alpha: f64) -> GateAnswer {
    let undecided = |more_families| GateAnswer { verdict: Verdict::NotEnoughEvidence, more_families };
    let decided = |verdict| GateAnswer { verdict, more_families: None };
    if bounds.at_least.is_none() && bounds.at_most.is_none() {
        return decided(Verdict::Pass);
    }
    let Some(halves) = estimate.interval.and_then(|interval| one_sided(estimate, &interval, alpha)) else {
        return undecided(None);
    };
    let (low, high) = (estimate.value - halves.below, estimate.value + halves.above);
    let misses =
        bounds.at_least.is_some_and(|margin| high < margin) || bounds.at_most.is_some_and(|margin| low > margin);
    let clears =
        bounds.at_least.is_none_or(|margin| low >= margin) && bounds.at_most.is_none_or(|margin| high <= margin);
    if misses {
        decided(Verdict::Fail)
    } else if clears {
        decided(Verdict::Pass)
    } else {
        undecided(more_families(estimate, bounds, halves))
    }
}

/// Distances from the value to its one-sided bounds, both ≥ 0.
#[derive(Clone, Copy)]
struct Halves {
    below: f64,
    above: f64,
}

/// Carries an interval to the one-sided level 1 − `alpha`.
fn one_sided(estimate: &Estimate, interval: &Interval, alpha: f64) -> Option<Halves> {
    let wanted = 1.0 - 2.0 * alpha;
    // A bootstrap interval need not contain its value.
    let (below, above) = ((estimate.value - interval.low).max(0.0), (interval.high - estimate.value).max(0.0));
    let halves = if (interval.level - wanted).abs() < 1e-12 {
        Halves { below, above }
    } else {
        match interval.method {
            IntervalMethod::JackknifeT | IntervalMethod::BootstrapT => {
                let law = StudentsT::new(0.0, 1.0, estimate.n_families as f64 - 1.0).ok()?;
                let scale = law.inverse_cdf(1.0 - alpha) / law.inverse_cdf(0.5 + interval.level / 2.0);
                Halves { below: below * scale, above: above * scale }
            }
            IntervalMethod::ClopperPearson => {
                let [below, above] = exact_halves(estimate, interval, wanted)?;
                Halves { below, above }
            }
        }
    };
    (halves.below.is_finite() && halves.above.is_finite()).then_some(halves)
}

/// Families still missing for the verdict towards which the value leans.
fn more_families(estimate: &Estimate, bounds: &Bounds, halves: Halves) -> Option<u64> {
    let value = estimate.value;
    let below = bounds.at_least.map(|margin| (value - margin, halves));
    // Seen from the upper margin the two halves change places.
    let mirrored = Halves { below: halves.above, above: halves.below };
    let above = bounds.at_most.map(|margin| (margin - value, mirrored));
    // For each margin: the slack (positive inside) and the half-width that must shrink below it.
    let sides = [below, above].into_iter().flatten();
    let outside = sides.clone().find(|(slack, _)| *slack < 0.0);
    let needed = match outside {
        Some((slack, halves)) => growth(halves.above, -slack)?,
        None => sides
            .map(|(slack, halves)| growth(halves.below, slack))
            .try_fold(1.0_f64, |most, needed| needed.map(|needed| most.max(needed)))?,
    };
    let families = estimate.n_families as f64;
    // What is a whole number but for rounding stays that number.
    let total = (families * needed - 1e-6).ceil();
    // Strictly more than now: the gate is undecided with those it has.
    Some(((total - families) as u64).max(1))
}

/// Factor by which the number of families must grow for `half` to shrink to `slack`.
fn growth(half: f64, slack: f64) -> Option<f64> {
    (slack > 0.0).then(|| (half / slack).powi(2))
}
