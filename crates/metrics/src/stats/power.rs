//! Planning: how many families a gate needs, and the smallest loss that a suite can see.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::families::FamilyTable;
use super::jackknife::Jackknife;

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
