//! Rotary position embedding: the angles of every position, computed once per block in f64.

use std::f64::consts::PI;

use pulp::Arch;

use crate::kernels::elementwise::{rotate_halves, rotate_pairs};
use crate::{Rope, RopeScaling, RopeStyle};

/// cos and sin of every position and pair: `[positions][pairs]`.
pub(super) struct Rotation {
    style: RopeStyle,
    pairs: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotation {
    /// The angles of layers that see the whole context.
    pub(super) fn global(rope: &Rope, factors: Option<&[f32]>, positions: usize) -> Rotation {
        let (frequencies, magnitude) = rope.frequencies(factors);
        Rotation::new(rope, &frequencies, magnitude, positions)
    }

    /// The angles of sliding-window layers, which are never scaled where they have a base of their own.
    pub(super) fn local(rope: &Rope, factors: Option<&[f32]>, positions: usize) -> Rotation {
        match rope.local_theta {
            Some(theta) => Rotation::new(rope, &plain_frequencies(f64::from(theta), rope.dims), 1.0, positions),
            None => Rotation::global(rope, factors, positions),
        }
    }

    fn new(rope: &Rope, frequencies: &[f64], magnitude: f64, positions: usize) -> Rotation {
        let angles = || (0..positions).flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
        let table = |function: fn(f64) -> f64| angles().map(|angle| (function(angle) * magnitude) as f32).collect();
        Rotation { style: rope.style, pairs: frequencies.len(), cos: table(f64::cos), sin: table(f64::sin) }
    }

    /// Rotates one head `[head_dim]` at a position, in place.
    pub(super) fn rotate(&self, arch: Arch, head: &mut [f32], position: usize) {
        let range = position * self.pairs..(position + 1) * self.pairs;
        let (cos, sin) = (&self.cos[range.clone()], &self.sin[range]);
        match self.style {
            RopeStyle::Half => rotate_halves(arch, head, cos, sin),
            RopeStyle::Interleaved => rotate_pairs(head, cos, sin),
        }
    }
}

impl Rope {
    /// The angle by which each pair turns from one position to the next, on layers that see the whole context, and the
    /// factor of sin and cos. `factors` is the tensor `rope_freqs.weight`, where the file has it.
    #[must_use]
    pub fn frequencies(&self, factors: Option<&[f32]>) -> (Vec<f64>, f64) {
        let mut frequencies = plain_frequencies(f64::from(self.theta), self.dims);
        let magnitude = scale(&mut frequencies, self, factors);
        (frequencies, magnitude)
    }
}

/// θ^(−2i/d)
fn plain_frequencies(theta: f64, dims: usize) -> Vec<f64> {
    (0..dims / 2).map(|i| theta.powf(-2.0 * i as f64 / dims as f64)).collect()
}

/// Changes the frequencies for long contexts; returns the factor of sin and cos.
fn scale(frequencies: &mut [f64], rope: &Rope, factors: Option<&[f32]>) -> f64 {
    match rope.scaling {
        RopeScaling::None => 1.0,
        RopeScaling::Linear { factor } => {
            frequencies.iter_mut().for_each(|f| *f /= f64::from(factor));
            1.0
        }
        RopeScaling::FactorsTensor => {
            for (f, &factor) in frequencies.iter_mut().zip(factors.unwrap_or_default()) {
                *f /= f64::from(factor);
            }
            1.0
        }
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
            let (low, high) = (f64::from(low_freq_factor), f64::from(high_freq_factor));
            for f in frequencies {
                let turns = original_context as f64 * *f / (2.0 * PI);
                // 0 for long wavelengths, which are divided; 1 for short ones, which are kept.
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                *f *= kept + (1.0 - kept) / f64::from(factor);
            }
            1.0
        }
        RopeScaling::Yarn { factor, original_context, beta_fast, beta_slow, attention_factor } => {
            let dims = rope.dims as f64;
            // The dimension that turns `beta` times over the original context (YaRN, section 3.2).
            let dimension = |beta: f32| {
                let period = original_context as f64 / (f64::from(beta) * 2.0 * PI);
                dims * period.ln() / (2.0 * f64::from(rope.theta).ln())
            };
            let low = dimension(beta_fast).floor().max(0.0);
            let high = dimension(beta_slow).ceil().min(dims - 1.0);
            let width = if high > low { high - low } else { 0.001 };
            for (i, f) in frequencies.iter_mut().enumerate() {
                let divided = ((i as f64 - low) / width).clamp(0.0, 1.0);
                *f *= (1.0 - divided) + divided / f64::from(factor);
            }
            f64::from(attention_factor)
        }
    }
}
