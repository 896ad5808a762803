//! Does one slice of the suite differ from the rest?

use std::collections::BTreeMap;

use super::families::FamilyTable;
use super::jackknife::Jackknife;
use super::significance::two_sided_p;

/// Fewest families on either side for which a p-value is given.
pub const MIN_FAMILIES: usize = 4;

/// Two-sided p-value of "the statistic is the same on the slice and on the rest".
///
/// Jackknife variances on both sides, covariance from families that have items on both, Student's t with
/// Welch–Satterthwaite degrees of freedom. `None` with fewer than [`MIN_FAMILIES`] families on either side, when
/// the statistic is undefined on either side without one family, or when nothing varies.
pub fn compare(slice: &FamilyTable, rest: &FamilyTable, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
    if slice.len() < MIN_FAMILIES || rest.len() < MIN_FAMILIES {
        return None;
    }
    let (inside, outside) = (Jackknife::new(slice, &statistic)?, Jackknife::new(rest, &statistic)?);
    let (var_in, var_out) = (inside.variance()?, outside.variance()?);
    let scale = |jackknife: &Jackknife| {
        let families = jackknife.families() as f64;
        ((families - 1.0) / families).sqrt()
    };
    let deviations: BTreeMap<&str, f64> = rest.rows().map(|(family, ..)| family).zip(outside.deviations()).collect();
    let covariance: f64 = slice
        .rows()
        .zip(inside.deviations())
        .filter_map(|((family, ..), deviation)| deviations.get(family).map(|other| other * deviation))
        .sum::<f64>()
        * scale(&inside)
        * scale(&outside);
    let variance = var_in + var_out - 2.0 * covariance;
    if variance <= 0.0 {
        return None;
    }
    let satterthwaite = (var_in + var_out).powi(2)
        / (var_in.powi(2) / (inside.families() as f64 - 1.0) + var_out.powi(2) / (outside.families() as f64 - 1.0));
    two_sided_p((inside.value - outside.value) / variance.sqrt(), satterthwaite)
}
