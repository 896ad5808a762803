//! Rates that a classifier reports, corrected for the classifier's own errors. Apart from the other intervals, because two
//! samples enter: the items that were classified, and others of which people know the truth.
//!
//! [`corrected`] is Rogan and Gladen's estimator (American Journal of Epidemiology 107, 1978) of one class against the rest,
//! with the interval of Lang and Reiczigel (Preventive Veterinary Medicine 113, 2014) on effective numbers of items, so that
//! families and not items are counted. [`corrected_rates`] does all classes at once through the matrix of confusion.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use thiserror::Error;

use super::families::FamilyTable;
use super::jackknife::Jackknife;

/// Why a rate is not corrected.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum NotCorrected {
    /// Nothing was classified.
    #[error("no item was classified")]
    NoItems,
    /// The error of a number needs two families.
    #[error("the items, or those of known truth, are of fewer than two families")]
    TooFewFamilies,
    /// A class has no item of known truth.
    #[error("people called no item of class {0}, so that nobody knows how the classifier treats it")]
    NoneOfClass(usize),
    /// The classifier tells nothing.
    #[error("the classifier tells its classes apart no better than chance")]
    NoBetterThanChance,
}

/// A corrected rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corrected {
    /// The rate, in [0, 1].
    pub value: f64,
    /// Before it was cut to [0, 1].
    pub raw: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Coverage aimed at.
    pub level: f64,
    /// Share of the variance that comes from not knowing the classifier well enough.
    pub from_classifier: f64,
}

impl Corrected {
    /// The correction dominates: only `high` should be told. More than half of the variance is the classifier's, or the rate
    /// lay outside of [0, 1].
    pub fn is_upper_bound(&self) -> bool {
        self.from_classifier > 0.5 || !(0.0..=1.0).contains(&self.raw)
    }
}

/// Columns of [`corrected`]'s first table: items that were called positive, and all.
pub const CALLS: usize = 2;
/// Columns of its second: called positive of the truly positive, truly positive, called negative of the truly negative, truly
/// negative.
pub const TRUTHS: usize = 4;

/// A share by families: its value, and of how many independent items its variance is.
struct Share {
    value: f64,
    effective: f64,
}

impl Share {
    /// The design effect is at least 1. Where all items are alike it cannot be seen, and families are counted.
    fn of(table: &FamilyTable, over: usize, under: usize, z: f64, level: f64) -> Result<Self, NotCorrected> {
        let carried = table.rows().filter(|(_, sums, _)| sums[under] > 0.0);
        let rows: Vec<&[f64]> = carried.map(|(_, sums, _)| sums).collect();
        let items: f64 = rows.iter().map(|sums| sums[under]).sum();
        let statistic = |sums: &[f64]| (sums[under] > 0.0).then(|| sums[over] / sums[under]);
        let jackknife = Jackknife::of(&rows, table.columns(), &statistic).ok_or(NotCorrected::TooFewFamilies)?;
        let variance = jackknife.variance().ok_or(NotCorrected::TooFewFamilies)?;
        let value = jackknife.value;
        let families = jackknife.families() as f64;
        let spread = value * (1.0 - value);
        let effective = if variance > 0.0 && spread > 0.0 { (spread / variance).min(items) } else { families };
        Ok(Self { value, effective: effective * (z / student(families - 1.0, level)).powi(2) })
    }

    /// With `more` items added, half of them hits.
    fn shrunk(&self, more: f64) -> Self {
        let effective = self.effective + more;
        Self { value: (self.value * self.effective + more / 2.0) / effective, effective }
    }

    fn variance(&self) -> f64 {
        self.value * (1.0 - self.value) / self.effective
    }
}

/// The quantile for an interval of Student's law.
fn student(freedom: f64, level: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |law| law.inverse_cdf(0.5 + level / 2.0))
}

/// The true rate p = (q + sp − 1)/(se + sp − 1) of a class of which the classifier reports the rate q, `calls` having
/// [`CALLS`] columns and `truths` [`TRUTHS`].
///
/// The interval: q gets z² items and se and sp get 2 each, half of them hits; with these p′ = (q′ + sp′ − 1)/J′, cut to [0, 1],
/// J′ = se′ + sp′ − 1, it is p′ + d ± z √(v(q′) + p′² v(se′) + (1 − p′)² v(sp′) − 2p′(1 − p′) c)/J′ with
/// d = 2z² (p′ v(se′) − (1 − p′) v(sp′)), v(x) = x(1 − x)/n and c the families' covariance of se and sp. Each n is the effective
/// number x(1 − x)/v of the delete-one-family jackknife, at most the number of items, times (z/t)² with t of families − 1
/// degrees of freedom (Korn and Graubard 1998).
///
/// # Errors
/// Too little to go by, or a classifier that tells nothing.
///
/// # Panics
/// With tables of other numbers of columns: a mistake of the caller.
pub fn corrected(calls: &FamilyTable, truths: &FamilyTable, level: f64) -> Result<Corrected, NotCorrected> {
    assert_eq!((calls.columns(), truths.columns()), (CALLS, TRUTHS), "columns of calls and of truths");
    let totals = truths.totals();
    if calls.totals()[1] <= 0.0 {
        return Err(NotCorrected::NoItems);
    }
    for (class, column) in [(1, 1), (0, 3)] {
        if totals[column] <= 0.0 {
            return Err(NotCorrected::NoneOfClass(class));
        }
    }
    let z = Normal::standard().inverse_cdf(0.5 + level / 2.0);
    let q = Share::of(calls, 0, 1, z, level)?;
    let (se, sp) = (Share::of(truths, 0, 1, z, level)?, Share::of(truths, 2, 3, z, level)?);
    let raw = (q.value + sp.value - 1.0) / youden(&se, &sp)?;
    let covariance = covariance(truths);

    let (q, se, sp) = (q.shrunk(z * z), se.shrunk(2.0), sp.shrunk(2.0));
    let apart = youden(&se, &sp)?;
    let p = ((q.value + sp.value - 1.0) / apart).clamp(0.0, 1.0);
    let classifier = p * p * se.variance() + (1.0 - p).powi(2) * sp.variance() - 2.0 * p * (1.0 - p) * covariance;
    let classifier = classifier.max(0.0);
    let variance = q.variance() + classifier;
    let shift = 2.0 * z * z * (p * se.variance() - (1.0 - p) * sp.variance());
    let half = z * variance.sqrt() / apart;
    Ok(Corrected {
        value: raw.clamp(0.0, 1.0),
        raw,
        low: (p + shift - half).clamp(0.0, 1.0),
        high: (p + shift + half).clamp(0.0, 1.0),
        level,
        from_classifier: classifier / variance,
    })
}

/// se + sp − 1, which must be above 0.
fn youden(se: &Share, sp: &Share) -> Result<f64, NotCorrected> {
    let apart = se.value + sp.value - 1.0;
    if apart > 0.0 { Ok(apart) } else { Err(NotCorrected::NoBetterThanChance) }
}

/// The covariance of sensitivity and specificity by the jackknife over families; 0 where one of them cannot do without a
/// family.
fn covariance(truths: &FamilyTable) -> f64 {
    let of = |over: usize, under: usize| {
        Jackknife::new(truths, &move |sums: &[f64]| (sums[under] > 0.0).then(|| sums[over] / sums[under]))
    };
    let (Some(se), Some(sp)) = (of(0, 1), of(2, 3)) else { return 0.0 };
    let families = se.families() as f64;
    let products: f64 = se.deviations().zip(sp.deviations()).map(|(a, b)| a * b).sum();
    (families - 1.0) / families * products
}

/// The true rates of all classes: the solution r of q = M r, M\[i\]\[j\] being the share of items truly of class j that the
/// classifier calls i. `calls` has a column for each class; `truths` has one for each cell, `i * classes + j`.
///
/// The variance is that of the jackknife over the families of `calls` and that over the families of `truths`, added, as the two
/// samples are independent; the interval is Student's with the smaller number of families less one. Unlike one class against
/// the rest it does not suppose that the other classes are mixed here as they are among the labelled items.
///
/// # Errors
/// Too little to go by, or a matrix that cannot be solved.
///
/// # Panics
/// When `truths` is not of the square of the columns of `calls`: a mistake of the caller.
pub fn corrected_rates(calls: &FamilyTable, truths: &FamilyTable, level: f64) -> Result<Vec<Corrected>, NotCorrected> {
    let classes = calls.columns();
    assert_eq!(truths.columns(), classes * classes, "a cell for each pair of classes");
    let (called, known) = (calls.totals(), truths.totals());
    if called.iter().sum::<f64>() <= 0.0 {
        return Err(NotCorrected::NoItems);
    }
    for class in 0..classes {
        if (0..classes).all(|i| known[i * classes + class] <= 0.0) {
            return Err(NotCorrected::NoneOfClass(class));
        }
    }
    let whole = solved(&called, &known).ok_or(NotCorrected::NoBetterThanChance)?;
    let families = calls.len().min(truths.len()) as f64;
    let t = student(families - 1.0, level);
    let rate = |class: usize| {
        let one = |rates: Option<Vec<f64>>| rates.map(|rates| rates[class]);
        let by_calls = Jackknife::new(calls, &|sums: &[f64]| one(solved(sums, &known)));
        let by_truths = Jackknife::new(truths, &|sums: &[f64]| one(solved(&called, sums)));
        let variance = |found: Option<Jackknife>| found.and_then(|jackknife| jackknife.variance());
        let (Some(items), Some(classifier)) = (variance(by_calls), variance(by_truths)) else {
            return Err(NotCorrected::TooFewFamilies);
        };
        let half = t * (items + classifier).sqrt();
        Ok(Corrected {
            value: whole[class].clamp(0.0, 1.0),
            raw: whole[class],
            low: (whole[class] - half).clamp(0.0, 1.0),
            high: (whole[class] + half).clamp(0.0, 1.0),
            level,
            from_classifier: if half > 0.0 { classifier / (items + classifier) } else { 0.0 },
        })
    };
    (0..classes).map(rate).collect()
}

/// r of q = M r by elimination with pivots; `None` for a class without items, or a matrix without an inverse.
fn solved(called: &[f64], known: &[f64]) -> Option<Vec<f64>> {
    let classes = called.len();
    let all: f64 = called.iter().sum();
    let of_class: Vec<f64> = (0..classes).map(|j| (0..classes).map(|i| known[i * classes + j]).sum()).collect();
    if all <= 0.0 || of_class.iter().any(|&items| items <= 0.0) {
        return None;
    }
    let mut rows: Vec<Vec<f64>> = (0..classes)
        .map(|i| {
            let cells = (0..classes).map(|j| known[i * classes + j] / of_class[j]);
            cells.chain([called[i] / all]).collect()
        })
        .collect();
    for column in 0..classes {
        let pivot = (column..classes).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        rows.swap(column, pivot);
        let lead = rows[column].clone();
        if lead[column].abs() < 1e-9 {
            return None;
        }
        for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != column) {
            let factor = row[column] / lead[column];
            for (cell, lead) in row.iter_mut().zip(&lead) {
                *cell -= factor * lead;
            }
        }
    }
    Some((0..classes).map(|i| rows[i][classes] / rows[i][i]).collect())
}
