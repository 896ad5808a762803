//! Radius: how far a prompt lies from a distillation set, by its nearest neighbours in a neutral embedding.

use pulp::Arch;

use super::GeometryError;
use crate::stats::quantile::percentiles;

/// Neighbours whose mean distance is the distance of a prompt.
pub const NEIGHBOURS: usize = 10;
/// Most vectors that are compared with each other one by one.
pub const MOST_POINTS: usize = 100_000;
/// Per cent of the held-out in-distribution prompts that lie within one training radius.
const UNIT_PERCENT: f64 = 95.0;
/// Sums side by side in a dot product: the same order of additions on every processor.
const LANES: usize = 16;
/// Vectors of the set that stay in the cache while every query passes.
const BLOCK: usize = 64;

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
    /// Fails without vectors, with more than [`MOST_POINTS`], and for a vector of another length than the first, with a
    /// number that is not finite, or of length 0.
    pub fn new<R: AsRef<[f32]>>(vectors: &[R]) -> Result<Self, GeometryError> {
        let size = vectors.first().map_or(0, |vector| vector.as_ref().len());
        if size == 0 {
            return Err(GeometryError::Empty("vector with coordinates"));
        }
        if vectors.len() > MOST_POINTS {
            return Err(GeometryError::TooMany(vectors.len()));
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

    /// For each query the `k` smallest cosine distances 1 − cos to vectors of this set, rising, in [0, 2]; exact, by
    /// comparison with all of them, to the rounding of f32 (10⁻⁶).
    ///
    /// Fails for k of 0, fewer than k vectors, and queries of another length.
    pub fn nearest(&self, queries: &Self, k: usize) -> Result<Vec<Vec<f32>>, GeometryError> {
        self.search(queries, k, self.len(), |_, _| true)
    }

    /// The same for every vector of this set among the others: a copy of it counts, it itself does not.
    pub fn nearest_others(&self, k: usize) -> Result<Vec<Vec<f32>>, GeometryError> {
        self.search(self, k, self.len() - 1, |query, other| query != other)
    }

    /// The same for some of its vectors, by their places.
    ///
    /// Fails for a place that is not in the set, too.
    pub fn nearest_others_of(&self, members: &[usize], k: usize) -> Result<Vec<Vec<f32>>, GeometryError> {
        let row = |&place: &usize| self.rows.get(place * self.size..(place + 1) * self.size);
        let rows: Option<Vec<&[f32]>> = members.iter().map(row).collect();
        let rows = rows.ok_or(GeometryError::Empty("vector at every place"))?.concat();
        let queries = Self { size: self.size, rows };
        self.search(&queries, k, self.len() - 1, |query, other| members[query] != other)
    }

    fn search(
        &self,
        queries: &Self,
        k: usize,
        candidates: usize,
        counts: impl Fn(usize, usize) -> bool,
    ) -> Result<Vec<Vec<f32>>, GeometryError> {
        if k == 0 {
            return Err(GeometryError::Setting { name: "k", expected: "1 or more", found: 0.0 });
        }
        if candidates < k {
            return Err(GeometryError::TooFew { k, found: self.len() });
        }
        if queries.size != self.size {
            let problem = format!("expected {} coordinates as in the set, found {}", self.size, queries.size);
            return Err(GeometryError::Vector { place: 0, problem });
        }
        let mut nearest = vec![Vec::with_capacity(k + 1); queries.len()];
        Arch::new().dispatch(|| {
            for (block, rows) in self.rows.chunks(BLOCK * self.size).enumerate() {
                for (place, (query, found)) in queries.rows.chunks_exact(self.size).zip(&mut nearest).enumerate() {
                    for (offset, row) in rows.chunks_exact(self.size).enumerate() {
                        let distance = (1.0 - dot(query, row)).clamp(0.0, 2.0);
                        if counts(place, block * BLOCK + offset) {
                            keep(found, distance, k);
                        }
                    }
                }
            }
        });
        Ok(nearest)
    }
}

/// Puts a distance in its place among the `k` smallest.
fn keep(rising: &mut Vec<f32>, distance: f32, k: usize) {
    if rising.len() == k && rising.last().is_some_and(|&last| last <= distance) {
        return;
    }
    rising.insert(rising.partition_point(|&nearer| nearer <= distance), distance);
    rising.truncate(k);
}

#[inline(always)]
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest: f32 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| x * y).sum();
    let mut lanes = [0.0_f32; LANES];
    for (x, y) in xs.zip(ys) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}
