//! Hidden states: the residual stream behind a layer, before the norm of the next one (`hidden_states[layer + 1]` of transformers,
//! but for the last, which transformers puts through the last norm).

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::forward::{Remember, Tape, Trace};
use super::{Network, Sequences, Sheet};
use crate::chance::normal;

/// The gradient of the states behind a layer.
pub struct StateGradient<'a> {
    /// The layer.
    pub layer: usize,
    /// Rows among the tokens of the pass.
    pub rows: &'a [usize],
    /// `[rows, d_model]`.
    pub values: Sheet,
}

impl StateGradient<'_> {
    /// Adds it to that of the whole stream behind its layer.
    pub(super) fn add_to(&self, d_stream: &mut Sheet) {
        let d = d_stream.columns;
        for (&row, values) in self.rows.iter().zip(self.values.values.chunks_exact(d)) {
            d_stream.values[row * d..][..d].iter_mut().zip(values).for_each(|(sum, g)| *sum += g);
        }
    }
}

impl Tape {
    /// Rows of the stream behind a layer.
    ///
    /// # Panics
    /// A layer that is not there, or a tape that remembers nothing.
    #[must_use]
    pub fn states(&self, layer: usize, rows: &[usize]) -> Sheet {
        let stream = match self.layers.get(layer + 1) {
            Some(Trace::Whole(kept)) => &kept.before,
            Some(Trace::Input(before)) => before,
            None => &self.stream,
        };
        assert!(layer < self.layers.len(), "layer {layer} of {} on the tape", self.layers.len());
        chosen(stream, rows)
    }
}

/// Some rows of a stream.
fn chosen(stream: &Sheet, rows: &[usize]) -> Sheet {
    Sheet::of(rows.iter().flat_map(|&row| stream.row(row)).copied().collect(), stream.columns)
}

impl Network {
    /// Runs the tokens of all sequences and keeps `rows` of the stream behind each of `layers`, in their order, and nothing for a
    /// way back.
    ///
    /// # Panics
    /// A token outside the vocabulary.
    #[must_use]
    pub fn states(
        &self,
        tokens: &[u32],
        sequences: Sequences<'_>,
        layers: &[usize],
        rows: &[usize],
    ) -> (Tape, Vec<Sheet>) {
        let mut states = vec![Sheet::default(); layers.len()];
        let tape = self.pass(&self.products, tokens, sequences, None, Remember::Nothing, |layer, stream| {
            for (state, _) in states.iter_mut().zip(layers).filter(|(_, wanted)| **wanted == layer) {
                *state = chosen(stream, rows);
            }
        });
        (tape, states)
    }

    /// Gives it so many projectors to a width, normal with a deviation that keeps the length of a state on average. They learn with it.
    pub fn project(&mut self, count: usize, width: usize, seed: u64) {
        let d = self.config.d_model;
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let deviation = (width as f64).sqrt().recip();
        let mut projector = || (0..width * d).map(|_| (deviation * normal(&mut chance)) as f32).collect();
        self.weights.projectors = (0..count).map(|_| projector()).collect();
    }
}
