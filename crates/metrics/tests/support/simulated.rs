//! Audits of made-up families whose truth is known: how often an interval holds it, and how often a gate errs.

use hydrometer_metrics::stats::gate::{Bounds, Ends};
use hydrometer_metrics::stats::limits::{Limits, Shape};
use hydrometer_metrics::stats::power::beyond;
use hydrometer_metrics::{FamilyTable, Verdict};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How the value of a family is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Population {
    /// Normal values, spread 0.5.
    Normal,
    /// Log-normal, σ = 1: a divergence that few families carry.
    LogNormal,
    /// Log-normal, σ = 1.5.
    LogNormalWide,
    /// Pareto with tail index 2.2: the variance barely exists.
    Pareto,
    /// A share near 0.97 of what the teacher has; one family of twenty keeps 0.3 of it.
    BrokenShares,
    /// A divergence; one family of twenty has twenty times that of the others.
    BrokenDivergences,
    /// One event or none per family.
    Rate,
    /// Ten items per family, whose events go together: intraclass correlation 0.3.
    Clustered,
    /// A share of a random denominator, as tail kept is.
    Ratio,
    /// A share that is lost: an event or none per family.
    Lost,
}

/// How much families weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// All alike.
    Equal,
    /// Log-normal, σ = 1.
    Heavy,
}

/// A row of the tables: a population at a truth.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub population: Population,
    pub truth: f64,
}

const fn case(name: &'static str, population: Population, truth: f64) -> Case {
    Case { name, population, truth }
}

/// Every population.
pub const CASES: [Case; 13] = [
    case("normal", Population::Normal, 2.0),
    case("log-normal, σ = 1", Population::LogNormal, 0.2),
    case("log-normal, σ = 1.5", Population::LogNormalWide, 0.2),
    case("Pareto 2.2", Population::Pareto, 0.2),
    case("shares, 5 % broken families", Population::BrokenShares, 0.9365),
    case("divergences, 5 % broken families", Population::BrokenDivergences, 0.0975),
    case("rate 0.95", Population::Rate, 0.95),
    case("rate 0.99", Population::Rate, 0.99),
    case("lost 0.05", Population::Lost, 0.05),
    case("clustered share 0.9", Population::Clustered, 0.9),
    case("clustered share 0.97", Population::Clustered, 0.97),
    case("ratio 2/3", Population::Ratio, 2.0 / 3.0),
    case("ratio 0.9", Population::Ratio, 0.9),
];

pub fn normal(random: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Marsaglia and Tsang's gamma number.
fn gamma(shape: f64, random: &mut impl Rng) -> f64 {
    if shape < 1.0 {
        let u: f64 = 1.0 - random.random::<f64>();
        return gamma(shape + 1.0, random) * u.powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    loop {
        let x = normal(random);
        let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
        if v > 0.0 && (1.0 - random.random::<f64>()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

fn beta(a: f64, b: f64, random: &mut impl Rng) -> f64 {
    let (x, y) = (gamma(a, random), gamma(b, random));
    x / (x + y)
}

impl Population {
    pub fn shape(self) -> Shape {
        match self {
            Self::Normal => Shape::ANY,
            Self::LogNormal | Self::LogNormalWide | Self::Pareto | Self::BrokenDivergences => Shape::AMOUNT,
            Self::BrokenShares | Self::Ratio => Shape::Between { low: Some(0.0), high: Some(1.0) },
            Self::Rate | Self::Clustered | Self::Lost => Shape::Events,
        }
    }

    /// The gate whose margin is `margin`: losses are to be at most it, what is kept at least.
    pub fn bounds(self, margin: f64) -> Bounds {
        let losses = [Self::LogNormal, Self::LogNormalWide, Self::Pareto, Self::BrokenDivergences, Self::Lost];
        if losses.contains(&self) {
            Bounds { at_least: None, at_most: Some(margin) }
        } else {
            Bounds { at_least: Some(margin), at_most: None }
        }
    }

    /// Numerator and denominator of a family of this size when the number is `truth`.
    fn family(self, truth: f64, size: f64, random: &mut impl Rng) -> [f64; 2] {
        let log_normal = |sigma: f64, random: &mut _| (sigma * normal(random) - 0.5 * sigma * sigma).exp();
        let value = match self {
            Self::Normal => truth + 0.5 * normal(random),
            Self::LogNormal => truth * log_normal(1.0, random),
            Self::LogNormalWide => truth * log_normal(1.5, random),
            Self::Pareto => truth * (1.0 - random.random::<f64>()).powf(-1.0 / 2.2) * 1.2 / 2.2,
            Self::BrokenShares => {
                let kept = truth / 0.9365;
                let broken = random.random::<f64>() < 0.05;
                kept * if broken { 0.3 } else { (0.97 + 0.01 * normal(random)).min(1.0) }
            }
            Self::BrokenDivergences => {
                let broken = random.random::<f64>() < 0.05;
                truth / 0.0975 * if broken { 1.0 } else { 0.05 } * log_normal(0.3, random)
            }
            Self::Rate | Self::Lost => f64::from(u8::from(random.random::<f64>() < truth)),
            Self::Clustered => {
                // a + b = 1/ρ − 1.
                let both = 1.0 / 0.3 - 1.0;
                let rate = beta(truth * both, (1.0 - truth) * both, random);
                (0..10).filter(|_| random.random::<f64>() < rate).count() as f64 / 10.0
            }
            Self::Ratio => beta(truth * 9.0, (1.0 - truth) * 9.0, random),
        };
        let size = if self == Self::Ratio { size * (0.6 * normal(random)).exp() } else { size };
        [size * value, size]
    }
}

impl Case {
    /// One audit of so many families when the number is `truth`.
    pub fn audit(&self, truth: f64, sizes: Sizes, families: usize, random: &mut ChaCha8Rng) -> Limits {
        let mut table = FamilyTable::new(2);
        for family in 0..families {
            let size = match sizes {
                Sizes::Equal => 1.0,
                Sizes::Heavy => normal(random).exp(),
            };
            table.add(&format!("{family:04}"), &self.population.family(truth, size, random), 1);
        }
        let ratio = |sums: &[f64]| (sums[1] > 0.0).then(|| sums[0] / sums[1]);
        Limits::new(&table, self.population.shape(), |sums| sums[1], ratio).expect("denominators are above 0")
    }

    fn stream(&self, sizes: Sizes, families: usize) -> ChaCha8Rng {
        let place = self.population as u64 * 1000 + (self.truth * 100.0) as u64;
        ChaCha8Rng::seed_from_u64(place * 4096 + families as u64 * 2 + sizes as u64)
    }

    /// Shares of so many audits whose 95 % interval holds the truth, and whose gate passes with the truth on its margin.
    pub fn errors(&self, sizes: Sizes, families: usize, audits: usize) -> Errors {
        let mut random = self.stream(sizes, families);
        let (mut covered, mut cleared, mut passed, mut failed) = (0, 0, 0, 0);
        let bounds = self.population.bounds(self.truth);
        for _ in 0..audits {
            let limits = self.audit(self.truth, sizes, families, &mut random);
            let interval = limits.interval(0.95).expect("two families or more");
            covered += usize::from((interval.low..=interval.high).contains(&self.truth));
            let verdict = |ends: Option<Ends>| bounds.verdict(ends.expect("two families or more"));
            let clears = verdict(limits.bounds(0.05).map(Ends::from)) == Verdict::Pass;
            let judged = verdict(limits.gate_ends(0.05, 1.0));
            cleared += usize::from(clears);
            passed += usize::from(judged == Verdict::Pass);
            failed += usize::from(judged == Verdict::Fail);
        }
        let share = |count: usize| count as f64 / audits as f64;
        Errors {
            coverage: share(covered),
            wrong_clear: share(cleared),
            wrong_pass: share(passed),
            wrong_fail: share(failed),
        }
    }

    /// The loss that audits of the truth say they would have seen beyond a margin, by the median of some, and how often an
    /// audit of a student with that loss fails; `None` where most name none.
    pub fn power(&self, margin: f64, sizes: Sizes, families: usize, audits: usize) -> Option<(f64, f64)> {
        let mut random = self.stream(sizes, families);
        let bounds = self.population.bounds(margin);
        let sign = if bounds.at_least.is_some() { -1.0 } else { 1.0 };
        let mut named: Vec<f64> = (0..101)
            .map(|_| {
                let limits = self.audit(self.truth, sizes, families, &mut random);
                beyond(&limits, &bounds, 0.05, 0.9).unwrap_or(f64::INFINITY)
            })
            .collect();
        named.sort_by(f64::total_cmp);
        let loss = Some(named[50]).filter(|loss| loss.is_finite())?;
        let failed = (0..audits)
            .filter(|_| {
                let limits = self.audit(margin + sign * loss, sizes, families, &mut random);
                let (low, high) = limits.bounds(0.05).expect("two families or more");
                if sign < 0.0 { high < margin } else { low > margin }
            })
            .count();
        Some((loss, failed as f64 / audits as f64))
    }
}

/// How often an interval or a gate errs.
#[derive(Clone, Copy, Debug)]
pub struct Errors {
    pub coverage: f64,
    /// The bound alone clears the margin, whether or not so many families allow a PASS.
    pub wrong_clear: f64,
    pub wrong_pass: f64,
    pub wrong_fail: f64,
}
