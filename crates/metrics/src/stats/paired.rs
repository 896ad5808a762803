//! One number of two runs over the same families: their difference, with the error that families leave when each is taken
//! out of both runs at once. What a family adds to both cancels.

use super::estimate::Interval;
use super::families::FamilyTable;
use super::gate::{Bounds, failure_p};
use super::jackknife::defined;
use super::limits::{Limits, ROUNDING, Shape};

/// A number of two runs over the families that both have.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// In the first run.
    pub a: f64,
    /// In the second run.
    pub b: f64,
    /// Of b − a; `None` with fewer than two families, where the number does not exist without one of them, and where no
    /// family differs from another in how far its two runs are apart.
    pub interval: Option<Interval>,
    /// Two-sided, of "b − a is 0"; `None` where the families allow none.
    pub p_value: Option<f64>,
    /// The values in both runs of each family that has one in both, in the order of their names.
    pub of_families: Vec<(f64, f64)>,
    /// Families that carry the number in either run.
    pub families: u64,
}

impl Paired {
    /// b − a.
    pub fn difference(&self) -> f64 {
        self.b - self.a
    }
}

/// The numbers of two runs and the interval of their difference; `None` where the `statistic` of family sums is undefined on
/// either. Families that only one of the tables has are left out. `weight` says how much of the number's denominator a family
/// brings in one run.
///
/// The same family is deleted in both: [`Limits`] of the difference as a function of both runs' sums. Where every family is
/// apart by the same amount there is no spread to judge by: the p-value is that of G equal signs, 2^(1 − G), or 1 where that
/// amount is 0.
pub fn difference(
    a: &FamilyTable,
    b: &FamilyTable,
    level: f64,
    weight: impl Fn(&[f64]) -> f64,
    statistic: impl Fn(&[f64]) -> Option<f64>,
) -> Option<Paired> {
    let width = a.columns();
    let limits = |both: &FamilyTable, apart: &dyn Fn(&[f64]) -> Option<f64>| {
        Limits::new(both, Shape::ANY, |sums| weight(&sums[..width]), apart)
    };
    paired(a, b, level, limits, statistic)
}

/// The same of a statistic of means over strata, on which all families bear: by the jackknife and Student's t.
pub(crate) fn difference_of_strata(
    a: &FamilyTable,
    b: &FamilyTable,
    level: f64,
    weight: impl Fn(&[f64]) -> f64,
    statistic: impl Fn(&[f64]) -> Option<f64>,
) -> Option<Paired> {
    let width = a.columns();
    let limits = |both: &FamilyTable, apart: &dyn Fn(&[f64]) -> Option<f64>| {
        Limits::of_strata(both, Shape::ANY, |sums| weight(&sums[..width]), apart)
    };
    paired(a, b, level, limits, statistic)
}

/// The difference, with the limits that `limits` makes of it.
fn paired(
    a: &FamilyTable,
    b: &FamilyTable,
    level: f64,
    limits: impl Fn(&FamilyTable, &dyn Fn(&[f64]) -> Option<f64>) -> Option<Limits>,
    statistic: impl Fn(&[f64]) -> Option<f64>,
) -> Option<Paired> {
    let both = side_by_side(a, b);
    let width = a.columns();
    let each = |sums: &[f64]| {
        let (a, b) = sums.split_at(width);
        defined(statistic(a)).zip(defined(statistic(b)))
    };
    let (in_a, in_b) = each(&both.totals())?;
    let limits = limits(&both, &|sums| {
        let (a, b) = each(sums)?;
        Some(b - a)
    })?;
    let families = limits.families();
    let mut found = Paired {
        a: in_a,
        b: in_b,
        interval: None,
        p_value: None,
        of_families: both.rows().filter_map(|(_, sums, _)| each(sums)).collect(),
        families,
    };
    let rounding = ROUNDING * in_a.abs().max(in_b.abs());
    match limits.error() {
        Some(error) if error > rounding => {
            found.interval = limits.interval(level);
            found.p_value = Some(p_of_nothing(&limits));
        }
        Some(_) if found.difference().abs() > rounding => found.p_value = Some(2.0_f64.powf(1.0 - families as f64)),
        Some(_) => found.p_value = Some(1.0),
        None => {}
    }
    Some(found)
}

/// Twice the smallest level at which a bound excludes 0.
fn p_of_nothing(limits: &Limits) -> f64 {
    let ends = |alpha: f64| limits.bounds(alpha);
    let below = Bounds { at_most: Some(0.0), at_least: None };
    let above = Bounds { at_least: Some(0.0), at_most: None };
    (2.0 * failure_p(ends, &below).min(failure_p(ends, &above))).min(1.0)
}

/// The sums of both tables in one row per family that both have, those of `a` first.
fn side_by_side(a: &FamilyTable, b: &FamilyTable) -> FamilyTable {
    let mut both = FamilyTable::new(a.columns() + b.columns());
    for (family, sums, items) in a.rows() {
        if let Some(others) = b.get(family) {
            both.add(family, &[sums, others].concat(), items);
        }
    }
    both
}
