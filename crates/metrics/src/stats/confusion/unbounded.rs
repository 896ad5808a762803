//! The estimate whose cells may lie below 0, R = M⁻¹ N M⁻ᵀ, beside the one that has none. It has no bias, and its spread is seen
//! wherever it lies; an estimate that was stopped at 0 hardly varies, and its interval is far too narrow. docs/metrics/risk.md
//! has what both hold.

use crate::stats::families::FamilyTable;
use crate::stats::jackknife::Jackknife;
use crate::stats::limits::student;

/// A number of the unbounded estimate and its two independent spreads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unbounded {
    value: f64,
    /// Standard error and degrees of freedom over the families that were asked.
    families: (f64, f64),
    /// The same over the labelled families.
    labels: (f64, f64),
}

/// What is made of calls and labels.
pub(super) type Statistic<'s> = dyn Fn(&[f64], &[f64]) -> Option<f64> + 's;

impl Unbounded {
    /// `None` where nobody labelled anything, so that nothing is corrected, or where it cannot do without a family.
    pub fn new(calls: &FamilyTable, labels: &FamilyTable, of: &Statistic<'_>) -> Option<Self> {
        let (called, labelled) = (calls.totals(), labels.totals());
        let spread = |found: Jackknife| Some((found.variance()?.sqrt(), found.families() as f64 - 1.0));
        let families = Jackknife::new(calls, &|sums: &[f64]| of(sums, &labelled))?;
        let value = families.value;
        let labels = Jackknife::new(labels, &|labels: &[f64]| of(&called, labels))?;
        Some(Self { value, families: spread(families)?, labels: spread(labels)? })
    }

    /// Bounds, of `growth` times as many families, that hold `value`: the number as it is told, whose cells are none below 0.
    pub fn around(self, value: f64, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let ((of_families, freedom), (of_labels, known)) = (self.families, self.labels);
        let half =
            (student(freedom * growth, alpha)? * of_families / growth.sqrt()).hypot(student(known, alpha)? * of_labels);
        Some(((self.value - half).min(value), (self.value + half).max(value)))
    }
}

/// The bounds of an estimate without cells below 0, and those of one that may have such, where there is one. Of events of which hardly
/// any was called both are taken: nothing among a few is no normal law.
pub(super) fn joined(stopped: (f64, f64), unbounded: Option<(f64, f64)>, is_rare: bool) -> (f64, f64) {
    match unbounded {
        None => stopped,
        Some((low, high)) if is_rare => (low.min(stopped.0), high.max(stopped.1)),
        Some(bounds) => bounds,
    }
}
