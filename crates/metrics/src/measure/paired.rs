//! A metric of two runs, family by family: how far they are apart, and which one is better.

use super::definition::{Definition, IntervalRule};
use super::formula::Undefined;
use super::sums::Sums;
use crate::stats::paired::{self, Paired};

/// A share of a value up to which two of them are the same.
const SAME: f64 = 1e-9;

/// One of two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

/// A metric of two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Both numbers, the interval of their difference and its p-value.
    pub paired: Paired,
    /// Families in which the first run is better.
    pub a_better: u64,
    /// Families in which the second run is better.
    pub b_better: u64,
    /// The run whose number is nearer to the best one; `None` where both are equally near or neither way is better. Where the
    /// best value lies between them, the difference does not say which is nearer: their distances are compared, at the level
    /// of the interval.
    pub better: Option<Side>,
}

impl Definition {
    /// Its difference between two runs over the families that both have: [`paired::difference`].
    ///
    /// # Errors
    /// Why the number does not exist in one of them, or cannot be compared.
    pub fn compare(&self, a: &Sums, b: &Sums, level: f64) -> Result<Compared, Undefined> {
        let measure = self.measure()?;
        let (a, b) = (measure.project(a), measure.project(b));
        let (a, b) = (a.filter(|family| b.get(family).is_some()), b.filter(|family| a.get(family).is_some()));
        for table in [&a, &b] {
            let value = measure.formula.of(&table.totals())?;
            if let IntervalRule::Own(own) = measure.interval {
                own(table, level)?;
                // What lies beyond its end is not seen, and neither is how it spreads.
                if value >= self.range.high.value() {
                    return Err(Undefined::AtItsEnd);
                }
            }
        }
        let weight = |sums: &[f64]| measure.formula.weight(sums);
        let statistic = |sums: &[f64]| measure.formula.of(sums).ok();
        let paired = paired::difference(&a, &b, level, weight, statistic).ok_or(Undefined::Unknown)?;
        let losses = || {
            let loss = |sums: &[f64]| self.direction.loss(statistic(sums)?);
            paired::difference(&a, &b, level, weight, loss)
        };
        Ok(self.judged(paired, level, losses))
    }

    /// Which of two runs is better by this metric. `losses` are their distances from the best value, paired in the same way.
    pub(crate) fn judged(&self, paired: Paired, level: f64, losses: impl FnOnce() -> Option<Paired>) -> Compared {
        let better = |&(a, b): &(f64, f64)| {
            let (a, b) = (self.direction.loss(a)?, self.direction.loss(b)?);
            let same = (a - b).abs() <= SAME * a.abs().max(b.abs());
            (!same).then_some(if a < b { Side::A } else { Side::B })
        };
        let nearer = || losses()?.p_value.filter(|&p| p <= 1.0 - level);
        let clear = !self.direction.between(paired.a, paired.b) || nearer().is_some();
        let families = |side: Side| paired.of_families.iter().filter(|pair| better(pair) == Some(side)).count() as u64;
        Compared {
            a_better: families(Side::A),
            b_better: families(Side::B),
            better: better(&(paired.a, paired.b)).filter(|_| clear),
            paired,
        }
    }
}
