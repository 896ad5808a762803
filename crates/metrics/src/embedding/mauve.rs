//! MAUVE (Pillutla et al., arXiv:2102.01454): one number for both kinds of error of a generator.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{distance, points};

/// Points of each sample per cluster, and the range of the number of clusters.
const PER_CLUSTER: usize = 10;
const CLUSTERS: [usize; 2] = [2, 500];
/// Most rounds of Lloyd's algorithm.
const ROUNDS: usize = 30;
/// Steps of the mixture weight along the frontier.
const STEPS: u32 = 1000;
/// The paper's scaling constant c.
const SCALING: f64 = 5.0;

/// MAUVE of two samples, in (0, 1], 1 when both fill the clusters alike; `None` unless each has at least 20 points,
/// all of one length and finite.
///
/// Both samples are quantised together: k-means with k = the smaller sample over 10, from 2 to 500; starting points by
/// Arthur and Vassilvitskii's k-means++ (2007) from `seed`, at most 30 rounds. The paper's choices (k = n/10, c = 5) but
/// for the projection on principal components, which is left out, and the frontier's end points, which are taken
/// exactly. Histograms are not smoothed. Even equal distributions score below 1 in finite samples.
pub fn mauve<R: AsRef<[f64]>>(p: &[R], q: &[R], seed: u64) -> Option<f64> {
    let fewest = p.len().min(q.len());
    if fewest < PER_CLUSTER * CLUSTERS[0] {
        return None;
    }
    let pooled: Vec<&[f64]> = p.iter().chain(q).map(AsRef::as_ref).collect();
    let pooled = points(&pooled)?;
    let count = (fewest / PER_CLUSTER).min(CLUSTERS[1]);
    let cluster_of = k_means(&pooled, count, seed);
    let histogram = |of: &[usize]| {
        let mut shares = vec![0.0; count];
        of.iter().for_each(|&cluster| shares[cluster] += 1.0 / of.len() as f64);
        shares
    };
    let (of_p, of_q) = cluster_of.split_at(p.len());
    Some(frontier_area(&histogram(of_p), &histogram(of_q)))
}

/// Area under the divergence frontier of two distributions on the same cells:
/// {(exp(−5·KL(q‖r)), exp(−5·KL(p‖r))): r = λp + (1 − λ)q}, with the corners (0, 1) and (1, 0); by trapezoids in 1,000
/// steps of λ. 1 when p = q, 1/252 when they share no cell.
pub fn frontier_area(p: &[f64], q: &[f64]) -> f64 {
    let (mut area, mut last) = (0.0, (0.0, 1.0));
    for step in 0..=STEPS {
        let weight = 1.0 - f64::from(step) / f64::from(STEPS);
        let mixture = || p.iter().zip(q).map(|(p, q)| weight * p + (1.0 - weight) * q);
        let near = |from: &[f64]| {
            let terms = from.iter().zip(mixture()).filter(|(f, _)| **f > 0.0);
            (-SCALING * terms.map(|(f, r)| f * (f / r).ln()).sum::<f64>()).exp()
        };
        let corner = (near(q), near(p));
        area += (corner.0 - last.0) * (corner.1 + last.1) / 2.0;
        last = corner;
    }
    area
}

/// The cluster of each point.
fn k_means(points: &[&[f64]], count: usize, seed: u64) -> Vec<usize> {
    let mut centres = starts(points, count, seed);
    let mut cluster_of = Vec::new();
    for _ in 0..ROUNDS {
        let next: Vec<usize> = points.iter().map(|point| nearest(point, &centres)).collect();
        if next == cluster_of {
            break;
        }
        cluster_of = next;
        for (cluster, centre) in centres.iter_mut().enumerate() {
            let members = || points.iter().zip(&cluster_of).filter(|&(_, &of)| of == cluster).map(|(point, _)| point);
            let size = members().count();
            // A centre that lost all its points stays where it is.
            if size > 0 {
                centre.fill(0.0);
                members().for_each(|point| centre.iter_mut().zip(*point).for_each(|(c, v)| *c += v / size as f64));
            }
        }
    }
    cluster_of
}

/// The first of the nearest centres.
fn nearest(point: &[f64], centres: &[Vec<f64>]) -> usize {
    let distances = centres.iter().map(|centre| distance(point, centre)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(cluster, _)| cluster)
}

/// Starting centres: points drawn with chances proportional to their squared distance from those drawn before; fewer
/// than `count` where there are fewer different points.
fn starts(points: &[&[f64]], count: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut centres = vec![points[random.random_range(0..points.len())].to_vec()];
    let mut left: Vec<f64> = vec![f64::INFINITY; points.len()];
    while centres.len() < count {
        let newest = &centres[centres.len() - 1];
        left.iter_mut().zip(points).for_each(|(left, point)| *left = left.min(distance(point, newest)));
        let mut rest = random.random::<f64>() * left.iter().sum::<f64>();
        let drawn = left.iter().position(|&weight| {
            rest -= weight;
            weight > 0.0 && rest <= 0.0
        });
        match drawn.or_else(|| left.iter().rposition(|&weight| weight > 0.0)) {
            Some(place) => centres.push(points[place].to_vec()),
            None => break,
        }
    }
    centres
}
