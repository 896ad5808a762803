//! Confidence intervals whose unit is the probe family: plain ways to one, beside [`Limits`], which all numbers use.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::estimate::{Estimate, Interval, IntervalMethod};
use super::families::FamilyTable;
use super::jackknife::Jackknife;
use super::limits::{Limits, Shape};
use super::proportion;

/// The value of a statistic of family sums, with its interval; the families weigh alike and may have any value.
///
/// `statistic` maps column totals to the number (a ratio of sums, for example) and answers `None` where it is
/// undefined. The result is `None` when it is undefined on all families; its interval is `None` with fewer than
/// two families, or when the statistic is undefined without one of them. [`Limits`] knows more about the families.
pub fn estimate(table: &FamilyTable, level: f64, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Estimate> {
    Some(Limits::new(table, Shape::ANY, |_| 1.0, statistic)?.estimate(level, table.items()))
}

/// Delete-one-family jackknife with Student's t, whatever the number of families.
///
/// `None` with fewer than two families, or when the statistic is undefined without one of them.
pub fn jackknife(table: &FamilyTable, level: f64, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Interval> {
    let jackknife = Jackknife::new(table, &statistic)?;
    let error = jackknife.variance()?.sqrt();
    let law = StudentsT::new(0.0, 1.0, jackknife.families() as f64 - 1.0).ok()?;
    let half = law.inverse_cdf(0.5 + level / 2.0) * error;
    Some(Interval {
        low: jackknife.value - half,
        high: jackknife.value + half,
        level,
        method: IntervalMethod::JackknifeT,
    })
}

/// Clopper and Pearson's exact interval for a proportion (1934). `None` when n = 0 or successes > n.
pub fn clopper_pearson(successes: u64, n: u64, level: f64) -> Option<Interval> {
    if n == 0 || successes > n {
        return None;
    }
    let (k, count) = (successes as f64, n as f64);
    let tail = (1.0 - level) / 2.0;
    let (low, high) = (proportion::below(k, count, tail)?, proportion::above(k, count, tail)?);
    Some(Interval { low, high, level, method: IntervalMethod::ClopperPearson })
}
