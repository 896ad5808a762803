//! Slope: how much success falls per training radius, as a logistic coefficient whose error knows families.

use std::collections::BTreeMap;

use super::{GeometryError, radius_of, share, success};
use crate::stats::estimate::{Estimate, Interval, IntervalMethod};
use crate::stats::limits::{student, unseen};

/// Newton steps; a penalised likelihood of two coefficients needs fewer than ten.
const STEPS: usize = 100;
/// A step this small is none.
const STILL: f64 = 1e-10;
/// Longest step of a coefficient, in logits over the spread of the radii: farther ones overshoot.
const LONGEST: f64 = 5.0;

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
/// Firth's penalty (Biometrika 80, 1993) keeps the coefficient finite and takes its first-order bias out; the
/// delete-one-family jackknife is the cluster-robust variance with its small-sample correction (CR3; Bell and McCaffrey
/// 2002), with Student's t on G − 1 degrees of freedom. Not estimable where all success is the same, where all probes have
/// one radius, and where success is complete up to a radius and absent from there on (or the reverse).
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
        firth(&cells, Line { at_zero: 0.0, slope: 0.0 }).ok_or(GeometryError::Flat("the radii are too close together"))
    }

    fn without(&self, family: usize, model: usize, start: &Line) -> Option<Line> {
        let cells = self.cells(model, Some(family));
        estimable(&cells).ok()?;
        firth(&cells, *start)
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

/// The maximum of Firth's penalised likelihood by Newton's method, in centred and scaled radii; `None` when it is not found.
fn firth(cells: &[Cell], start: Line) -> Option<Line> {
    let count: f64 = cells.iter().map(|cell| cell.count).sum();
    let centre = cells.iter().map(|cell| cell.count * cell.radius).sum::<f64>() / count;
    let spread = (cells.iter().map(|cell| cell.count * (cell.radius - centre).powi(2)).sum::<f64>() / count).sqrt();
    let (mut a, mut b) = (start.at_zero + start.slope * centre, start.slope * spread);
    for _ in 0..STEPS {
        let step = newton_step(cells, centre, spread, a, b)?;
        let longest = step[0].abs().max(step[1].abs());
        let shrink = (LONGEST / longest).min(1.0);
        a += shrink * step[0];
        b += shrink * step[1];
        if longest < STILL {
            let slope = b / spread;
            return Some(Line { at_zero: a - slope * centre, slope }).filter(|line| line.slope.is_finite());
        }
    }
    None
}

/// I⁻¹ U* with the information I and Firth's score U* = Σ (y − n·p + h·(½ − p)) x, h the leverage of a cell.
fn newton_step(cells: &[Cell], centre: f64, spread: f64, a: f64, b: f64) -> Option<[f64; 2]> {
    let at = |cell: &Cell| {
        let x = (cell.radius - centre) / spread;
        let p = 1.0 / (1.0 + (-(a + b * x)).exp());
        (x, p, cell.count * p * (1.0 - p))
    };
    let mut information = [0.0; 3];
    for cell in cells {
        let (x, _, weight) = at(cell);
        for (sum, power) in information.iter_mut().zip([1.0, x, x * x]) {
            *sum += weight * power;
        }
    }
    let [i00, i01, i11] = information;
    let determinant = i00 * i11 - i01 * i01;
    if !(determinant > 0.0) {
        return None;
    }
    let mut score = [0.0; 2];
    for cell in cells {
        let (x, p, weight) = at(cell);
        let leverage = weight * (i11 - 2.0 * i01 * x + i00 * x * x) / determinant;
        let residual = cell.success - cell.count * p + leverage * (0.5 - p);
        score[0] += residual;
        score[1] += residual * x;
    }
    Some([(i11 * score[0] - i01 * score[1]) / determinant, (i00 * score[1] - i01 * score[0]) / determinant])
}
