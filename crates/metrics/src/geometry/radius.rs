//! Radius: how far a prompt lies from a distillation set, by its nearest neighbours in a neutral embedding.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::GeometryError;
use crate::stats::quantile::percentiles;

/// Neighbours whose mean distance is the distance of a prompt.
pub const NEIGHBOURS: usize = 10;
/// Per cent of the held-out in-distribution prompts that lie within one training radius.
const UNIT_PERCENT: f64 = 95.0;
/// Sums side by side in a dot product: the same order of additions on every processor.
const LANES: usize = 16;
/// Vectors of the set that stay in the cache while every query passes.
const BLOCK: usize = 64;
/// Queries, and vectors of the set, that are multiplied together: each is read once for all of the others.
const TILE: usize = 2;

/// d_k: the mean of the `k` smallest distances, from distances that rise; `None` for k of 0 or when there are fewer.
///
/// For a member of the set itself leave it out first: distance to oneself is no distance to one's neighbours.
pub fn mean_distance(rising: impl IntoIterator<Item = f32>, k: usize) -> Option<f64> {
    let nearest: Vec<f64> = rising.into_iter().take(k).map(f64::from).collect();
    (k > 0 && nearest.len() == k).then(|| nearest.iter().sum::<f64>() / k as f64)
}

/// One training radius: the 95 % quantile of d_k of prompts like those of the set that are not in it (held out, or members
/// each without itself). r = d_k / this.
///
/// `None` without distances, when one of them is not a number, and when it is 0: a set of copies has no extent.
pub fn training_unit(held_out: &[f64]) -> Option<f64> {
    let mut sorted = held_out.to_vec();
    let unit = percentiles(&mut sorted, &[UNIT_PERCENT])?.first()?.value;
    (unit > 0.0 && unit.is_finite()).then_some(unit)
}

/// The value of a knob that is radius 1, of the values that the prompts of a distillation set carry: the least of them beyond
/// which no more than 5 % of the prompts lie. It is one of the values, not a mean of two, because knobs count things.
///
/// `None` without values, when one of them is not a number, and when it is 0: no step out can be counted in it.
pub fn knob_unit(values: &[f64]) -> Option<f64> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let within = (sorted.len() * UNIT_PERCENT as usize).div_ceil(100);
    let unit = *sorted.get(within.checked_sub(1)?)?;
    (unit > 0.0 && unit.is_finite()).then_some(unit)
}

/// Vectors as directions: each is scaled to length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    size: usize,
    rows: Vec<f32>,
}

impl Points {
    /// Fails without vectors, and for a vector of another length than the first, with a number that is not finite, or of
    /// length 0.
    pub fn new<R: AsRef<[f32]>>(vectors: &[R]) -> Result<Self, GeometryError> {
        let size = vectors.first().map_or(0, |vector| vector.as_ref().len());
        if size == 0 {
            return Err(GeometryError::Empty("vector with coordinates"));
        }
        let mut rows = Vec::with_capacity(vectors.len() * size);
        for (place, vector) in vectors.iter().enumerate() {
            let vector = vector.as_ref();
            let fault = |problem: String| GeometryError::Vector { place, problem };
            if vector.len() != size {
                return Err(fault(format!("expected {size} coordinates, found {}", vector.len())));
            }
            let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            if !(length > 0.0 && length.is_finite()) {
                return Err(fault(format!("expected a finite length above 0, found {length}")));
            }
            rows.extend(vector.iter().map(|&x| (f64::from(x) / length) as f32));
        }
        Ok(Self { size, rows })
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.rows.len() / self.size
    }

    /// Never: vectors without any are refused.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    #[inline(always)]
    fn row(&self, place: usize) -> &[f32] {
        &self.rows[place * self.size..(place + 1) * self.size]
    }
}

/// The nearest vectors of a set to each of some queries. The set passes in blocks, in any order and of any size, and is never
/// held as a whole; the result is exact, by comparison with all of it.
#[derive(Clone, Debug)]
pub struct Nearest {
    queries: Points,
    /// The place in the set of a query that is a member of it: it is no neighbour of its own.
    members: Vec<Option<usize>>,
    k: usize,
    /// For each query the `k` smallest distances so far, rising.
    found: Vec<Vec<f32>>,
}

impl Nearest {
    /// The `k` nearest of each query.
    ///
    /// Fails for k of 0, and where there is not one place in the set, or `None`, for each query.
    pub fn new(queries: Points, members: Vec<Option<usize>>, k: usize) -> Result<Self, GeometryError> {
        if k == 0 {
            return Err(GeometryError::Setting { name: "k", expected: "1 or more", found: 0.0 });
        }
        if members.len() != queries.len() {
            let (expected, found) = ("one for each query", members.len() as f64);
            return Err(GeometryError::Setting { name: "places in the set", expected, found });
        }
        let found = vec![Vec::with_capacity(k + 1); queries.len()];
        Ok(Self { queries, members, k, found })
    }

    /// Compares every query with a block of the set whose first vector has this place in it.
    ///
    /// Fails for vectors of another length.
    pub fn take(&mut self, block: &Points, first: usize) -> Result<(), GeometryError> {
        let size = self.queries.size;
        if block.size != size {
            let problem = format!("expected {size} coordinates as in the queries, found {}", block.size);
            return Err(GeometryError::Vector { place: first, problem });
        }
        Arch::new().dispatch(Comparison { nearest: self, block, first });
        Ok(())
    }

    /// A tile of queries against some vectors of a block.
    #[inline(always)]
    fn compare<S: Simd>(&mut self, simd: S, query: usize, block: &Points, rows: Range<usize>, first: usize) {
        let here = self.queries.len().min(query + TILE) - query;
        // A place beyond the end is the last one again; what it gives is not looked at.
        let queries: [&[f32]; TILE] = std::array::from_fn(|at| self.queries.row(query + at.min(here - 1)));
        for start in rows.clone().step_by(TILE) {
            let there = rows.end.min(start + TILE) - start;
            let others: [&[f32]; TILE] = std::array::from_fn(|at| block.row(start + at.min(there - 1)));
            let dots = dots(simd, queries, others);
            for (at, dots) in dots.iter().enumerate().take(here) {
                for (offset, dot) in dots.iter().enumerate().take(there) {
                    if self.members[query + at] != Some(first + start + offset) {
                        keep(&mut self.found[query + at], (1.0 - dot).clamp(0.0, 2.0), self.k);
                    }
                }
            }
        }
    }

    /// d_k of every query.
    ///
    /// Fails where fewer than `k` vectors passed, oneself not counted.
    pub fn distances(self) -> Result<Vec<f64>, GeometryError> {
        let k = self.k;
        let mean = |rising: Vec<f32>| {
            let found = rising.len();
            mean_distance(rising, k).ok_or(GeometryError::TooFew { k, found })
        };
        self.found.into_iter().map(mean).collect()
    }
}

/// Every query against a block: compiled for the vectors of each processor.
struct Comparison<'c> {
    nearest: &'c mut Nearest,
    block: &'c Points,
    first: usize,
}

impl WithSimd for Comparison<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { nearest, block, first } = self;
        for start in (0..block.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(block.len());
            for query in (0..nearest.queries.len()).step_by(TILE) {
                nearest.compare(simd, query, block, start..end, first);
            }
        }
    }
}

/// Puts a distance in its place among the `k` smallest.
#[inline(always)]
fn keep(rising: &mut Vec<f32>, distance: f32, k: usize) {
    if rising.len() == k && rising.last().is_some_and(|&last| last <= distance) {
        return;
    }
    rising.insert(rising.partition_point(|&nearer| nearer <= distance), distance);
    rising.truncate(k);
}

/// Every dot product of a tile. Each is added up in [`LANES`] sums in one order, whatever the width of the processor's vectors: no
/// product is fused with an addition.
#[inline(always)]
fn dots<S: Simd>(simd: S, xs: [&[f32]; TILE], ys: [&[f32]; TILE]) -> [[f32; TILE]; TILE] {
    let mut lanes = [[[0.0_f32; LANES]; TILE]; TILE];
    let whole = xs[0].len() / LANES * LANES;
    let ([x, other_x], [y, other_y]) =
        (xs.map(|x| S::as_simd_f32s(&x[..whole]).0), ys.map(|y| S::as_simd_f32s(&y[..whole]).0));
    // So many vectors are the lanes; one of them after the other, so that its four sums stay in registers.
    let step = LANES / S::F32_LANES;
    for part in 0..step {
        let zero = simd.splat_f32s(0.0);
        let mut sums = [zero; TILE * TILE];
        for at in (part..x.len()).step_by(step) {
            let (a, b, c, d) = (x[at], other_x[at], y[at], other_y[at]);
            sums[0] = simd.add_f32s(sums[0], simd.mul_f32s(a, c));
            sums[1] = simd.add_f32s(sums[1], simd.mul_f32s(a, d));
            sums[2] = simd.add_f32s(sums[2], simd.mul_f32s(b, c));
            sums[3] = simd.add_f32s(sums[3], simd.mul_f32s(b, d));
        }
        for (lanes, sum) in lanes.as_flattened_mut().iter_mut().zip(sums) {
            S::as_mut_simd_f32s(lanes).0[part] = sum;
        }
    }
    let mut dots = [[0.0; TILE]; TILE];
    for (place, dots) in dots.iter_mut().enumerate() {
        for (other, dot) in dots.iter_mut().enumerate() {
            let rest: f32 = xs[place][whole..].iter().zip(&ys[other][whole..]).map(|(x, y)| x * y).sum();
            *dot = lanes[place][other].iter().sum::<f32>() + rest;
        }
    }
    dots
}
