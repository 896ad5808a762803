//! How far a number may lie from its truth: one-sided bounds at any level, from the sums of its families.
//!
//! Everything that judges a number asks here, each at its own level: the 95 % interval that is shown, the gate's
//! one-sided bound, and the smallest level at which a gate fails. What each rule is good for was measured:
//! `docs/metrics/intervals.md`.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::bootstrap::{self, Hall};
use super::estimate::{Estimate, Interval, IntervalMethod, StudentAlone};
use super::families::FamilyTable;
use super::gate::Ends;
use super::jackknife::{Jackknife, defined};
use super::log_normal::Logs;
use super::proportion;
use super::rare::{Balance, FEW, Far, Part};

/// From this many families on the transformed t needs no bootstrap: they agree to a hundredth of the half-width.
const MANY_FAMILIES: usize = 400;
/// An error below this share of the value is rounding.
pub(super) const ROUNDING: f64 = 1e-12;
/// From so many degrees of freedom on Student's quantiles are taken from the normal law: equal to four digits.
const NORMAL_FROM: f64 = 10_000.0;
/// A share of more trials than this has a normal law to four digits.
pub(super) const MANY_TRIALS: f64 = 1e4;
/// The share of broken families that a gate excludes before it passes a number without a worst value.
pub const BROKEN: f64 = 0.05;

/// What is known of the families of a number before they are asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// The number is the share of items that are an event, in [0, 1].
    Events,
    /// A family has a value between these ends, where there are any.
    Between {
        /// Least value of a family.
        low: Option<f64>,
        /// Largest value of a family.
        high: Option<f64>,
    },
    /// A ratio of two amounts, to whose numerator families can bring so much that it would be this, were they all of them.
    Ratio(f64),
}

impl Shape {
    /// Nothing is known.
    pub const ANY: Self = Self::Between { low: None, high: None };
    /// From 0, and nobody knows how far up: a divergence, or a ratio of two amounts.
    pub const AMOUNT: Self = Self::Between { low: Some(0.0), high: None };

    pub(super) fn ends(self) -> (Option<f64>, Option<f64>) {
        match self {
            Self::Events => (Some(0.0), Some(1.0)),
            Self::Between { low, high } => (low, high),
            Self::Ratio(_) => (Some(0.0), None),
        }
    }

    /// Whether families may add to the number and take from it.
    fn is_balance(self) -> bool {
        matches!(self.ends(), (Some(low), Some(high)) if low < 0.0 && high > 0.0)
    }

    /// Whether a few families may carry the number: amounts, but not shares.
    fn is_amount(self) -> bool {
        self.ends().0 == Some(0.0) && self.ends().1 != Some(1.0)
    }
}

/// Bounds of a number at any level.
#[derive(Clone, Debug)]
pub struct Limits {
    value: f64,
    shape: Shape,
    families: f64,
    effective: f64,
    spread: Option<Spread>,
    help: Option<Help>,
    map: Option<fn(f64) -> f64>,
}

/// What becomes of the skewness of the studentised value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skewness {
    /// Hall's transformation takes it out.
    TakenOut,
    /// It stays.
    Left,
}

/// How the families spread.
#[derive(Clone, Debug, PartialEq)]
struct Spread {
    /// Value without any help.
    centre: f64,
    /// Jackknife error.
    error: f64,
    /// Degrees of freedom of the error, by the weights of the families.
    freedom: f64,
    /// The studentised value, transformed; `None` where Student's t is to serve alone.
    hall: Option<Hall>,
    /// Least and largest value of a single family.
    seen: Option<(f64, f64)>,
    /// The families' logarithms, where all of them have one.
    logs: Option<Logs>,
    /// What families add and what they take, where the number is a balance of both.
    balance: Option<Balance>,
}

/// What families that only the student was asked about add.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Help {
    shift: f64,
    ratio: f64,
    alone: StudentAlone,
}

impl Limits {
    /// The limits of a `statistic` of family sums; `None` where it is undefined on all of them.
    ///
    /// `weight` says how much of the number's denominator a family brings. A family that has no value by itself and
    /// whose absence changes nothing does not carry the number and is not counted.
    pub fn new(
        table: &FamilyTable,
        shape: Shape,
        weight: impl Fn(&[f64]) -> f64,
        statistic: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<Self> {
        let value = defined(statistic(&table.totals()))?;
        let carry = carrying(table, value, &statistic);
        let table = &table.filter(|family| carry.contains(family));
        Some(Self::with_value(value, table, shape, weight, &statistic, Skewness::TakenOut))
    }

    /// The limits of a statistic of means over strata, by the jackknife and Student's t.
    ///
    /// All families carry it: in a stratum where they are alike none of them changes anything, and yet it rests on them.
    /// Nor is the skewness taken out: where few families make up a stratum, resamples of them stretch the bounds without
    /// end, and no longer hold more truths.
    pub(crate) fn of_strata(
        table: &FamilyTable,
        shape: Shape,
        weight: impl Fn(&[f64]) -> f64,
        statistic: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<Self> {
        let value = defined(statistic(&table.totals()))?;
        Some(Self::with_value(value, table, shape, weight, &statistic, Skewness::Left))
    }

    fn with_value(
        value: f64,
        table: &FamilyTable,
        shape: Shape,
        weight: impl Fn(&[f64]) -> f64,
        statistic: &impl Fn(&[f64]) -> Option<f64>,
        skewness: Skewness,
    ) -> Self {
        let weights: Vec<f64> = table.rows().map(|(_, sums, _)| weight(sums).abs()).collect();
        let shares = shares(&weights);
        let squares = shares.iter().map(|share| share * share).sum::<f64>();
        Self {
            value,
            shape,
            families: table.len() as f64,
            effective: if squares > 0.0 { 1.0 / squares } else { 0.0 },
            spread: Spread::new(table, shape, &shares, statistic, skewness),
            help: None,
            map: None,
        }
    }

    /// The value.
    pub fn value(&self) -> f64 {
        let value = self.inner_value();
        self.map.map_or(value, |map| map(value))
    }

    fn inner_value(&self) -> f64 {
        self.value + self.help.map_or(0.0, |help| help.shift)
    }

    /// Families that carry the number.
    pub fn families(&self) -> u64 {
        self.families as u64
    }

    /// Families of equal weight that would carry it as well: (Σ d)² / Σ d² (Kish 1965).
    pub fn effective(&self) -> f64 {
        self.effective
    }

    /// Standard error of the jackknife; `None` where there is none.
    pub(super) fn error(&self) -> Option<f64> {
        let ratio = self.help.map_or(1.0, |help| help.ratio);
        self.spread.as_ref().map(|spread| spread.error * ratio)
    }

    /// Standard deviation per family: the standard error with G families of this kind is this over √G.
    pub fn family_sd(&self) -> Option<f64> {
        Some(self.error()? * self.families.sqrt())
    }

    /// Variance of the families' logarithms, where the number is an amount and all families have one.
    pub(super) fn log_variance(&self) -> Option<f64> {
        Some(self.spread.as_ref()?.logs?.variance())
    }

    /// How much farther than Student's t the wider of both bounds is.
    pub(super) fn stretch(&self, alpha: f64) -> Option<f64> {
        let spread = self.spread.as_ref()?;
        let (low, high) = self.values(spread, alpha, 1.0)?;
        let half = student(spread.freedom, alpha)? * spread.error;
        Some(if half > 0.0 { ((spread.centre - low).max(high - spread.centre) / half).max(1.0) } else { 1.0 })
    }

    pub(super) fn is_mapped(&self) -> bool {
        self.map.is_some()
    }

    pub(super) fn freedom(&self) -> Option<f64> {
        self.spread.as_ref().map(|spread| spread.freedom)
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Of fewer than five families, or all but five, an event is known.
    pub(crate) fn is_rare(&self) -> bool {
        let events = (self.value * self.families).round();
        self.shape == Shape::Events && (events < 5.0 || self.families - events < 5.0)
    }

    /// With the help of families that only the student was asked about: the value moves by `shift`, the distances to
    /// the bounds shrink by `ratio`.
    pub(crate) fn helped(self, shift: f64, ratio: f64, alone: StudentAlone) -> Self {
        Self { help: Some(Help { shift, ratio, alone }), ..self }
    }

    /// The limits of a falling or rising function of the number.
    pub(crate) fn mapped(self, map: fn(f64) -> f64) -> Self {
        Self { map: Some(map), ..self }
    }

    /// One-sided bounds, each missed with a chance of `alpha`; `None` where the families allow none.
    pub fn bounds(&self, alpha: f64) -> Option<(f64, f64)> {
        self.bounds_of_more(alpha, 1.0)
    }

    /// The same with `growth` times as many families of this kind.
    pub fn bounds_of_more(&self, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let spread = self.spread.as_ref()?;
        let (low, high) = match self.shape {
            Shape::Events => self.events(spread, alpha, growth)?,
            Shape::Between { .. } | Shape::Ratio(_) => self.values(spread, alpha, growth)?,
        };
        let (low, high) = self.with_unseen(low, high, alpha, growth);
        let (low, high) = match self.help {
            Some(Help { ratio, .. }) => {
                let value = self.inner_value();
                (value + ratio * (low - spread.centre), value + ratio * (high - spread.centre))
            }
            None => (low, high),
        };
        let (low, high) = self.map.map_or((low, high), |map| {
            let (a, b) = (map(low), map(high));
            (a.min(b), a.max(b))
        });
        (low.is_finite() && high.is_finite()).then_some((low, high))
    }

    /// The same for a gate. Where the number has no worst value on a side, what a broken family would add to it is
    /// unknown: its bound there clears no margin until so many families were asked that a share of [`BROKEN`] of them
    /// would have shown itself: 59 at 5 %, and no fewer than half as many by their weights.
    pub fn gate_ends(&self, alpha: f64, growth: f64) -> Option<Ends> {
        let (low, high) = self.bounds_of_more(alpha, growth)?;
        let ends = Ends::from((low, high));
        if unseen(self.families.min(2.0 * self.effective) * growth, alpha) <= BROKEN {
            return Some(ends);
        }
        let (least, most) = match (self.shape.ends(), self.map) {
            // A falling function changes the sides.
            ((least, most), Some(map)) if map(0.0) > map(1.0) => (most, least),
            (ends, _) => ends,
        };
        Some(Ends { clear: (least.map_or(f64::NEG_INFINITY, |_| low), most.map_or(f64::INFINITY, |_| high)), ..ends })
    }

    /// The two-sided interval, not narrowed to what the number can be.
    pub fn interval(&self, level: f64) -> Option<Interval> {
        let (low, high) = self.bounds((1.0 - level) / 2.0)?;
        let method = match (self.shape, &self.spread.as_ref()?.hall) {
            (Shape::Events, _) => IntervalMethod::KornGraubard,
            (_, None) => IntervalMethod::JackknifeT,
            (_, Some(Hall { deviates, .. })) if deviates.is_empty() => IntervalMethod::HallT,
            _ => IntervalMethod::HallBootstrap,
        };
        Some(Interval { low, high, level, method })
    }

    /// The number as people see it.
    pub fn estimate(&self, level: f64, items: u64) -> Estimate {
        Estimate {
            value: self.value(),
            interval: self.interval(level),
            n_families: self.families(),
            effective_families: Some(self.effective),
            unseen: (self.families >= 1.0).then(|| unseen(self.families, 0.05)),
            n_items: items,
            excluded: Vec::new(),
            floor: None,
            student_alone: self.help.map(|help| help.alone),
        }
    }

    /// A share of events: Clopper and Pearson's interval (1934) of so many trials as give the share the variance that
    /// it has among families (Korn and Graubard, Survey Methodology 24, 1998); one trial per family where nothing varies.
    fn events(&self, spread: &Spread, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let share = spread.centre;
        let (t, z) = (student(spread.freedom * growth, alpha)?, Normal::standard().inverse_cdf(1.0 - alpha));
        let varies = spread.error > ROUNDING && share > 0.0 && share < 1.0;
        let trials = growth
            * if varies { share * (1.0 - share) / spread.error.powi(2) * (z / t).powi(2) } else { self.effective };
        if trials > MANY_TRIALS {
            let half = t * spread.error / growth.sqrt();
            return Some((share - half, share + half));
        }
        let events = trials * share;
        Some((proportion::below(events, trials, alpha)?, proportion::above(events, trials, alpha)?))
    }

    /// On each side the wider of Student's t and Hall's transformed t, the latter no further than the farthest family
    /// seen; upwards also the log-normal bound, where the number is an amount; and where few families carry it, the bounds of so many.
    fn values(&self, spread: &Spread, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let (centre, error) = (spread.centre, spread.error / growth.sqrt());
        let half = student(spread.freedom * growth, alpha)? * error;
        let (mut low, mut high) = (centre - half, centre + half);
        let (least, most) = spread.seen.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let [rare_low, rare_high] = if spread.hall.is_some() { self.rare(spread, alpha, growth) } else { [None; 2] };
        // Of fewer than five families resamples say nothing, where their number does.
        let resampled =
            |rare: Option<Far>| rare.is_none_or(|rare| rare.families >= FEW || self.shape.ends().1.is_none());
        if let Some(hall) = &spread.hall
            && error > 0.0
        {
            let [below, above] = hall.quantiles(alpha, growth, half / error);
            if resampled(rare_low) {
                low = low.min((centre - above * error).max(least));
            }
            if resampled(rare_high) {
                high = high.max((centre - below * error).min(most));
            }
        }
        if self.shape.is_amount()
            && let Some(logs) = &spread.logs
        {
            let t = student(spread.freedom * growth, alpha)?;
            high = high.max(logs.above((centre, error), self.effective * growth, t, alpha).min(most));
        }
        low = rare_low.map_or(low, |rare| low.min(centre - rare.by));
        high = rare_high.map_or(high, |rare| high.max(centre + rare.by));
        Some((low, high))
    }

    /// How far below and above the value its bounds lie where few families carry it: away from each of its ends, and both ways from 0
    /// where it is a balance.
    fn rare(&self, spread: &Spread, alpha: f64, growth: f64) -> [Option<Far>; 2] {
        let (families, (least, most)) = (self.effective * growth, self.shape.ends());
        if let Some(balance) = &spread.balance {
            return balance.distances(families, alpha);
        }
        // Of what is not a mean of the families' own values, or goes beyond its ends by chance, no such law is known.
        let within =
            |(low, high): (f64, f64)| least.is_none_or(|least| low >= least) && most.is_none_or(|most| high <= most);
        if !spread.seen.is_some_and(within) {
            return [None; 2];
        }
        let variance = spread.error.powi(2) * self.effective;
        let from = |end: f64| Part { mean: (spread.centre - end).abs(), variance }.above(families, alpha);
        [most.and_then(from), least.and_then(from)]
    }

    /// No spread is no certainty: a share of the families none of which was seen, although there are so many that this
    /// had a chance of `alpha`, may have the worst value that there is. Where there is no largest value, it may miss
    /// what the denominator has: both are the bound of no event, 1 − α^(1/n).
    fn with_unseen(&self, low: f64, high: f64, alpha: f64, growth: f64) -> (f64, f64) {
        let share = unseen(self.effective * growth, alpha);
        let (least, most) = self.shape.ends();
        // An estimate without bias may lie beyond what is possible: that is no evidence for the unseen.
        let value = self.value.max(least.unwrap_or(f64::NEG_INFINITY)).min(most.unwrap_or(f64::INFINITY));
        let low = least.map_or(low, |least| low.min(value - share * (value - least)));
        let high = match (least, most) {
            (_, Some(most)) => high.max(value + share * (most - value)),
            (Some(least), None) => high.max(least + (value - least) / (1.0 - share)),
            (None, None) => high,
        };
        let high = match self.shape {
            Shape::Ratio(most) => high.max(value + share * (most - value)),
            _ => high,
        };
        (low, high)
    }
}

impl Spread {
    fn new(
        table: &FamilyTable,
        shape: Shape,
        shares: &[f64],
        statistic: &impl Fn(&[f64]) -> Option<f64>,
        skewness: Skewness,
    ) -> Option<Self> {
        let jackknife = Jackknife::new(table, statistic)?;
        let error = jackknife.variance()?.sqrt();
        let alone: Option<Vec<f64>> = table.rows().map(|(_, sums, _)| defined(statistic(sums))).collect();
        let taken_out = skewness == Skewness::TakenOut;
        let bootstrapped = taken_out && shape != Shape::Events && table.len() < MANY_FAMILIES && error > 0.0;
        let deviates = if bootstrapped { bootstrap::deviates(table, &jackknife, statistic) } else { Vec::new() };
        Some(Self {
            centre: jackknife.value,
            error,
            freedom: freedom(shares),
            hall: taken_out.then(|| Hall { acceleration: jackknife.acceleration(), deviates }),
            seen: alone.as_ref().map(|alone| {
                alone.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
            }),
            balance: alone.as_ref().filter(|_| shape.is_balance()).map(|alone| Balance::of(alone, shares)),
            logs: alone.filter(|_| shape.is_amount()).and_then(|alone| Logs::of(&alone, shares)),
        })
    }
}

/// Names of the families that carry the number.
fn carrying<'t>(
    table: &'t FamilyTable,
    value: f64,
    statistic: &impl Fn(&[f64]) -> Option<f64>,
) -> std::collections::BTreeSet<&'t str> {
    let totals = table.totals();
    let mut rest = vec![0.0; totals.len()];
    table
        .rows()
        .filter(|(_, sums, _)| {
            for ((rest, total), sum) in rest.iter_mut().zip(&totals).zip(*sums) {
                *rest = total - sum;
            }
            statistic(sums).is_some() || statistic(&rest) != Some(value)
        })
        .map(|(family, ..)| family)
        .collect()
}

/// Weights that add up to 1; all alike where none is above 0.
fn shares(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let even = 1.0 / weights.len().max(1) as f64;
    weights.iter().map(|weight| if total > 0.0 { weight / total } else { even }).collect()
}

/// Satterthwaite's degrees of freedom of a sum of squares with these weights, the families' values varying alike
/// (Bell and McCaffrey, Survey Methodology 28, 2002): G − 1 where all weigh the same.
fn freedom(shares: &[f64]) -> f64 {
    let sum = |power: i32| shares.iter().map(|share| share.powi(power)).sum::<f64>();
    let families = shares.len() as f64;
    (sum(2).powi(2) / sum(4) * (families - 1.0) / families).max(1.0)
}

/// Upper quantile of Student's t; `None` unless `freedom` is above 0.
pub(crate) fn student(freedom: f64, alpha: f64) -> Option<f64> {
    if freedom >= NORMAL_FROM {
        return Some(Normal::standard().inverse_cdf(1.0 - alpha));
    }
    StudentsT::new(0.0, 1.0, freedom).ok().map(|law| law.inverse_cdf(1.0 - alpha))
}

/// Share of the families that may be unlike all of those that were seen, with a chance of `alpha` that none of them was:
/// 1 − α^(1/G).
pub fn unseen(families: f64, alpha: f64) -> f64 {
    if families > 0.0 { 1.0 - alpha.powf(1.0 / families) } else { 1.0 }
}

/// Families of which none is broken that exclude, with a chance of 1 − `alpha`, that so large a `share` of all is: 59 for 5 %
/// at 5 %. The fewest with which a gate can pass whose margin is that share.
pub fn families_to_exclude(share: f64, alpha: f64) -> u64 {
    (alpha.ln() / (1.0 - share).ln()).ceil().max(1.0) as u64
}
