//! The difference of two numbers of the same families, each of which has bounds that are not symmetric.

use super::estimate::{Estimate, Interval, IntervalMethod};
use super::families::FamilyTable;
use super::gate::Ends;
use super::jackknife::Jackknife;
use super::limits::Limits;

/// Bounds of a − b at any level, recovered from those of a and of b and from how they vary together over families: the
/// method of variance estimates recovery (Zou and Donner, Statistics in Medicine 27, 2008, for dependent numbers).
///
/// Where both have symmetric bounds this is the interval of the jackknife of a − b. Where one of them is a root near 0 the
/// jackknife of the difference sees a spread that is far too large or none, and this keeps that of its bounds.
#[derive(Clone, Debug)]
pub struct Difference {
    value: f64,
    a: Limits,
    b: Limits,
    correlation: f64,
}

impl Difference {
    /// From the limits of both, not narrowed to what they can be, and the family sums that both are the same function of;
    /// `value` is that of people's eyes.
    pub fn new(
        value: f64,
        [a, b]: [Limits; 2],
        (of_a, of_b): (&FamilyTable, &FamilyTable),
        statistic: impl Fn(&[f64]) -> Option<f64>,
    ) -> Self {
        let both = Jackknife::new(of_a, &statistic).zip(Jackknife::new(of_b, &statistic));
        Self { value, a, b, correlation: both.map_or(0.0, |(a, b)| a.correlation(&b)) }
    }

    /// a − b.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// One-sided bounds, each missed with a chance of `alpha`, with `growth` times as many families.
    pub fn bounds_of_more(&self, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let ((low_a, high_a), (low_b, high_b)) =
            (self.a.bounds_of_more(alpha, growth)?, self.b.bounds_of_more(alpha, growth)?);
        let (a, b) = (self.a.value(), self.b.value());
        let apart = |x: f64, y: f64| (x * x + y * y - 2.0 * self.correlation * x * y).max(0.0).sqrt();
        // An estimate may lie beyond what is possible, and its bound on that side with it.
        let [down_a, up_a, down_b, up_b] = [a - low_a, high_a - a, b - low_b, high_b - b].map(|side| side.max(0.0));
        Some(((a - b - apart(down_a, up_b)).min(self.value), (a - b + apart(up_a, down_b)).max(self.value)))
    }

    /// The same for a gate.
    pub fn gate_ends(&self, alpha: f64, growth: f64) -> Option<Ends> {
        self.bounds_of_more(alpha, growth).map(Ends::from)
    }

    /// The two-sided interval.
    pub fn interval(&self, level: f64) -> Option<Interval> {
        let (low, high) = self.bounds_of_more((1.0 - level) / 2.0, 1.0)?;
        Some(Interval { low, high, level, method: IntervalMethod::VarianceRecovery })
    }

    /// The number as people see it.
    pub fn estimate(&self, level: f64, items: u64) -> Estimate {
        let fewest = if self.a.families() < self.b.families() { &self.a } else { &self.b };
        Estimate { value: self.value, interval: self.interval(level), ..fewest.estimate(level, items) }
    }
}
