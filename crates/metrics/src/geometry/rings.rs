//! Rings: probes sorted by radius and cut into parts of equal numbers, with the success of every model in each.

use super::{GeometryError, radius_of, success};
use crate::stats::estimate::Estimate;
use crate::stats::families::FamilyTable;
use crate::stats::limits::{Limits, Shape};

/// Number of rings of a degradation curve.
pub const RINGS: usize = 6;

/// Number of rings of a capability volume where radii are distances, of which few are large: within a ring its probes count
/// alike, and with six the last one, wide and empty outside, looks as its inner edge does.
pub const VOLUME_RINGS: usize = 24;

/// A probe at its distance from the training data, and how the models did on it.
///
/// A success is a share in [0, 1]: 0 or 1 for one answer, a mean over repeats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe<'a> {
    /// Family, the statistical unit; it may have probes in several rings.
    pub family: &'a str,
    /// Distance in training radii, 0 or more.
    pub radius: f64,
    /// Of the teacher.
    pub teacher: f64,
    /// Of the student.
    pub student: f64,
    /// Of the teacher's second run, where it was asked again.
    pub ceiling: Option<f64>,
    /// Of the student before distillation.
    pub base: Option<f64>,
    /// Of a control student.
    pub control: Option<f64>,
}

/// Whose success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// The teacher's.
    Teacher,
    /// The student's.
    Student,
    /// The teacher's second run's.
    Ceiling,
    /// That of the student before distillation.
    Base,
    /// The control student's.
    Control,
}

/// One ring: its probes have radii in (`inner`, `outer`]; the first one also holds radius 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ring {
    /// Outer edge of the ring inside it; 0 for the first.
    pub inner: f64,
    /// Largest radius in it.
    pub outer: f64,
    /// Mean radius of its probes.
    pub mean: f64,
    /// Probes.
    pub probes: u64,
    /// Families with a probe in it.
    pub families: u64,
}

/// Where a deployment lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Share in each ring of what lies in any; adds up to 1.
    pub shares: Vec<f64>,
    /// Share of all that lies beyond the last ring, where nothing was probed.
    pub beyond: f64,
}

/// Columns of a ring: number of probes and sum of success per curve, then the student's on the probes of the ceiling
/// and of the control.
pub(super) const WIDTH: usize = 12;
pub(super) const STUDENT_WITH_CEILING: usize = 10;
pub(super) const STUDENT_WITH_CONTROL: usize = 11;

impl Curve {
    /// Columns of the number of probes and of the sum.
    pub(super) fn columns(self) -> [usize; 2] {
        [2 * self as usize, 2 * self as usize + 1]
    }
}

/// Probes in rings, as sums per family.
#[derive(Clone, Debug, PartialEq)]
pub struct Rings {
    rings: Vec<Ring>,
    table: FamilyTable,
}

impl Rings {
    /// Cuts probes into `wanted` rings ([`RINGS`], usually) of numbers as equal as ties allow.
    ///
    /// Equal radii stay in one ring: with fewer different radii than `wanted` there are as many rings as radii.
    /// Fails without probes, with `wanted` of 0, and for a radius or a success out of its range.
    pub fn new(probes: &[Probe<'_>], wanted: usize) -> Result<Self, GeometryError> {
        if wanted == 0 {
            return Err(GeometryError::Setting { name: "number of rings", expected: "1 or more", found: 0.0 });
        }
        for (place, probe) in probes.iter().enumerate() {
            radius_of(place, probe.radius)?;
            for found in probe.successes().into_iter().flatten() {
                success(place, found)?;
            }
        }
        let mut sorted: Vec<&Probe<'_>> = probes.iter().collect();
        sorted.sort_by(|a, b| a.radius.total_cmp(&b.radius));
        let radii: Vec<f64> = sorted.iter().map(|probe| probe.radius).collect();
        let ends = ends(&radii, wanted);
        let mut table = FamilyTable::new(ends.len() * WIDTH);
        let mut rings: Vec<Ring> = Vec::with_capacity(ends.len());
        let mut start = 0;
        for (place, &end) in ends.iter().enumerate() {
            let inside = &sorted[start..end];
            for probe in inside {
                let mut row = vec![0.0; ends.len() * WIDTH];
                row[place * WIDTH..(place + 1) * WIDTH].copy_from_slice(&probe.row());
                table.add(probe.family, &row, 1);
            }
            let mut families: Vec<&str> = inside.iter().map(|probe| probe.family).collect();
            families.sort_unstable();
            families.dedup();
            rings.push(Ring {
                inner: rings.last().map_or(0.0, |ring| ring.outer),
                outer: radii[end - 1],
                mean: radii[start..end].iter().sum::<f64>() / inside.len() as f64,
                probes: inside.len() as u64,
                families: families.len() as u64,
            });
            start = end;
        }
        if rings.is_empty() { Err(GeometryError::Empty("probe")) } else { Ok(Self { rings, table }) }
    }

    /// The rings, from the inside out.
    pub fn rings(&self) -> &[Ring] {
        &self.rings
    }

    /// Their edges, one more than rings, from 0.
    pub fn edges(&self) -> Vec<f64> {
        std::iter::once(0.0).chain(self.rings.iter().map(|ring| ring.outer)).collect()
    }

    /// Their widths: the weights of a mean that is uniform in r.
    pub fn widths(&self) -> Vec<f64> {
        self.rings.iter().map(|ring| ring.outer - ring.inner).collect()
    }

    /// Mean success in each ring, with Korn and Graubard's interval over families at `level` (Clopper and Pearson's where
    /// nothing varies); `None` where no probe of the ring has that model's success.
    pub fn curve(&self, curve: Curve, level: f64) -> Vec<Option<Estimate>> {
        let [count, sum] = curve.columns();
        (0..self.rings.len())
            .map(|ring| {
                let table = self.narrow(&[ring * WIDTH + count, ring * WIDTH + sum]);
                let items = table.totals()[0].round() as u64;
                let mean = |sums: &[f64]| (sums[0] > 0.0).then(|| sums[1] / sums[0]);
                Some(Limits::new(&table, Shape::Events, |sums| sums[0], mean)?.estimate(level, items))
            })
            .collect()
    }

    /// Where a deployment lies that is used so much (second) at these radii (first); `None` when nothing of it lies in any ring.
    ///
    /// Fails for a radius or an amount that is negative or not finite.
    pub fn deployment(&self, used: &[(f64, f64)]) -> Result<Option<Deployment>, GeometryError> {
        let mut amounts = vec![0.0; self.rings.len()];
        let mut all = 0.0;
        for (place, &(radius, amount)) in used.iter().enumerate() {
            radius_of(place, radius)?;
            if !(amount >= 0.0 && amount.is_finite()) {
                let expected = "a number of 0 or more";
                return Err(GeometryError::Setting { name: "weight of use", expected, found: amount });
            }
            all += amount;
            let ring = self.rings.partition_point(|ring| ring.outer < radius);
            if let Some(of_ring) = amounts.get_mut(ring) {
                *of_ring += amount;
            }
        }
        let inside: f64 = amounts.iter().sum();
        Ok((inside > 0.0).then(|| Deployment {
            shares: amounts.iter().map(|amount| amount / inside).collect(),
            beyond: (1.0 - inside / all).max(0.0),
        }))
    }

    /// These columns alone.
    pub(super) fn narrow(&self, columns: &[usize]) -> FamilyTable {
        let mut narrow = FamilyTable::new(columns.len());
        for (family, sums, items) in self.table.rows() {
            let row: Vec<f64> = columns.iter().map(|&column| sums[column]).collect();
            narrow.add(family, &row, items);
        }
        narrow
    }

    /// Whether any probe has that model's success.
    pub(super) fn has(&self, curve: Curve) -> bool {
        let totals = self.table.totals();
        totals.iter().skip(curve.columns()[0]).step_by(WIDTH).any(|&probes| probes > 0.0)
    }
}

impl Probe<'_> {
    /// In the order of [`Curve`].
    fn successes(&self) -> [Option<f64>; 5] {
        [Some(self.teacher), Some(self.student), self.ceiling, self.base, self.control]
    }

    fn row(&self) -> [f64; WIDTH] {
        let mut row = [0.0; WIDTH];
        for (curve, success) in self.successes().into_iter().enumerate() {
            row[2 * curve] = f64::from(u8::from(success.is_some()));
            row[2 * curve + 1] = success.unwrap_or(0.0);
        }
        row[STUDENT_WITH_CEILING] = if self.ceiling.is_some() { self.student } else { 0.0 };
        row[STUDENT_WITH_CONTROL] = if self.control.is_some() { self.student } else { 0.0 };
        row
    }
}

/// Ends of the rings in radii that rise: each cut is the one between different radii that lies nearest to its place.
fn ends(radii: &[f64], wanted: usize) -> Vec<usize> {
    let cuts: Vec<usize> = (1..radii.len()).filter(|&place| radii[place] > radii[place - 1]).collect();
    let rings = wanted.min(cuts.len() + 1);
    let mut ends = Vec::with_capacity(rings);
    let mut first = 0;
    for ring in 1..rings {
        let target = (ring * radii.len()) as f64 / rings as f64;
        // Every ring still to come needs a cut of its own.
        let last = cuts.len() - (rings - 1 - ring);
        let open = &cuts[first..last];
        let above = open.partition_point(|&cut| (cut as f64) < target).min(open.len() - 1);
        let nearer = above > 0 && target - open[above - 1] as f64 <= (open[above] as f64 - target).abs();
        let chosen = if nearer { above - 1 } else { above };
        ends.push(open[chosen]);
        first += chosen + 1;
    }
    if !radii.is_empty() {
        ends.push(radii.len());
    }
    ends
}
