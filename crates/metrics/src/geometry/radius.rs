//! Radius: how far a prompt lies from a distillation set, by its nearest neighbours in a neutral embedding.

use std::ops::Range;

use pulp::Arch;

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
        Arch::new().dispatch(|| {
            for start in (0..block.len()).step_by(BLOCK) {
                let end = (start + BLOCK).min(block.len());
                for query in (0..self.queries.len()).step_by(TILE) {
                    self.compare(query, block, start..end, first);
                }
            }
        });
        Ok(())
    }

    /// A tile of queries against some vectors of a block.
    #[inline(always)]
    fn compare(&mut self, query: usize, block: &Points, rows: Range<usize>, first: usize) {
        let here = self.queries.len().min(query + TILE) - query;
        // A place beyond the end is the last one again; what it gives is not looked at.
        let queries: [&[f32]; TILE] = std::array::from_fn(|at| self.queries.row(query + at.min(here - 1)));
        for start in rows.clone().step_by(TILE) {
            let there = rows.end.min(start + TILE) - start;
            let others: [&[f32]; TILE] = std::array::from_fn(|at| block.row(start + at.min(there - 1)));
            let dots = dots(queries, others);
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

/// Puts a distance in its place among the `k` smallest.
#[inline(always)]
fn keep(rising: &mut Vec<f32>, distance: f32, k: usize) {
    if rising.len() == k && rising.last().is_some_and(|&last| last <= distance) {
        return;
    }
    rising.insert(rising.partition_point(|&nearer| nearer <= distance), distance);
    rising.truncate(k);
}

/// Every dot product of a tile. Each is added up in one order, whatever the processor and the tile: no product is fused with an
/// addition.
#[inline(always)]
fn dots(xs: [&[f32]; TILE], ys: [&[f32]; TILE]) -> [[f32; TILE]; TILE] {
    let mut lanes = [[[0.0_f32; LANES]; TILE]; TILE];
    let ([x, other_x], [y, other_y]) = (xs.map(whole), ys.map(whole));
    // Four plain loops, which a compiler keeps in registers.
    for (((a, b), c), d) in x.iter().zip(other_x).zip(y).zip(other_y) {
        add(&mut lanes[0][0], a, c);
        add(&mut lanes[0][1], a, d);
        add(&mut lanes[1][0], b, c);
        add(&mut lanes[1][1], b, d);
    }
    let mut dots = [[0.0; TILE]; TILE];
    for (place, dots) in dots.iter_mut().enumerate() {
        for (other, dot) in dots.iter_mut().enumerate() {
            *dot = lanes[place][other].iter().sum::<f32>() + rest(xs[place], ys[other]);
        }
    }
    dots
}

#[inline(always)]
fn add(lanes: &mut [f32; LANES], x: &[f32; LANES], y: &[f32; LANES]) {
    for lane in 0..LANES {
        lanes[lane] += x[lane] * y[lane];
    }
}

/// The whole lanes of a vector.
#[inline(always)]
fn whole(row: &[f32]) -> &[[f32; LANES]] {
    row.as_chunks().0
}

/// What is behind them.
#[inline(always)]
fn rest(x: &[f32], y: &[f32]) -> f32 {
    let (x, y) = (x.as_chunks::<LANES>().1, y.as_chunks::<LANES>().1);
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}
