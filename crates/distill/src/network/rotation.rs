//! Rotary positions: pairs (i, i + d/2) of every head turn by an angle that grows with the position in the sequence. The way
//! back turns the other way.

use hydrometer_models::{DecoderConfig, Rope, RopeScaling};
use rayon::prelude::*;

use super::{Sequences, Sheet};

/// The rotations of all layers: those that see a window only may turn by other angles.
pub(super) struct Rotations {
    global: Rotation,
    local: Option<Rotation>,
}

impl Rotations {
    pub(super) fn new(config: &DecoderConfig, positions: usize) -> Rotations {
        let rope = &config.rope;
        let local = config.sliding_window.and(rope.local_theta).map(|theta| {
            let rope = Rope { theta, local_theta: None, scaling: RopeScaling::None, ..rope.clone() };
            Rotation::new(&rope, positions)
        });
        Rotations { global: Rotation::new(rope, positions), local }
    }

    /// That of a layer with or without a window.
    pub(super) fn of(&self, window: Option<usize>) -> &Rotation {
        window.and(self.local.as_ref()).unwrap_or(&self.global)
    }
}

/// cos and sin of every position and pair.
pub(super) struct Rotation {
    pairs: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

#[derive(Clone, Copy)]
pub(super) enum Way {
    There,
    Back,
}

impl Rotation {
    fn new(rope: &Rope, positions: usize) -> Rotation {
        let (frequencies, magnitude) = rope.frequencies(None);
        let table = |function: fn(f64) -> f64| {
            let angles = (0..positions).flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
            angles.map(|angle| (function(angle) * magnitude) as f32).collect()
        };
        Rotation { pairs: frequencies.len(), cos: table(f64::cos), sin: table(f64::sin) }
    }

    /// Turns every head of every row. The transpose of a rotation with a magnitude has that magnitude, too.
    pub(super) fn turn(&self, sheet: &mut Sheet, sequences: Sequences<'_>, way: Way) {
        let (rows, width, pairs) = (sheet.rows, sheet.width, self.pairs);
        sheet.values.par_chunks_exact_mut(rows * width).for_each(|head| {
            for sequence in sequences {
                for (position, row) in sequence.clone().enumerate() {
                    let at = position * pairs;
                    let (cos, sin) = (&self.cos[at..at + pairs], &self.sin[at..at + pairs]);
                    let (first, second) = head[row * width..][..2 * pairs].split_at_mut(pairs);
                    for (((a, b), &cos), &sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                        let sin = match way {
                            Way::There => sin,
                            Way::Back => -sin,
                        };
                        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                    }
                }
            }
        });
    }
}
