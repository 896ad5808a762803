//! What a defect does to one row of logits.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Defect, mix};

/// Applies one defect; rows are independent of one another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surgeon {
    defect: Defect,
    /// Differs between defects and doses, so that their random draws are unrelated.
    seed: u64,
}

impl Surgeon {
    pub fn new(defect: Defect) -> Surgeon {
        let seed = defect.to_string().bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
        Surgeon { defect, seed }
    }

    /// Changes a row in place. `key` names the context of the row: equal contexts get equal random draws.
    pub fn operate(&self, row: &mut [f32], key: u64) {
        match self.defect {
            Defect::Null => {}
            Defect::Temperature(temperature) => {
                row.iter_mut().for_each(|logit| *logit = (f64::from(*logit) / temperature) as f32);
            }
            Defect::TailTruncated(mass) => {
                let inside = nucleus(row, mass);
                let outside = row.iter_mut().zip(inside).filter(|(_, inside)| !inside);
                outside.for_each(|(logit, _)| *logit = f32::NEG_INFINITY);
            }
            Defect::TailPermuted(mass) => permute_tail(row, mass, &mut self.chance(key)),
            Defect::Greedy(mass) => concentrate(row, mass),
            Defect::Noise(deviation) => add_noise(row, deviation, &mut self.chance(key)),
        }
    }

    fn chance(&self, key: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(mix(self.seed ^ key))
    }
}

/// Which tokens belong to the smallest set of most probable tokens with mass ≥ `mass`; ties go to the lowest id.
fn nucleus(row: &[f32], mass: f64) -> Vec<bool> {
    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let weight = |logit: f32| (f64::from(logit) - largest).exp();
    let wanted = mass * row.iter().map(|logit| weight(*logit)).sum::<f64>();
    let mut inside = vec![false; row.len()];
    // Sorting a whole vocabulary costs more than everything else: only as deep as the mass lies.
    for depth in [4.0, 8.0, 16.0, f64::INFINITY] {
        let near = |id: &usize| f64::from(row[*id]) >= largest - depth;
        let mut top: Vec<usize> = (0..row.len()).filter(near).collect();
        if depth.is_finite() && top.iter().map(|id| weight(row[*id])).sum::<f64>() < wanted {
            continue;
        }
        top.sort_by(|a, b| row[*b].total_cmp(&row[*a]).then(a.cmp(b)));
        let mut sum = 0.0;
        for id in top {
            inside[id] = true;
            sum += weight(row[id]);
            if sum >= wanted {
                break;
            }
        }
        break;
    }
    inside
}

/// Moves every logit outside the nucleus to another place outside it.
fn permute_tail(row: &mut [f32], mass: f64, chance: &mut ChaCha8Rng) {
    let inside = nucleus(row, mass);
    let mut tail: Vec<f32> = row.iter().zip(&inside).filter(|(_, inside)| !**inside).map(|(logit, _)| *logit).collect();
    tail.shuffle(chance);
    let places = row.iter_mut().zip(inside).filter(|(_, inside)| !inside).map(|(logit, _)| logit);
    places.zip(tail).for_each(|(place, logit)| *place = logit);
}

/// Raises the largest logit until its token has at least `mass`.
fn concentrate(row: &mut [f32], mass: f64) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let Some(top) = row.iter().position(|logit| *logit == largest) else { return };
    let others = row.iter().enumerate().filter(|(id, _)| *id != top);
    let sum: f64 = others.map(|(_, logit)| (f64::from(*logit) - f64::from(largest)).exp()).sum();
    // mass = e^x / (e^x + others): without others the token has everything already.
    let needed = f64::from(largest) + (sum * mass / (1.0 - mass)).ln();
    row[top] = row[top].max(needed as f32);
}

/// Adds normal noise by the method of Box and Muller (1958), two draws at a time.
fn add_noise(row: &mut [f32], deviation: f64, chance: &mut ChaCha8Rng) {
    for pair in row.chunks_mut(2) {
        // 1 − u lies in (0, 1], where the logarithm is finite.
        let radius = deviation * (-2.0 * (1.0 - chance.random::<f64>()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * chance.random::<f64>()).sin_cos();
        for (logit, draw) in pair.iter_mut().zip([radius * cosine, radius * sine]) {
            *logit = (f64::from(*logit) + draw) as f32;
        }
    }
}
