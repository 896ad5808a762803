//! Fewer teacher calls: a mean over families that were asked, helped by a cheap signal on families that were not.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::estimate::StudentAlone;
use super::families::FamilyTable;
use super::jackknife::Jackknife;
use super::limits::Limits;

/// Folds over which λ and the prediction from several signals are cross-fitted.
const FOLDS: usize = 10;
/// Ridge penalty as a share of the families fitted on: a few families must not be fitted exactly.
const RIDGE: f64 = 0.1;

/// [`Limits`] of a statistic of family sums, helped by what the student alone did on these families and on others that
/// only the student was asked about.
///
/// Y of an asked family is its jackknife pseudo-value G·θ − (G − 1)·θ₍g₎, so that any smooth function of family means
/// becomes a mean; f is a ridge regression of Y on the signals, cross-fitted over ten folds (families by their place
/// modulo ten), for the others the mean of the ten fits (Zrnic and Candès, arXiv:2309.16598); λ is that of
/// [`ppi_mean`]. The value moves by what the signals say about the others; the bounds move with it and shrink by
/// the ratio of standard errors, which keeps what they know about few families and skewness.
///
/// `signals` holds one vector per asked family in the order of the table, `rest` one per other family, all of one
/// length. Without help (no interval, fewer than two others, a signal that is not finite) they stay as they are.
pub fn helped(
    plain: Limits,
    table: &FamilyTable,
    statistic: impl Fn(&[f64]) -> Option<f64>,
    signals: &[Vec<f64>],
    rest: &[Vec<f64>],
) -> Limits {
    match help(&plain, table, statistic, signals, rest) {
        Some((shift, ratio, alone)) => plain.helped(shift, ratio, alone),
        None => plain,
    }
}

/// How far the value moves, by what the distances to the bounds shrink, and whose help it was.
fn help(
    plain: &Limits,
    table: &FamilyTable,
    statistic: impl Fn(&[f64]) -> Option<f64>,
    signals: &[Vec<f64>],
    rest: &[Vec<f64>],
) -> Option<(f64, f64, StudentAlone)> {
    plain.error()?;
    let jackknife = Jackknife::new(table, &statistic)?;
    let families = jackknife.families() as f64;
    let y: Vec<f64> =
        jackknife.without.iter().map(|without| families * jackknife.value - (families - 1.0) * without).collect();
    if signals.len() != y.len() || rest.len() < 2 {
        return None;
    }
    let (asked, others) = standardised(signals, rest)?;
    let outside = |fold: usize| (0..y.len()).filter(move |place| place % FOLDS != fold);
    let fits: Vec<Vec<f64>> = (0..FOLDS.min(y.len()))
        .map(|fold| ridge(&outside(fold).map(|place| (asked[place].as_slice(), y[place])).collect::<Vec<_>>()))
        .collect::<Option<_>>()?;
    let pairs: Vec<_> = y.iter().zip(&asked).enumerate().map(|(i, (y, x))| (*y, dot(&fits[i % FOLDS], x))).collect();
    let predicted: Vec<_> =
        others.iter().map(|x| fits.iter().map(|fit| dot(fit, x)).sum::<f64>() / fits.len() as f64).collect();
    // The level only widens its interval, which is not asked for.
    let found = ppi_mean(&pairs, &predicted, 0.95)?;
    let (shift, ratio) = (found.value - mean(&y), (families / found.effective_families).sqrt());
    let alone = StudentAlone { families: rest.len() as u64, worth: found.effective_families };
    (shift.is_finite() && ratio.is_finite()).then_some((shift, ratio, alone))
}

/// One vector per family.
type Signals = Vec<Vec<f64>>;

/// Signals with mean 0 and variance 1 over all families, behind a constant 1; a signal that does not vary is 0.
fn standardised(signals: &[Vec<f64>], rest: &[Vec<f64>]) -> Option<(Signals, Signals)> {
    let width = signals.first()?.len();
    let all = || signals.iter().chain(rest);
    if !all().all(|row| row.len() == width && row.iter().all(|value| value.is_finite())) {
        return None;
    }
    let scales: Vec<(f64, f64)> = (0..width)
        .map(|k| {
            let column: Vec<f64> = all().map(|row| row[k]).collect();
            let sd = spread(&column).sqrt();
            (mean(&column), if sd > 1e-12 { 1.0 / sd } else { 0.0 })
        })
        .collect();
    let scaled = |row: &Vec<f64>| {
        let values = row.iter().zip(&scales).map(|(value, (mean, sharpness))| (value - mean) * sharpness);
        std::iter::once(1.0).chain(values).collect()
    };
    Some((signals.iter().map(scaled).collect(), rest.iter().map(scaled).collect()))
}

/// Coefficients of the ridge regression of y on x, whose first entry is the constant and is not penalised; by
/// Gaussian elimination of the normal equations, which the penalty keeps away from singular.
fn ridge(pairs: &[(&[f64], f64)]) -> Option<Vec<f64>> {
    let width = pairs.first()?.0.len();
    let mut rows = vec![vec![0.0; width + 1]; width];
    for (x, y) in pairs {
        for (i, row) in rows.iter_mut().enumerate() {
            for (cell, value) in row.iter_mut().zip(x.iter().chain([y])) {
                *cell += x[i] * value;
            }
        }
    }
    for (i, row) in rows.iter_mut().enumerate().skip(1) {
        row[i] += RIDGE * pairs.len() as f64;
    }
    for i in 0..width {
        let (pivot, below) = rows.split_at_mut(i + 1);
        for row in below {
            let factor = row[i] / pivot[i][i];
            for (cell, value) in row.iter_mut().zip(&pivot[i]) {
                *cell -= factor * value;
            }
        }
    }
    let mut solution = vec![0.0; width];
    for i in (0..width).rev() {
        let known: f64 = (i + 1..width).map(|k| rows[i][k] * solution[k]).sum();
        solution[i] = (rows[i][width] - known) / rows[i][i];
    }
    Some(solution)
}

fn dot(fit: &[f64], x: &[f64]) -> f64 {
    fit.iter().zip(x).map(|(a, b)| a * b).sum()
}

/// A prediction-powered mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PpiMean {
    /// The value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// How much the signal was trusted, in [0, 1]: the mean λ over folds.
    pub lambda: f64,
    /// Number of asked families without the signal that would give the same variance; beyond the number asked by what
    /// the signal saved.
    pub effective_families: f64,
}

/// PPI++ mean (Angelopoulos, Duchi and Zrnic, arXiv:2311.01453): θ = λ·mean_N f + mean_n (Y − λ f) with
/// λ = Cov(Y, f) / ((1 + n/N) Var f), clipped to [0, 1] and 0 where f does not vary.
///
/// `asked` holds (Y, f) of the n families with an answer of the teacher, `rest` holds f of the N others; f comes from
/// the student alone. All families must be drawn alike: choose the asked ones at random. λ of a family comes from the
/// other nine folds (families by their place modulo ten), so that it owes nothing to the Y it multiplies; the interval
/// is Student's with n − 1 degrees of freedom. One number per family, never per item.
///
/// `None` with fewer than two asked families, or when a value is not finite. With an empty `rest` it is the plain mean.
pub fn ppi_mean(asked: &[(f64, f64)], rest: &[f64], level: f64) -> Option<PpiMean> {
    let finite = asked.iter().all(|(y, f)| y.is_finite() && f.is_finite()) && rest.iter().all(|f| f.is_finite());
    if asked.len() < 2 || !finite {
        return None;
    }
    let (n, others) = (asked.len() as f64, rest.len() as f64);
    let lambdas: Vec<f64> = (0..FOLDS).map(|fold| lambda(asked, rest.len(), fold)).collect();
    let lambda_of = |place: usize| lambdas[place % FOLDS];
    let lambda = (0..asked.len()).map(lambda_of).sum::<f64>() / n;

    let rectified: Vec<f64> = asked.iter().enumerate().map(|(place, (y, f))| y - lambda_of(place) * f).collect();
    let mut value = mean(&rectified);
    let mut variance = spread(&rectified) / n;
    if rest.len() >= 2 {
        value += lambda * mean(rest);
        variance += lambda * lambda * spread(rest) / others;
    }
    let half = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.5 + level / 2.0) * variance.sqrt();
    let plain: Vec<f64> = asked.iter().map(|(y, _)| *y).collect();
    let effective_families = if variance > 0.0 { spread(&plain) / variance } else { n };
    Some(PpiMean { value, low: value - half, high: value + half, lambda, effective_families })
}

/// λ from the asked families outside one fold; 0 with fewer than three of them or fewer than two others.
fn lambda(asked: &[(f64, f64)], others: usize, fold: usize) -> f64 {
    let outside = || asked.iter().enumerate().filter(|(place, _)| place % FOLDS != fold).map(|(_, pair)| *pair);
    let n = outside().count() as f64;
    if n < 3.0 || others < 2 {
        return 0.0;
    }
    let (y_mean, f_mean) = outside().fold((0.0, 0.0), |(y_sum, f_sum), (y, f)| (y_sum + y / n, f_sum + f / n));
    let (covariance, variance) = outside().fold((0.0, 0.0), |(covariance, variance), (y, f)| {
        (covariance + (y - y_mean) * (f - f_mean), variance + (f - f_mean).powi(2))
    });
    if variance <= 0.0 {
        return 0.0;
    }
    (covariance / ((1.0 + asked.len() as f64 / others as f64) * variance)).clamp(0.0, 1.0)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Unbiased variance.
fn spread(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}
