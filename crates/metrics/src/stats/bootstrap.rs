//! Hall's transformed t, with quantiles by the bootstrap over families.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::families::FamilyTable;
use super::jackknife::{Jackknife, defined};

/// Resamples of the bootstrap.
pub const RESAMPLES: usize = 1000;
/// Seed of the bootstrap: part of the method, so that equal sums give equal bytes.
pub const BOOTSTRAP_SEED: u64 = 0x6879_6472_6f6d_6574;
/// An acceleration below this bends nothing.
const STRAIGHT: f64 = 1e-9;

/// The law of the studentised value: quantiles of its transform, and the bend of the transform.
///
/// g(t) = t + 2at² + 4a²t³/3 + a with the acceleration a takes the skewness out of t = (θ* − θ)/se* (Hall, Journal of
/// the Royal Statistical Society B 54, 1992). Its bootstrapped quantiles are bounded where those of t itself explode:
/// when few families carry everything, some resamples hold none of them (Zhou and Gao, The American Statistician 54,
/// 2000).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hall {
    /// Of the jackknife on the sample.
    pub acceleration: f64,
    /// g(t) of the resamples, rising; empty where Student's quantile serves.
    pub deviates: Vec<f64>,
}

impl Hall {
    /// Quantiles of t at `alpha` and 1 − `alpha` with `growth` times as many families; `student` is Student's.
    pub fn quantiles(&self, alpha: f64, growth: f64, student: f64) -> [f64; 2] {
        let bend = self.acceleration / growth.sqrt();
        let of = |transformed: f64| {
            if bend.abs() < STRAIGHT {
                transformed - bend
            } else {
                ((1.0 + 6.0 * bend * (transformed - bend)).cbrt() - 1.0) / (2.0 * bend)
            }
        };
        if self.deviates.is_empty() {
            return [of(-student), of(student)];
        }
        [of(quantile(&self.deviates, alpha)), of(quantile(&self.deviates, 1.0 - alpha))]
    }
}

fn transform(t: f64, bend: f64) -> f64 {
    if bend.abs() < STRAIGHT { t + bend } else { bend + ((1.0 + 2.0 * bend * t).powi(3) - 1.0) / (6.0 * bend) }
}

/// Of values that rise, with linear interpolation.
fn quantile(rising: &[f64], fraction: f64) -> f64 {
    let rank = fraction * (rising.len() - 1) as f64;
    let below = rank as usize;
    let above = (below + 1).min(rising.len() - 1);
    rising[below] + (rank - below as f64) * (rising[above] - rising[below])
}

/// Transformed deviates of resamples of families, rising; none when fewer than nine tenths of the resamples define them.
pub(super) fn deviates(
    table: &FamilyTable,
    jackknife: &Jackknife,
    statistic: &impl Fn(&[f64]) -> Option<f64>,
) -> Vec<f64> {
    let Some(error) = jackknife.variance().map(f64::sqrt) else { return Vec::new() };
    let rows: Vec<&[f64]> = table.rows().map(|(_, sums, _)| sums).collect();
    let mut random = ChaCha8Rng::seed_from_u64(BOOTSTRAP_SEED);
    let mut resample = Resample::new(&rows, table.columns());
    let mut deviates = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        resample.draw(&mut random);
        if let Some(found) = resample.measure(statistic)
            // A resample of nearly one family has no spread of its own to be measured by.
            && found.error > 1e-3 * error
        {
            deviates.push(transform((found.value - jackknife.value) / found.error, found.acceleration));
        }
    }
    if deviates.len() * 10 < RESAMPLES * 9 {
        return Vec::new();
    }
    deviates.sort_unstable_by(f64::total_cmp);
    deviates
}

/// Families drawn with replacement.
struct Resample<'a> {
    rows: &'a [&'a [f64]],
    counts: Vec<u32>,
    totals: Vec<f64>,
    rest: Vec<f64>,
    without: Vec<(f64, f64)>,
}

/// The statistic on a resample, with its own jackknife.
struct Found {
    value: f64,
    error: f64,
    acceleration: f64,
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

    /// A family drawn twice is left out once at a time, twice.
    fn measure(&mut self, statistic: &impl Fn(&[f64]) -> Option<f64>) -> Option<Found> {
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
        let (mut squares, mut cubes) = (0.0, 0.0);
        for &(count, without) in &self.without {
            let below = mean - without;
            squares += count * below * below;
            cubes += count * below * below * below;
        }
        let acceleration = if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 };
        Some(Found { value, error: ((families - 1.0) / families * squares).sqrt(), acceleration })
    }
}
