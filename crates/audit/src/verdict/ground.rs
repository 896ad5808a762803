//! What a gate judges by: how far its number may lie from its truth, at any level.

use hydrometer_metrics::geometry::{ReachTest, least_of};
use hydrometer_metrics::measure::forgetting::ForgottenLimits;
use hydrometer_metrics::stats::confusion::Corrected;
use hydrometer_metrics::stats::confusion::excess::Excess;
use hydrometer_metrics::stats::difference::Difference;
use hydrometer_metrics::stats::gate::{Bounds, Ends};
use hydrometer_metrics::stats::limits::Limits;
use hydrometer_metrics::stats::power;
use hydrometer_metrics::{Interval, IntervalMethod};

/// What is known of a number beside its value.
#[derive(Clone, Debug)]
pub(crate) enum Ground {
    /// Its own limits.
    One(Limits),
    /// Its own limits, and how far it may lie below and above them for what is not known of it.
    Bounded(Limits, f64, f64),
    /// It is nowhere known, and lies between two numbers: the limits of the least and of the most that it may be.
    Between(Limits, Limits),
    /// It is the least of these.
    Least(Vec<Limits>),
    /// It is the shortest reach of these axes.
    Reach(Vec<ReachTest>),
    /// It is the difference of two numbers.
    Gap(Difference),
    /// It is a mean of positive parts.
    Forgotten(ForgottenLimits),
    /// It is corrected for what a classifier confuses.
    Corrected(Box<Corrected>),
    /// It is what is left of a share when chance alone is taken off.
    Excess(Box<Excess>),
}

impl Ground {
    pub(crate) fn of_corrected(found: Corrected) -> Self {
        Self::Corrected(Box::new(found))
    }

    pub(crate) fn of_excess(found: Excess) -> Self {
        Self::Excess(Box::new(found))
    }

    /// One-sided bounds, each missed with a chance of `alpha`, with `growth` times as many families; `None` where the
    /// families allow none.
    pub(crate) fn ends(&self, alpha: f64, growth: f64) -> Option<Ends> {
        match self {
            Self::One(limits) => limits.gate_ends(alpha, growth),
            Self::Bounded(limits, below, above) => {
                let ends = limits.gate_ends(alpha, growth)?;
                let wider = |(low, high): (f64, f64)| (low - below, high + above);
                Some(Ends { miss: wider(ends.miss), clear: wider(ends.clear) })
            }
            Self::Between(least, most) => {
                let (low, high) = (least.gate_ends(alpha, growth)?, most.gate_ends(alpha, growth)?);
                Some(Ends { miss: (low.miss.0, high.miss.1), clear: (low.clear.0, high.clear.1) })
            }
            Self::Least(all) => {
                let of = |alpha: f64| all.iter().map(|one| one.gate_ends(alpha, growth)).collect::<Option<Vec<_>>>();
                let (low, high) = (of(alpha)?, of(alpha / all.len() as f64)?);
                let least = |values: &mut dyn Iterator<Item = f64>| values.min_by(f64::total_cmp);
                Some(Ends {
                    miss: (
                        least(&mut low.iter().map(|ends| ends.miss.0))?,
                        least(&mut high.iter().map(|ends| ends.miss.1))?,
                    ),
                    clear: (
                        least(&mut low.iter().map(|ends| ends.clear.0))?,
                        least(&mut high.iter().map(|ends| ends.clear.1))?,
                    ),
                })
            }
            Self::Reach(_) => self.bounds_of_more(alpha, growth).map(Ends::from),
            Self::Gap(limits) => limits.gate_ends(alpha, growth),
            Self::Forgotten(limits) => limits.gate_ends(alpha, growth),
            Self::Corrected(limits) => limits.gate_ends(alpha, growth),
            Self::Excess(limits) => limits.gate_ends(alpha, growth),
        }
    }

    /// One-sided bounds, each missed with a chance of `alpha`.
    pub(crate) fn bounds(&self, alpha: f64) -> Option<(f64, f64)> {
        match self {
            Self::One(limits) => limits.bounds(alpha),
            Self::Bounded(limits, below, above) => limits.bounds(alpha).map(|(low, high)| (low - below, high + above)),
            Self::Between(least, most) => Some((least.bounds(alpha)?.0, most.bounds(alpha)?.1)),
            Self::Least(all) => least_of(all, alpha),
            Self::Reach(_) => self.bounds_of_more(alpha, 1.0),
            Self::Gap(limits) => limits.bounds_of_more(alpha, 1.0),
            Self::Forgotten(limits) => limits.bounds_of_more(alpha, 1.0),
            Self::Corrected(limits) => limits.bounds_of_more(alpha, 1.0),
            Self::Excess(limits) => limits.bounds_of_more(alpha, 1.0),
        }
    }

    /// The shortest reach of several axes: its lower bound holds whichever axis is the shortest, for its upper bound all of
    /// theirs must hold together.
    fn bounds_of_more(&self, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let Self::Reach(axes) = self else { return None };
        let low = axes.iter().map(|axis| axis.bounds(alpha, growth).0).min_by(f64::total_cmp)?;
        let each = alpha / axes.len() as f64;
        let high = axes.iter().map(|axis| axis.bounds(each, growth).1).min_by(f64::total_cmp)?;
        Some((low, high))
    }

    /// The interval that people see: not beyond what was asked.
    pub(crate) fn interval(&self, level: f64) -> Option<Interval> {
        match self {
            Self::One(limits) => limits.interval(level),
            Self::Bounded(limits, below, above) => {
                let interval = limits.interval(level)?;
                Some(Interval { low: interval.low - below, high: interval.high + above, ..interval })
            }
            Self::Between(least, most) => {
                let (low, high) = (least.interval(level)?, most.interval(level)?);
                Some(Interval { high: high.high, ..low })
            }
            Self::Least(all) => {
                let method = all.first()?.interval(level)?.method;
                let (low, high) = self.bounds((1.0 - level) / 2.0)?;
                Some(Interval { low, high, level, method })
            }
            Self::Gap(limits) => limits.interval(level),
            Self::Forgotten(limits) => limits.interval(level),
            Self::Corrected(limits) => limits.interval(level),
            Self::Excess(limits) => limits.interval(level),
            Self::Reach(axes) => {
                let (low, high) = self.bounds((1.0 - level) / 2.0)?;
                let farthest = axes.iter().map(ReachTest::farthest).min_by(f64::total_cmp)?;
                let within = |end: f64| end.min(farthest);
                Some(Interval { low: within(low), high: within(high), level, method: IntervalMethod::FixedSequence })
            }
        }
    }

    /// Smallest loss beyond the bounds that would have been found with a chance of `power`; `None` where it is not known.
    pub(crate) fn beyond(&self, bounds: &Bounds, alpha: f64, power: f64) -> Option<f64> {
        match self {
            Self::One(limits) => power::beyond(limits, bounds, alpha, power),
            Self::Bounded(..)
            | Self::Between(..)
            | Self::Least(_)
            | Self::Reach(_)
            | Self::Gap(_)
            | Self::Forgotten(_)
            | Self::Corrected(_)
            | Self::Excess(_) => None,
        }
    }
}
