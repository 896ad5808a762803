//! Hidden states as a term of the loss: w · the mean over pairs of layers of the distance between what the student has there and
//! what its teacher has, at the rows whose next token is learnt.

use std::ops::Range;

use hydrometer_models::{Block, Logits, ModelError};

use super::head::RowSums;
use super::teacher::Rows;
use crate::DistillError;
use crate::losses::hidden::StateDistance;
use crate::network::{Network, Sheet, StateGradient, Tape, Tensors};

/// Which states are compared, how, and how much that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenStates {
    /// How far two states are apart.
    pub distance: StateDistance,
    /// w: what it counts beside the rest of the loss.
    pub weight: f64,
    /// A layer of the student and the layer of the teacher whose states it is to have. There is a projector for every pair, or none.
    pub pairs: Vec<(usize, usize)>,
}

/// Rows of a block that a network reads: its logits when they are asked for, its states at once.
pub(super) struct Read<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) states: Vec<Sheet>,
}

/// Logits of a network, computed when they are read.
struct NetworkRows<'a> {
    network: &'a Network,
    /// `[rows, d_model]`, behind the last norm.
    normed: Sheet,
}

impl Logits for NetworkRows<'_> {
    fn read(&mut self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        let first = rows.start;
        let asked = self.normed.values.get(rows.start * self.normed.columns..rows.end * self.normed.columns);
        let found = asked.map(|values| self.network.logits(&Sheet::of(values.to_vec(), self.normed.columns)).values);
        let Some(found) = found.filter(|found| found.len() == out.len()) else {
            let reason = format!("rows {rows:?} into {} values, of {} rows", out.len(), self.normed.rows);
            return Err(ModelError::Request { reason });
        };
        if let Some(index) = found.iter().position(|logit| !logit.is_finite()) {
            let vocab = self.network.config.vocab;
            let what = format!("logits of row {}", first + index / vocab);
            return Err(ModelError::NotFinite { what, index: index % vocab, found: found[index].to_string() });
        }
        out.copy_from_slice(&found);
        Ok(())
    }
}

/// What a teacher's network has at the rows of a block: logits, and the states behind `layers`.
pub(super) fn read<'a>(network: &'a Network, block: &Block, layers: &[usize]) -> Read<'a> {
    let (mut tokens, mut sequences, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for sequence in &block.sequences {
        let first = tokens.len();
        tokens.extend_from_slice(&sequence.tokens);
        sequences.push(first..tokens.len());
        rows.extend(sequence.rows.iter().map(|&row| first + row as usize));
    }
    let (tape, states) = network.states(&tokens, &sequences, layers, &rows);
    let stream = rows.iter().flat_map(|&row| tape.stream.row(row)).copied().collect();
    let (normed, _) = network.normed(&Sheet::of(stream, network.config.d_model));
    Read { rows: Rows::Live(Box::new(NetworkRows { network, normed })), states }
}

impl HiddenStates {
    /// Layers of the teacher, pair by pair.
    pub(super) fn of_teacher(&self) -> Vec<usize> {
        self.pairs.iter().map(|pair| pair.1).collect()
    }

    /// What the states of the student cost beside those of the teacher: added to `sums`, and to the gradient of projectors. Row i
    /// counts `weights[i]` times, in the gradient `factor` times that. The gradients of the student's states.
    pub(super) fn pull<'r>(
        &self,
        network: &Network,
        (tape, theirs): (&Tape, &[Sheet]),
        (rows, weights): (&'r [usize], &[f64]),
        factor: f64,
        (sums, gradient): (&mut RowSums, &mut Tensors),
    ) -> Result<Vec<StateGradient<'r>>, DistillError> {
        let share = self.weight / self.pairs.len().max(1) as f64;
        let factors: Vec<f64> = weights.iter().map(|weight| weight * factor * share).collect();
        let (mut pulled, mut total) = (Vec::with_capacity(self.pairs.len()), 0.0);
        for (index, (&(layer, _), theirs)) in self.pairs.iter().zip(theirs).enumerate() {
            let projector = network.weights.projectors.get(index);
            let d_projector = gradient.projectors.get_mut(index).map(Vec::as_mut_slice);
            let ours = tape.states(layer, rows);
            if projector.is_none() && ours.columns != theirs.columns {
                let (ours, theirs) = (ours.columns, theirs.columns);
                let reason = format!(
                    "states of the student have {ours} numbers, the teacher's {theirs}, and no projector is there"
                );
                return Err(DistillError::Pair { reason });
            }
            let found =
                self.distance.rows(network.training_products(), projector.zip(d_projector), (&ours, theirs), &factors);
            for (weight, distance) in weights.iter().zip(&found.distances) {
                sums.loss += weight * share * distance;
                total += distance / self.pairs.len() as f64;
            }
            pulled.push(StateGradient { layer, rows, values: found.d_student });
        }
        sums.hidden = Some(sums.hidden.unwrap_or(0.0) + total);
        Ok(pulled)
    }
}
