//! AdamW (Loshchilov and Hutter 2017, arXiv 1711.05101): Adam with decay that is not part of the gradient. Norms and biases do
//! not decay.

use hydrometer_models::vectors;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::network::{Role, Tensors};

/// Settings that do not change from step to step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamWSettings {
    /// Decay of the mean gradient.
    pub beta1: f64,
    /// Decay of the mean square.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Share of a matrix that a step of learning rate 1 takes away.
    pub weight_decay: f64,
    /// Largest length of the gradient; longer ones are shortened to it. `None`: none is.
    pub clip: Option<f64>,
}

/// The optimiser and its moments.
pub struct AdamW {
    settings: AdamWSettings,
    /// Mean gradient.
    pub mean: Tensors,
    /// Mean square.
    pub square: Tensors,
}

/// Numbers that one task updates.
const AT_ONCE: usize = 1 << 14;

impl AdamW {
    /// With moments of a run that goes on, or zeros.
    #[must_use]
    pub fn new(settings: AdamWSettings, mean: Tensors, square: Tensors) -> AdamW {
        AdamW { settings, mean, square }
    }

    /// One step: `step` counts from 1. Returns the length of the gradient before clipping.
    pub fn step(&mut self, weights: &mut Tensors, gradient: &Tensors, rate: f64, step: u64) -> f64 {
        let length = length(gradient);
        let AdamWSettings { beta1, beta2, epsilon, weight_decay, clip } = self.settings;
        // As PyTorch's clip_grad_norm_.
        let shorten = clip.map_or(1.0, |most| (most / (length + 1e-6)).min(1.0));
        let correct = |beta: f64| 1.0 - beta.powf(step as f64);
        let (of_mean, of_square) = (correct(beta1), correct(beta2).sqrt());
        let moments = self.mean.all_mut().into_iter().zip(self.square.all_mut());
        for (((_, role, w), (.., g)), ((.., m), (.., v))) in
            weights.all_mut().into_iter().zip(gradient.all()).zip(moments)
        {
            let kept = if role == Role::Matrix { 1.0 - rate * weight_decay } else { 1.0 };
            let tasks = w.par_chunks_mut(AT_ONCE).zip(g.par_chunks(AT_ONCE));
            let tasks = tasks.zip(m.par_chunks_mut(AT_ONCE).zip(v.par_chunks_mut(AT_ONCE)));
            tasks.for_each(|((w, g), (m, v))| {
                vectors().dispatch(
                    #[inline(always)]
                    || {
                        for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                            let g = f64::from(g) * shorten;
                            let mean = beta1 * f64::from(*m) + (1.0 - beta1) * g;
                            let square = beta2 * f64::from(*v) + (1.0 - beta2) * g * g;
                            let moved = rate / of_mean * mean / (square.sqrt() / of_square + epsilon);
                            *w = (f64::from(*w) * kept - moved) as f32;
                            (*m, *v) = (mean as f32, square as f32);
                        }
                    },
                );
            });
        }
        length
    }
}

/// √ Σ g², in f64, in an order that does not depend on threads.
fn length(gradient: &Tensors) -> f64 {
    let squares = |values: &[f32]| {
        let mut lanes = [0.0; 16];
        vectors().dispatch(
            #[inline(always)]
            || {
                let (whole, rest) = values.as_chunks::<16>();
                for values in whole {
                    lanes.iter_mut().zip(values).for_each(|(lane, &g)| *lane += f64::from(g) * f64::from(g));
                }
                lanes.iter_mut().zip(rest).for_each(|(lane, &g)| *lane += f64::from(g) * f64::from(g));
            },
        );
        lanes.iter().sum::<f64>()
    };
    let mut total = 0.0;
    for (.., values) in gradient.all() {
        let parts: Vec<f64> = values.par_chunks(AT_ONCE).map(squares).collect();
        total += parts.iter().sum::<f64>();
    }
    total.sqrt()
}
