//! Precision, recall, density and coverage: do two samples lie in each other's neighbourhoods?

use super::{distance, points};

/// The four numbers of [`prdc`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prdc {
    /// Share of the sample inside the reference's support, in [0, 1].
    pub precision: f64,
    /// Share of the reference inside the sample's support, in [0, 1].
    pub recall: f64,
    /// Balls of the reference around a point of the sample, over k, in [0, ∞); 1 expected for equal distributions.
    pub density: f64,
    /// Share of the reference's balls that hold a point of the sample, in [0, 1].
    pub coverage: f64,
}

/// Precision and recall of Kynkäänniemi et al. (arXiv:1904.06991), density and coverage of Naeem et al.
/// (arXiv:2002.09797). A point's ball reaches to its k-th nearest neighbour in its own sample, itself left out; a
/// support is the union of balls.
///
/// A ball holds its rim: with a strict comparison k + 1 equal points would have empty balls, and a sample of short
/// answers is full of equal points. `None` unless k ≥ 1, both samples have more than k points, all of one length and
/// finite.
pub fn prdc<R: AsRef<[f64]>>(reference: &[R], sample: &[R], k: usize) -> Option<Prdc> {
    if k == 0 || reference.len().min(sample.len()) <= k {
        return None;
    }
    let pooled: Vec<&[f64]> = reference.iter().chain(sample).map(AsRef::as_ref).collect();
    let pooled = points(&pooled)?;
    let (reference, sample) = pooled.split_at(reference.len());
    let (radii, sample_radii) = (radii(reference, k), radii(sample, k));
    let mut found = Prdc { precision: 0.0, recall: 0.0, density: 0.0, coverage: 0.0 };
    let mut supported = vec![false; sample.len()];
    for (point, radius) in reference.iter().zip(radii) {
        let distances: Vec<f64> = sample.iter().map(|other| distance(point, other)).collect();
        let inside = distances.iter().map(|&distance| distance <= radius);
        supported.iter_mut().zip(inside.clone()).for_each(|(supported, inside)| *supported |= inside);
        let held = inside.filter(|&inside| inside).count();
        found.density += held as f64;
        found.coverage += f64::from(u8::from(held > 0));
        let recalled = distances.iter().zip(&sample_radii).any(|(distance, radius)| distance <= radius);
        found.recall += f64::from(u8::from(recalled));
    }
    let (n, m) = (reference.len() as f64, sample.len() as f64);
    found.precision = supported.iter().filter(|&&supported| supported).count() as f64 / m;
    found.recall /= n;
    found.density /= k as f64 * m;
    found.coverage /= n;
    Some(found)
}

/// Squared distance of each point to its k-th nearest neighbour among the others.
fn radii(points: &[&[f64]], k: usize) -> Vec<f64> {
    let radius = |place: usize| {
        let others = points.iter().enumerate().filter(|&(other, _)| other != place);
        let mut distances: Vec<f64> = others.map(|(_, other)| distance(points[place], other)).collect();
        *distances.select_nth_unstable_by(k - 1, f64::total_cmp).1
    };
    (0..points.len()).map(radius).collect()
}
