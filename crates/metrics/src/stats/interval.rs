//! Confidence intervals whose unit is the probe family.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

use super::estimate::{Estimate, Interval, IntervalMethod};
use super::families::FamilyTable;
use super::jackknife::{Jackknife, defined};

/// Resamples of the bootstrap.
pub const RESAMPLES: usize = 2000;
/// With fewer families than this the jackknife alone undercovers on skewed values.
pub const FEW_FAMILIES: usize = 50;
/// Acceleration of the jackknife values beyond which they count as skewed, however many families there are.
pub const SKEWED: f64 = 0.02;
/// Above this many families skewness no longer matters enough to pay for a bootstrap.
pub const MANY_FAMILIES: usize = 400;
/// Seed of the bootstrap: part of the method, so that equal sums give equal bytes.
pub const BOOTSTRAP_SEED: u64 = 0x6879_6472_6f6d_6574;

/// The value of a statistic of family sums, with its interval.
///
/// `statistic` maps column totals to the number (a ratio of sums, for example) and answers `None` where it is
/// undefined. The result is `None` when it is undefined on all families; its interval is `None` with fewer than
/// two families, or when the statistic is undefined without one of them.
///
/// The interval is the delete-one-family jackknife with Student's t; with fewer than [`FEW_FAMILIES`] families, or
/// skewed jackknife values, each side is the wider of that and the studentised bootstrap over families. Measured
/// coverage: `docs/metrics/intervals.md`.
pub fn estimate(table: &FamilyTable, level: f64, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Estimate> {
    let value = defined(statistic(&table.totals()))?;
    let interval =
        Jackknife::new(table, &statistic).and_then(|jackknife| family_interval(table, &jackknife, level, &statistic));
    Some(Estimate {
        value,
        interval,
        n_families: table.len() as u64,
        n_items: table.items(),
        excluded: Vec::new(),
        floor: None,
        student_alone: None,
    })
}

/// Chooses the method by the number of families and the skewness of the jackknife values.
fn family_interval(
    table: &FamilyTable,
    jackknife: &Jackknife,
    level: f64,
    statistic: &impl Fn(&[f64]) -> Option<f64>,
) -> Option<Interval> {
    let interval = jackknife_t(jackknife, level)?;
    let families = jackknife.families();
    let skewed = families < MANY_FAMILIES && jackknife.acceleration().abs() > SKEWED;
    if interval.low == interval.high || (families >= FEW_FAMILIES && !skewed) {
        return Some(interval);
    }
    let Some((low, high)) = bootstrap_t(table, jackknife, level, statistic) else {
        return Some(interval);
    };
    Some(Interval {
        low: low.min(interval.low),
        high: high.max(interval.high),
        level,
        method: IntervalMethod::BootstrapT,
    })
}

/// Studentised bootstrap over families (Efron and Tibshirani 1993, section 12.5): quantiles of
/// (θ* − θ)/se* over resamples, se* the jackknife error inside the resample, turned round the value.
/// `None` when fewer than nine tenths of the resamples define it.
fn bootstrap_t(
    table: &FamilyTable,
    jackknife: &Jackknife,
    level: f64,
    statistic: &impl Fn(&[f64]) -> Option<f64>,
) -> Option<(f64, f64)> {
    let error = jackknife.variance()?.sqrt();
    let rows: Vec<&[f64]> = table.rows().map(|(_, sums, _)| sums).collect();
    let mut random = ChaCha8Rng::seed_from_u64(BOOTSTRAP_SEED);
    let mut resample = Resample::new(&rows, table.columns());
    let mut deviates = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        resample.draw(&mut random);
        if let Some((value, own_error)) = resample.value_and_error(statistic)
            // A resample of nearly one family has no spread of its own to be measured by.
            && own_error > 1e-3 * error
        {
            deviates.push((value - jackknife.value) / own_error);
        }
    }
    if deviates.len() * 10 < RESAMPLES * 9 {
        return None;
    }
    deviates.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    let quantile = |fraction: f64| {
        let rank = fraction * (deviates.len() - 1) as f64;
        let below = rank as usize;
        let above = (below + 1).min(deviates.len() - 1);
        deviates[below] + (rank - below as f64) * (deviates[above] - deviates[below])
    };
    Some((jackknife.value - quantile(1.0 - tail) * error, jackknife.value - quantile(tail) * error))
}

/// Families drawn with replacement.
struct Resample<'a> {
    rows: &'a [&'a [f64]],
    counts: Vec<u32>,
    totals: Vec<f64>,
    rest: Vec<f64>,
    without: Vec<(f64, f64)>,
}

impl<'a> Resample<'a> {
    fn new(rows: &'a [&'a [f64]], columns: usize) -> Self {
        Self {
            rows,
            counts: vec![0; rows.len()],
            totals: vec![0.0; columns],
            rest: vec![0.0; columns],
            without: Vec::with_capacity(rows.len()),
        }
    }

    /// Draws as many families as there are.
    fn draw(&mut self, random: &mut ChaCha8Rng) {
        self.counts.fill(0);
        self.totals.fill(0.0);
        for _ in 0..self.rows.len() {
            let family = random.random_range(0..self.rows.len());
            self.counts[family] += 1;
            for (total, value) in self.totals.iter_mut().zip(self.rows[family]) {
                *total += value;
            }
        }
    }

    /// The statistic and its jackknife error; a family drawn twice is left out once at a time, twice.
    fn value_and_error(&mut self, statistic: &impl Fn(&[f64]) -> Option<f64>) -> Option<(f64, f64)> {
        let value = defined(statistic(&self.totals))?;
        let families = self.rows.len() as f64;
        self.without.clear();
        let mut mean = 0.0;
        for (row, &count) in self.rows.iter().zip(&self.counts) {
            if count == 0 {
                continue;
            }
            for ((rest, total), value) in self.rest.iter_mut().zip(&self.totals).zip(*row) {
                *rest = total - value;
            }
            let without = defined(statistic(&self.rest))?;
            mean += f64::from(count) * without / families;
            self.without.push((f64::from(count), without));
        }
        let squares: f64 = self.without.iter().map(|&(count, without)| count * (without - mean).powi(2)).sum();
        Some((value, ((families - 1.0) / families * squares).sqrt()))
    }
}

/// Delete-one-family jackknife with Student's t, whatever the number of families.
///
/// `None` with fewer than two families, or when the statistic is undefined without one of them.
pub fn jackknife(table: &FamilyTable, level: f64, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Interval> {
    Jackknife::new(table, &statistic).and_then(|jackknife| jackknife_t(&jackknife, level))
}

/// value ± t₍G−1₎ · standard error.
fn jackknife_t(jackknife: &Jackknife, level: f64) -> Option<Interval> {
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
    let low = if successes == 0 { 0.0 } else { Beta::new(k, count - k + 1.0).ok()?.inverse_cdf(tail) };
    let high = if successes == n { 1.0 } else { Beta::new(k + 1.0, count - k).ok()?.inverse_cdf(1.0 - tail) };
    Some(Interval { low, high, level, method: IntervalMethod::ClopperPearson })
}

/// A share of which fewer than five families (or all but five) are an event has no jackknife worth the name: its
/// interval becomes Clopper–Pearson's with the families as trials.
pub fn exact_near_the_ends(estimate: &mut Estimate, level: f64) {
    let families = estimate.n_families;
    let events = events(estimate);
    let rare = families >= 2 && (events < 5 || families - events < 5);
    let exact = rare.then(|| clopper_pearson(events, families, level)).flatten();
    if let Some(exact) = exact {
        let (low, high) = (exact.low.min(estimate.value), exact.high.max(estimate.value));
        estimate.interval = Some(Interval { low, high, ..exact });
        // The exact interval owes nothing to others.
        estimate.student_alone = None;
    }
}

/// The families that a share makes events of.
fn events(estimate: &Estimate) -> u64 {
    ((estimate.value * estimate.n_families as f64).round() as u64).min(estimate.n_families)
}

/// Families none of which differs say only how rare a difference is: an interval without width becomes the exact bound
/// of no event, on both sides.
pub fn widen_zero_width(estimate: &mut Estimate, level: f64) {
    let families = estimate.n_families;
    if let Some(found) = estimate.interval.filter(|interval| interval.low == interval.high) {
        let exact = clopper_pearson(0, families, level);
        estimate.interval =
            exact.map(|exact| Interval { low: found.low - exact.high, high: found.high + exact.high, ..exact });
        estimate.student_alone = None;
    }
}

/// Distances from the value to the ends of its exact interval at another level: of a share ([`exact_near_the_ends`]) by
/// the same count of events, else ([`widen_zero_width`]) in proportion to the bound of no event.
pub(crate) fn exact_halves(estimate: &Estimate, found: &Interval, level: f64) -> Option<[f64; 2]> {
    let families = estimate.n_families;
    let halves = |level: f64| {
        let exact = clopper_pearson(events(estimate), families, level)?;
        Some([(estimate.value - exact.low).max(0.0), (exact.high - estimate.value).max(0.0)])
    };
    let [below, above] = [estimate.value - found.low, found.high - estimate.value];
    let of_share = halves(found.level)?;
    if (of_share[0] - below).abs() < 1e-9 && (of_share[1] - above).abs() < 1e-9 {
        return halves(level);
    }
    let none = |level: f64| Some(clopper_pearson(0, families, level)?.high);
    let scale = none(level)? / none(found.level)?;
    Some([below * scale, above * scale])
}
