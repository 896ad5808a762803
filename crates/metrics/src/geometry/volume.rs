//! Capability volume: how much of the teacher's success above chance is left, with every distance counting alike.

use super::rings::WIDTH;
use super::{Curve, GeometryError, Rings, chance, share};
use crate::stats::estimate::{Estimate, Interval};
use crate::stats::families::FamilyTable;
use crate::stats::limits::{Limits, Shape};

/// One capability, probed at growing distance.
#[derive(Clone, Copy, Debug)]
pub struct Axis<'a> {
    /// Its probes.
    pub rings: &'a Rings,
    /// Success that needs no ability, in [0, 1).
    pub chance: f64,
    /// Share of the deployment in each ring ([`Rings::deployment`]), where it is known.
    pub deployment: Option<&'a [f64]>,
}

/// What the student keeps: 1 is as much as the teacher has, 0 is chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// With every distance counting alike.
    pub uniform: Estimate,
    /// With every ring counting as much as it is used; `None` without a deployment.
    pub deployment: Option<Estimate>,
    /// Benchmark illusion: deployment-weighted minus uniform.
    pub illusion: Option<Estimate>,
}

/// The volume of one axis.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there are a few axes, and nearly all have something to keep")]
pub enum Volume {
    /// What is left.
    Kept(Kept),
    /// The teacher is not shown to have anything above chance: its mean success above chance, uniform in r.
    NothingToKeep(Estimate),
}

/// The axis of which least is left.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// Its place among the axes.
    pub axis: usize,
    /// The smallest of the axes' volumes. Its interval knows that it was picked.
    pub kept: Estimate,
}

/// The volumes of several axes.
#[derive(Clone, Debug)]
pub struct Volumes {
    /// In the order in which the axes were given.
    pub axes: Vec<Volume>,
    /// Mean over the axes where there is something to keep; its deployment only where all of these have one. `None` when
    /// there is no such axis.
    pub mean: Option<Kept>,
    /// The worst of them.
    pub worst: Option<Worst>,
    /// Bounds at any level: of the mean, uniform in r, and of every axis where there is something to keep, in their order.
    pub limits: (Option<Limits>, Vec<Limits>),
}

/// Columns of a ring here: probes, teacher's and student's success.
const COLUMNS: usize = 3;

/// Capability volume per axis, ∫ [f_S − chance] dr / ∫ [f_T − chance] dr, its mean over axes and the worst axis.
///
/// f is a step over the rings: a ring counts by its width (or by its share of the deployment), the first one from radius
/// 0. Intervals are those of the whole ratio over families ([`Limits`]); a family in several axes is one family. There is
/// nothing to keep on an axis where the lower bound of the denominator is 0 or less.
///
/// The worst axis is picked by looking. Its lower bound is the least of the axes' lower bounds, which is one whichever
/// axis is truly the worst (an intersection–union test); its upper bound is the least of the axes' upper bounds at
/// (1 − level)/2 divided by the number of axes, as all of them must hold together (Bonferroni).
///
/// Fails without axes, for a level or chance out of its range, and for weights that do not fit the rings.
pub fn volumes(axes: &[Axis<'_>], level: f64) -> Result<Volumes, GeometryError> {
    let level = share("level", level)?;
    let measured: Vec<Measured> = axes.iter().map(Measured::new).collect::<Result<_, _>>()?;
    if measured.is_empty() {
        return Err(GeometryError::Empty("axis"));
    }
    let mut found = Vec::with_capacity(axes.len());
    let (mut rich, mut places) = (Vec::new(), Vec::new());
    for (place, axis) in measured.iter().enumerate() {
        let teacher = axis.denominator().ok_or(GeometryError::Empty("probe that counts"))?;
        let shown = axis.has_something(level);
        match kept(std::slice::from_ref(&axis), level) {
            Some(kept) if shown => {
                found.push(Volume::Kept(kept));
                rich.push(axis);
                places.push(place);
            }
            _ => found.push(Volume::NothingToKeep(teacher.estimate(level, axis.probes))),
        }
    }
    let each: Vec<Limits> = rich.iter().filter_map(|axis| uniform_limits(&[axis])).collect();
    let limits = (uniform_limits(&rich), each);
    Ok(Volumes { axes: found, mean: kept(&rich, level), worst: worst(&rich, &places, &limits.1, level), limits })
}

/// The mean over axes; `None` without axes.
fn kept(axes: &[&Measured], level: f64) -> Option<Kept> {
    let table = joined(axes);
    let items = axes.iter().map(|axis| axis.probes).sum();
    let number = |shape, counts: Counts, statistic: &dyn Fn(&[f64]) -> Option<f64>| {
        Some(joint_limits(&table, axes, shape, counts, statistic)?.estimate(level, items))
    };
    let mean = |sums: &[f64], by: By| mean_of_ratios(axes, sums, by);
    Some(Kept {
        uniform: number(shape(axes, &table, By::Width), Measured::width, &|sums| mean(sums, By::Width))?,
        deployment: number(shape(axes, &table, By::Use), Measured::used, &|sums| mean(sums, By::Use)),
        illusion: number(Shape::ANY, Measured::set_apart, &|sums| Some(mean(sums, By::Use)? - mean(sums, By::Width)?)),
    })
}

/// The least of the volumes of these axes, which have these `places`.
fn worst(axes: &[&Measured], places: &[usize], limits: &[Limits], level: f64) -> Option<Worst> {
    let alpha = (1.0 - level) / 2.0;
    let least = (0..limits.len()).min_by(|&a, &b| limits[a].value().total_cmp(&limits[b].value()))?;
    let ends = least_of(limits, alpha);
    let alone = limits[least].estimate(level, axes[least].probes);
    let interval = ends.zip(alone.interval).map(|((low, high), alone)| Interval { low, high, ..alone });
    Some(Worst { axis: places[least], kept: Estimate { interval, ..alone } })
}

/// One-sided bounds of the least of several numbers, each missed with a chance of `alpha`: its lower bound is the least of
/// their lower bounds, whichever is truly the least; for its upper bound all of theirs must hold together (Bonferroni).
pub fn least_of(limits: &[Limits], alpha: f64) -> Option<(f64, f64)> {
    let least = |alpha: f64, end: fn((f64, f64)) -> f64| {
        let ends: Option<Vec<f64>> = limits.iter().map(|limits| limits.bounds(alpha).map(end)).collect();
        ends?.into_iter().min_by(f64::total_cmp)
    };
    least(alpha, |(low, _)| low).zip(least(alpha / limits.len() as f64, |(_, high)| high))
}

/// Limits of the mean over axes, uniform in r; `None` without axes.
fn uniform_limits(axes: &[&Measured]) -> Option<Limits> {
    let table = joined(axes);
    let shape = shape(axes, &table, By::Width);
    joint_limits(&table, axes, shape, Measured::width, &|sums| mean_of_ratios(axes, sums, By::Width))
}

/// A volume is at most that of a student who succeeds at everything, beside this teacher.
fn shape(axes: &[&Measured], table: &FamilyTable, by: By) -> Shape {
    let totals = table.totals();
    let most = axes.iter().zip(split(axes, &totals)).map(|(axis, sums)| {
        let [teacher, _] = axis.means(sums, by)?;
        (teacher > 0.0).then(|| (1.0 - axis.chance) / teacher)
    });
    let most = most.sum::<Option<f64>>().map(|most| most / axes.len() as f64);
    most.map_or(Shape::AMOUNT, Shape::Ratio)
}

/// The families of all axes, the columns of one axis after those of another.
pub(super) fn joined(axes: &[&Measured]) -> FamilyTable {
    let columns = axes.iter().map(|axis| axis.table.columns()).sum();
    let mut joined = FamilyTable::new(columns);
    let mut first = 0;
    for axis in axes {
        for (family, sums, items) in axis.table.rows() {
            let mut row = vec![0.0; columns];
            row[first..first + sums.len()].copy_from_slice(sums);
            joined.add(family, &row, items);
        }
        first += axis.table.columns();
    }
    joined
}

/// The sums of each axis among those of all.
fn split<'s>(axes: &[&Measured], mut sums: &'s [f64]) -> Vec<&'s [f64]> {
    axes.iter()
        .map(|axis| {
            let (own, rest) = sums.split_at(axis.table.columns());
            sums = rest;
            own
        })
        .collect()
}

pub(super) fn mean_of_ratios(axes: &[&Measured], sums: &[f64], by: By) -> Option<f64> {
    let ratios = axes.iter().zip(split(axes, sums)).map(|(axis, sums)| axis.ratio(sums, by));
    Some(ratios.sum::<Option<f64>>()? / axes.len() as f64)
}

/// How much a ring of an axis counts in a number.
pub(super) type Counts = fn(&Measured, usize) -> f64;

fn joint_limits(
    table: &FamilyTable,
    axes: &[&Measured],
    shape: Shape,
    counts: Counts,
    statistic: &dyn Fn(&[f64]) -> Option<f64>,
) -> Option<Limits> {
    let totals = table.totals();
    Limits::of_strata(table, shape, |sums| joint_weight(axes, sums, &totals, counts), statistic)
}

/// What a family brings of a mean over the rings of several axes.
pub(super) fn joint_weight(axes: &[&Measured], sums: &[f64], totals: &[f64], counts: Counts) -> f64 {
    let parts = axes.iter().zip(split(axes, sums)).zip(split(axes, totals));
    parts.map(|((axis, sums), totals)| axis.weight(sums, totals, counts)).sum()
}

/// An axis as sums, with its weights.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    table: FamilyTable,
    chance: f64,
    probes: u64,
    /// Weights that add up to 1.
    uniform: Vec<f64>,
    deployment: Option<Vec<f64>>,
}

/// By which weights.
#[derive(Clone, Copy)]
pub(super) enum By {
    Width,
    Use,
}

impl Measured {
    pub(super) fn new(axis: &Axis<'_>) -> Result<Self, GeometryError> {
        let rings = axis.rings.rings().len();
        let [count, teacher] = Curve::Teacher.columns();
        let student = Curve::Student.columns()[1];
        let columns: Vec<usize> =
            (0..rings).flat_map(|ring| [count, teacher, student].map(|column| ring * WIDTH + column)).collect();
        let widths = axis.rings.widths();
        // All probes at radius 0 are one ring without width.
        let uniform = if rings == 1 { vec![1.0] } else { normalised(&widths, rings)? };
        Ok(Self {
            table: axis.rings.narrow(&columns),
            chance: chance(axis.chance)?,
            probes: axis.rings.rings().iter().map(|ring| ring.probes).sum(),
            uniform,
            deployment: axis.deployment.map(|shares| normalised(shares, rings)).transpose()?,
        })
    }

    fn weights(&self, by: By) -> Option<&[f64]> {
        match by {
            By::Width => Some(&self.uniform),
            By::Use => self.deployment.as_deref(),
        }
    }

    /// Teacher's and student's mean success above chance.
    fn means(&self, sums: &[f64], by: By) -> Option<[f64; 2]> {
        let mut means = [0.0; 2];
        for (ring, weight) in sums.chunks_exact(COLUMNS).zip(self.weights(by)?) {
            if *weight > 0.0 {
                if ring[0] <= 0.0 {
                    return None;
                }
                for (mean, sum) in means.iter_mut().zip(&ring[1..]) {
                    *mean += weight * (sum / ring[0] - self.chance);
                }
            }
        }
        Some(means)
    }

    fn ratio(&self, sums: &[f64], by: By) -> Option<f64> {
        let [teacher, student] = self.means(sums, by)?;
        (teacher > 0.0).then(|| student / teacher)
    }

    /// Weight of a ring where every distance counts alike.
    pub(super) fn width(&self, ring: usize) -> f64 {
        self.uniform[ring]
    }

    /// Weight of a ring where it counts as much as it is used.
    fn used(&self, ring: usize) -> f64 {
        self.deployment.as_ref().map_or(0.0, |shares| shares[ring])
    }

    /// How far the two are apart: where they are the same, the ring is in no difference of theirs.
    fn set_apart(&self, ring: usize) -> f64 {
        (self.used(ring) - self.width(ring)).abs()
    }

    /// What a family brings of a mean over the rings.
    fn weight(&self, sums: &[f64], totals: &[f64], counts: Counts) -> f64 {
        let rings = sums.chunks_exact(COLUMNS).zip(totals.chunks_exact(COLUMNS)).enumerate();
        rings.map(|(ring, (family, all))| counts(self, ring) * family[0] / all[0].max(1.0)).sum()
    }

    /// Whether the teacher is shown to have anything above chance.
    pub(super) fn has_something(&self, level: f64) -> bool {
        let bounds = self.denominator().and_then(|teacher| teacher.bounds((1.0 - level) / 2.0));
        bounds.is_some_and(|(low, _)| low > 0.0)
    }

    fn denominator(&self) -> Option<Limits> {
        let totals = self.table.totals();
        let shape = Shape::Between { low: Some(-self.chance), high: Some(1.0 - self.chance) };
        let mean = |sums: &[f64]| self.means(sums, By::Width).map(|[teacher, _]| teacher);
        Limits::of_strata(&self.table, shape, |sums| self.weight(sums, &totals, Self::width), mean)
    }
}

/// Weights that add up to 1.
fn normalised(weights: &[f64], rings: usize) -> Result<Vec<f64>, GeometryError> {
    let total: f64 = weights.iter().sum();
    let fine = weights.len() == rings && weights.iter().all(|&weight| weight >= 0.0) && total > 0.0;
    if fine && total.is_finite() {
        Ok(weights.iter().map(|weight| weight / total).collect())
    } else {
        Err(GeometryError::Weights { rings, found: weights.to_vec() })
    }
}
