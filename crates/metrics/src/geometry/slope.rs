//! Slope: how much success falls per training radius, as a logistic coefficient whose error knows families.

use std::collections::BTreeMap;

use super::{GeometryError, radius_of, share, success};
use crate::stats::estimate::{Estimate, Interval, IntervalMethod};
use crate::stats::limits::{student, unseen};

/// Newton steps, and halvings of one that goes too far; a likelihood of two coefficients needs fewer than ten.
const STEPS: usize = 100;
const HALVINGS: usize = 30;
/// A step this small is none, in logits over the spread of the radii.
const STILL: f64 = 1e-10;

/// One probe's success at its radius.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Graded<'a> {
    /// Family, the statistical unit.
    pub family: &'a str,
    /// Distance in training radii, 0 or more.
    pub radius: f64,
    /// Share in [0, 1].
    pub success: f64,
}

/// Logistic regression of success on radius.
#[derive(Clone, Debug, PartialEq)]
pub struct Slope {
    /// Change of ln(p/(1 − p)) per training radius: below 0 where fidelity is lost.
    pub per_radius: Estimate,
    /// ln(p/(1 − p)) at radius 0.
    pub at_zero: f64,
}

/// "Fidelity lost per training radius": the coefficient of r in logit p = a + b·r, with the interval of the family jackknife.
///
/// Maximum likelihood by Newton's method; the delete-one-family jackknife is the cluster-robust variance with its
/// small-sample correction (CR3; Bell and McCaffrey 2002), with Student's t on G − 1 degrees of freedom. Not estimable
/// where all success is the same, where all probes have one radius, and where success is complete up to a radius and
/// absent from there on (or the reverse): there the likelihood has no maximum.
///
/// The interval is `None` with fewer than two families, or where the rest is not estimable without one of them. Fails for a
/// radius, success or level out of its range.
pub fn slope(probes: &[Graded<'_>], level: f64) -> Result<Slope, GeometryError> {
    let level = share("level", level)?;
    let families = Families::new(probes)?;
    let found = families.fit(0)?;
    let interval = families.interval(found.slope, level, |without| Some(families.without(without, 0, &found)?.slope));
    Ok(Slope { per_radius: families.estimate(found.slope, interval), at_zero: found.at_zero })
}

/// The student's slope minus that of a control student on the same probes: below 0 where the student falls off more steeply.
/// The control answers for what makes far probes harder for everybody.
///
/// Probes are given as the student's, with the control's success beside each. Fails as [`slope`] does, for either.
pub fn slope_difference(probes: &[(Graded<'_>, f64)], level: f64) -> Result<Estimate, GeometryError> {
    let level = share("level", level)?;
    let families = Families::of(probes.iter().map(|(student, control)| (student, vec![student.success, *control])))?;
    let (student, control) = (families.fit(0)?, families.fit(1)?);
    let value = student.slope - control.slope;
    let interval = families.interval(value, level, |without| {
        Some(families.without(without, 0, &student)?.slope - families.without(without, 1, &control)?.slope)
    });
    Ok(families.estimate(value, interval))
}

/// A line in logits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    at_zero: f64,
    slope: f64,
}

/// Probes at one radius: how many, and their success.
#[derive(Clone, Copy, Debug)]
struct Cell {
    radius: f64,
    count: f64,
    success: f64,
}

/// Probes by family and radius, of one or more models.
struct Families {
    names: usize,
    probes: u64,
    /// Place in the families, radius, success of every model.
    rows: Vec<(usize, f64, Vec<f64>)>,
}

impl Families {
    fn new(probes: &[Graded<'_>]) -> Result<Self, GeometryError> {
        Self::of(probes.iter().map(|probe| (probe, vec![probe.success])))
    }

    fn of<'a>(probes: impl Iterator<Item = (&'a Graded<'a>, Vec<f64>)>) -> Result<Self, GeometryError> {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let mut rows = Vec::new();
        for (place, (probe, successes)) in probes.enumerate() {
            radius_of(place, probe.radius)?;
            for &found in &successes {
                success(place, found)?;
            }
            let next = names.len();
            rows.push((*names.entry(probe.family).or_insert(next), probe.radius, successes));
        }
        rows.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        if rows.is_empty() {
            return Err(GeometryError::Empty("probe"));
        }
        Ok(Self { names: names.len(), probes: rows.len() as u64, rows })
    }

    /// Probes of a model by radius, without a family.
    fn cells(&self, model: usize, without: Option<usize>) -> Vec<Cell> {
        let mut cells: Vec<Cell> = Vec::new();
        for (family, radius, successes) in &self.rows {
            if Some(*family) == without {
                continue;
            }
            let success = successes[model];
            match cells.last_mut() {
                Some(cell) if cell.radius == *radius => {
                    cell.count += 1.0;
                    cell.success += success;
                }
                _ => cells.push(Cell { radius: *radius, count: 1.0, success }),
            }
        }
        cells
    }

    fn fit(&self, model: usize) -> Result<Line, GeometryError> {
        let cells = self.cells(model, None);
        estimable(&cells)?;
        maximum(&cells, Line { at_zero: 0.0, slope: 0.0 })
            .ok_or(GeometryError::Flat("the likelihood has no maximum to be found"))
    }

    fn without(&self, family: usize, model: usize, start: &Line) -> Option<Line> {
        let cells = self.cells(model, Some(family));
        estimable(&cells).ok()?;
        maximum(&cells, *start)
    }

    fn interval(&self, value: f64, level: f64, without: impl Fn(usize) -> Option<f64>) -> Option<Interval> {
        if self.names < 2 {
            return None;
        }
        let count = self.names as f64;
        let values: Vec<f64> = (0..self.names).map(without).collect::<Option<_>>()?;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let half = student(count - 1.0, (1.0 - level) / 2.0)? * ((count - 1.0) / count * squares).sqrt();
        Some(Interval { low: value - half, high: value + half, level, method: IntervalMethod::JackknifeT })
    }

    fn estimate(&self, value: f64, interval: Option<Interval>) -> Estimate {
        Estimate {
            value,
            interval,
            n_families: self.names as u64,
            effective_families: None,
            unseen: Some(unseen(self.names as f64, 0.05)),
            n_items: self.probes,
            excluded: Vec::new(),
            floor: None,
            student_alone: None,
        }
    }
}

/// Whether the likelihood has a maximum, of cells whose radius rises.
fn estimable(cells: &[Cell]) -> Result<(), GeometryError> {
    if cells.len() < 2 {
        return Err(GeometryError::Flat("all probes have one radius"));
    }
    let (mut first_success, mut last_success) = (None, None);
    let (mut first_failure, mut last_failure) = (None, None);
    for cell in cells {
        if cell.success > 0.0 {
            first_success.get_or_insert(cell.radius);
            last_success = Some(cell.radius);
        }
        if cell.success < cell.count {
            first_failure.get_or_insert(cell.radius);
            last_failure = Some(cell.radius);
        }
    }
    let successes = first_success.zip(last_success).ok_or(GeometryError::Flat("no probe succeeds"))?;
    let failures = first_failure.zip(last_failure).ok_or(GeometryError::Flat("every probe succeeds"))?;
    for (inside, outside) in [(successes, failures), (failures, successes)] {
        if inside.1 <= outside.0 {
            return Err(GeometryError::Separated { from: inside.1, to: outside.0 });
        }
    }
    Ok(())
}

/// The maximum of the likelihood, in centred and scaled radii; `None` when it is not found.
fn maximum(cells: &[Cell], start: Line) -> Option<Line> {
    let count: f64 = cells.iter().map(|cell| cell.count).sum();
    let centre = cells.iter().map(|cell| cell.count * cell.radius).sum::<f64>() / count;
    let spread = (cells.iter().map(|cell| cell.count * (cell.radius - centre).powi(2)).sum::<f64>() / count).sqrt();
    let scaled: Vec<Cell> =
        cells.iter().map(|cell| Cell { radius: (cell.radius - centre) / spread, ..*cell }).collect();
    let mut at = [start.at_zero + start.slope * centre, start.slope * spread];
    let mut reached = log_likelihood(&scaled, at);
    for _ in 0..STEPS {
        let mut step = newton_step(&scaled, at)?;
        let longest = step[0].abs().max(step[1].abs());
        if longest < STILL {
            let slope = at[1] / spread;
            return slope.is_finite().then_some(Line { at_zero: at[0] - slope * centre, slope });
        }
        let (next, likelihood) = (0..HALVINGS).find_map(|_| {
            let next = [at[0] + step[0], at[1] + step[1]];
            step = step.map(|part| part / 2.0);
            let likelihood = log_likelihood(&scaled, next);
            // What is worse by rounding alone is where the maximum is.
            (likelihood >= reached - 1e-12 * reached.abs()).then_some((next, likelihood))
        })?;
        (at, reached) = (next, likelihood);
    }
    None
}

/// Σ y·η − n·ln(1 + e^η) with η = a + b·x.
fn log_likelihood(cells: &[Cell], [a, b]: [f64; 2]) -> f64 {
    let of = |cell: &Cell| {
        let logit = a + b * cell.radius;
        let softplus = logit.max(0.0) + (-logit.abs()).exp().ln_1p();
        cell.success * logit - cell.count * softplus
    };
    cells.iter().map(of).sum()
}

/// I⁻¹ U with the information I = Σ n·p(1 − p)·x xᵀ and the score U = Σ (y − n·p)·x; `None` where I has no inverse.
fn newton_step(cells: &[Cell], [a, b]: [f64; 2]) -> Option<[f64; 2]> {
    let (mut information, mut score) = ([0.0; 3], [0.0; 2]);
    for cell in cells {
        let x = cell.radius;
        let p = 1.0 / (1.0 + (-(a + b * x)).exp());
        let (weight, residual) = (cell.count * p * (1.0 - p), cell.success - cell.count * p);
        for (sum, power) in information.iter_mut().zip([1.0, x, x * x]) {
            *sum += weight * power;
        }
        score[0] += residual;
        score[1] += residual * x;
    }
    let [i00, i01, i11] = information;
    let determinant = i00 * i11 - i01 * i01;
    (determinant > 0.0)
        .then(|| [(i11 * score[0] - i01 * score[1]) / determinant, (i00 * score[1] - i01 * score[0]) / determinant])
}
